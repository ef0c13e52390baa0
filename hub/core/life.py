"""What a telling of a case's life is made of: what happened, the clocks as they run, and where the case stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hub.core.lifecycle import State
from hub.core.tracked import More
from hub.policy.models import DeadlineRule

RESOLVE = "resolve"


class Happening(NamedTuple):
    """One event in the life of a case."""

    at_ms: int
    rank: int
    id: str
    event: str
    department: str
    note: str
    more: More

    @property
    def clock(self) -> str:
        return self.more.clock or RESOLVE


@dataclass(slots=True)
class Term:
    """One clock of the case as it runs through the telling."""

    clock: str
    policy: str
    started_ms: int
    base_ms: int
    due_ms: int
    department: str | None
    round: int
    stops: frozenset[str]
    rule: DeadlineRule | None
    by_event: bool = False
    """Started by something that happened, not by the opening of the case."""
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    """From, to; the end may be one that comes by itself."""
    extensions: list[int] = field(default_factory=list)
    asked_ms: int | None = None
    ended_ms: int | None = None
    cancelled: bool = False
    changed_ms: int | None = None
    """The last instant at which its due time moved or it came to stand still."""
    frozen: bool = False
    """Cancelled by an amendment: nothing that happens touches it."""
    overdue_told: bool = False

    @property
    def stands(self) -> bool:
        """It is paused, without an end that is known."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    def running_at(self, at_ms: int) -> bool:
        """Neither ended nor run out before an instant."""
        return self.ended_ms is None and not self.frozen and (self.stands or at_ms <= self.due_ms)


@dataclass(slots=True)
class Life:
    """Where a case stands after all that is known of it."""

    holder: str
    state: State = State.DISPATCHED
    members: list[str] = field(default_factory=list)
    """Who helps (协办), in the order in which they were called."""
    callers: list[str] = field(default_factory=list)
    """Who called departments together (吹哨)."""
    designated: bool = False
    refusals: int = 0
    rung: str | None = None
    climbed: dict[tuple[str, str | None, int], str] = field(default_factory=dict)
    """Rungs climbed by themselves, by what ran out: clock, whose own it is, round."""
    round: int = 0
    over_ms: int | None = None
    terms: list[Term] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    """Of each happening that may not be: its id and why."""
    effective: list[Happening] = field(default_factory=list)
    reports: tuple[tuple[str, str], ...] = ()
    """Source and reference of all that are or were of the case, the lead first."""
    left: tuple[tuple[str, str], ...] = ()
    """Those that are so no longer."""
