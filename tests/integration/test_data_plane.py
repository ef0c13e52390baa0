"""The data plane on a real Kafka, without Faust: what a session commits, what it leaves behind, what another reads back."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from hub.errors import FatalError, Reason, RetriableError
from hub.inspect.reading import committed_offsets, read_messages, spans
from hub.settings import Settings
from hub.stream import session as session_module
from hub.stream.admin import ensure_topics
from hub.stream.chunk import Chunk
from hub.stream.codec import Codec
from hub.stream.inlet import Inlet
from hub.stream.kafka import AbortableError, SessionLostError, consumer_config, producer_config
from hub.stream.outlet import Outlet, Transaction
from hub.stream.recovery import recover
from hub.stream.registry import FileRegistry
from hub.stream.session import Output, Publication, Session
from hub.stream.state import JournaledState
from hub.topics import DEAD, Topic

pytestmark = pytest.mark.kafka

AGENT, PARTITIONS = "counter", 3
IN, OUT, MEMORY = (Topic(name, "key", None) for name in ("plane.in", "plane.out", "plane.memory"))
_SECONDS = 60.0


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


class Plane:
    """Topics of one test, and what is in them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        ensure_topics(settings, [IN, OUT, MEMORY, DEAD])
        spans(settings, [IN.name, OUT.name, MEMORY.name, DEAD.name])  # waits until every partition has its leader

    def feed(self, *values: bytes, partition: int = 0) -> None:
        producer = Producer(producer_config(self.settings, "feed"))
        for value in values:
            producer.produce(self.settings.topic(IN.name), value, b"k", partition)
        assert producer.flush(30) == 0

    def committed(self, topic: Topic) -> list[tuple[int, bytes | None, bytes | None]]:
        """Partition, key and value of what a reader of committed records sees."""
        found = [m for batch in read_messages(self.settings, spans(self.settings, [topic.name])) for m in batch]
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
                        found.append(message)
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
        until = time.monotonic() + _SECONDS
        while self.offsets()[0] < wanted:
            assert time.monotonic() < until, f"{self.offsets()} committed, not {wanted}"
            time.sleep(0.05)

    @contextmanager
    def session(self, state: JournaledState[CountBook], instance: str = "one") -> Iterator[Session]:
        with ThreadPoolExecutor(1) as thread:
            settings = self.settings.model_copy(update={"instance": instance})
            session = Session(settings, AGENT, [IN.name], state, thread, threading.Event())
            try:
                yield session
            finally:
                session.close()


@pytest.fixture
def plane(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Plane:
    return Plane(
        Settings(
            bootstrap_servers=kafka_bootstrap,
            namespace=namespace,
            partitions=PARTITIONS,
            state_dir=tmp_path,
            session_timeout_ms=10_000,
            transaction_timeout_ms=60_000,
            dead_letter_run=10,
        )
    )


def read_some(session: Session, wanted: int) -> list[Message]:
    """Poll until so many records have come, or with 0 until partitions are held."""
    until, found = time.monotonic() + _SECONDS, list[Message]()
    while len(found) < wanted or not session.held:
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
            state.put(partition, value.decode(), Count(1 if known is None else known.n + 1))
            tx.publish(OUT, [value], [value])
            tx.account("counted")

    return work


def then(work: Work, error: BaseException) -> Work:
    def fail(tx: Transaction, chunk: Chunk) -> None:
        work(tx, chunk)
        raise error

    return fail


# -- what a transaction writes ----------------------------------------------------------------------------------------------


def test_changelog_lands_in_the_partition_whose_state_it_is(plane: Plane) -> None:
    """A partition inside a message of `produce_batch` is ignored: the same keys in every partition show where they went."""
    keys = [b"a", b"b", b"c", b"d"]
    for partition in range(PARTITIONS):
        plane.feed(*keys, partition=partition)
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, PARTITIONS * len(keys))
        assert settled(plane, session, state, messages, count_up(state)) == [None]
        counted = held_in(state)
    expected = [(partition, key) for partition in range(PARTITIONS) for key in keys]
    assert sorted((partition, key) for partition, key, _ in plane.committed(MEMORY)) == expected
    again = new_state()
    recover(plane.settings, again, [0, 1, 2], lambda: None)
    assert held_in(again) == counted == {p: dict.fromkeys("abcd", 1) for p in range(PARTITIONS)}


