"""`MemoryHub` by the names that tests of agents are written in. No tests of its own."""

from __future__ import annotations

from hub.clock import ClockKind
from hub.control.clocks import CheckedClock
from hub.core.tracking.state import TrackedCase
from hub.model.event import CaseEvent
from hub.model.update import Update
from hub.policy import City
from hub.testing.memory import MemoryHub, SetClock

SOURCES = ("hotline", "police", "petition", "citymgmt")
PATIENCE_MS = 10_000
"""After this an update that is not allowed is given up."""


class WholeHub(MemoryHub):
    """`with WholeHub(city, now_ms) as hub:`; no source is paused, however much of it is rejected."""

    def __init__(
        self,
        city: City,
        now_ms: int,
        *,
        clock: ClockKind = ClockKind.WALL,
        partitions: int = 1,
        wall: CheckedClock | None = None,
    ) -> None:
        super().__init__(
            city, now_ms, sources=SOURCES, wall=wall, clock=clock, partitions=partitions, dead_letter_run=10_000,
            dead_letter_ratio=1.0, closed_case_days=1000,
        )  # fmt: skip

    @property
    def time(self) -> SetClock:
        return self.clock

    def report(self, event: CaseEvent, partition: int | None = None) -> None:
        self.publish(event, partition=partition)

    def say(self, update: Update, partition: int | None = None) -> None:
        self.publish(update, partition=partition)

    def _append(self, topic: str, key: bytes, value: bytes) -> None:
        self.send(topic, key, value)

    def tracked(self, case_id: str) -> TrackedCase | None:
        """A case as `track` keeps it."""
        state = self._agents["track"].state
        books = (state[partition] for partition in range(self.settings.partitions))
        return next((found for book in books if (found := book.case(case_id)) is not None), None)
