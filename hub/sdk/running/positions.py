"""How far a connector has come, on disk. Saved only when Kafka has acknowledged everything before it, never emptied, never lost in
silence: beside each file lies a mark that there was a position, so that one that is gone is told from one that never was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import FatalError
from hub.sdk.contract import Position
from hub.sdk.errors import ContractError, PositionLostError

MAX_POSITION_BYTES = 64 * 1024
"""A longer position is a defect of its source: it would grow with the system's history."""


class StoredPosition(BaseModel):
    """A position as it lies on disk. `items`: done up to it, over all runs. `sha256`: of the rest, to know a spoilt file; of what
    a newer release keeps beside it too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    format: int = 1
    position: Position
    items: int = 0
    version: int = 1
    system: str = ""
    read_by: str = ""
    sha256: str = ""

    def sealed(self) -> StoredPosition:
        return self.model_copy(update={"sha256": self._digest()})

    @property
    def sound(self) -> bool:
        return bool(self.position) and self.sha256 == self._digest()

    def _digest(self) -> str:
        content = self.model_dump(exclude={"sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class PositionFile:
    """The position of one edge in one hub. One process at a time writes it. `read_by`: whose positions may be of renamed files."""

    def __init__(self, path: Path, read_by: str = "", way_out: str = "") -> None:
        self.path = path
        self._read_by = read_by
        self._mark = path.with_suffix(".known")
        self._way_out = way_out or f"restore it, or delete it and {self._mark.name} beside it to read from the start"

    @classmethod
    def of_files(cls, folder: Path, namespace: str, domain: str, inputs: Sequence[tuple[Path, str]]) -> PositionFile:
        """Of files that are named on the command line, each with its mapping."""
        named = json.dumps([namespace, domain, [[os.path.realpath(path), mapping] for path, mapping in inputs]])
        read_by = json.dumps([namespace, domain, [mapping for _, mapping in inputs]])
        return cls(folder / f"{domain}-{hashlib.sha256(named.encode()).hexdigest()[:16]}.json", read_by)

    def load(self) -> StoredPosition | None:
        """As it was saved last; None if it never was. Raises PositionLostError if it is gone, empty or spoilt."""
        try:
            stored = _parsed(self.path.read_bytes())
        except FileNotFoundError:
            if self._mark.exists():
                raise self._lost("is gone") from None
            return None
        except (OSError, ValueError) as error:
            raise self._lost(f"cannot be read ({type(error).__name__})") from error
        if not stored.sound:
            raise self._lost("is not what was saved: it is empty, or was changed")
        return stored

    def others(self) -> Iterator[Position]:
        """Those of the same connector, mapping and hub: what is read now may be a file of theirs, renamed."""
        for path in sorted(self.path.parent.glob("*.json")):
            with contextlib.suppress(OSError, ValueError):  # not ours to complain of
                stored = _parsed(path.read_bytes())
                if path != self.path and self._read_by and stored.read_by == self._read_by and stored.sound:
                    yield stored.position

    def save(self, position: Position, items: int = 0, *, version: int = 1, system: str = "") -> None:
        """Write durably: a crash leaves the old position or the new one.

        Raises ContractError if it is empty or too long, FatalError if the disk does not take it.
        """
        if not position:
            raise ContractError(f"{self.path.stem}: the source gave an empty position; the former one was kept")
        stored = StoredPosition(
            position=position, items=items, version=version, system=system, read_by=self._read_by
        ).sealed()
        text = stored.model_dump_json()
        if len(text) > MAX_POSITION_BYTES:
            raise ContractError(
                f"{self.path.stem}: the source's position has {len(text):,} bytes and may have {MAX_POSITION_BYTES:,}; the former "
                "one was kept. A position names a place, it does not list what was read"
            )
        self._write(text)

    def text(self) -> str | None:
        """As it lies there, to be put back some day; None if there is none."""
        return self.path.read_text("utf-8") if self.path.exists() else None

    def put_back(self, text: str | None) -> None:
        """What `text` gave. Raises FatalError if the disk does not take it."""
        if text is None:
            self.forget()
        else:
            self._write(text)

    def forget(self) -> None:
        """As if nothing had ever been read: the choice of somebody who was asked."""
        self._mark.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(temporary, text)
            temporary.replace(self.path)
            if not self._mark.exists():
                _write(self._mark, "")
            _sync(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise FatalError(
                f"position {self.path} cannot be written ({error.strerror}); make room or name another folder (--cursor-dir) and "
                "start it again: nothing is lost, it goes on from the last position"
            ) from error

    def _lost(self, what: str) -> PositionLostError:
        return PositionLostError(
            f"position {self.path} {what}, and there was one: nothing is read, as this would begin anew in silence. {self._way_out}"
        )


def _parsed(text: bytes) -> StoredPosition:
    """Raises ValueError."""
    try:
        return StoredPosition.model_validate_json(text)
    except ValidationError:
        content = json.loads(text)
        if not isinstance(content, dict) or "offset" not in content or "rows" not in content:
            raise
        # as connectors kept it until positions had a format of their own
        read_by = content.pop("read_by", "")
        return StoredPosition(position=content, items=content["rows"], read_by=read_by).sealed()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
