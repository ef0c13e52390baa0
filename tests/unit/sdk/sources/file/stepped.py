"""A reader of one path that goes on only when it is told to look: nothing depends on how fast threads and disks are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.cursor import Cursor
from hub.sdk.sources.file.lines import Stopped, Watch
from hub.sdk.sources.file.reader import FileReader, open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.succession import FileSuccession, Following
from hub.sdk.sources.file.trail import FileTrail
from tests.waiting import PATIENCE_SECONDS

HEADER = "id,text,more\n"
MAPPING = Mapping.model_validate(
    {
        "description": "test", "format": "csv",
        "event": {"source_ref": "id", "reported_at": {"constant": "0", "formats": ["epoch_ms"]}, "title": "text", "text": "more"},
    }
)  # fmt: skip


class _Gate(threading.Event):
    """What the reader waits at for a writer: it stands there until it is let on, once for each look."""

    def __init__(self) -> None:
        super().__init__()
        self._on, self.arrived = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.arrived.release()
        assert self._on.acquire(timeout=PATIENCE_SECONDS)
        return self.is_set()

    def let_on(self) -> None:
        self._on.release()


class SteppedReader:
    """Reads rows of `path` from `cursor` on. What it gave out is in `rows`, what it said in `said`."""

    def __init__(self, path: Path, cursor: Cursor | None = None, settle_seconds: float = 0.0) -> None:
        self.rows: list[Row | BadRow] = []
        self.said: list[str] = []
        self.error: BaseException | None = None
        self.ended = False
        self._gate = _Gate()
        how = Following(follow=True, stop=self._gate, settle_seconds=settle_seconds)
        self._files = FileSuccession(path, self._open, how, cursor or Cursor(), self.said.append)
        self._done = 0 if cursor is None else cursor.rows
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._begun = False

    def look(self) -> None:
        """Let it read all that there is now. Raises what it ended with."""
        if not self._begun:
            self._begun = True
            self._thread.start()
        elif not self.ended:
            self._gate.let_on()
        else:
            return
        assert self._gate.arrived.acquire(timeout=PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error

    @property
    def cursor(self) -> Cursor:
        """Behind what it gave out. Only between looks."""
        return self._files.cursor(self._done)

    def close(self) -> None:
        self._gate.set()
        while self._begun and self._thread.is_alive():
            self._gate.let_on()
            self._thread.join(0.01)
        self._files.close()

    def _read(self) -> None:
        try:
            self._files.require()
            for row in self._files.rows():
                if row.finished:
                    self._files.take(row)
                    self._done += 1
                    self.rows.append(row)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised in the thread that looks
            self.error = error
        self.ended = True
        self._gate.arrived.release()

    def _open(self, path: Path, watch: Watch, trail: FileTrail, header: Sequence[str]) -> FileReader:
        return open_reader(path, MAPPING, watch=watch, trail=trail, header=header)
