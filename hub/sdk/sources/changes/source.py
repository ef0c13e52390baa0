"""The source of change events: topics of Debezium, read from where it was left, partition by partition."""

from __future__ import annotations

import time
from typing import Any, ClassVar, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import Field, ValidationError

from hub.errors import HubError, Reason, RejectedRecordError
from hub.metrics import GAPS
from hub.sdk.contract import Batch, Context, Item, KeptPosition, Position, Source
from hub.sdk.errors import AuthError, ConfigurationError, PositionLostError, TransientError
from hub.sdk.sources.bodies import require_text
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.decoding import AvroDecoder, DecodedChange, from_json
from hub.sdk.sources.changes.envelope import NoChange, RowChange, change_of
from hub.sdk.sources.changes.registry import RegistryClient
from hub.stream.kafka.client import LITTLE_AT_A_TIME
from hub.stream.kafka.extents import ids_of
from hub.stream.kafka.standpoint import is_made_anew

LOOK_AGAIN_SECONDS = 60.0
"""So often it is looked whether a topic has more partitions, or is another."""
_IDS_SECONDS = 5.0
"""Who does not tell the ids of topics by then is read without."""
_REFUSED = {
    KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}  # fmt: skip
_Partition = tuple[str, int]


class Offsets(KeptPosition):
    """The position: by topic and partition, the offset of the next record; `ids` of these topics, where their Kafka gives any."""

    next: dict[str, dict[int, int]] = Field(min_length=1)
    ids: dict[str, str] = Field({})


