"""What `track` reads, and what a chunk of that causes, as the pure core hands it to the agent."""

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
    """What `track` reads of a `cityhub.CaseChange`. Times in ms."""

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
    """All that the statements of the case say of its life, where this does not simply follow what was known."""
    ledger: tuple[HolderLine, ...] = ()
    """Who has held the case, by what `track` had told `route`."""
    rules: str = ""
    """Version of the rules by which its clocks were decided on; empty: `route` has not done so, and `track` reckons them."""
    clocks: tuple[ClockState, ...] = ()
    """Those that run from the opening, of a change that may alter them."""
    unit: str | None = None
    """Who below the department has it."""


class UpdateRow(msgspec.Struct, frozen=True, gc=False):
    """What `track` reads of a `cityhub.Update`. Time in ms; `body` is the `cityhub.AdmittedUpdate` it came in, in Avro.

    `status`: the step, where the update has one.
    """

    update_id: str
    department: str
    case_id: str
    status: str
    note: str
    at_ms: int
    body: bytes = b""
    details: UpdateDetails | None = None
    arrived_ms: int | None = None
    """When it came to the hub; None in a replay, where that means nothing."""
    row: int | None = None
    """Which of the chunk's updates it is; None if an earlier chunk brought it, and it had to wait."""


class Applied(msgspec.Struct, frozen=True, gc=False):
    """An update that was applied, and the instant from which it counts."""

    update: UpdateRow
    from_ms: int


class OwedReply(msgspec.Struct, frozen=True, gc=False):
    """An answer owed to one report of a case, as of an instant: not before the report was made."""

    case: TrackedCase
    source: str
    ref: str
    answer: AppliedUpdate
    at_ms: int


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A case that is resolved or refused, or goes another way, for its place to know: a record of `hub.closures`."""

    case: TrackedCase
    outcome: Outcome
    department: str
    at_ms: int
    step: ClosureStep = ClosureStep.AS_OUTCOME
    details: UpdateDetails | None = None
    by_hand: bool = False
    """Departments or the desk gave the case to its holder, not the rules."""

    @property
    def ledger(self) -> tuple[HolderLine, ...]:
        """Who has held the case, if that may have changed."""
        moves = self.step not in _STAYS or self.outcome == AS_REFUSED
        return self.case.ledger if moves else ()


class Notice(msgspec.Struct, frozen=True, gc=False):
    """Supervision (催办、督办、通报) to be told to who holds the case."""

    case: TrackedCase
    department: str
    answer: AppliedUpdate


class Callback(msgspec.Struct, frozen=True, gc=False):
    """A caller was asked (回访): the answer, and the one before that it takes the place of."""

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
    """What a chunk causes, in order."""

    rings: list[Ring] = field(default_factory=list)
    replies: list[OwedReply] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    given: list[HolderLine] = field(default_factory=list)
    """Each time a department was given a case."""
    not_given: list[HolderLine] = field(default_factory=list)
    """What was counted as such and is known by now not to have been."""
    callbacks: list[Callback] = field(default_factory=list)
    outcomes: list[CaseOutcome] = field(default_factory=list)
    left_out: int = 0
    """Changes of cases that can take no more of them, or no more reports; `route` writes none."""
