"""A partition that comes no more, though there is more of it, makes its reader begin anew; on a real Kafka."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import TopicPartition

from hub.stream.kafka.client import SessionLostError
from hub.stream.session import Session
from hub.stream.watch import stalls
from tests.integration.small_plane import IN, PATIENCE_SECONDS, Plane, count_up, new_state, read_some, settled

pytestmark = pytest.mark.kafka


def _read_for(session: Session, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        session.fill(100, 0.05)


def test_who_is_given_nothing_of_what_lies_there_begins_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        others = [TopicPartition(plane.settings.topic(IN.name), number, 0) for number in (1, 2)]
        session._consumer.assign(others)  # as good as a fetcher that sleeps: its word on the end stands still
        plane.feed(b"b")
        monkeypatch.setattr(stalls, "AFTER_SECONDS", 1.0)  # what came before may have taken longer
        with pytest.raises(SessionLostError, match=r"nothing came of .*plane\.in\[0\] for \d+ s, .* from 1 to 2"):
            _read_for(session, PATIENCE_SECONDS)
    with plane.session(new_state()) as session:
        assert [message.value() for message in read_some(session, 1)] == [b"b"]


def test_who_waits_for_partitions_outside_its_group_begins_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        monkeypatch.setattr(stalls, "AFTER_SECONDS", 1.0)
        session._group._consumer.unsubscribe()  # as good as a member that never joins again
        with pytest.raises(SessionLostError, match="waits for partitions, and nobody is in its group"):
            _read_for(session, PATIENCE_SECONDS)
    with plane.session(new_state()) as session:
        plane.feed(b"b")
        assert [message.value() for message in read_some(session, 1)] == [b"b"]
