"""How far a connector has come in its files, on disk. Saved only when the broker has acknowledged everything before it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import FatalError

_HEAD_BYTES = 4096


class Cursor(BaseModel):
    """A place in the inputs: `rows` done, and for a single sorted file the byte offset and line of the next one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    offset: int = 0
    line: int = 1
    heads: tuple[tuple[int, str], ...] = ()
    """Length and SHA-256 of what was read of each file, or of its beginning: a file written anew is another file."""


class CursorFile:
    """The cursor of one connector and its inputs in one hub. One process at a time writes it."""

    def __init__(self, folder: Path, namespace: str, domain: str, inputs: list[tuple[Path, str]]) -> None:
        named = json.dumps([namespace, domain, [[str(path.resolve()), mapping] for path, mapping in inputs]])
        self._paths = [path for path, _ in inputs]
        self._digests = {path: (0, hashlib.sha256()) for path in self._paths}
        self.path = folder / f"{domain}-{hashlib.sha256(named.encode()).hexdigest()[:16]}.json"

    def load(self) -> tuple[Cursor, str | None]:
        """Where to go on, and, if that is the beginning although a cursor was there, why.

        Raises FatalError if the cursor is there and cannot be read.
        """
        try:
            cursor = Cursor.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return Cursor(), None
        except (OSError, ValidationError) as error:
            raise FatalError(
                f"cursor {self.path} cannot be read ({error}); delete it to read the files from the start"
            ) from error
        for path, (length, digest) in zip(self._paths, cursor.heads, strict=True):
            if head(path, length) != (length, digest):
                return Cursor(), f"{path.name} was replaced since it was read last; reading it from the start"
        if cursor.offset and self._paths[0].suffix != ".gz" and self._paths[0].stat().st_size < cursor.offset:
            return Cursor(), f"{self._paths[0].name} is shorter than what was read of it; reading it from the start"
        return cursor, None

    def save(self, rows: int, offset: int, line: int) -> None:
        """Write durably: a crash leaves the old cursor or the new one. Raises FatalError if the disk does not take it."""
        heads = tuple(self._digest(path, max(offset, _HEAD_BYTES)) for path in self._paths)
        cursor = Cursor(rows=rows, offset=offset, line=line, heads=heads)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _write(temporary, cursor.model_dump_json())
            temporary.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise FatalError(
                f"cursor {self.path} cannot be written ({error.strerror}); make room or name another --cursor-dir and run the "
                "same command again: nothing is lost, it goes on from the last cursor"
            ) from error

    def _digest(self, path: Path, length: int) -> tuple[int, str]:
        """As `head`, reading only what was added since the last time."""
        done, digest = self._digests[path]
        with path.open("rb") as file:
            file.seek(done)
            while done < length and (block := file.read(min(2**20, length - done))):
                digest.update(block)
                done += len(block)
        self._digests[path] = (done, digest)
        return done, digest.hexdigest()


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


def head(path: Path, length: int) -> tuple[int, str]:
    """How many of the first `length` bytes there are, and their SHA-256."""
    with path.open("rb") as file:
        found = file.read(length)
    return len(found), hashlib.sha256(found).hexdigest()
