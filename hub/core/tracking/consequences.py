"""What `track` reads, and what it causes by a chunk: the structs that the pure core takes from the agent and gives
back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from hub.core.tracking.rings import Ring
from hub.core.tracking.state import AppliedUpdate, ClockState, HolderLine, StatedHistory, TrackedCase, UpdateDetails
from hub.model.outputs import ChangeKind, ClosureStep, Outcome

AS_REFUSED, AS_RESOLVED = Outcome.REFUSED, Outcome.RESOLVED
"""A refusal is told to the dispatch desk, not to the sources: for them nothing has happened yet."""


_STAYS = (ClosureStep.AS_OUTCOME, ClosureStep.UNLINKED)


class Change(msgspec.Struct, frozen=True, gc=False):
    """A `cityhub.CaseChange` as `track` reads it. Times in ms."""

    case_id: str
    change: ChangeKind
    source: str
    source_ref: str
    lead_source: str
    lead_ref: str
    category: str
    urgency: str
    area: str | None
    place_key: str
    department: str
    over: bool
    ends: bool
    at_ms: int
    opened_ms: int
    due_ms: int | None
    reopens: bool = False
    co_handlers: Sequence[str] = ()
    conditions: Sequence[str] = ()
    unlinks: bool = False
    history: StatedHistory | None = None
    """The life of the case by all its statements; None where this simply follows from what was known."""
    ledger: tuple[HolderLine, ...] = ()
    """The holder ledger of the case, as `track` had told it to `route`."""
    rules: str = ""
    """Version of the rules by which its clocks were decided. Empty if `route` has not decided them; then `track`
    does."""
    clocks: tuple[ClockState, ...] = ()
    """The clocks that run from the opening, of a change that may alter them."""
    unit: str | None = None
    """Who below the department has it."""
    called: Sequence[str] = ()
    """Of the co-handlers, who was called together."""


class UpdateRow(msgspec.Struct, frozen=True, gc=False):
    """A `cityhub.Update` as `track` reads it. Time in ms; `body` is the `cityhub.AdmittedUpdate` in Avro in which it
    came. `status` is the step, where the update has one."""

    update_id: str
    department: str
    case_id: str
    status: str
    note: str
    at_ms: int
    body: bytes = b""
    details: UpdateDetails | None = None
    arrived_ms: int | None = None
    """When the update came to the hub; None in a replay, where that means nothing."""
    row: int | None = None
    """Index of the update in its chunk; None if an earlier chunk brought it, and it had to wait."""
    revision: int = 0


class Applied(msgspec.Struct, frozen=True, gc=False):
    """An update that was applied, and the instant from which it counts. `clock`: the one that a word about an extension 延期 is
    about, or those that it pauses 中止 or lets go on, as records call them: whoever says it may name none, and several
    departments have clocks of one name."""

    update: UpdateRow
    from_ms: int
    clock: str = ""


class OwedReply(msgspec.Struct, frozen=True, gc=False):
    """An answer owed to one report of a case, as of an instant: not before the report was made."""

    case: TrackedCase
    source: str
    ref: str
    answer: AppliedUpdate
    at_ms: int
    of_part: bool = False
    """A helper says so of its own part, and the case goes on: it is told as an answer."""
    corrects: bool = False
    """It was told as a helper's part before, and is known by now to be of the case."""


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A record of `hub.closures`: tells the place of a case that it is resolved or refused, or goes another way."""

    case: TrackedCase
    outcome: Outcome
    department: str
    at_ms: int
    step: ClosureStep = ClosureStep.AS_OUTCOME
    details: UpdateDetails | None = None
    by_hand: bool = False
    """True if departments or the desk gave the case to its holder, rather than the rules."""
    until_ms: int | None = None
    """Of a case that is over already: how long its clocks go on, and so it is to be remembered."""

    @property
    def ledger(self) -> tuple[HolderLine, ...]:
        """The holder ledger of the case, if it may have changed."""
        moves = self.step not in _STAYS or self.outcome == AS_REFUSED
        return self.case.ledger if moves else ()


class Notice(msgspec.Struct, frozen=True, gc=False):
    """A step of supervision (催办、督办、通报), to be told to the department that holds the case."""

    case: TrackedCase
    department: str
    answer: AppliedUpdate


class Callback(msgspec.Struct, frozen=True, gc=False):
    """The answer of a caller who was asked (回访), and the earlier answer that it replaces."""

    case: TrackedCase
    answer: AppliedUpdate
    before: AppliedUpdate | None


class CaseOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a case came to (办理结果) was said anew: the code of the outcome, and the one before that it takes the place of."""

    case: TrackedCase
    outcome: str | None
    before: str | None


@dataclass
class Effects:
    """Everything that a chunk causes, in order."""

    rings: list[Ring] = field(default_factory=list)
    replies: list[OwedReply] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    given: list[HolderLine] = field(default_factory=list)
    """One entry for each time that a department was given a case."""
    not_given: list[HolderLine] = field(default_factory=list)
    """Entries that were counted as `given` before, and are known by now not to have happened."""
    callbacks: list[Callback] = field(default_factory=list)
    outcomes: list[CaseOutcome] = field(default_factory=list)
    left_out: int = 0
    """Changes of cases that have room for no more changes, or for no more reports; `route` writes none."""
