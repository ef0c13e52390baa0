"""Keeps the read model up with the topics, from a thread of its own: committed records only, in no group."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.clock import wall_ms
from hub.errors import FatalError, HubError, RetriableError
from hub.settings import Settings
from hub.stream.codec import Codec
from hub.stream.kafka import consumer_config, kafka_errors, missing, translated
from hub.stream.numbers import PartitionPlace
from hub.stream.unpacking import Steps, cannot_be_unpacked
from hub.topics import Topic
from hub.web.news import News
from hub.web.read.records import KafkaRecord, forget, put_records
from hub.web.read.sqlite import SqliteModel

log = logging.getLogger(__name__)
_AT_ONCE = 2000
_WAIT_SECONDS = 0.1
_ASK_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_FORGET_SECONDS = 3600.0


class TopicFeed:
    """Reads from the oldest record on. When it cannot go on the model is not ready any more, and `failed` says why.

    A topic whose partitions became more is read whole after the next start.
    """

    def __init__(
        self, settings: Settings, codec: Codec, model: SqliteModel, news: News, topics: Iterable[Topic]
    ) -> None:
        self._settings, self._codec, self._model, self._news = settings, codec, model, news
        self._topics = tuple(topics)
        self._names = [settings.topic(topic.name) for topic in self._topics]
        self._stop = threading.Event()
        self._waiting: set[PartitionPlace] = set()
        self.failed: HubError | sqlite3.Error | None = None
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
        except (HubError, sqlite3.Error) as error:
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
        while not self._stop.is_set():
            try:
                what()
            except RetriableError as error:
                log.warning("%s; trying again", error)
                self._stop.wait(_AGAIN_SECONDS)
            else:
                return

    def _begin(self, consumer: Consumer) -> None:
        with kafka_errors(f"asking {self._settings.bootstrap_servers} for its topics"):
            known = consumer.list_topics(timeout=_ASK_SECONDS).topics
        if lacking := [name for name in self._names if name not in known]:
            raise missing(lacking[0])
        places = [(name, number) for name in self._names for number in known[name].partitions]
        self._waiting = set(places)
        consumer.assign([TopicPartition(*place, 0) for place in places])

    def _follow(self, consumer: Consumer) -> None:
        steps, next_forget = Steps(self._settings, consumer), time.monotonic() + _FORGET_SECONDS
        while not self._stop.is_set():
            with kafka_errors("reading for the web"):
                messages = consumer.consume(_AT_ONCE, _WAIT_SECONDS)
            records = [self._stored(each) for each in messages if each.error() is None]
            if records:
                self._tried(partial(self._take, records))
            for message in messages:
                if message.error() is not None:
                    self._noted(message, steps)
            if time.monotonic() >= next_forget:
                forget(self._model, wall_ms(), self._topics)
                next_forget = time.monotonic() + _FORGET_SECONDS

    def _take(self, records: list[KafkaRecord]) -> None:
        self._news.tell(put_records(self._model, self._codec, records))

    def _stored(self, message: Message) -> KafkaRecord:
        name = message.topic()[len(self._settings.namespace) :]
        return KafkaRecord(name, message.partition(), message.offset(), message.timestamp()[1], message.value())

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
