"""The audit of topics in memory, by what audits those of a broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hub.audit import changelogs, reading
from hub.audit.checks.rebuilt import StateReport, judge_state
from hub.audit.report import AuditReport
from hub.audit.run import judge_tables
from hub.inspect.reading import OffsetSpan
from hub.settings import Settings
from hub.testing.memory.broker import CommittedRecord, MemoryBroker


class _Message:
    """A record as Kafka's client gives it."""

    def __init__(self, record: CommittedRecord) -> None:
        self._record = record

    def topic(self) -> str:
        return self._record.topic

    def partition(self) -> int:
        return self._record.partition

    def offset(self) -> int:
        return self._record.offset

    def key(self) -> bytes | None:
        return self._record.key

    def value(self) -> bytes | None:
        return self._record.value


def audited(
    broker: MemoryBroker, settings: Settings, sources: Sequence[str], departments: Sequence[str]
) -> tuple[AuditReport, StateReport]:
    """The account of all that was published, and whether the agents' state agrees with it."""
    inputs, table_of = reading.topics_of(sources, departments)
    gathering = reading.Gathering(settings, inputs, table_of)
    gathering.take(_messages(broker, [*inputs, *table_of]))
    unread = dict.fromkeys(broker.ends, 0)  # as a broker says it of a place from which a group has read nothing
    reached = {agent: unread | places for agent, places in broker.positions.items()}
    tables = gathering.tables({place: OffsetSpan(0, end) for place, end in broker.ends.items()}, reached)
    remembered = changelogs.ChangelogGathering(tables.identities, cut=0)
    for message in _messages(broker, changelogs.CHANGELOGS):
        remembered.take(message)
    return judge_tables(tables), judge_state(tables, remembered.changelogs(whole=True))


def _messages(broker: MemoryBroker, topics: Iterable[str]) -> list[Any]:
    return [_Message(record) for topic in topics for record in broker.records(topic)]
