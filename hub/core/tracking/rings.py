"""Notices of clocks, and the notices that withdraw or repeat earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.core.tracking.state import ClockState, TrackedCase
from hub.model.outputs import DeadlineKind

WARNED, BREACHED, MET, ENDED_LATE, CANCELLED = DeadlineKind


class Ring(msgspec.Struct, frozen=True, gc=False):
    """One clock's event: a record of `hub.deadlines`. `corrects`: takes back an earlier one of this clock."""

    case: TrackedCase
    clock: ClockState
    kind: DeadlineKind
    at_ms: int
    corrects: bool = False
    was: str | None = None
    """What the clock had come to before, which this takes the place of: BREACHED or a verdict."""

    @property
    def department(self) -> str:
        """The department responsible: the clock's own, or the one that held the case until then."""
        return self.clock.department or self.case.holder_at(self.at_ms)

    @property
    def name(self) -> str:
        """The clock's name in records."""
        return self.clock.name


def void(case: TrackedCase, clock: ClockState, at_ms: int) -> list[Ring]:
    """Withdraw the notices of a clock. Gives nothing if its last notice is that it is cancelled."""
    if clock.verdict == CANCELLED:
        return []
    said = clock.spoke or clock.warned or clock.breached or clock.verdict is not None
    return [Ring(case, msgspec.structs.replace(clock, cancelled=True), CANCELLED, at_ms, said, come_to(clock))]


def said_again(case: TrackedCase, clocks: Sequence[ClockState], rings: Sequence[Ring]) -> list[Ring]:
    """What clocks came to of which another, of an earlier round but alike in all that records say, was just taken back."""
    last = {_alike(ring.clock): ring for ring in rings}
    found = []
    for clock in clocks if last else ():
        ring, came_to = last.get(_alike(clock)), come_to(clock)
        if (
            ring is not None
            and came_to is not None
            and ring.kind == CANCELLED
            and clock_key(ring.clock) != clock_key(clock)
        ):
            at_ms = clock.due_ms if clock.ended_ms is None else clock.ended_ms
            found.append(Ring(case, clock, came_to, at_ms, was=came_to))
    return found


def of_others(
    before: TrackedCase, case: TrackedCase, clocks: Sequence[ClockState], rings: Sequence[Ring]
) -> list[Ring]:
    """What clocks have come to of which it is known by now that another department held the case then."""
    if len(before.ledger) == len(case.ledger) == 1 and before.department == case.department:
        return []
    again = {clock_key(ring.clock) for ring in rings}
    found = []
    for clock in clocks:
        at_ms = clock.due_ms if clock.ended_ms is None else clock.ended_ms
        if (
            clock.department is None
            and clock_key(clock) not in again
            and before.holder_at(at_ms) != case.holder_at(at_ms)
        ):
            found += once_more(before, case, clock)
    return found


def covered(case: TrackedCase, clocks: Sequence[ClockState], rings: Sequence[Ring]) -> list[Ring]:
    """What clocks have come to behind which an earlier round's word was said only now, of a clock that started and was due at
    the same instants: readers go by the last word."""
    last = {_alike(ring.clock): ring.clock for ring in rings}
    found = []
    for clock in clocks if last else ():
        said = last.get(_alike(clock))
        if said is not None and said.round < clock.round:
            found += once_more(case, case, clock)
    return found


def once_more(before: TrackedCase, case: TrackedCase, clock: ClockState) -> list[Ring]:
    """Withdraw a clock's verdict and publish it again; nothing if the clock has no verdict."""
    came_to, at_ms = come_to(clock), clock.due_ms if clock.ended_ms is None else clock.ended_ms
    if came_to is None:
        return []
    if came_to == CANCELLED:
        return [Ring(case, clock, CANCELLED, at_ms, corrects=True, was=CANCELLED)]
    found = [Ring(before, msgspec.structs.replace(clock, cancelled=True), CANCELLED, at_ms, corrects=True, was=came_to)]
    if came_to == BREACHED and (clock.warned or clock.spoke):
        found.append(Ring(case, clock, WARNED, min(clock.warn_ms, at_ms)))
    return [*found, Ring(case, clock, came_to, at_ms, was=CANCELLED)]


def _alike(clock: ClockState) -> tuple[str, str, int, int]:
    return clock.name, clock.policy, clock.started_ms, clock.due_ms


def clock_key(clock: ClockState) -> tuple[str, str | None, int]:
    return clock.clock, clock.department, clock.round


def come_to(clock: ClockState) -> DeadlineKind | None:
    if clock.verdict is not None:
        return DeadlineKind(clock.verdict)
    return BREACHED if clock.breached else None
