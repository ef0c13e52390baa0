"""The parts of a case's replayed history: what happened, the running clocks, and the case's present state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hub.core.deadlines.rules import RESOLVE, DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.core.tracking.lifecycle import State
from hub.core.tracking.state import CONCLUDES, AppliedUpdate, HolderLine, UpdateDetails, Version
from hub.policy.models import DeadlineRule

HappeningKey = tuple[str, str, str, int, int]
"""Identifies an update within its case: department, id, event, when it happened as its department says, and its revision."""


def update_key(answer: AppliedUpdate) -> HappeningKey:
    """The key of this update, as `Happening.key` has it."""
    return answer.department, answer.update_id, answer.event, answer.at_ms, answer.revision


class Happening(NamedTuple):
    """One event in the life of a case."""

    at_ms: int
    rank: int
    id: str
    event: str
    department: str
    note: str
    details: UpdateDetails
    said_ms: int = 0
    """When it happened as its department says. `at_ms` is later where it counts only from then."""
    arrived_ms: int | None = None
    """When the hub was told, where that matters."""
    helper: bool = False
    """Said by a department that helped then, of its own part."""
    revision: int = 0

    @property
    def clock(self) -> str:
        return self.details.clock or RESOLVE

    @property
    def key(self) -> HappeningKey:
        """Identifies the update within its case."""
        return self.department, self.id, self.event, self.said_ms, self.revision


class Amendment(NamedTuple):
    """The source of the lead report changed what the case is. It is ordered among the happenings and is not an update."""

    at_ms: int
    rank: int
    id: str
    event: str
    department: str
    note: str
    version: Version


@dataclass(slots=True)
class Term:
    """One clock of the case during the replay of its history."""

    clock: str
    policy: str
    started_ms: int
    base_ms: int
    due_ms: int
    department: str | None
    round: int
    stops: frozenset[str]
    rule: DeadlineRule | None
    reckoner: Terms
    """By the rules of its case."""
    by_event: bool = False
    """Started by something that happened, not by the opening of the case."""
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    """From, to; the end may be one that comes by itself."""
    extensions: list[int] = field(default_factory=list)
    asked_ms: int | None = None
    ended_ms: int | None = None
    cancelled: bool = False
    said_ms: int | None = None
    """When what ended it happened as was said, if that counts from another instant."""
    changed_ms: int | None = None
    """The last instant at which its due time moved or it came to stand still."""
    ended_with_case: bool = False
    """What ended it is what ended the case."""
    frozen: bool = False
    """Cancelled by an amendment: nothing that happens touches it."""
    overdue_told: bool = False
    rules: str | None = None
    """Version of the rules by which it was reckoned, if these are not the case's."""

    @property
    def name(self) -> str:
        """As records call it: a helper's own clock is `<clock>/<department>`."""
        return f"{self.clock}/{self.department}" if self.department else self.clock

    @property
    def stands(self) -> bool:
        """True while the clock is paused and the end of the pause is not known."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    def running_at(self, at_ms: int) -> bool:
        """True if the clock had neither ended nor run out before this instant."""
        return self.ended_ms is None and not self.frozen and (self.stands or at_ms <= self.due_ms)


@dataclass(slots=True)
class Life:
    """The state of a case after everything known of it was replayed."""

    holder: str
    version: Version
    """What the case is."""
    rules: DeadlineRules
    """By which its clocks are reckoned."""
    ledger: list[HolderLine] = field(default_factory=list)
    """The holder ledger."""
    by_hand: bool = False
    """Departments or the desk have moved it: its holder is not whom the rules name, until it is over."""
    reopened_ms: int | None = None
    """When it came back last."""
    gave_up: dict[str, int] = field(default_factory=dict)
    """Who held the case before, and until when."""
    unit: str | None = None
    """Who below the holder has it; None: the holder itself."""
    unit_until: dict[str | None, int] = field(default_factory=dict)
    """Who below it had it before, and until when."""
    handed_up: dict[HappeningKey, str] = field(default_factory=dict)
    """Of each refusal of a unit: who above it has the case then, a unit or the department."""
    state: State = State.DISPATCHED
    hung_until_ms: int | None = None
    """Until when its last pause hung it up 挂账, if that was said."""
    members: list[str] = field(default_factory=list)
    """Who helps (协办), in the order in which they were called."""
    called: list[str] = field(default_factory=list)
    """Of these, who was called together (吹哨、联合处置): they have clocks of their own."""
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
    void: dict[HappeningKey, str] = field(default_factory=dict)
    """Of each update that may not be: why."""
    early: list[Happening] = field(default_factory=list)
    """Said by departments that had no part in the case yet: each counts from when its department has one."""
    effective: list[Happening] = field(default_factory=list)
    meant: dict[HappeningKey, str] = field(default_factory=dict)
    """Of each word about an extension 延期 that was applied: the clock that it is about, by its name."""
    reports: tuple[tuple[str, str], ...] = ()
    """Source and reference of all that are or were of the case, the lead first."""
    left: tuple[tuple[str, str], ...] = ()
    """Those that are so no longer."""

    def holders(self, at_ms: int) -> tuple[str, ...]:
        """The holder, and any department that gave the case up at exactly this instant: updates of both count."""
        until = self.gave_up
        return (self.holder, *(each for each in until if until[each] == at_ms)) if until else (self.holder,)

    def units(self, at_ms: int) -> tuple[str | None, ...]:
        """Who below the holder has the case, and any that gave it up at exactly this instant."""
        return (self.unit, *(each for each, until in self.unit_until.items() if until == at_ms and each != self.unit))

    def pass_below(self, unit: str | None, at_ms: int) -> None:
        """Give the case to a unit of its holder from this instant on; None: to the holder itself."""
        if unit != self.unit:
            self.unit_until[self.unit] = at_ms
            self.unit = unit

    def pass_to(self, department: str, at_ms: int, returned_by: str | None = None) -> None:
        """Make this department the holder from this instant on. Does nothing if it holds the case already."""
        if department != self.holder:
            self.gave_up[self.holder] = at_ms
            _cancel(self, self.holder, at_ms)
            self.holder, self.designated = department, False
            self.ledger.append(HolderLine(department, at_ms, returned_by))
            if department in self.members:  # what it was called for is its own to finish
                self.members.remove(department)
                self.called = [each for each in self.called if each != department]

    @property
    def outcome(self) -> str | None:
        """What it came to (办理结果) by the last word on that: a code of steps.yaml. What helpers say of their own part is none."""
        said = (each for each in reversed(self.effective) if each.event.upper() in CONCLUDES and not each.helper)
        return next((each.details.outcome for each in said), None)

    def helped(self, answer: AppliedUpdate) -> bool:
        """True if an applied update was a helper's word of its own part."""
        key = update_key(answer)
        return any(one.helper and one.key == key for one in self.effective)

    def instant(self, answer: AppliedUpdate) -> int:
        """The instant from which an applied update counts; for any other, the time that the update itself gives."""
        key = update_key(answer)
        return next((one.at_ms for one in self.effective if one.key == key), answer.at_ms)


def leave(life: Life, member: str, at_ms: int) -> None:
    """Who helped has no part any more: its own clocks that run come to nothing."""
    life.members.remove(member)
    life.called = [each for each in life.called if each != member]
    _cancel(life, member, at_ms)


def _cancel(life: Life, department: str, at_ms: int) -> None:
    """End the clocks of a department's own that run, without a verdict."""
    for term in life.terms:
        if term.department == department and term.ended_ms is None:
            term.ended_ms, term.cancelled = max(at_ms, term.started_ms), True
