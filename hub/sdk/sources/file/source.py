"""What a connector's code is: a Source, which reads rows of its system and maps each to a canonical event."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from hub.errors import FatalError, Reason, RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.manifest import Manifest
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.sources.file.join import Input, Joined
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.reader import Reader, open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.trail import Trail


class FileConfig(BaseModel):
    """What a file connector is told; connectors add fields of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[Input, ...] = Field(min_length=1, description="files, each with its mapping")
    follow: bool = Field(False, description="wait at the end of the file for more, until <file>.done exists")


class Mapped(NamedTuple):
    """What became of one row: an event, a rejection, or neither (left out by `where`)."""

    row: Row | BadRow
    event: CaseEvent | None = None
    rejection: RejectedRecordError | None = None


class FileClient:
    """The only I/O of a file connector: opens its inputs. Tests put another in its place."""

    def open(
        self, path: Path, mapping: Mapping, watch: Watch, *, trail: Trail | None = None, header: Sequence[str] = ()
    ) -> Reader:
        """Open an input's file, or one that was renamed. Raises FatalError if it is missing or is not of the mapping's format."""
        return open_reader(path, mapping, watch=watch, trail=trail, header=header)


class FileSource:
    """A connector that reads files. Subclasses name their config and client and may refine `to_event`, which must be pure.

    One source has one thread. `mapped` is called for each row in order; it never raises for what is in a row.
    """

    Config: ClassVar[type[FileConfig]] = FileConfig
    Client: ClassVar[type[FileClient]] = FileClient

    def __init__(self, manifest: Manifest, config: FileConfig, client: FileClient | None = None) -> None:
        self.manifest = manifest
        self.config = config
        self.client = client or self.Client()
        self._mappers = [
            Mapper(load_mapping(manifest.mapping_path(each.mapping)), manifest.domain) for each in config.inputs
        ]
        self._joins = [
            Joined(mapper.mapping.join, each.join, mapper.mapping)
            for mapper, each in zip(self._mappers, config.inputs, strict=True)
        ]
        for each, mapper in zip(config.inputs, self._mappers, strict=True):
            if config.follow and not mapper.mapping.sorted:
                raise FatalError(
                    f"{each.file.name}: mapping {each.mapping} sorts its rows first, so the file cannot be followed"
                )
        if config.follow and len(config.inputs) > 1:
            raise FatalError("only one file can be followed; start a connector for each, or leave out --follow")

    def mapper(self, index: int) -> Mapper:
        return self._mappers[index]

    def to_event(self, values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
        """One row's event; None leaves it out. Pure: no I/O, no clock. Raises RejectedRecordError."""
        return mapper.event(values)

    def mapped(self, index: int, row: Row | BadRow) -> Mapped:
        """What becomes of a row of input `index`."""
        if isinstance(row, BadRow):
            reason = Reason.TOO_LARGE if row.too_large else Reason.BAD_ROW
            return Mapped(row, rejection=RejectedRecordError(reason, row.detail))
        try:
            self._joins[index].add(row.values)
            return Mapped(row, self.to_event(row.values, self._mappers[index]))
        except RejectedRecordError as error:
            return Mapped(row, rejection=error)

    def open(
        self,
        index: int,
        watch: Watch,
        *,
        trail: Trail | None = None,
        path: Path | None = None,
        header: Sequence[str] = (),
    ) -> Reader:
        """Open input `index`, or the file at `path` as if it were that. Raises as the client does."""
        file = path or self.config.inputs[index].file
        return self.client.open(file, self._mappers[index].mapping, watch, trail=trail, header=header)


def load_source(manifest: Manifest) -> type[FileSource]:
    """A connector's `SOURCE`, from its source.py. Raises FatalError if it cannot be imported."""
    package, parent = importlib.import_module("connectors"), str(manifest.folder.parent)
    if parent not in package.__path__:
        package.__path__.append(parent)  # a connector made elsewhere, with `connector new --into`
    try:
        module = importlib.import_module(f"connectors.{manifest.domain}.source")
        source = module.SOURCE
    except (ImportError, AttributeError, SyntaxError) as error:
        raise FatalError(f"connector {manifest.domain}: source.py cannot be used: {error}") from error
    if not (isinstance(source, type) and issubclass(source, FileSource)):
        raise FatalError(
            f"connector {manifest.domain}: SOURCE in source.py must be a hub.sdk.sources.file.source.FileSource"
        )
    return source


def rows_of(source: FileSource, index: int = 0) -> Iterator[Mapped]:
    """Every row of one input, mapped; for checks and tests."""
    reader = source.open(index, Watch())
    try:
        for row in reader:
            yield source.mapped(index, row)
    finally:
        reader.lines.close()
