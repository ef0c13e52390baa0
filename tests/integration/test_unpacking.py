"""Records that are small on the wire and, unpacked, more than a reader takes: stepped over, counted and written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from hub.cli.cases.hearing import records_to
from hub.cli.terminal.sending import Sender
from hub.control.topic import ControlTopic
from hub.inspect.letters import read_letters
from hub.inspect.reading import read_messages, spans
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.gate import Gate
from hub.stream.kafka.client import producer_config
from hub.stream.kafka.unpacking import end_of_batch
from hub.stream.pauses import sources as sources_module
from hub.stream.pauses.source_log import as_they_stand
from hub.stream.session import Session
from hub.topics import CONTROL, SOURCES, Topic, dept_receipts
from tests.integration.small_plane import (
    AGENT,
    IN,
    MEMORY,
    PATIENCE_SECONDS,
    Plane,
    count_up,
    held_in,
    new_state,
    plane_on,
    read_some,
    settled,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
MUCH = bytes(101 << 20)


def bomb(plane: Plane, topic: str, *sizes: int) -> None:
    """One batch of zstd, of records that take so much; one of 101 MB if nothing is said."""
    settings = producer_config(plane.settings, "bomb") | {
        "compression.type": "zstd", "message.max.bytes": 400 << 20, "batch.size": 400 << 20, "linger.ms": 2_000,
        "queue.buffering.max.kbytes": 1 << 20,
    }  # fmt: skip
    producer = Producer(settings)
    for size in sizes or (len(MUCH),):
        producer.produce(plane.settings.topic(topic), MUCH[:size], b"k", 0)
    assert producer.flush(PATIENCE_SECONDS) == 0


def letters(plane: Plane) -> list[tuple[str, str, str]]:
    found = read_letters(plane.settings, Codec(FileRegistry())).letters
    return [(each.stage, each.reason, each.place) for each in found if each.until is not None]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def read_until(session: Session, wanted: Callable[[], bool]) -> list[Any]:
    until, found = time.monotonic() + PATIENCE_SECONDS, list[Any]()
    while not wanted():
        assert time.monotonic() < until
        session.fill(100, 0.05)
        found += session.take()
    return found


def test_its_end_is_found_though_only_its_beginning_is_told(plane: Plane) -> None:
    plane.feed(b"a", b"b")
    bomb(plane, IN.name, *[9 << 20] * 13)
    bomb(plane, IN.name)
    plane.feed(b"c")
    place = (plane.settings.topic(IN.name), 0)
    told: list[int] = []
    assert end_of_batch(plane.settings, place, 2, lambda: told.append(1)) == 15
    assert told, "it says that it is alive"
    assert end_of_batch(plane.settings, place, 15) == 16


def test_an_agent_steps_over_it_and_reads_on(plane: Plane) -> None:
    """Nobody else waits, what lay before it counts first, and what is behind it comes."""
    labels = {"agent": AGENT, "source": IN.name, "reason": "unreadable"}
    before = counted("hub_gap_records_total", **labels)
    plane.feed(b"a", b"b")
    bomb(plane, IN.name, 60 << 20, 60 << 20)
    plane.feed(b"c")
    plane.feed(b"d", partition=1)
    with plane.session(state := new_state()) as session:
        first = read_some(session, 3)
        assert sorted(message.value() for message in first) == [b"a", b"b", b"d"]
        read_until(session, lambda: bool(session._reader.packed))
        assert letters(plane) == [], "not before what was read is committed"
        assert settled(plane, session, state, first, count_up(state)) == [None]
        after = read_some(session, 1)
        assert [message.value() for message in after] == [b"c"]
        assert settled(plane, session, state, after, count_up(state)) == [None]
        assert held_in(state) == {0: {"a": 1, "b": 1, "c": 1}, 1: {"d": 1}, 2: {}}
    assert letters(plane) == [(AGENT, "unreadable", f"{IN.name}[0]@2-4")]
    assert counted("hub_gap_records_total", **labels) - before == 2
    assert plane.offsets() == [5, 1, 0]
    with plane.session(new_state()) as session:
        assert read_some(session, 0) == []
    assert len(letters(plane)) == 1, "once, whoever comes later"


@pytest.fixture
def source(kafka_bootstrap: str, namespace: str, tmp_path: Any) -> tuple[Plane, Topic]:
    topic = Topic("city.hotline.events", "key", None)
    return Plane(plane_on(kafka_bootstrap, namespace, tmp_path).settings, topic), topic


def test_a_source_that_sends_many_is_paused(
    source: tuple[Plane, Topic], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sources_module, "_MOST_BATCHES", 2)
    plane, topic = source
    for _ in range(3):
        bomb(plane, topic.name)
    with plane.session(new_state()) as session:
        until = time.monotonic() + PATIENCE_SECONDS
        while topic.name not in session.paused:
            assert time.monotonic() < until
            session.fill(100, 0.05)
            if session.stale:
                session.read_anew()
        plane.feed(b"a")
        assert [message.value() for message in read_some(session, 1)] == [b"a"], "everybody else goes on"
    assert [place for _, _, place in letters(plane)] == [f"{topic.name}[0]@{n}-{n + 1}" for n in range(2)]
    assert "2 batches could not be unpacked" in as_they_stand(plane.settings, "test").paused[topic.name].why


def test_a_changelog_is_read_back_without_it(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    plane.feed(b"a", b"b")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 2), count_up(state)) == [None]
    bomb(plane, MEMORY.name, 60 << 20, 60 << 20)
    before = counted("hub_unreadable_state_records_total", changelog=MEMORY.name)
    with plane.session(state := new_state()) as session:
        read_some(session, 0)
        assert held_in(state)[0] == {"a": 1, "b": 1}
        plane.feed(b"a")
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
    assert counted("hub_unreadable_state_records_total", changelog=MEMORY.name) - before == 2
    assert f"{plane.settings.topic(MEMORY.name)}[0]@" in caplog.text
    with plane.session(state := new_state()) as session:
        read_some(session, 0)
        assert held_in(state)[0] == {"a": 2, "b": 1}


def test_whoever_looks_at_a_topic_steps_over_it(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    plane.feed(b"a")
    bomb(plane, IN.name)
    plane.feed(b"b")
    bomb(plane, IN.name)
    there = spans(plane.settings, [IN.name])
    assert [m.value() for batch in read_messages(plane.settings, there) for m in batch] == [b"a", b"b"]
    assert f"{plane.settings.topic(IN.name)}[0]@1-2 cannot be unpacked" in caplog.text
    bomb(plane, SOURCES.name)
    assert as_they_stand(plane.settings, "test").paused == {}


def test_the_control_topic_is_read_on_behind_it(plane: Plane) -> None:
    """A worker decides nothing before it has read that to its end."""
    ensure_topics(plane.settings, [CONTROL])
    bomb(plane, CONTROL.name, 60 << 20, 60 << 20)
    control = ControlTopic(plane.settings, Gate())
    reader = threading.Thread(target=control._follow)
    reader.start()
    try:
        assert control.caught_up.wait(PATIENCE_SECONDS)
    finally:
        control._stopping.set()
        reader.join()


def test_what_a_department_watches_goes_on_behind_it(plane: Plane) -> None:
    topic, codec = dept_receipts("roads"), Codec(FileRegistry())
    ensure_topics(plane.settings, [topic])
    bomb(plane, topic.name)
    receipt = {
        "department": "roads", "case_id": "C-1", "update_id": "U1", "revision": 0, "said": "accepted", "outcome": "accepted",
        "detail": "", "at": 0, "origin": {"topic": "dept.roads.updates", "partition": 0, "offset": 0, "ingested_at": 0},
    }  # fmt: skip
    with Sender(plane.settings) as sender:
        sender.send(topic.name, b"C-1", codec.encode_one("cityhub.Receipt", receipt))
    heard = records_to(plane.settings, codec, [topic], from_start=True, group=None)
    try:
        assert next(heard)[1]["update_id"] == "U1"
    finally:
        heard.close()
