"""What `track` keeps of a partition's cases, as records of its state, with the instants to look at. Nothing is changed in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Annotated, NamedTuple

import msgspec

from hub.core.agenda import Agenda
from hub.core.stored import Count, Instant, Whole
from hub.core.tracking.lifecycle import EVENT_RULES
from hub.journal import Journal


class DueAdjustment(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What moved a clock's due time from where it was first: pauses (from, to; None: not ended yet) and extensions granted."""

    base_ms: Instant
    pauses: tuple[tuple[Instant, Instant | None], ...] = ()
    extensions: tuple[Instant, ...] = ()
    stands: bool = False
    """It stands still, and nobody knows until when: it has no due time."""


class ClockState(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One clock of a case: the facts, and what has been said of them. Times in ms."""

    clock: str
    policy: str
    started_ms: Instant
    warn_ms: Instant
    due_ms: Instant
    ended_ms: Instant | None = None
    """The earliest end that is known."""
    cancelled: bool = False
    """Ended without a verdict: the matter was withdrawn."""
    warned: bool = False
    breached: bool = False
    verdict: str | None = None
    warns: tuple[Instant, ...] = ()
    """Warnings to come after that at `warn_ms`."""
    spoke: bool = False
    """A warning was said, though `warned` is said of the last one only."""
    provisional: bool = False
    """The holidays it counts by are not settled yet."""
    department: str | None = None
    """Whose own clock it is: a co-handler's (协办). None: the holder's."""
    round: Count = 0
    """How often the case had been reopened when it started."""
    moved: DueAdjustment | None = None
    by_event: bool = False
    """Started by something that happened, not by the opening."""
    said_ms: int | None = None
    """When it ended as was said, if that counts from another instant."""
    rules: str | None = None
    """Version of the rules by which it was reckoned, if these are not the case's."""

    @property
    def name(self) -> str:
        """As records call it: a helper's own clock is `<clock>/<department>`."""
        return f"{self.clock}/{self.department}" if self.department else self.clock

    @property
    def running(self) -> bool:
        return self.ended_ms is None

    @property
    def waits_for_ms(self) -> int | None:
        """The next instant at which the clock has a notice to give; None if there is none."""
        if self.ended_ms is not None or self.breached or (self.moved is not None and self.moved.stands):
            return None
        return self.due_ms if self.warned else self.warn_ms


class UpdateDetails(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Fields that only some updates have."""

    reason: str | None = None
    clock: str | None = None
    to: str | None = None
    members: tuple[str, ...] = ()
    score: Whole | None = None
    solved: bool | None = None
    report: str | None = None
    code: str | None = None
    outcome: str | None = None
    until: Instant | None = None
    unit: str | None = None
    """Who of the department says so."""


class AppliedUpdate(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An update that was applied."""

    update_id: str
    department: str
    status: str
    at_ms: Instant
    note: str
    details: UpdateDetails | None = None
    arrived_ms: Instant | None = None
    """When it came in, if a desk said it: in the place of who holds the case it counts from then."""
    revision: Count = 0
    """Counted up by a department that says the same update again with other content."""

    @property
    def event(self) -> str:
        """What it says happened, as clocks name it."""
        return self.status.lower()

    @property
    def named(self) -> bool:
        """True if such an event has a name: that of a step of every city, or the code that it gives."""
        return self.event in EVENT_RULES or (
            self.details is not None and (self.details.code or "").upper() == self.status
        )


class HubEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something the hub did to the case: closed, withdrawn, reopened."""

    event: str
    at_ms: Instant
    report: tuple[str, str] | None = None
    """Which report brought the case back."""


class HolderLine(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One line of the holder ledger: who has held the case, from when."""

    department: str
    from_ms: Instant
    returned_by: str | None = None
    """Who refused it, if it came here by a refusal (退单)."""


class Version(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a case was from an instant on, by the statements of its lead, and where the rules put it then."""

    at_ms: Instant
    category: str
    urgency: str
    area: str | None
    department: str
    co_handlers: tuple[str, ...] = ()
    starts: tuple[tuple[str, str, Instant], ...] = ()
    """The clocks that run from the opening of such a case: name, row, due time (ms)."""
    rules: str | None = None
    """Version of the rules by which these were reckoned, if they are not the case's."""
    called: tuple[str, ...] = ()
    """Of the co-handlers, whom the rules call together (联合处置): they have clocks of their own from then on."""
    unit: str | None = None
    """Who below the department."""


class TrackedCase(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="case"):
    """What `track` knows of a case. Never changed in place."""

    case_id: str
    category: str
    source: str
    urgency: str
    area: str | None
    place_key: str
    opened_ms: Instant
    ledger: Annotated[tuple[HolderLine, ...], msgspec.Meta(min_length=1)]
    """Who has held it, as the telling of its life came to; without `versions`, as `route` said."""
    reports: tuple[tuple[str, str], ...]
    clocks: tuple[ClockState, ...]
    answers: tuple[AppliedUpdate, ...] = ()
    over_ms: Instant | None = None
    members: tuple[str, ...] = ()
    """Who helps since the case was dispatched (协办); those called together later are in the answers."""
    marks: tuple[HubEvent, ...] = ()
    conditions: tuple[str, ...] = ()
    """What the lead report fulfils of itself that some deadline row asks for."""
    special: bool = False
    """More has happened than plain statuses: its clocks are reckoned from its whole history."""
    left: tuple[tuple[str, str], ...] = ()
    """Reports that were taken out of it (撤销并案)."""
    since: tuple[Instant, ...] = ()
    """When each report after the lead was made."""
    versions: tuple[Version, ...] = ()
    """What it was, in order of time, once its life was told; the first from its opening."""
    rules: str = ""
    """Version of the rules in force when it was reported: by these all of it is reckoned. Empty: opened before that was kept."""
    unit: str | None = None
    """Who below the department has it, by what `route` said last."""
    called: tuple[str, ...] = ()
    """Of `members`, who was called together (联合处置)."""

    @property
    def reported(self) -> Iterable[tuple[tuple[str, str], int]]:
        """Each report with when it was made; those linked before that was kept, with the opening."""
        if not self.since:
            return [(report, self.opened_ms) for report in self.reports]
        return zip(self.reports, chain((self.opened_ms,), self.since, repeat(self.opened_ms)), strict=False)

    @property
    def department(self) -> str:
        return self.ledger[-1].department

    @property
    def settled_ms(self) -> int | None:
        """When the last of its clocks ended or is due: what a law allows once it is over may go on for months. None: not over."""
        if self.over_ms is None:
            return None
        settled_ms = self.over_ms
        for clock in self.clocks:
            ends_ms = clock.due_ms if clock.ended_ms is None else clock.ended_ms
            settled_ms = ends_ms if ends_ms > settled_ms else settled_ms
        return settled_ms

    def holder_at(self, at_ms: int) -> str:
        """Who answers for what happens at an instant: who held the case until then, if it changes hands at that very instant."""
        found = self.ledger[0].department
        for hold in self.ledger[1:]:
            if hold.from_ms >= at_ms:
                break
            found = hold.department
        return found


class Waiting(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="waiting"):
    """Updates of a case that cannot be applied yet: what they want may still be on the way. Bytes are AdmittedUpdates."""

    since_ms: Instant
    """The newest of them."""
    updates: tuple[bytes, ...]
    each_since_ms: tuple[Instant, ...] = ()

    @property
    def waits(self) -> list[tuple[bytes, int]]:
        """Each waiting update and since when it waits, UTC ms."""
        return list(zip(self.updates, chain(self.each_since_ms, repeat(self.since_ms)), strict=False))


class Now(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="now"):
    """The partition's data clock: where it stands, and what is claimed beyond and not believed yet."""

    now_ms: Instant
    ahead: tuple[tuple[int, str], ...] = ()


TrackRecord = TrackedCase | Waiting | Now
CALLBACKS = ("SATISFIED", "UNSATISFIED")
"""Statuses of an update that say what the citizen thinks (回访)."""
CONCLUDES = frozenset(("RESOLVED", "PAUSED", "RESUMED", "REOPENED"))
"""Statuses that say anew what a case came to (办理结果), or that it has come to nothing yet."""
NOW_KEY = "~now"
WAITING_PREFIX = "~waiting:"


def track_misfit(key: str, record: TrackRecord | None) -> str | None:
    """Reason why this record cannot belong to this key, or None. A `hub.stream.changelog.state.Misfit`."""
    if record is None:
        return None
    if isinstance(record, Now):
        return None if key == NOW_KEY else "the time under another key"
    if isinstance(record, Waiting):
        return None if key.startswith(WAITING_PREFIX) else "updates that wait, under the key of something else"
    if key != record.case_id:
        return "a case under another's key"
    named = all(mark.event in EVENT_RULES for mark in record.marks) and all(answer.named for answer in record.answers)
    return None if named else "something happened to it that has no name here"


class TrackBook:
    """One partition's tracked cases with the heap of instants to look at. Implements hub.journal.Book."""

    def __init__(self) -> None:
        self._records: dict[str, TrackRecord] = {}
        self.instants = Agenda()
        """When some clock of a case has something to say."""
        self._endings = Agenda()
        self._overdue: set[str] = set()
        """Cases with a clock that has run out and not ended."""
        self.waiting: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str) -> TrackRecord | None:
        return self._records.get(key)

    def items(self) -> Iterable[tuple[str, TrackRecord]]:
        return self._records.items()

    def case(self, case_id: str) -> TrackedCase | None:
        found = self._records.get(case_id)
        return found if isinstance(found, TrackedCase) else None

    def put(self, key: str, value: TrackRecord | None) -> TrackRecord | None:
        if value is None:
            before = self._records.pop(key, None)
            self.instants.discard(key)
            self._endings.discard(key)
            self._overdue.discard(key)
            self.waiting.discard(key)
            return before
        before = self._records.get(key)
        self._records[key] = value
        if isinstance(value, TrackedCase):
            known = before if isinstance(before, TrackedCase) else None
            if known is None or known.clocks is not value.clocks:
                self._schedule(value)
            if known is None or value.over_ms != known.over_ms or value.clocks is not known.clocks:
                self._note_ending(value)
        elif isinstance(value, Waiting):
            self.waiting.add(key)
        return before

    def _note_ending(self, case: TrackedCase) -> None:
        settled_ms = case.settled_ms
        if settled_ms is None:
            self._endings.discard(case.case_id)
        else:
            self._endings.set(case.case_id, settled_ms)

    def _schedule(self, case: TrackedCase) -> None:
        following, overdue = None, False
        for clock in case.clocks:
            if clock.ended_ms is not None:
                continue
            instant = clock.waits_for_ms
            if instant is None:
                overdue = overdue or clock.breached
            elif following is None or instant < following:
                following = instant
        (self._overdue.add if overdue else self._overdue.discard)(case.case_id)
        if following is None:
            self.instants.discard(case.case_id)
        else:
            self.instants.set(case.case_id, following)

    def due_by(self, now_ms: Instant) -> Iterator[TrackedCase]:
        """Cases of which some clock may have passed an instant before now. The caller looks, and puts them back changed."""
        for case_id in self.instants.take(now_ms):
            case = self.case(case_id)
            if case is not None:
                yield case

    def overdue(self) -> Iterator[TrackedCase]:
        """Cases of which some clock has run out and not ended. May be asked from another thread while cases change."""
        found = map(self.case, list(self._overdue))
        return (case for case in found if case is not None)

    def over_before(self, limit_ms: Instant, at_most: int = 100) -> Iterator[str]:
        """Ids of cases that ended before `limit_ms`, as did all of their clocks, the oldest first. The caller forgets them."""
        return islice(self._endings.take(limit_ms), at_most)


TrackJournal = Journal[TrackBook]


class Stated(NamedTuple):
    """A version of a case as `route` tells it; `due_ms`: the source's own due time; `starts`: the clocks that run from the opening
    of such a case, as in a Version, or None if `route` did not decide on them yet."""

    at_ms: int
    category: str
    urgency: str
    area: str | None
    due_ms: int | None
    department: str
    co_handlers: tuple[str, ...]
    starts: tuple[tuple[str, str, int], ...] | None = None
    called: tuple[str, ...] = ()
    unit: str | None = None


class StatedHistory(NamedTuple):
    """All that the statements of a case say of its life, in order of time."""

    versions: tuple[Stated, ...]
    marks: tuple[HubEvent, ...]
