"""Writes the simulated systems' files, at once or growing as the simulated day goes by, and the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from hub.simulator.formats import SYSTEM_FILES
from hub.simulator.simclock import SimulationClock
from hub.simulator.truth import Statement, Truth

OnRow = Callable[[Statement], None]
Sleep = Callable[[float], bool]
"""Waits so many seconds, or less; True: give up."""
_SLICE_SECONDS = 0.25


class SourceFiles:
    """One file a source in a folder, open while the block runs. At its end `<file>.done` says that no row follows.

    Raises OSError when the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, TextIO] = {}

    def path(self, source: str) -> Path:
        return self.folder / SYSTEM_FILES[source].file_name

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for source, form in SYSTEM_FILES.items():
            done_mark(self.path(source)).unlink(missing_ok=True)
            self._open[source] = self.path(source).open("w", encoding="utf-8", newline="")
            self._open[source].write(form.head)
        self.flush()
        return self

    def write(self, statement: Statement) -> None:
        self._open[statement.source].write(SYSTEM_FILES[statement.source].row(statement))

    def flush(self) -> None:
        """Make what was written visible to whoever follows the files, in whole rows."""
        for file in self._open.values():
            file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for source, file in self._open.items():
            file.close()
            done_mark(self.path(source)).touch()


def done_mark(path: Path) -> Path:
    """The empty file that says that `path` is complete."""
    return path.with_name(f"{path.name}.done")


def write_all(statements: Iterable[Statement], files: SourceFiles, truth: Truth, on_row: OnRow | None = None) -> None:
    """Write everything at once."""
    for statement in statements:
        _write(statement, files, truth, on_row)


def write_live(
    statements: Iterable[Statement],
    files: SourceFiles,
    truth: Truth,
    clock: SimulationClock,
    sleep: Sleep,
    on_row: OnRow | None = None,
) -> None:
    """Append each row when the simulation reaches its time. Ends early, at a whole row, when `sleep` says so."""
    for statement in statements:
        while (wait := clock.seconds_until(statement.sent_ms)) > 0:
            files.flush()
            if sleep(min(wait, _SLICE_SECONDS)):
                return
        _write(statement, files, truth, on_row)
    files.flush()


def write_truth(folder: Path, truth: Truth) -> Path:
    """truth.json: what a hub that has read the files should have found."""
    path = folder / "truth.json"
    path.write_text(json.dumps(truth.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _write(statement: Statement, files: SourceFiles, truth: Truth, on_row: OnRow | None) -> None:
    files.write(statement)
    truth.add(statement)
    if on_row is not None:
        on_row(statement)
