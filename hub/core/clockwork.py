"""What `track` does with cases, updates and time: start clocks, stop them, warn, and say what was breached and when.

A clock's verdict does not depend on when it is reached: the earliest end that is known counts, whatever order updates come in,
and a breach carries the instant at which the clock ran out. What was said too early or too late is taken back by a record
that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from hub.core.deadlines import DeadlineRules, Due
from hub.core.tracked import (
    NOW_KEY,
    WAITING_PREFIX,
    Answer,
    ClockState,
    Hold,
    Mark,
    More,
    Moved,
    Now,
    TrackBook,
    TrackedCase,
    TrackRecord,
    Waiting,
)

__all__ = [
    "CLOCKS", "NOW_KEY", "STOPS", "WAITING_PREFIX", "Answer", "ClockState", "Clockwork", "Hold", "Mark", "More", "Moved", "Now",
    "Ring", "TrackBook", "TrackRecord", "TrackedCase", "Waiting",
]  # fmt: skip
WARNED, BREACHED, MET, ENDED_LATE, CANCELLED = "WARNED", "BREACHED", "MET", "ENDED_LATE", "CANCELLED"
SOURCE_POLICY = "source"
"""Policy named when the due time is the source's own."""
CLOCKS = ("accept", "respond", "resolve")
STOPS = {
    "ACCEPTED": ("accept",),
    "REFUSED": ("accept",),
    "RESPONDED": ("accept", "respond"),
    "RESOLVED": ("accept", "respond", "resolve"),
}
"""Which clocks an update's status stops: who has resolved has accepted and responded."""


class Ring(msgspec.Struct, frozen=True, gc=False):
    """One clock's event: a record of `hub.deadlines`. `corrects`: takes back an earlier one of this clock."""

    case: TrackedCase
    clock: ClockState
    kind: str
    at_ms: int
    corrects: bool = False


