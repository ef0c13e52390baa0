"""What the hub writes of cases: changes, orders, deadlines, closures, replies, receipts, erasures, homes; and a list of all."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from hub.model.admitted import (
    AdmittedEvent,
    AdmittedUpdate,
    DeadLetter,
    Origin,
    PlaceKey,
    PlaceLatitude,
    PlaceLongitude,
    Repeat,
)
from hub.model.base import (
    NO_CONTROLS,
    CaseId,
    Code,
    Counter,
    HubLine,
    HubText,
    Int,
    Long,
    Millis,
    Record,
    Reference,
    SourceMillis,
    SystemId,
    Text,
)
from hub.model.event import CaseEvent
from hub.model.personal import Personal
from hub.model.update import MAX_REPORT_CHARS, Update

MAX_PARTIES = 1_000
MAX_CLOCKS = 1_000
MAX_MARKS = 100_000
"""Of one case; who goes on for ever meets the size of a record first."""


class ChangeKind(StrEnum):
    """`Change` in the schema."""

    OPENED = "OPENED"
    LINKED = "LINKED"
    AMENDED = "AMENDED"
    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"
    REROUTED = "REROUTED"


class Link(Record):
    """Why a report was joined to a case: score 0 to 1, metres, seconds (negative: this report is the earlier)."""

    NAME: ClassVar[str] = "Link"

    score: float
    distance_m: float
    apart_seconds: float
    reasons: list[Annotated[Text, Personal.NONE]] = Field(max_length=MAX_PARTIES)


class VersionClock(Record):
    """A clock that runs from the opening of a case that is so. `policy`: the deadline row's id, or `source`."""

    NAME: ClassVar[str] = "VersionClock"

    clock: HubLine
    policy: HubLine
    due_at: Millis


class CaseVersion(Record):
    """What a case was from an instant on, and where the rules put it."""

    NAME: ClassVar[str] = "CaseVersion"

    at: SourceMillis
    category: Code
    urgency: Code
    area: Code | None = None
    due_at: SourceMillis | None = None
    department: SystemId
    co_handlers: list[SystemId] = Field(default_factory=list, max_length=MAX_PARTIES)
    called: list[SystemId] = Field(default_factory=list, max_length=MAX_PARTIES)
    unit: SystemId | None = None
    starts: list[VersionClock] = Field(default_factory=list, max_length=MAX_CLOCKS)


class MarkKind(StrEnum):
    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"
    REOPENED = "REOPENED"


class CaseMark(Record):
    """The sources of a case ended it, or opened it again."""

    NAME: ClassVar[str] = "CaseMark"

    event: MarkKind
    at: SourceMillis


class CaseHistory(Record):
    """All that the statements of a case say of its life, in order of time; the first version holds from its opening."""

    NAME: ClassVar[str] = "CaseHistory"

    versions: list[CaseVersion] = Field(default_factory=list, max_length=MAX_PARTIES)
    marks: list[CaseMark] = Field(default_factory=list, max_length=MAX_MARKS)


class HolderEntry(Record):
    """One line of the holder ledger (持有台账): who holds a case, from when."""

    NAME: ClassVar[str] = "HolderEntry"

    department: SystemId
    since: SourceMillis
    returned_by: SystemId | None = None


class CaseClock(Record):
    """A clock that runs on a case by the reports alone, whatever departments say later: decided once, for the order and for the
    clock that `track` runs."""

    NAME: ClassVar[str] = "CaseClock"

    clock: HubLine
    policy: HubLine
    started_at: Millis
    due_at: Millis
    warn_at: Millis
    warns: list[Long] = Field(default_factory=list, max_length=MAX_PARTIES)
    provisional: bool = False
    by_event: bool = False
    duration: float = 0.0
    unit: HubLine = ""
    calendar: HubLine = ""
    rules: HubLine = ""


class CaseChange(Record):
    """One step in the life of a case."""

    NAME: ClassVar[str] = "CaseChange"

    case_id: CaseId
    change: ChangeKind
    at: SourceMillis
    origin: Origin | None = None
    source: SystemId
    source_ref: Reference
    revision: Counter
    lead_source: SystemId
    lead_ref: Reference
    category: Code
    urgency: Code
    channel: Code
    place_key: PlaceKey
    area: Code | None = None
    lat: PlaceLatitude | None = None
    lon: PlaceLongitude | None = None
    department: SystemId
    rule: HubLine
    desk_reason: Annotated[Text | None, Personal.WORDS] = None
    queue: HubLine | None = None
    co_handlers: list[SystemId] = Field(default_factory=list, max_length=MAX_PARTIES)
    called: list[SystemId] = Field(default_factory=list, max_length=MAX_PARTIES)
    priority: Int | None = None
    conditions: list[HubLine] = Field(default_factory=list, max_length=MAX_PARTIES)
    opened_at: SourceMillis
    due_at: SourceMillis | None = None
    reports: Counter
    ends: bool = False
    over: bool = False
    reopens: bool = False
    unlinks: bool = False
    link: Link | None = None
    history: CaseHistory | None = None
    held: list[HolderEntry] = Field(default_factory=list, max_length=MAX_MARKS)
    unit: SystemId | None = None
    moves: Counter = 0
    rules: HubLine = ""
    clocks: list[CaseClock] = Field(default_factory=list, max_length=MAX_CLOCKS)


class OrderKind(StrEnum):
    ASSIGN = "ASSIGN"
    AMEND = "AMEND"
    LINK = "LINK"
    WITHDRAW = "WITHDRAW"
    REMIND = "REMIND"


