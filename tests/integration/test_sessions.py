"""What another session reads back of the state, and that a zombie commits nothing; on a real Kafka."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer

from hub.errors import FatalError
from hub.settings import Settings
from hub.stream import membership as membership_module
from hub.stream import session as session_module
from hub.stream.changelog.recovery import recover
from hub.stream.kafka import client
from hub.stream.kafka.client import SessionLostError, consumer_config, producer_config
from hub.stream.reading.reads import Reads
from hub.stream.session import Session
from hub.stream.watch.alive import SignOfLife
from hub.stream.writing.writer import Output, TransactionWriter
from tests.integration.kafka_accidents import take_away
from tests.integration.small_plane import (
    AGENT,
    IN,
    MEMORY,
    OUT,
    PATIENCE_SECONDS,
    Count,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def _dead_worker(plane: Plane, key: str) -> Producer:
    """A producer that died, as far as anybody can see, with a change of state written and its transaction open."""
    producer = Producer(
        producer_config(plane.settings, "dead")
        | {"transactional.id": f"{plane.settings.namespace}{uuid.uuid4().hex}", "transaction.timeout.ms": 60_000}
    )
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(plane.settings.topic(MEMORY.name), msgspec.msgpack.encode(Count(7)), key.encode(), 0)
    assert producer.flush(PATIENCE_SECONDS) == 0
    return producer


@pytest.mark.parametrize("outcome", ["abort", "commit"])
def test_recovery_waits_for_an_open_transaction(plane: Plane, outcome: str) -> None:
    _dead_worker(plane, "aborted").abort_transaction(PATIENCE_SECONDS)
    dead = _dead_worker(plane, "open")
    behind = _dead_worker(plane, "behind")
    behind.commit_transaction(PATIENCE_SECONDS)
    state, calls = new_state(), 0

    def alive() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # until now there was nothing to be read
            assert held_in(state).get(0, {}) == {}
            (dead.abort_transaction if outcome == "abort" else dead.commit_transaction)(PATIENCE_SECONDS)

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


# -- zombies ----------------------------------------------------------------------------------------------------


def _no_longer_polling(settings: Settings, role: str, group: str) -> dict[str, Any]:
    """A consumer that is out of its group when it has not polled for six seconds: longer than a busy machine keeps it from that."""
    return consumer_config(settings, role, group) | {"session.timeout.ms": 6000, "max.poll.interval.ms": 6000}


def test_a_session_that_lost_its_partitions_commits_nothing(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a")
    zombie_state, state = new_state(), new_state()
    monkeypatch.setattr(client, "consumer_config", _no_longer_polling)
    with plane.session(zombie_state, "zombie") as zombie:
        stale = read_some(zombie, 1)
        monkeypatch.setattr(client, "consumer_config", consumer_config)
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
            second = Session(settings, AGENT, Reads([IN.name]), new_state(), thread, threading.Event())
            (said,) = settled(plane, first, state, messages, count_up(state))
            assert isinstance(said, SessionLostError)
            second.close()
        assert (plane.committed_now(), plane.offsets()) == ([], [0, 0, 0])
    assert held_in(state) == {}, "what it had decided went with its hold on the partitions"


@pytest.mark.parametrize("headers", [None, {"h": b"1"}], ids=["plain", "headed"])
def test_a_writer_fenced_in_the_midst_of_a_transaction_is_over(plane: Plane, headers: dict[str, bytes] | None) -> None:
    settings = plane.settings.model_copy(update={"instance": "same"})
    changelog, out = settings.topic(MEMORY.name), settings.topic(OUT.name)
    first = TransactionWriter(settings, AGENT, changelog)
    record = {"key": b"k", "value": b"v"} | ({} if headers is None else {"headers": headers})

    def outputs() -> Iterator[Output]:
        yield Output(out, 0, [dict(record)], headed=headers is not None)
        TransactionWriter(settings, AGENT, changelog).close()
        yield Output(out, 1, [dict(record)], headed=headers is not None)
        with pytest.raises(SessionLostError, match="fenced"):  # it has asked for this partition, and been told
            first._empty_queue(time.monotonic() + PATIENCE_SECONDS)
        yield Output(out, 2, [dict(record)], headed=headers is not None)

    with pytest.raises(SessionLostError, match=r"publishing to .*Fatal error"):
        first.write(outputs(), [], None)
    first.close()


def test_the_next_chunk_is_read_while_one_commits(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a consumer that is in no group: no rebalance can meet the open transaction."""
    write, held_up = TransactionWriter._write, list[int]()
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:

        def slow(writer: TransactionWriter, *args: Any) -> None:
            if not held_up:
                plane.feed(b"b", b"c")
                wait_for(lambda: len(session._reader.ready) == 2, "what comes meanwhile is read", seconds=20)
                held_up.append(len(session._reader.ready))
            write(writer, *args)

        messages = read_some(session, 1)
        monkeypatch.setattr(TransactionWriter, "_write", slow)
        assert settled(plane, session, state, messages, count_up(state)) == [None]
        assert held_up == [2]
        assert not session._consumer.memberid()
        assert [message.value() for message in session.take()] == [b"b", b"c"]
        assert plane.offsets()[0] == 1


def test_a_changelog_that_is_gone_is_named(plane: Plane) -> None:
    take_away(plane.settings, MEMORY)
    name = plane.settings.topic(MEMORY.name)
    with plane.session(new_state()) as session, pytest.raises(FatalError, match=rf"topic {name} does not exist; run"):
        wait_for(lambda: session.fill(1, 0.05), "it ends")


# -- what ends a process -------------------------------------------------------------------------------------------


class _Touchy(Consumer):
    """XXX: `list_topics` in a callback takes away what the next callback of the same call relies on: the process is aborted."""

    def list_topics(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the consumer was asked for metadata")


def test_the_consumer_that_calls_back_is_not_asked_for_metadata(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "Consumer", _Touchy)
    monkeypatch.setattr(membership_module, "Consumer", _Touchy)
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]


def test_a_sign_of_life_is_heard(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[str]()
    monkeypatch.setattr("hub.stream.watch.alive.answered", heard.append)
    alive = SignOfLife(plane.settings, AGENT, plane.settings.topic(MEMORY.name))
    until = time.monotonic() + PATIENCE_SECONDS
    while len(heard) < 2:
        assert time.monotonic() < until, "the broker takes no commit"
        alive.ask(at_rest=True)
        time.sleep(0.05)
    alive.close()
