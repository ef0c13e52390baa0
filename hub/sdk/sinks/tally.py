"""What a sink's run has come to, where people see it: counts, metrics, the board, one line for a loss and one for a recovery."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from hub.clock import wall_ms
from hub.metrics import SINK_FAILURES, SINK_HELD, SINK_OLDEST, SINK_RECORDS, SINK_WAITING
from hub.sdk.running.status import Board, EdgeState

log = logging.getLogger(__name__)


@dataclass
class SinkTally:
    """Of one run."""

    board: Board
    delivered: int = 0
    set_aside: int = 0
    failed: int = 0
    """Tries that came to nothing."""
    lost: dict[str, str] = field(default_factory=dict)
    """Receivers to which nothing goes, with why."""

    @property
    def name(self) -> str:
        return self.board.status.name

    def left_out(self, count: int) -> None:
        if count:
            SINK_RECORDS.labels(self.name, "left_out").inc(count)

    def done(self, delivered: int, set_aside: int = 0) -> None:
        """So many more are where they belong, or in hub.dead."""
        self.delivered += delivered
        self.set_aside += set_aside
        for result, count in (("delivered", delivered), ("set_aside", set_aside)):
            if count:
                SINK_RECORDS.labels(self.name, result).inc(count)
        self.board.progress(delivered + set_aside, delivered, set_aside)

    def failure(self, receiver: str = "", why: str = "", wait_seconds: float = 0.0, *, lost: bool = False) -> None:
        """A try came to nothing; `lost`: it is about the receiver, which is said the first time."""
        self.failed += 1
        SINK_FAILURES.labels(self.name).inc()
        if lost and receiver not in self.lost:
            log.warning("%s: %s; tried again in %.0f s, and on; nothing is lost", self._of(receiver), why, wait_seconds)
        if lost:
            self.lost[receiver] = why

    def takes_again(self, receiver: str = "") -> None:
        if self.lost.pop(receiver, None) is not None:
            log.warning("%s takes what is sent again", self._of(receiver))

    def show(self, waiting: int, oldest_ms: int | None, receivers: int, until_ms: int | None) -> None:
        """How it stands: deliveries that wait, since when the oldest, of how many receivers; `until_ms`: when one is tried."""
        SINK_WAITING.labels(self.name).set(waiting)
        SINK_OLDEST.labels(self.name).set((oldest_ms or 0) / 1000)
        SINK_HELD.labels(self.name).set(len(self.lost))
        self.board.backlog(waiting, oldest_ms)
        if not self.lost:
            self.board.enter(EdgeState.RUNNING)
            return
        receiver, why = next(iter(self.lost.items()))
        if len(self.lost) >= receivers:
            self.board.enter(EdgeState.WAITING, why, owner="receiver", until=until_ms)
        else:
            said = f"{len(self.lost)} of {receivers} receivers take nothing, first {receiver}: {why}"
            self.board.enter(EdgeState.DEGRADED, said, owner="receiver")

    def _of(self, receiver: str) -> str:
        return f"{self.name}, receiver {receiver}" if receiver else self.name


def in_wall_ms(seconds: float) -> int:
    """The time in so many seconds."""
    return wall_ms() + round(seconds * 1000)
