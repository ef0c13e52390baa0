"""The seam between the web and where it reads: what a read model answers.

It is the ledger, projected by each process for itself, and beside it the words that are handed on (`hub.web.read.sqlite`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hub.web.read.cursor import PageCursor


class DepartmentRecord(NamedTuple):
    """An order or receipt as it stands in its topic: `body` is the record in JSON, times in ms. `cursor`: how far one has come
    with it."""

    cursor: PageCursor
    body: str


class CaseState(NamedTuple):
    """A case as the hub last said. Times in ms since 1970 UTC."""

    case_id: str
    category: str
    urgency: str
    area: str | None
    department: str
    opened_ms: int
    changed_ms: int
    reports: int
    written_ms: int
    """When the hub said so; `changed_ms` is when it happened."""
    is_over: bool
    unit: str | None = None
    """Who below the department has it."""


class ShownClock(NamedTuple):
    """A clock of a case. `state`: running, warned, breached, met, ended_late, cancelled."""

    clock: str
    due_ms: int
    state: str


class SourceReply(NamedTuple):
    """What a source was told about one of its references. `text` goes to everyone who reported."""

    reply_id: str
    source: str
    ref: str
    department: str
    status: str
    at_ms: int
    text: str
    written_ms: int
    """When the hub said so; `at_ms` is when it happened."""


class OwnStatement(NamedTuple):
    """What the web's own source has said of a reference first. `body`: the event in JSON. `first_ms`: when it was reported;
    `changed_ms`: when the last was said of it."""

    ref: str
    first_ms: int
    changed_ms: int
    body: str


class StatementQuery(NamedTuple):
    """Which statements: all that is given must hold; `refs` alone, where they are given. Times in ms, both ends included."""

    refs: Sequence[str] = ()
    categories: Sequence[str] = ()
    from_ms: int | None = None
    until_ms: int | None = None
    changed_from_ms: int | None = None
    changed_until_ms: int | None = None
    is_over: bool | None = None
    box: tuple[float, float, float, float] | None = None
    """West, south, east, north, in degrees."""


class ReadModel(Protocol):
    """Asked by any thread. An answer is of some moment: what Kafka has reaches it within seconds."""

    @property
    def is_ready(self) -> bool:
        """True once it has read all that the topics held when it began. Before that its answers are not to be given."""
        ...

    def newest_records(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord] | None:
        """The same as `department_records`, at once and without I/O; None where it is not at hand."""
        ...

    def department_records(self, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord]:
        """What a topic of orders or receipts has after a cursor, the oldest first, at most so many, and not more than some MB."""
        ...

    def end(self, topic: str) -> PageCursor:
        """The cursor after all that the model knows of a topic."""
        ...

    def topic_id(self, topic: str) -> str:
        """Of a topic that is read; empty where Kafka gives none. One that is deleted and made anew has another."""
        ...

    def open_cases(self, department: str, after: str, limit: int, units: Sequence[str] = ()) -> list[CaseState]:
        """Cases that a department holds or helps with and that are not over, in order of their ids, which come after `after`.
        `units`: only what one of these units of it has."""
        ...

    def case(self, case_id: str) -> CaseState | None: ...

    def case_of(self, source: str, ref: str) -> CaseState | None:
        """The case that a report belongs to now."""
        ...

    def reported_ms(self, source: str, ref: str) -> int | None:
        """When a report was made, whatever case it belongs to now; None of one that is not known."""
        ...

    def clocks(self, case_id: str) -> list[ShownClock]: ...

    def answers(self, source: str, ref: str) -> list[SourceReply]:
        """What its source was told of a report, the oldest first."""
        ...

    def answers_between(self, source: str, from_ms: int, until_ms: int, limit: int) -> list[SourceReply]:
        """What the hub said to a source within a time, the oldest first."""
        ...

    def statements(self, query: StatementQuery, offset: int, limit: int) -> list[OwnStatement]:
        """Of the web's own source, the newest first."""
        ...
