"""What a connector makes of a file, row by row, without a hub: for tests and comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hub.errors import RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.contract import Context, Item
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.source import FileSource, file_config


class Mapped(NamedTuple):
    """An item, as a dead letter may keep it, and what became of it: an event, a rejection, or neither (left out by `where`). Of an
    item that says several things there is one for each."""

    item: Item
    event: CaseEvent | None
    rejection: RejectedRecordError | None


def file_source(manifest: Manifest, *inputs: Input) -> tuple[FileSource, MappingSet]:
    """The source of files of a connector, whatever its own kind is: an export can always be read."""
    intake = MappingSet(manifest)
    return FileSource(file_config(inputs=inputs), Context(manifest.domain, intake.outcome, intake.mapping)), intake


def outcomes(manifest: Manifest, file: Input) -> Iterator[Mapped]:
    """Every row of one file, mapped, also a last one without a line end."""
    source, intake = file_source(manifest, file)
    reader = source.open(0, Watch())
    try:
        for row in reader:
            item = source.item(0, row)
            outcome = intake.outcome(item)
            for event in outcome.events or (None,):
                yield Mapped(intake.kept(item), event, outcome.rejection)
    finally:
        reader.lines.close()
