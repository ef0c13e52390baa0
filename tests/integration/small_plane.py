"""A data plane of one topic in, one out and one to remember by, with the simplest state there is. No tests of its own."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from hub.errors import RetriableError
from hub.inspect.reading import committed_offsets, read_messages, spans
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.changelog.checkpoints import read_checkpoint
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import SessionLostError, consumer_config, producer_config
from hub.stream.outlet import Outlet, Transaction
from hub.stream.publication import Publication
from hub.stream.reading.reads import Reads
from hub.stream.session import Session
from hub.topics import DEAD, SOURCES, Topic
from tests.waiting import PATIENCE_SECONDS as PATIENCE_SECONDS
from tests.waiting import wait_for

AGENT, PARTITIONS = "counter", 3
IN, OUT = (Topic(name, "key", None) for name in ("plane.in", "plane.out"))
MEMORY = Topic("plane.memory", "key", None, {"cleanup.policy": "compact"})


class Count(msgspec.Struct, frozen=True):
    n: int


class CountBook:
    """The simplest book there is."""

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {}

    def __len__(self) -> int:
        return len(self.counts)

    def get(self, key: str) -> Count | None:
        return self.counts.get(key)

    def put(self, key: str, value: Count | None) -> Count | None:
        before = self.counts.get(key)
        if value is None:
            self.counts.pop(key, None)
        else:
            self.counts[key] = value
        return before


def new_state() -> JournaledState[CountBook]:
    return JournaledState(MEMORY, Count, lambda _: CountBook())


def held_in(state: JournaledState[CountBook]) -> dict[int, dict[str, int]]:
    return {p: {key: count.n for key, count in state[p].counts.items()} for p in state.partitions()}


class BareApp:
    """As much of a Faust app as an inlet asks for."""

    def channel(self, *, maxsize: int) -> asyncio.Queue[Chunk]:
        return asyncio.Queue(maxsize)


class Plane:
    """Topics of one test, and what is in them."""

    def __init__(self, settings: Settings, *more: Topic) -> None:
        self.settings = settings
        self._reads = [topic.name for topic in (IN, *more)]
        ensure_topics(settings, topics := [IN, *more, OUT, MEMORY, DEAD, SOURCES])
        spans(settings, [topic.name for topic in topics])  # waits until every partition has its leader

    def feed(self, *values: bytes, partition: int = 0) -> None:
        producer = Producer(producer_config(self.settings, "feed"))
        for value in values:
            producer.produce(self.settings.topic(IN.name), value, b"k", partition)
        assert producer.flush(PATIENCE_SECONDS) == 0

    def committed(self, topic: Topic) -> list[tuple[int, bytes | None, bytes | None]]:
        """Partition, key and value of what a reader of committed records sees, without the checkpoints."""
        there = spans(self.settings, [topic.name])
        found = [m for batch in read_messages(self.settings, there) for m in batch if not _is_checkpoint(m)]
        return [(m.partition(), m.key(), m.value()) for m in sorted(found, key=lambda m: (m.partition(), m.offset()))]

    def committed_now(self) -> list[Message]:
        """What a reader of committed records sees of the outputs now, were there a transaction open before its end."""
        found, consumer = (
            list[Message](),
            Consumer(consumer_config(self.settings, "look", uuid.uuid4().hex) | {"enable.partition.eof": True}),
        )
        try:
            topics = [self.settings.topic(topic.name) for topic in (OUT, MEMORY)]
            waiting = {(topic, number) for topic in topics for number in range(PARTITIONS)}
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in waiting])
            while waiting:
                for message in consumer.consume(100, 0.2):
                    if message.error() is None:
                        found += [message] if not _is_checkpoint(message) else []
                    else:
                        waiting.discard((message.topic(), message.partition()))
        finally:
            consumer.close()
        return found

    def offsets(self) -> list[int]:
        places = [(IN.name, number) for number in range(PARTITIONS)]
        found = committed_offsets(self.settings, AGENT, places)
        return [found[place] for place in places]

    def await_offset(self, wanted: int) -> None:
        wait_for(lambda: self.offsets()[0] >= wanted, f"{wanted} are committed")

    @contextmanager
    def session(self, state: JournaledState[CountBook], instance: str = "one") -> Iterator[Session]:
        with ThreadPoolExecutor(1) as thread:
            settings = self.settings.model_copy(update={"instance": instance})
            session = Session(settings, AGENT, Reads(self._reads), state, thread, threading.Event())
            try:
                yield session
            finally:
                session.close()


def _is_checkpoint(message: Message) -> bool:
    return read_checkpoint(message.key(), message.value(), compacted=True) is not None


def plane_on(bootstrap_servers: str, namespace: str, folder: Path) -> Plane:
    return Plane(
        Settings(
            bootstrap_servers=bootstrap_servers,
            namespace=namespace,
            partitions=PARTITIONS,
            state_dir=folder,
            session_timeout_ms=30_000,  # who is starved of the processor for some seconds is not gone
            transaction_timeout_ms=60_000,
            dead_letter_run=10,
        )
    )


def read_some(session: Session, wanted: int) -> list[Message]:
    """Poll until so many records have come, or with 0 until partitions are held."""
    until, found = time.monotonic() + PATIENCE_SECONDS, list[Message]()
    while len(found) < wanted or not session.own_numbers:
        assert time.monotonic() < until, f"{len(found)} of {wanted} records came"
        session.fill(100, 0.05)
        found += session.take()
    return found


def outlet_of(plane: Plane, state: JournaledState[CountBook]) -> Outlet:
    return Outlet(plane.settings, AGENT, Codec(FileRegistry()), state)


Work = Callable[[Transaction, Chunk], None]


def settled(
    plane: Plane, session: Session, state: JournaledState[CountBook], messages: list[Message], *works: Work
) -> list[BaseException | None]:
    """Put the same chunk through as many transactions as there are works, as an inlet does; what came of each."""

    async def put_through() -> list[BaseException | None]:
        outlet, said = outlet_of(plane, state), []
        for work in works:
            chunk = Chunk(session, asyncio.get_running_loop().create_future(), caught_up=False)
            chunk.fill(messages, plane.settings.namespace)
            async with outlet.transaction(chunk) as tx:
                work(tx, chunk)
            said.append(await written(await chunk.settled))
        return said

    async def written(outcome: Publication | BaseException) -> BaseException | None:
        if isinstance(outcome, BaseException):
            return outcome
        try:
            await session.publish(outcome)
        except SessionLostError as error:
            return error
        except RetriableError as error:
            await session.call(session.rewind)
            return error
        return None

    return asyncio.run(put_through())


def count_up(state: JournaledState[CountBook]) -> Work:
    """Each value is a key: count it in its partition and publish the new count."""

    def work(tx: Transaction, chunk: Chunk) -> None:
        for partition, value in zip(chunk.partitions, chunk.values, strict=True):
            assert value is not None
            known = state[partition].get(value.decode())
            state.journal(partition).put(value.decode(), Count(1 if known is None else known.n + 1))
            tx.publish(OUT, [value], [value])
            tx.account("counted")

    return work


def then(work: Work, error: BaseException) -> Work:
    def fail(tx: Transaction, chunk: Chunk) -> None:
        work(tx, chunk)
        raise error

    return fail
