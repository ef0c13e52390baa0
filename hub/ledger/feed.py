"""Keeps the ledger level with the topics: committed records only, in no group, from where the ledger says that it is."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub import metrics
from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.errors import FatalError, Reason, RetriableError
from hub.inspect.reading import OffsetSpan, spans
from hub.ledger.facts import Facts
from hub.ledger.reading import FactReader
from hub.ledger.store import FencedError, LedgerPositions, LedgerStore
from hub.sdk.access.databases import UnfitError
from hub.settings import Settings
from hub.stream.avro.readable import dated
from hub.stream.kafka.client import consumer_config, kafka_errors, translated
from hub.stream.kafka.extents import ids_on_broker
from hub.stream.kafka.known import on_broker
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import Standpoint, is_made_anew
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.letters.gaps import Gap
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.lag import left_records
from hub.topics import CASES, DEAD, DEADLINES, ERASURES, is_outward, source_of

log = logging.getLogger(__name__)
AT_ONCE = 5000
"""Records in one transaction at most."""
_WAIT_SECONDS = 0.2
_LOOK_SECONDS = 10.0
_STAND_SECONDS = 2.0
_FENCED_SECONDS = 5.0


def topics_in(names: Iterable[str]) -> list[str]:
    """Of these names, those that the ledger is made from."""
    own = {CASES.name, DEADLINES.name, DEAD.name, ERASURES.name}
    return sorted(name for name in names if name in own or is_outward(name) or _is_receipts(name))


def _is_receipts(name: str) -> bool:
    return name.startswith("dept.") and name.endswith(".receipts")


@dataclass(frozen=True)
class LedgerStanding:
    """How far the ledger has come. `seconds`: how old the oldest record is that it lacks, at most; 0 where it lacks none."""

    behind: int
    seconds: float
    records: int
    """Put into it by this run."""

    @property
    def is_level(self) -> bool:
        return self.behind == 0


class Feed:
    """One run of whoever keeps the ledger. After each failure it begins anew, from where the ledger is."""

    def __init__(
        self, settings: Settings, reader: FactReader, store: LedgerStore, stop: threading.Event,
        note: Callable[[LedgerStanding], None] = lambda standing: None,
    ) -> None:  # fmt: skip
        """`note` is called some times a second with how far it has come, while the database takes what is written."""
        self._settings, self._reader, self._store = settings, reader, store
        self._stop, self._note = stop, note
        self._backoff = Backoff(1.0, 30.0)
        self._records = 0

    def run(self, until: Mapping[PartitionPlace, int] | None = None) -> None:
        """Until asked to stop, or until it has come to these offsets. Raises FatalError where people have to act."""
        while not self._stop.is_set():
            try:
                if self._follow(until):
                    return
            except FencedError as error:
                log.warning("%s", error)
                self._stop.wait(_FENCED_SECONDS)
            except RetriableError as error:
                log.warning("%s; trying again", error)
                self._stop.wait(self._backoff.next_seconds())

    def _follow(self, until: Mapping[PartitionPlace, int] | None) -> bool:
        names = on_broker(self._settings, "ledger")
        positions, consumer = self._store.positions(), self._consumer()
        try:
            reading = _Reading(self._settings, consumer, positions, ids_on_broker(self._settings, "ledger"))
            next_look = next_stand = 0.0
            while not self._stop.is_set():
                if time.monotonic() >= next_look:
                    there = names()
                    self._pass_over(reading, reading.take_up({name: there[name] for name in topics_in(there)}))
                    next_look = time.monotonic() + _LOOK_SECONDS
                self._turn(reading)
                standing = reading.standing(self._records)
                if time.monotonic() >= next_stand:
                    self._store.stand("topics", wall_ms() if standing.is_level else reading.level_ms, standing.behind)
                    next_stand = time.monotonic() + _STAND_SECONDS
                self._note(standing)
                if until is not None and reading.has_come_to(until):
                    return True
            return False
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        group = f"{self._settings.namespace}ledger-{uuid.uuid4().hex}"
        return Consumer(
            consumer_config(self._settings, "ledger", group)
            | {"enable.partition.eof": True, "auto.offset.reset": "error"}
        )

    def _pass_over(self, reading: _Reading, gaps: Sequence[Gap]) -> None:
        """Go on behind what nobody can read any more, and keep in the ledger that it lacks that: once, whoever keeps it."""
        if not gaps:
            return
        places = [((gap.topic, gap.partition), gap.until) for gap in gaps]
        after = {place: reading.standpoint(place, until) for place, until in places}
        self._store.pass_over(reading.positions, after, sum(gap.records_at_most for gap in gaps), wall_ms())
        reading.positions.update(after)
        for gap in gaps:
            labels = ("ledger", source_of(gap.topic), str(gap.reason))
            metrics.GAPS.labels(*labels).inc()
            metrics.GAP_RECORDS.labels(*labels).inc(gap.records_at_most)
            log.error("%s: %s", gap.place, gap.detail)

    def _turn(self, reading: _Reading) -> None:
        records, after = reading.read()
        if not after:
            return
        try:
            self._write(reading, records, after)
        except UnfitError:
            self._write_each(reading, records)
            self._write(reading, (), after)
        self._records += len(records)
        self._backoff.reset()

    def _write(
        self, reading: _Reading, records: Sequence[KafkaRecord], after: Mapping[PartitionPlace, Standpoint]
    ) -> None:  # fmt: skip
        facts = self._reader.read(records) if records else Facts()
        if facts.foreign:
            log.warning("%d records that the hub did not write were left out", facts.foreign)
        self._store.write(facts, reading.positions, after, _newest(records))
        reading.positions.update(after)

    def _write_each(self, reading: _Reading, records: Iterable[KafkaRecord]) -> None:
        """One at a time, without those that the database does not take."""
        for record in records:
            place = (record.topic, record.partition)
            try:
                self._write(reading, [record], {place: reading.standpoint(place, record.offset + 1)})
            except UnfitError as error:
                where = f"{record.topic}[{record.partition}]@{record.offset}"
                log.error("%s is not in the ledger: the database does not take it (%s)", where, error)  # noqa: TRY400 - it says all


def _newest(records: Iterable[KafkaRecord]) -> Mapping[PartitionPlace, int]:
    return {(record.topic, record.partition): record.written_ms for record in records}


class _Reading:
    """A consumer, what it reads, and how far it is from the ends."""

    def __init__(
        self, settings: Settings, consumer: Consumer, positions: LedgerPositions,
        ids: Callable[[Collection[str]], Mapping[str, str]],
    ) -> None:  # fmt: skip
        """`ids` gives the ids of topics as they are now, those of which there are any."""
        self._settings, self._consumer, self.positions, self._ids = settings, consumer, positions, ids
        self._cut = len(settings.namespace)
        self._steps = Steps(settings, consumer)
        self._taken: set[PartitionPlace] = set()
        self._topics: Mapping[str, int] = {}
        self._logs: dict[str, str] = {}
        """The ids of the topics that are read."""
        self._eofs: dict[PartitionPlace, int] = {}
        self._written_ms = 0
        self.level_ms = 0
        """When it had read all there was, last; 0 if never."""

    def take_up(self, topics: Mapping[str, int]) -> list[Gap]:
        """Read these topics, with so many partitions each. Returns what was gone of them before it was read. Raises FatalError
        where one is another than that which the ledger has, or ends before what it has of it."""
        self._require_same(topics)
        if topics == self._topics:
            return []
        new = {place: span for place, span in spans(self._settings, topics).items() if place not in self._taken}
        starts = {place: self._start(place, span) for place, span in new.items()}
        with kafka_errors("reading for the ledger"):
            self._consumer.incremental_assign(
                [TopicPartition(self._settings.topic(topic), number, at) for (topic, number), at in starts.items()]
            )
        self._taken |= starts.keys()
        self._topics = topics
        known = [(place, span, self.positions[place].offset) for place, span in new.items() if place in self.positions]
        return [_gone(place, position, span) for place, span, position in known if position < span.begin]

    def _require_same(self, topics: Collection[str]) -> None:
        """XXX: before anything is read of them. Asked afterwards, the id could be of a topic that came since, and its offsets would
        pass for those of the former."""
        logs = self._ids(topics)
        for (topic, number), kept in sorted(self.positions.items()):
            if kept.offset and is_made_anew(kept.log or self._logs.get(topic, ""), logs.get(topic, "")):
                raise _made_anew(
                    f"{topic}[{number}] is another topic than the one that the ledger has to {kept.offset}"
                )
        self._logs |= logs

    def standpoint(self, place: PartitionPlace, offset: int) -> Standpoint:
        return Standpoint(offset, self._logs.get(place[0], ""))

    def has_come_to(self, ends: Mapping[PartitionPlace, int]) -> bool:
        return all(place in self.positions and self.positions[place].offset >= end for place, end in ends.items())

    def _start(self, place: PartitionPlace, span: OffsetSpan) -> int:
        position = self.positions[place].offset if place in self.positions else span.begin
        if position > span.end:
            raise _made_anew(f"{place[0]}[{place[1]}] ends at {span.end}, and the ledger has it to {position}")
        return max(position, span.begin)

    def read(self) -> tuple[list[KafkaRecord], dict[PartitionPlace, Standpoint]]:
        """What has come, in order of each partition, and how far that is."""
        with kafka_errors("reading for the ledger"):
            messages = self._consumer.consume(AT_ONCE, _WAIT_SECONDS)
        records: list[KafkaRecord] = []
        after: dict[PartitionPlace, int] = {}
        for message in messages:
            place = message.topic()[self._cut :], message.partition()
            if message.error() is not None:
                self._noted(place, message, after)
            else:
                records.append(KafkaRecord(*place, message.offset(), dated(message.timestamp()[1]), message.value()))
                after[place] = message.offset() + 1
        self._written_ms = max((record.written_ms for record in records), default=self._written_ms)
        moved = {place: self.standpoint(place, offset) for place, offset in after.items()}
        return records, {place: kept for place, kept in moved.items() if kept != self.positions.get(place)}

    def _noted(self, place: PartitionPlace, message: Message, after: dict[PartitionPlace, int]) -> None:
        error: KafkaError = message.error()
        if error.code() == KafkaError._PARTITION_EOF:
            self._eofs[place] = message.offset()
            after[place] = max(message.offset(), after.get(place, 0))
        elif cannot_be_unpacked(error):
            self._steps.over(message)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise RetriableError(f"{place[0]}[{place[1]}] has nothing where the ledger goes on; looking again")
        else:
            problem = translated(error, "reading for the ledger")
            if isinstance(problem, FatalError):
                raise problem
            log.warning("%s", problem)

    def standing(self, records: int) -> LedgerStanding:
        """By what the broker said last."""
        ends = {place: self.positions[place].offset if place in self.positions else 0 for place in self._taken}
        behind = sum(left_records(ends, self._highs(), self._eofs).values())
        if behind == 0:
            self.level_ms = wall_ms()
        seconds = 0.0 if behind == 0 else max(0, wall_ms() - (self._written_ms or wall_ms())) / 1000
        return LedgerStanding(behind, seconds, records)

    def _highs(self) -> dict[PartitionPlace, int]:
        highs = {}
        for topic, number in self._taken:
            place = TopicPartition(self._settings.topic(topic), number)
            highs[topic, number] = self._consumer.get_watermark_offsets(place, cached=True)[1]
        return highs


def _made_anew(what: str) -> FatalError:
    return FatalError(f"{what}: the topic was made anew or cut. Run `cityhub ledger rebuild`")


def _gone(place: PartitionPlace, position: int, span: OffsetSpan) -> Gap:
    detail = (
        f"at most {span.begin - position} records were deleted before the ledger had read them: it was away for longer than the "
        "topic's retention, or somebody deleted them"
    )
    return Gap(*place, Reason.GAP, position, span.begin, detail)
