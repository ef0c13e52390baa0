"""How far a connector has come in its files, on disk. Saved only when the broker has acknowledged everything before it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import FatalError


class Cursor(BaseModel):
    """A place in the inputs: `rows` done, and for a single sorted file the offset in its text and the line of the next one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    offset: int = 0
    line: int = 1
    heads: tuple[tuple[int, str], ...] = ()
    """Of the text of each file that was read: how much of it, and its SHA-256. By it the file is known, under whatever name."""
    first: tuple[int, str] = (0, "")
    """The same of the beginning of a single file, to tell others from it without reading them."""
    header: tuple[str, ...] = ()
    """Of a single file that has none of its own, as it goes on where another ended."""
    read_by: str = ""
    """Hub, connector and mapping: only theirs is the cursor of a file that was renamed."""


class CursorFile:
    """The cursor of one connector and its inputs in one hub. One process at a time writes it."""

    def __init__(self, folder: Path, namespace: str, domain: str, inputs: list[tuple[Path, str]]) -> None:
        named = json.dumps([namespace, domain, [[str(path.resolve()), mapping] for path, mapping in inputs]])
        self._domain = domain
        self._read_by = json.dumps([namespace, domain, [mapping for _, mapping in inputs]])
        self.path = folder / f"{domain}-{hashlib.sha256(named.encode()).hexdigest()[:16]}.json"

    def load(self) -> Cursor | None:
        """The cursor as it was saved last; None if it never was. Raises FatalError if it is there and cannot be read."""
        try:
            return Cursor.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise FatalError(
                f"cursor {self.path} cannot be read ({error}); delete it to read the files from the start"
            ) from error

    def others(self) -> Iterator[Cursor]:
        """Those of the same hub, connector and mapping for other paths: what is read now may be one of their files, renamed."""
        for path in sorted(self.path.parent.glob(f"{self._domain}-*.json")):
            with contextlib.suppress(OSError, ValidationError):  # not ours to complain of
                cursor = Cursor.model_validate_json(path.read_bytes())
                if path != self.path and cursor.read_by == self._read_by:
                    yield cursor

    def save(self, cursor: Cursor) -> None:
        """Write durably: a crash leaves the old cursor or the new one. Raises FatalError if the disk does not take it."""
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(temporary, cursor.model_copy(update={"read_by": self._read_by}).model_dump_json())
            temporary.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise FatalError(
                f"cursor {self.path} cannot be written ({error.strerror}); make room or name another --cursor-dir and run the "
                "same command again: nothing is lost, it goes on from the last cursor"
            ) from error


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
