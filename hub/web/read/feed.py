"""Keeps the read model up with the topics, from a thread of its own: committed records only, in no group."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.errors import FatalError, HubError, RetriableError
from hub.ledger.reading import FactReader
from hub.sdk.access.databases import UnfitError
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.readable import dated
from hub.stream.kafka.client import consumer_config, kafka_errors, missing, translated
from hub.stream.kafka.extents import ids_on_broker
from hub.stream.kafka.known import names_in
from hub.stream.kafka.record import KafkaRecord
from hub.stream.kafka.standpoint import is_made_anew
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.numbers import PartitionPlace
from hub.topics import Topic
from hub.web.news import News
from hub.web.read.records import forget, put_facts, put_words
from hub.web.read.sqlite import SqliteModel

log = logging.getLogger(__name__)
_AT_ONCE = 2000
_PIECE = 500
"""Records that the ledger's rows are made of at once while others wait: a few hundredths of a second."""
_MOST_LATER = 20_000
_WAIT_SECONDS = 0.1
_ASK_SECONDS = 10.0
_LOOK_SECONDS, _LOOK_PATIENCE_SECONDS = 5.0, 1.0
"""How often it looks for new topics, and how long it waits for the broker to name them: a stop waits as long."""
_AGAIN_SECONDS = 1.0
_MOST_SECONDS = 5.0
_FORGET_SECONDS = 3600.0


