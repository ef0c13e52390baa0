"""Topics whose partitions an administrator has raised: what is in them is read, each partition by one worker."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Message
from confluent_kafka.admin import AdminClient, NewPartitions

from hub.stream import session as session_module
from hub.stream.kafka.client import client_config
from hub.stream.session import Session
from hub.topics import Topic
from tests.integration.small_plane import (
    IN,
    MEMORY,
    PARTITIONS,
    PATIENCE_SECONDS,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


def raise_partitions(plane: Plane, topic: Topic, partitions: int) -> None:
    """As `kafka-topics --alter --partitions` does."""
    client, name = AdminClient(client_config(plane.settings, "administrator")), plane.settings.topic(topic.name)
    client.create_partitions([NewPartitions(name, partitions)])[name].result(60)
    wait_for(lambda: len(client.list_topics(timeout=60).topics[name].partitions) >= partitions, "it has not as many")


def _read_anew_and_on(session: Session, wanted: int) -> list[Message]:
    until = time.monotonic() + PATIENCE_SECONDS
    while not session.stale:
        assert time.monotonic() < until, "nothing was noticed"
        session.fill(100, 0.05)
    session.read_anew()
    return read_some(session, wanted)


def test_partitions_added_before_the_start_are_read_once_between_two_workers(plane: Plane) -> None:
    raise_partitions(plane, IN, PARTITIONS + 2)
    for partition in range(PARTITIONS + 2):
        plane.feed(b"%d" % partition, partition=partition)
    with plane.session(new_state(), "one") as one, plane.session(new_state(), "two") as two:
        seen: dict[str, set[tuple[int, int]]] = {"one": set(), "two": set()}
        until = time.monotonic() + PATIENCE_SECONDS
        while (one.own_numbers, two.own_numbers) != ([0, 1], [2]) or sum(map(len, seen.values())) < PARTITIONS + 2:
            assert time.monotonic() < until, (one.own_numbers, two.own_numbers, seen)
            for name, session in (("one", one), ("two", two)):
                session.fill(100, 0.05)
                if len(session.own_numbers) == PARTITIONS:
                    session.take()  # before the other has joined
                seen[name] |= {(m.partition(), m.offset()) for m in session.take()}
        assert seen == {"one": {(0, 0), (1, 0), (3, 0), (4, 0)}, "two": {(2, 0)}}


def test_partitions_added_under_a_running_worker_are_read_too(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 0.1)
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        raise_partitions(plane, IN, PARTITIONS + 1)
        plane.feed(b"a", partition=0)
        plane.feed(b"b", partition=PARTITIONS)
        found = _read_anew_and_on(session, 2)
        assert sorted((m.partition(), m.offset()) for m in found) == [(0, 1), (PARTITIONS, 0)]
        assert held_in(state)[0] == {"a": 1}, "nothing was read back that was known"


def test_a_changelog_with_more_partitions_stops_nobody(plane: Plane) -> None:
    raise_partitions(plane, MEMORY, PARTITIONS + 2)
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        assert session.own_numbers == list(range(PARTITIONS))
    assert [(partition, key) for partition, key, _ in plane.committed(MEMORY)] == [(0, b"a")]


def test_a_topic_that_is_deleted_stops_nobody(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 0.1)
    gone = Topic("plane.gone", "key", None)
    other = Plane(plane.settings, gone)
    plane.feed(b"a")
    with other.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        client, name = AdminClient(client_config(plane.settings, "administrator")), plane.settings.topic(gone.name)
        client.delete_topics([name])[name].result(60)
        plane.feed(b"b")
        found = _read_anew_and_on(session, 1)
        assert settled(plane, session, state, found, count_up(state)) == [None]
        assert held_in(state)[0] == {"a": 1, "b": 1}