class ChangesSource(Source):
    """Offsets are a position of the edge's own and move when the hub's Kafka has what they cover; nothing is committed to the Kafka
    that is read, and no group is joined there. Only committed records are read. A topic that was deleted and made anew is read from
    its beginning.

    Tombstones, heartbeats and borders of transactions are stepped over. A changed table is said; one that lacks a column which the
    mapping reads stops the edge.
    """

    Config: ClassVar[type[ChangesConfig]] = ChangesConfig
    version = 1
    adds = ("change.",)

    def __init__(self, config: ChangesConfig, context: Context) -> None:
        super().__init__(config, context)
        self._consumer: Consumer | None = None
        self._registry: RegistryClient | None = None
        self._avro: AvroDecoder | None = None
        self._next: dict[_Partition, int] = {}
        self._ids: dict[str, str] = {}
        """Of the topics that are read."""
        self._has_other_ids = False
        """True until a position was given that has them."""
        self._at_end: set[_Partition] = set()
        self._sound: set[frozenset[str]] = set()
        self._refused: str | None = None
        self._looked_at = 0.0

    @property
    def system(self) -> str:
        return f"kafka://{self.config.bootstrap_servers}/{','.join(sorted(self.config.topics))}"

    def check(self) -> str:
        self.connect(None)
        try:
            count = sum(self._ends(each)[1] - at for each, at in self._next.items())
            return f"{', '.join(self.config.topics)} in {len(self._next)} partitions, about {count:,} records"
        finally:
            self.close()

    def connect(self, position: Position | None) -> None:
        try:
            kept = Offsets.model_validate(position) if position is not None else None
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of change events") from error
        self.close()
        self._open()
        try:
            partitions = self._partitions()
            # before any offset is asked for: an id that is asked for afterwards could be of a topic that came since
            self._ids = ({} if kept is None else kept.ids) | self._ids_now()
            self._has_other_ids = kept is not None and kept.ids != self._ids
            offsets = {} if kept is None else self._of_these(kept)
            self._next = {each: self._start(each, offsets.get(each[0], {}).get(each[1])) for each in partitions}
            self._opened.assign([TopicPartition(topic, number, at) for (topic, number), at in self._next.items()])
        except BaseException:
            self.close()
            raise

    def read(self, timeout_seconds: float) -> Batch:
        self._require_same()
        after, items = dict(self._next), []
        for message in self._messages(timeout_seconds):
            if (fault := message.error()) is not None:
                self._hear(fault, message)
                continue
            if (item := self._item(message)) is not None:
                items.append(item)
            after[_partition(message)] = int(message.offset() or 0) + 1
        moved = self._has_other_ids or after != self._next
        self._next, self._has_other_ids = after, False
        last = self.config.once and self._at_end >= set(after)
        return Batch(items, self._position() if moved else None, last)

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        if self._registry is not None:
            self._registry.close()
            self._registry = None
        self._at_end = set()

    def position_at(self, at_ms: int) -> Position | None:
        self.connect(None)
        try:
            asked = [TopicPartition(topic, number, at_ms) for topic, number in self._next]
            for found in self._opened.offsets_for_times(asked, self.config.timeout_seconds):
                each = (found.topic, found.partition)
                self._next[each] = found.offset if found.offset >= 0 else self._ends(each)[1]
            return self._position()
        except KafkaException as error:
            self._raise(error.args[0])
        finally:
            self.close()

    def _messages(self, timeout_seconds: float) -> list[Message]:
        """The first to come, and those that are here with it."""
        first = self._opened.poll(timeout_seconds)
        if first is None:
            return []
        others = self.context.batch_items - 1
        return [first, *(self._opened.consume(others, 0) if others else ())]

    # -- one record ----------------------------------------------------------------------------------------------------------

    def _item(self, message: Message) -> Item | None:
        """None for what says nothing of a row."""
        raw = message.value()
        if raw is None:
            return None  # a tombstone: the delete was before it
        of, number = f"topic {message.topic()} partition {message.partition()}", message.offset() + 1
        try:
            decoded = self._decoded(raw)
            change = None if decoded.envelope is None else change_of(decoded.envelope, decoded.types)
            if isinstance(change, RowChange):
                require_text(change.values)
        except RejectedRecordError as fault:
            return Item(None, of, number, raw, fault=fault, unit="record")
        if change is NoChange.SCHEMA:
            self.context.say(
                f"{message.topic()} says that a table was made or changed; see that the mapping still fits"
            )
        if not isinstance(change, RowChange):
            return None
        self._require_columns(change, str(message.topic()))
        return Item(change.values, of, number, unit="record")

    def _decoded(self, raw: bytes) -> DecodedChange:
        return from_json(raw) if self._avro is None else self._avro.decode(raw)

    def _require_columns(self, row: RowChange, topic: str) -> None:
        """Raises ConfigurationError if the table lost a column that the mapping reads. A delete need not have all columns."""
        if row.op == "delete" or row.columns in self._sound:
            return
        mapping = self.context.mapping(None)
        read = mapping.file_columns() if mapping else set()
        missing = sorted(each for each in read if each not in row.values and each.partition(".")[0] not in row.columns)
        if missing:
            raise ConfigurationError(
                f"{topic}: the table has no column {', '.join(missing)} any more, and the mapping reads it; it has "
                f"{', '.join(sorted(row.columns))}. Mend the mapping, or list it under optional_columns"
            )
        if self._sound:
            self.context.say(f"{topic}: the table has other columns than before; the mapping still fits")
        self._sound.add(row.columns)

    def _position(self) -> Position:
        found: dict[str, dict[str, int]] = {}
        for (topic, number), at in sorted(self._next.items()):
            found.setdefault(topic, {})[str(number)] = at
        return {"next": found, "ids": self._ids} if self._ids else {"next": found}

    # -- Kafka ---------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        config, self._refused = self.config, None
        if config.registry is not None:
            self._registry = RegistryClient(config.registry, config.timeout_seconds)
            self._avro = self._avro or AvroDecoder(self._schema_text)
        self._consumer = Consumer(
            config.client()
            | LITTLE_AT_A_TIME
            | {
                "group.id": f"cityhub.{self.context.domain}",  # the library wants one; nothing is said under it
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "log_level": 2,
                "error_cb": self._complain,
            }
        )

    def _schema_text(self, number: int) -> str:
        assert self._registry is not None, "it is there while something is read"
        return self._registry.text_of(number)

    def _complain(self, error: KafkaError) -> None:
        if error.code() in _REFUSED:
            self._refused = error.str()

    @property
    def _opened(self) -> Consumer:
        if self._consumer is None:
            raise ConfigurationError(f"{self.context.domain}: read before connect")
        return self._consumer

    def _partitions(self) -> list[_Partition]:
        """Raises ConfigurationError for a topic that is not there."""
        self._looked_at = time.monotonic()
        found: list[_Partition] = []
        for topic in self.config.topics:
            try:
                there = self._opened.list_topics(topic, self.config.timeout_seconds).topics[topic]
            except KafkaException as error:
                self._raise(error.args[0])
            if there.error is not None:
                self._raise(there.error)
            found += [(topic, number) for number in sorted(there.partitions)]
        return found

    def _require_same(self) -> None:
        """Raises TransientError if there are more partitions, or a topic is another by now: connecting takes that up."""
        if time.monotonic() - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        if set(self._partitions()) - set(self._next):
            raise TransientError("a topic has more partitions than before", wait_seconds=0)
        now = self._ids_now()
        if any(is_made_anew(log, now.get(topic, "")) for topic, log in self._ids.items()):
            raise TransientError("a topic was deleted and made anew", wait_seconds=0)
        self._ids = now | self._ids

    def _ids_now(self) -> dict[str, str]:
        """Those of the topics that have one. An older Kafka gives none, and who may only read may not be told."""
        try:
            patience = min(_IDS_SECONDS, self.config.timeout_seconds)
            found = ids_of(AdminClient(self.config.client()), self.config.topics, patience)
        except HubError:
            return {}  # what is amiss with that Kafka is said by whoever asks next
        return {topic: log for topic, log in found.items() if log}

    def _of_these(self, kept: Offsets) -> dict[str, dict[int, int]]:
        """The offsets of topics that are still the same. Of another nothing was read: it is begun, and that is said."""
        anew = {topic for topic, log in kept.ids.items() if is_made_anew(log, self._ids.get(topic, ""))}
        for topic in sorted(anew & kept.next.keys()):
            if any(kept.next[topic].values()):
                GAPS.labels(f"connector:{self.context.domain}", self.context.domain, Reason.MOVED_BACK).inc()
                self.context.say(
                    f"{topic} was deleted and made anew 主题重建: it is read from its beginning. What else the former had is lost; "
                    "take a new snapshot of the table, if it was changed in between"
                )
        return {topic: offsets for topic, offsets in kept.next.items() if topic not in anew}

    def _start(self, partition: _Partition, stored: int | None) -> int:
        """Raises PositionLostError if what comes next is not there any more."""
        first, end = self._ends(partition)
        if stored is None:
            return first
        if not first <= stored <= end:
            what = (
                "was deleted before it was read" if stored < first else "is not there: the topic was cut, or made anew"
            )
            raise PositionLostError(
                f"topic {partition[0]} partition {partition[1]}: what comes next {what}. Take a new snapshot of the table, and "
                "set a position with `cityhub connector reset NAME --to start|now|TIME`"
            )
        return stored

    def _ends(self, partition: _Partition) -> tuple[int, int]:
        try:
            found: tuple[int, int] = self._opened.get_watermark_offsets(
                TopicPartition(*partition), self.config.timeout_seconds
            )
        except KafkaException as error:
            self._raise(error.args[0])
        return found

    def _hear(self, error: KafkaError, message: Message) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add(_partition(message))
        else:
            self._raise(error)

    def _raise(self, error: KafkaError) -> NoReturn:
        where = f"Kafka at {self.config.bootstrap_servers}"
        said: Any = self._refused or error.str()
        if error.code() in _REFUSED or self._refused is not None:
            raise AuthError(f"{where} refuses ({said}); look at login and tls, and have reading of the topics granted")
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
            raise ConfigurationError(f"{where} has no such topic among {', '.join(self.config.topics)}")
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise PositionLostError(
                f"{where}: records were deleted before they were read. Take a new snapshot of the table, and set a position with "
                "`cityhub connector reset NAME --to start|now|TIME`"
            )
        raise TransientError(f"{where} does not answer ({error.name()})")


def _partition(message: Message) -> _Partition:
    return str(message.topic()), int(message.partition() or 0)