class Opened(Protocol):
    """What decides which clocks a new case has."""

    @property
    def category(self) -> str: ...
    @property
    def lead_source(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def area(self) -> str | None: ...
    @property
    def opened_ms(self) -> int: ...


Ringing = tuple[TrackedCase, list[Ring]]


class Clockwork:
    """The rules by which clocks of one city start, ring and stop. Pure: cases in, cases and rings out."""

    def __init__(self, rules: DeadlineRules) -> None:
        self._rules = rules

    def dues(self, opened: Sequence[Opened]) -> list[tuple[Due, ...]]:
        """The clocks of many new cases in one go, for `start`."""
        return self._rules.due(
            [case.category for case in opened],
            [case.lead_source for case in opened],
            [case.urgency for case in opened],
            [case.area for case in opened],
            [case.opened_ms for case in opened],
        )

    def start(self, case: TrackedCase, due_ms: int | None, dues: tuple[Due, ...] | None = None) -> TrackedCase:
        """Set the case's clocks. The source's own due time, where it has one, takes the place of the resolve clock."""
        if dues is None:
            dues = self._rules.due_one(case.category, case.source, case.urgency, case.area, case.opened_ms)
        clocks = [
            ClockState(due.clock, due.policy, due.started_ms, due.warn_ms, due.due_ms)
            for due in dues
            if due_ms is None or due.clock != "resolve"
        ]
        if due_ms is not None:
            warn_ms = case.opened_ms + (due_ms - case.opened_ms) * 4 // 5
            clocks.append(ClockState("resolve", SOURCE_POLICY, case.opened_ms, min(warn_ms, due_ms), due_ms))
        return msgspec.structs.replace(case, clocks=tuple(clocks))

    def restart(self, case: TrackedCase, due_ms: int | None, at_ms: int) -> Ringing:
        """Set the clocks anew by what the case became at `at_ms`. One that had ended or run out before that stays."""
        fresh = {clock.clock: clock for clock in self.start(case, due_ms).clocks}
        rings: list[Ring] = []
        clocks = []
        for clock in case.clocks:
            new = fresh.pop(clock.clock, None)
            settled = clock.due_ms < at_ms or (clock.ended_ms is not None and clock.ended_ms <= at_ms)
            if settled or (new is not None and (new.due_ms, new.policy) == (clock.due_ms, clock.policy)):
                clocks.append(clock)
            elif new is None:
                clocks.append(self._end(case, clock, at_ms, cancelled=True, rings=rings))
            else:
                # said whether or not the old clock has rung: that depends on when the amendment happened to be read
                void = msgspec.structs.replace(clock, cancelled=True)
                rings.append(Ring(case, void, CANCELLED, at_ms, clock.warned or clock.verdict is not None))
                kept = msgspec.structs.replace(new, ended_ms=clock.ended_ms, cancelled=clock.cancelled)
                clocks.append(kept if kept.running else self._judge(case, kept, rings))
        return msgspec.structs.replace(case, clocks=(*clocks, *fresh.values())), rings

    def look(self, case: TrackedCase, now_ms: int) -> Ringing:
        """Warn of and breach what came to its instant before now."""
        rings: list[Ring] = []
        clocks = tuple(self._ring(case, clock, now_ms, rings) if clock.running else clock for clock in case.clocks)
        return (msgspec.structs.replace(case, clocks=clocks) if rings else case), rings

    def stop(self, case: TrackedCase, which: tuple[str, ...], at_ms: int) -> Ringing:
        """End clocks at an instant, by the source's or a department's word."""
        return self._end_all(case, which, at_ms, cancelled=False)

    def cancel(self, case: TrackedCase, at_ms: int) -> Ringing:
        """End all clocks without a verdict. What was due before that is breached first."""
        return self._end_all(case, CLOCKS, at_ms, cancelled=True)

    def _end_all(self, case: TrackedCase, which: tuple[str, ...], at_ms: int, *, cancelled: bool) -> Ringing:
        rings: list[Ring] = []
        clocks = tuple(
            self._end(case, clock, at_ms, cancelled=cancelled, rings=rings) if clock.clock in which else clock
            for clock in case.clocks
        )
        return msgspec.structs.replace(case, clocks=clocks), rings

    def _end(
        self, case: TrackedCase, clock: ClockState, at_ms: int, *, cancelled: bool, rings: list[Ring]
    ) -> ClockState:
        """The earliest end counts; of two at one instant, the one with a verdict."""
        if clock.ended_ms is not None and (clock.ended_ms, clock.cancelled) <= (at_ms, cancelled):
            return clock
        return self._judge(case, msgspec.structs.replace(clock, ended_ms=at_ms, cancelled=cancelled), rings)

    def _judge(self, case: TrackedCase, clock: ClockState, rings: list[Ring]) -> ClockState:
        """Say what an ended clock has come to, and take back what was said before if that was otherwise."""
        assert clock.ended_ms is not None
        late = clock.due_ms < clock.ended_ms
        takes_back = clock.verdict is not None or (clock.breached and not late)
        clock = self._ring(case, clock, clock.ended_ms, rings)
        verdict = CANCELLED if clock.cancelled else ENDED_LATE if late else MET
        clock = msgspec.structs.replace(clock, breached=late, verdict=verdict)
        rings.append(Ring(case, clock, verdict, clock.ended_ms or 0, takes_back))
        return clock

    def _ring(self, case: TrackedCase, clock: ClockState, now_ms: int, rings: list[Ring]) -> ClockState:
        if not clock.warned and clock.warn_ms < now_ms:
            clock = msgspec.structs.replace(clock, warned=True)
            rings.append(Ring(case, clock, WARNED, clock.warn_ms))
        if not clock.breached and clock.due_ms < now_ms:
            clock = msgspec.structs.replace(clock, breached=True)
            rings.append(Ring(case, clock, BREACHED, clock.due_ms))
        return clock
