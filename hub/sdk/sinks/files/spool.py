"""Rows of a day before they are shown as a file, and how far all of it has come: a crash leaves the old state or the new one.

Rows are appended to a file of their own for each day; the state says how much of each counts. What lies behind that was written by
somebody who was killed before it counted, and is cut off.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.sdk.errors import PositionLostError, TransientError
from hub.sdk.sink_contract import DeliveryPlace, SinkPositions


class SpoolState(BaseModel):
    """`sizes`: by day's file, how many bytes of rows count; `shown`: how many of them the file that people see has. `topic_ids`: of
    the positions, by topic and partition."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # what a newer release kept beside it is no harm

    positions: list[tuple[str, int, int]]
    topic_ids: list[tuple[str, int, str]] = []
    sizes: dict[str, int] = {}
    shown: dict[str, int] = {}


class Spool:
    """In a folder that one process at a time has. Raises OSError, PositionLostError for a state that is spoilt, and TransientError
    if another has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "state.json"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise TransientError(f"another process writes to {folder.parent}") from None
        try:
            self._state = self._read()
            for name, size in self._state.sizes.items():
                os.truncate(self._rows(name), size)
        except (OSError, PositionLostError):
            self.close()
            raise

    @property
    def positions(self) -> SinkPositions:
        return {DeliveryPlace(topic, partition): offset for topic, partition, offset in self._state.positions}

    @property
    def topic_ids(self) -> dict[DeliveryPlace, str]:
        return {DeliveryPlace(topic, partition): log for topic, partition, log in self._state.topic_ids}

    @property
    def unshown(self) -> list[str]:
        """Days of which people see less than counts."""
        return [name for name, size in self._state.sizes.items() if self._state.shown.get(name) != size]

    def add(
        self, rows: Mapping[str, Sequence[Mapping[str, Any]]], after: SinkPositions, logs: Mapping[DeliveryPlace, str]
    ) -> None:
        """Rows by day's file, and how far all is done with them, in which topics."""
        sizes = dict(self._state.sizes)
        for name, some in rows.items():
            sizes[name] = self._append(name, sizes.get(name, 0), some)
        positions = self.positions | after
        listed = [(place.topic, place.partition, offset) for place, offset in sorted(positions.items())]
        topic_ids = [(place.topic, place.partition, log) for place, log in sorted({**self.topic_ids, **logs}.items())]
        self._save(self._state.model_copy(update={"positions": listed, "topic_ids": topic_ids, "sizes": sizes}))

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Those that count."""
        left = self._state.sizes[name]
        with self._rows(name).open("rb") as file:
            while left > 0 and (line := file.readline()):
                left -= len(line)
                yield json.loads(line)

    def show(self, names: Sequence[str]) -> None:
        """People see all of these now."""
        shown = {**self._state.shown, **{name: self._state.sizes[name] for name in names}}
        self._save(self._state.model_copy(update={"shown": shown}))

    def close(self) -> None:
        os.close(self._lock)

    def _append(self, name: str, offset: int, rows: Sequence[Mapping[str, Any]]) -> int:
        with self._rows(name).open("ab") as file:
            file.truncate(offset)
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def _rows(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"

    def _read(self) -> SpoolState:
        try:
            return SpoolState.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return SpoolState(positions=[])
        except ValidationError as error:
            raise PositionLostError(
                f"{self._path} is not what was saved. Restore it, or delete {self._folder} to write all files anew from the start"
            ) from error

    def _save(self, state: SpoolState) -> None:
        replace(self._path, lambda path: path.write_text(state.model_dump_json(), "utf-8"))
        self._state = state


def replace(path: Path, write: Any) -> None:
    """Have `write` make a file, and put it in the place of `path` in one step, for good."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # who was killed may have left it to more people
    write(temporary)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(path)
    opened = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