class DueTime(Record):
    """One clock of a case: accept, respond or resolve."""

    NAME: ClassVar[str] = "DueTime"

    clock: HubText
    policy: HubText
    due_at: Millis


class Order(Record):
    """What a department is asked to do."""

    NAME: ClassVar[str] = "Order"

    order_id: HubText
    kind: OrderKind
    case_id: HubText
    department: HubText
    issued_at: Millis
    area: HubText | None = None
    rule: HubText
    reason: Annotated[str | None, Personal.WORDS] = None
    queue: HubText | None = None
    lead: HubText | None = None
    priority: Int | None = None
    deadlines: list[DueTime] = Field(default_factory=list)
    unit: HubText | None = None
    called: bool = False
    joined: list[HubText] = Field(default_factory=list)
    event: CaseEvent | None = None


class DeadlineKind(StrEnum):
    WARNED = "WARNED"
    BREACHED = "BREACHED"
    MET = "MET"
    ENDED_LATE = "ENDED_LATE"
    CANCELLED = "CANCELLED"


class DeadlineEvent(Record):
    """A clock of a case: warned, breached, met. `at` is the true instant, `noticed_at` when the hub saw it."""

    NAME: ClassVar[str] = "DeadlineEvent"

    case_id: HubText
    clock: HubText
    kind: DeadlineKind
    department: HubText
    category: HubText
    policy: HubText
    started_at: Millis
    due_at: Millis
    at: Millis
    noticed_at: Millis
    corrects: bool = False
    duration: float = 0.0
    unit: HubText = ""
    calendar: HubText = ""
    stretches: list[Long] = Field(default_factory=list)
    pauses: list[Long] = Field(default_factory=list)
    extensions: list[Long] = Field(default_factory=list)
    extension: float = 0.0
    extension_unit: HubText = ""
    provisional: bool = False
    said_at: Millis | None = None
    rules: HubText = ""


class Outcome(StrEnum):
    RESOLVED = "RESOLVED"
    REFUSED = "REFUSED"


class ClosureStep(StrEnum):
    AS_OUTCOME = "AS_OUTCOME"
    TRANSFERRED = "TRANSFERRED"
    DESIGNATED = "DESIGNATED"
    WHISTLED = "WHISTLED"
    REOPENED = "REOPENED"
    UNLINKED = "UNLINKED"
    HELD = "HELD"


class Closure(Record):
    """A case is over, comes back, or is left by a report, at its place."""

    NAME: ClassVar[str] = "Closure"

    case_id: CaseId
    place_key: PlaceKey
    outcome: Outcome
    department: SystemId
    at: SourceMillis
    step: ClosureStep = ClosureStep.AS_OUTCOME
    to: SystemId | None = None
    members: list[SystemId] = Field(default_factory=list, max_length=MAX_PARTIES)
    reason: Annotated[Text | None, Personal.WORDS] = None
    report: Annotated[str, Field(max_length=MAX_REPORT_CHARS), NO_CONTROLS, Personal.REFERENCE] | None = None
    by_hand: bool = False
    held: list[HolderEntry] = Field(default_factory=list, max_length=MAX_MARKS)
    until: SourceMillis | None = None


class Reply(Record):
    """An answer to a source about one of its references."""

    NAME: ClassVar[str] = "Reply"

    reply_id: HubText
    source: HubText
    source_ref: Annotated[str, Personal.REFERENCE]
    case_id: HubText
    department: HubText
    status: HubText
    at: Millis
    text: Annotated[str, Personal.WORDS] = ""
    outcome: HubText | None = None


WAITING = "waiting"
"""A receipt's outcome that is not the last word."""
CLOCKS_BETWEEN = ", "
"""What stands between the clocks that a receipt names."""


class Receipt(Record):
    """What became of one update, for the department by whose topic it came: one for each record of that topic, and one more before
    that, WAITING, of an update that cannot be decided yet.

    `outcome` is `accepted`, `repeat`, or the reason for which the update was set aside, with the way out in `detail`. Of an
    accepted word about an extension 延期, `detail` is the clock that it is about; of one that pauses 中止 or resumes, those that it
    pauses or lets go on, CLOCKS_BETWEEN them. What could not be read of the update is empty or 0; `origin`, its own place, is
    always there.
    """

    NAME: ClassVar[str] = "Receipt"

    origin: Origin
    outcome: HubText
    department: HubText
    case_id: HubText
    update_id: Annotated[str, Personal.REFERENCE]
    revision: Int
    said: HubText
    at: Millis
    counts_from: Millis | None = None
    detail: HubText = ""
    said_outcome: HubText | None = None
    said_until: Millis | None = None


class Erasure(Record):
    """What a report says is no longer to be kept. `reason`: of who asked the hub for it, never the words themselves."""

    NAME: ClassVar[str] = "Erasure"

    source: SystemId
    source_ref: Reference
    at: SourceMillis
    by: HubLine
    reason: HubLine


class Home(Record):
    """Where the case of a report is, said again while it is remembered: its source may say more at any time, without a place."""

    NAME: ClassVar[str] = "Home"

    source: SystemId
    source_ref: Reference
    place_key: PlaceKey
    at: SourceMillis


RECORDS: tuple[type[Record], ...] = (
    CaseEvent, AdmittedEvent, Update, AdmittedUpdate, CaseChange, Order, DeadlineEvent, Closure, Repeat, Reply, Receipt, DeadLetter,
    Erasure, Home,
)  # fmt: skip
"""Every record that is a subject of its own."""
