"""A progress bar over the bytes of the inputs, or the stretch of time that is read, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hub.screen import Screen

_REFRESH_SECONDS = 0.2


class Bar:
    """Use as a context manager; `update` as often as you like. Silent if `shown` is false or stderr is no terminal."""

    def __init__(self, title: str, *, shown: bool, progress: Callable[[], tuple[int, int] | None]) -> None:
        """`progress` gives how much is done, and of how much; None where nobody knows."""
        console = Screen(stderr=True)
        self._bytes = progress
        self._next = 0.0
        self._progress = Progress(
            TextColumn(title), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn(),
            console=console, disable=not (shown and console.is_terminal), transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=None, rows=0)

    def update(self, rows: int, *, now: bool = False) -> None:
        if self._progress.disable or (not now and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _REFRESH_SECONDS
        done, total = self._bytes() or (0, None)
        self._progress.update(self._task, total=total, completed=done, rows=f"{rows:,}")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