class TopicFeed:
    """Reads from the oldest record on. When it cannot go on the model is not ready any more, and `failed` says why.

    Topics and partitions that come while it runs are read from their beginning, within seconds of their coming.
    """

    def __init__(
        self, settings: Settings, codec: Codec, facts: FactReader, model: SqliteModel, news: News,
        wanted: Callable[[Collection[str]], Iterable[Topic]],
    ) -> None:  # fmt: skip
        """`wanted` says of the topics that there are, by names without the namespace, which are read."""
        self._settings, self._codec, self._facts, self._model = settings, codec, facts, model
        self._news, self._wanted = news, wanted
        self._topics: Sequence[Topic] = ()
        self._stop = threading.Event()
        self._ids = ids_on_broker(settings, "web.topics", _ASK_SECONDS)
        self._read_places: set[PartitionPlace] = set()
        self._waiting: set[PartitionPlace] = set()
        self._later: list[KafkaRecord] = []
        """Read and told, and not in the ledger's rows yet."""
        self.failed: HubError | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._read()
        except HubError as error:
            log.error("the read model cannot be kept up: %s", error)  # noqa: TRY400 - it says all
            self.failed, self._model.is_ready = error, False

    def _read(self) -> None:
        group = f"{self._settings.namespace}web-{uuid.uuid4().hex}"
        consumer = Consumer(consumer_config(self._settings, "web", group) | {"enable.partition.eof": True})
        try:
            self._tried(lambda: self._begin(consumer))
            self._follow(consumer)
        finally:
            consumer.close()

    def _tried(self, what: Callable[[], None]) -> None:
        """As long as Kafka, or the registry, may come back."""
        backoff = Backoff(_AGAIN_SECONDS, _MOST_SECONDS)
        while not self._stop.is_set():
            try:
                what()
            except RetriableError as error:
                log.warning("%s; trying again", error)
                self._stop.wait(backoff.next_seconds())
            else:
                return

    def _begin(self, consumer: Consumer) -> None:
        """Raises FatalError if a topic that the hub has from its first day is not there."""
        there = self._there(consumer, _ASK_SECONDS)
        names = self._names(there)
        if lacking := [name for name in names if name not in there]:
            raise missing(lacking[0])
        self._take_up(consumer, names, there)

    def _look(self, consumer: Consumer) -> None:
        """For what has come. What is wanted and not there yet is taken up when it is."""
        try:
            there = self._there(consumer, _LOOK_PATIENCE_SECONDS)
            self._take_up(consumer, [name for name in self._names(there) if name in there], there)
        except RetriableError as error:
            log.warning("whether there are new topics cannot be told: %s", error)

    def _there(self, consumer: Consumer, patience_seconds: float) -> dict[str, list[int]]:
        """The numbers of the partitions of every topic that the broker shows."""
        with kafka_errors(f"asking {self._settings.bootstrap_servers} for its topics"):
            found = consumer.list_topics(timeout=patience_seconds).topics
        return {name: list(topic.partitions) for name, topic in found.items() if topic.error is None}

    def _names(self, there: Iterable[str]) -> list[str]:
        """On the broker, of what is to be read."""
        self._topics = tuple(self._wanted(names_in(self._settings.namespace, there)))
        return [self._settings.topic(topic.name) for topic in self._topics]

    def _take_up(self, consumer: Consumer, names: Sequence[str], there: Mapping[str, Sequence[int]]) -> None:
        """Raises FatalError where a topic is another than the one that was read: what was read of that cannot be taken back."""
        for topic, log_ in self._ids([name.removeprefix(self._settings.namespace) for name in names]).items():
            if is_made_anew(self._model.topic_ids.setdefault(topic, log_), log_):
                raise FatalError(
                    f"{topic} was deleted and made anew; start this process again, it reads from the beginning"
                )
        places = {(name, number) for name in names for number in there[name]} - self._read_places
        if not places:
            return
        if not self._read_places:
            self._waiting = set(places)
        self._read_places |= places
        consumer.incremental_assign([TopicPartition(*place, 0) for place in sorted(places)])

    def _follow(self, consumer: Consumer) -> None:
        steps, next_forget = Steps(self._settings, consumer), time.monotonic() + _FORGET_SECONDS
        next_look = time.monotonic() + _LOOK_SECONDS
        while not self._stop.is_set():
            with kafka_errors("reading for the web"):
                messages = consumer.consume(_AT_ONCE, 0.0 if self._later else _WAIT_SECONDS)
            self._take([self._stored(each) for each in messages if each.error() is None])
            for message in messages:
                if message.error() is not None:
                    self._noted(message, steps)
            if time.monotonic() >= next_look:
                self._look(consumer)
                next_look = time.monotonic() + _LOOK_SECONDS
            if time.monotonic() >= next_forget:
                forget(self._model, wall_ms(), self._topics)
                next_forget = time.monotonic() + _FORGET_SECONDS

    def _take(self, records: list[KafkaRecord]) -> None:
        """What these say is told at once. What the ledger makes of them comes piece by piece, so that the next to come waits for a
        piece at most; until the model is ready, and where too much of it has piled up, all comes first."""
        if records:
            self._tried(partial(self._put, self._put_words, records))
            self._later += records
        while self._later and not self._stop.is_set():
            piece = self._later[: _PIECE if self._model.is_ready else None]
            self._tried(partial(self._put, self._put_facts, piece))
            del self._later[: len(piece)]
            if self._model.is_ready and len(self._later) <= _MOST_LATER:
                return

    def _put_words(self, records: Sequence[KafkaRecord]) -> None:
        self._news.tell(put_words(self._model, self._codec, records))

    def _put_facts(self, records: Sequence[KafkaRecord]) -> None:
        put_facts(self._model, self._facts, records)

    def _put(self, put: Callable[[Sequence[KafkaRecord]], None], records: Sequence[KafkaRecord]) -> None:
        try:
            put(records)
        except UnfitError:
            for record in records:
                self._put_alone(put, record)

    def _put_alone(self, put: Callable[[Sequence[KafkaRecord]], None], record: KafkaRecord) -> None:
        try:
            put([record])
        except UnfitError as error:
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            log.error("%s is not in the read model: the database does not take it (%s)", place, error)  # noqa: TRY400 - it says all

    def _stored(self, message: Message) -> KafkaRecord:
        name = message.topic()[len(self._settings.namespace) :]
        return KafkaRecord(name, message.partition(), message.offset(), dated(message.timestamp()[1]), message.value())

    def _noted(self, message: Message, steps: Steps) -> None:
        error: KafkaError = message.error()
        if error.code() == KafkaError._PARTITION_EOF:
            self._waiting.discard((message.topic(), message.partition()))
            if not self._waiting:
                self._model.is_ready = True
        elif cannot_be_unpacked(error):
            steps.over(message)
        else:
            problem = translated(error, "reading for the web")
            if isinstance(problem, FatalError):
                raise problem
            log.warning("%s", problem)