def test_outputs_changelog_and_offsets_commit_together(plane: Plane) -> None:
    plane.feed(b"a", b"b", b"a")
    state = new_state()
    with plane.session(state) as session:
        assert settled(plane, session, state, read_some(session, 3), count_up(state)) == [None]
        assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"a", b"b"]
        assert len(plane.committed(MEMORY)) == 2
        assert plane.offsets() == [3, 0, 0]
        assert held_in(state)[0] == {"a": 2, "b": 1}


@pytest.mark.parametrize("error", [RetriableError("try again"), FatalError("no use"), ZeroDivisionError("a defect")])
def test_an_error_in_the_block_leaves_nothing(plane: Plane, error: Exception) -> None:
    plane.feed(b"a")
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, 1)
        assert settled(plane, session, state, messages, then(count_up(state), error)) == [error]
        assert (plane.committed(OUT), plane.committed(MEMORY), plane.offsets()) == ([], [], [0, 0, 0])
        assert held_in(state)[0] == {}
        assert not list(state.changes())


def test_an_aborted_transaction_leaves_nothing_and_the_next_goes_through(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction fails after its records have reached the broker; the same chunk is tried once more."""
    plane.feed(b"a", b"b")
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, 2)
        insist, seen = session._insist, list[object]()

        def fail_once(what: str, call: Any) -> None:
            if what == "committing" and not seen:
                session._producer.flush(30)
                seen.append((plane.committed_now(), held_in(state)[0]))
                raise AbortableError("the broker says no")
            insist(what, call)

        monkeypatch.setattr(session, "_insist", fail_once)
        first, second = settled(plane, session, state, messages, count_up(state), count_up(state))
        assert isinstance(first, AbortableError)
        assert second is None
        assert seen == [([], {"a": 1, "b": 1})], "it did fail, with all of it written and none of it to be read"
        counted = held_in(state)
    assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"b"]
    assert len(plane.committed(MEMORY)) == 2
    assert plane.offsets() == [2, 0, 0]
    assert counted == {0: {"a": 1, "b": 1}, 1: {}, 2: {}}, "counted once, not twice"
    again = new_state()
    recover(plane.settings, again, [0, 1, 2], lambda: None)
    assert held_in(again) == counted, "what was aborted is not read back"


def test_what_is_not_accounted_for_does_not_commit(plane: Plane) -> None:
    plane.feed(b"a", b"b")
    state = new_state()

    def forget_one(tx: Transaction, chunk: Chunk) -> None:
        state.put(0, "a", Count(1))
        tx.publish(OUT, [b"a"], [b"a"])
        tx.account("counted", len(chunk) - 1)

    def count_one_twice(tx: Transaction, chunk: Chunk) -> None:
        tx.account("counted", len(chunk))
        tx.reject(0, Reason.INVALID, "and rejected too")

    with plane.session(state) as session:
        messages = read_some(session, 2)
        for said in settled(plane, session, state, messages, forget_one, count_one_twice):
            assert isinstance(said, FatalError)
            assert "2 records came in" in str(said)
        assert (plane.committed(OUT), plane.committed(MEMORY), plane.offsets()) == ([], [], [0, 0, 0])
        assert plane.committed(DEAD) == []
        assert held_in(state)[0] == {}


def test_a_rejected_record_is_set_aside_in_the_same_transaction(plane: Plane) -> None:
    plane.feed(b"bad")
    state = new_state()

    def reject(tx: Transaction, chunk: Chunk) -> None:
        tx.reject(0, Reason.INVALID, "no good")

    with plane.session(state) as session:
        messages = read_some(session, 1)
        assert settled(plane, session, state, messages, then(reject, RetriableError("once"))) != [None]
        assert (plane.committed(DEAD), plane.offsets()) == ([], [0, 0, 0])
        assert settled(plane, session, state, messages, reject) == [None]
    ((_, key, value),) = plane.committed(DEAD)
    assert key == b"k"
    letter = Codec(FileRegistry()).decode_one(value or b"")[1]
    assert (letter["value"], letter["reason"], letter["stage"]) == (b"bad", "invalid", AGENT)
    assert plane.offsets() == [1, 0, 0]


def test_a_chunk_tried_again_counts_once_towards_the_limit(plane: Plane) -> None:
    """Six of at most nine in a row, tried three times: they are six, not eighteen."""
    plane.feed(*[b"bad"] * 6)
    state = new_state()

    def reject(tx: Transaction, chunk: Chunk) -> None:
        for row in range(len(chunk)):
            tx.reject(row, Reason.INVALID, "no good")

    with plane.session(state) as session:
        messages, commit = read_some(session, 6), session.commit
        failures = iter([AbortableError("no"), AbortableError("no")])

        def sometimes(outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
            for error in failures:
                raise error
            commit(outputs, ends)

        session.commit = sometimes  # type: ignore[method-assign,assignment]
        said = settled(plane, session, state, messages, reject, reject, reject)
        assert [type(each) for each in said] == [AbortableError, AbortableError, type(None)]
    assert len(plane.committed(DEAD)) == 6


# -- the inlet's side -------------------------------------------------------------------------------------------------------


class BareApp:
    """As much of a Faust app as an inlet asks for."""

    def channel(self, *, maxsize: int) -> asyncio.Queue[Chunk]:
        return asyncio.Queue(maxsize)


def test_the_inlet_brings_an_aborted_chunk_once_more_with_its_state_undone(plane: Plane) -> None:
    plane.feed(b"a", b"b")
    state = new_state()
    asyncio.run(asyncio.wait_for(_try_twice(plane, state), _SECONDS))
    assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"b"]
    assert plane.offsets() == [2, 0, 0]
    again = new_state()
    recover(plane.settings, again, [0], lambda: None)
    assert held_in(again) == {0: {"a": 1, "b": 1}}


async def _try_twice(plane: Plane, state: JournaledState[CountBook]) -> None:
    inlet = Inlet(BareApp(), plane.settings, AGENT, [IN.name], state)
    outlet = outlet_of(plane, state)
    await inlet.start()
    try:
        handled, tries = list[bytes | None](), list[list[bytes | None]]()
        while len(handled) < 2:
            chunk = await inlet.channel.get()
            assert held_in(state)[0] == dict.fromkeys([(v or b"").decode() for v in handled], 1), (
                "nothing of the failure"
            )
            tries.append(chunk.values)
            async with outlet.transaction(chunk) as tx:
                count_up(state)(tx, chunk)
                if len(tries) == 1:
                    raise RetriableError("once", wait_seconds=0.01)
                handled += chunk.values
        assert tries[0] == tries[1], "the same records again"
        assert sum(map(len, tries[1:])) == 2, "and no record a third time"
    finally:
        await inlet.stop()


def test_a_chunk_decided_while_the_one_before_it_fails_is_undone_with_it(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second chunk is decided by what the first has changed, before the first turns out not to commit."""
    records = 40
    plane.feed(*[b"a"] * records)
    state, commit, seen = new_state(), Session.commit, list[int]()
    done, failed = 0, list[int]()

    def fail_once(session: Session, outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
        nonlocal done
        until = time.monotonic() + 1
        while not failed and len(seen) < done + 2 and time.monotonic() < until:
            time.sleep(0.01)
        if not failed and len(seen) == done + 2:
            failed.append(done)
            raise AbortableError("the broker says no", wait_seconds=0.01)
        commit(session, outputs, ends)
        done += 1

    monkeypatch.setattr(Session, "commit", fail_once)
    asyncio.run(asyncio.wait_for(_counted(plane, state, seen, records), _SECONDS))
    (first,) = failed
    assert seen[first + 1] == seen[first] + 1, "the second was decided by the first"
    assert seen[first + 2] == seen[first], "and both again"
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * records
    again = new_state()
    recover(plane.settings, again, [0], lambda: None)
    assert held_in(again) == {0: {"a": records}}


async def _counted(plane: Plane, state: JournaledState[CountBook], seen: list[int], records: int) -> None:
    """Run an agent record by record until so many have committed; `seen` gets its count after each."""
    settings = plane.settings.model_copy(update={"chunk_records": 1})
    inlet, outlet = Inlet(BareApp(), settings, AGENT, [IN.name], state), outlet_of(plane, state)

    async def agent() -> None:
        while True:
            chunk = await inlet.channel.get()
            async with outlet.transaction(chunk) as tx:
                count_up(state)(tx, chunk)
            seen.append(held_in(state)[0]["a"])

    await inlet.start()
    agent_task = asyncio.create_task(agent())
    try:
        await asyncio.to_thread(plane.await_offset, records)
    finally:
        await inlet.stop()
        agent_task.cancel()


def test_a_session_that_cannot_read_its_state_back_is_begun_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a changelog's partition has no leader yet: the partitions are given, and nothing is known of them."""
    plane.feed(b"a", b"a", b"a")
    state, seen = new_state(), list[int]()
    fails = iter([RetriableError("not leader for partition", wait_seconds=0.01)])

    def sometimes(*args: Any) -> None:
        for error in fails:
            raise error
        recover(*args)

    monkeypatch.setattr(session_module, "recover", sometimes)
    asyncio.run(asyncio.wait_for(_counted(plane, state, seen, 3), _SECONDS))
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * 3
    assert plane.offsets() == [3, 0, 0]


# -- reading the state back ----------------------------------------------------------------------------------------------------


def _dead_worker(plane: Plane, key: str) -> Producer:
    """A producer that died, as far as anybody can see, with a change of state written and its transaction open."""
    producer = Producer(
        producer_config(plane.settings, "dead")
        | {"transactional.id": f"{plane.settings.namespace}{uuid.uuid4().hex}", "transaction.timeout.ms": 60_000}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(plane.settings.topic(MEMORY.name), msgspec.msgpack.encode(Count(7)), key.encode(), 0)
    assert producer.flush(30) == 0
    return producer


@pytest.mark.parametrize("outcome", ["abort", "commit"])
def test_recovery_waits_for_an_open_transaction(plane: Plane, outcome: str) -> None:
    _dead_worker(plane, "aborted").abort_transaction(30)
    dead = _dead_worker(plane, "open")
    behind = _dead_worker(plane, "behind")
    behind.commit_transaction(30)
    state, calls = new_state(), 0

    def alive() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # until now there was nothing to be read
            assert held_in(state).get(0, {}) == {}
            (dead.abort_transaction if outcome == "abort" else dead.commit_transaction)(30)

    recover(plane.settings, state, [0, 1], alive)
    assert calls >= 4
    assert held_in(state) == {0: {"behind": 7} | ({"open": 7} if outcome == "commit" else {}), 1: {}}


def test_a_session_starts_with_the_state_and_the_offsets_of_the_last(plane: Plane) -> None:
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
    plane.feed(b"a", b"b")
    with plane.session(state := new_state(), "two") as session:
        messages = read_some(session, 2)
        assert held_in(state)[0] == {"a": 1}
        assert [message.value() for message in messages] == [b"a", b"b"]
        assert settled(plane, session, state, messages, count_up(state)) == [None]
        assert held_in(state)[0] == {"a": 2, "b": 1}


# -- zombies -------------------------------------------------------------------------------------------------------------------


def _no_longer_polling(settings: Settings, role: str, group: str) -> dict[str, Any]:
    """A consumer that is out of its group when it has not polled for a second and a half."""
    return consumer_config(settings, role, group) | {"session.timeout.ms": 1500, "max.poll.interval.ms": 1500}


def test_a_session_that_lost_its_partitions_commits_nothing(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a")
    zombie_state, state = new_state(), new_state()
    monkeypatch.setattr(session_module, "consumer_config", _no_longer_polling)
    with plane.session(zombie_state, "zombie") as zombie:
        stale = read_some(zombie, 1)
        monkeypatch.setattr(session_module, "consumer_config", consumer_config)
        with plane.session(state, "heir") as heir:
            fresh = read_some(heir, 1)  # waits until the zombie is out of the group
            assert [message.offset() for message in fresh] == [message.offset() for message in stale]
            (said,) = settled(plane, zombie, zombie_state, stale, count_up(zombie_state))
            assert isinstance(said, SessionLostError)
            assert (plane.committed_now(), plane.offsets()) == ([], [0, 0, 0])
            assert settled(plane, heir, state, fresh, count_up(state)) == [None]
            (said,) = settled(plane, zombie, zombie_state, stale, count_up(zombie_state))
            assert isinstance(said, SessionLostError), "for good"
            assert plane.offsets() == [1, 0, 0]
    with plane.session(new_state(), "zombie"):
        pass  # a new session of the same instance ends whatever transaction the old one left open
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"]
    assert len(plane.committed(MEMORY)) == 1


def test_a_second_worker_of_the_same_name_fences_the_first(plane: Plane) -> None:
    plane.feed(b"a")
    state = new_state()
    with plane.session(state, "same") as first:
        messages = read_some(first, 1)
        with ThreadPoolExecutor(1) as thread:
            settings = plane.settings.model_copy(update={"instance": "same"})
            second = Session(settings, AGENT, [IN.name], new_state(), thread, threading.Event())
            (said,) = settled(plane, first, state, messages, count_up(state))
            assert isinstance(said, SessionLostError)
            second.close()
        assert (plane.committed_now(), plane.offsets()) == ([], [0, 0, 0])
    assert held_in(state) == {}, "what it had decided went with its hold on the partitions"
