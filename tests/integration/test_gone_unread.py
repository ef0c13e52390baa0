"""Records that are gone before they were read are counted, said and written down, once; on a real Kafka."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.errors import Reason
from hub.inspect.letters import read_letters
from hub.inspect.sources import ends_of, let_go_on, log_of
from hub.settings import Settings
from hub.stream import session as session_module
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.changelog import whole
from hub.stream.kafka.client import client_config, consumer_config, producer_config
from hub.stream.session import Session
from hub.stream.writing.writer import TransactionWriter
from hub.topics import SOURCES
from tests.integration.kafka_accidents import delete_before, make_anew, wait_until_left
from tests.integration.small_plane import (
    AGENT,
    IN,
    MEMORY,
    PATIENCE_SECONDS,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
)

pytestmark = pytest.mark.kafka


def admin(plane: Plane) -> AdminClient:
    return AdminClient(client_config(plane.settings, "test"))


def gap_letters(plane: Plane) -> list[tuple[str, str, str]]:
    """Stage, reason and place of the letters that stand for gaps."""
    found = read_letters(plane.settings, Codec(FileRegistry())).letters
    return [(each.stage, each.reason, each.place) for each in found if each.until is not None]


def work_off(plane: Plane, records: int, instance: str = "one") -> list[bytes | None]:
    """A worker that reads so many records, commits them and ends."""
    with plane.session(state := new_state(), instance) as session:
        messages = read_some(session, records)
        if messages:
            assert settled(plane, session, state, messages, count_up(state)) == [None]
        else:
            session.fill(1, 0.1)
        return [message.value() for message in messages]


def counted(reason: Reason) -> float:
    labels = {"agent": AGENT, "source": IN.name, "reason": str(reason)}
    return REGISTRY.get_sample_value("hub_gap_records_total", labels) or 0.0


def test_what_was_deleted_while_nobody_read_is_one_letter(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    plane.feed(*[b"a"] * 10)
    assert len(work_off(plane, 10)) == 10
    plane.feed(*[b"b"] * 10, *[b"c"] * 5)
    before = counted(Reason.GAP)
    delete_before(plane.settings, IN, 0, 20)
    assert work_off(plane, 5) == [b"c"] * 5
    assert gap_letters(plane) == [(AGENT, "gap", f"{IN.name}[0]@10-20")]
    assert counted(Reason.GAP) - before == 10
    assert "at most 10 records were deleted before they were read" in caplog.text
    assert work_off(plane, 0) == []
    assert len(gap_letters(plane)) == 1, "once, whoever comes later"
    assert plane.offsets() == [25, 0, 0]


def test_a_gap_with_nothing_behind_it_is_written_down_all_the_same(plane: Plane) -> None:
    plane.feed(*[b"a"] * 3)
    work_off(plane, 3)
    plane.feed(*[b"b"] * 4)
    delete_before(plane.settings, IN, 0, 7)
    work_off(plane, 0)
    assert gap_letters(plane) == [(AGENT, "gap", f"{IN.name}[0]@3-7")]
    assert plane.offsets() == [7, 0, 0]


@pytest.mark.parametrize("markers", [0, 1])
def test_a_slow_reader_that_is_overtaken_says_so(plane: Plane, monkeypatch: pytest.MonkeyPatch, markers: int) -> None:
    """What it had read before counts first, what comes after is read on; also where it had read over a marker, as in all that
    agents write for each other, and never comes to rest."""
    monkeypatch.setattr(session_module, "_REST_SECONDS", 3600.0)
    feed_first = feed_in_a_transaction if markers else Plane.feed
    feed_first(plane, *[b"a"] * 4)
    place = TopicPartition(plane.settings.topic(IN.name), 0)
    with plane.session(state := new_state()) as session:
        read = read_some(session, 4)
        _fill_until(session, lambda: session._consumer.position([place])[0].offset == 4 + markers)
        session._consumer.pause([place])
        plane.feed(*[b"b"] * 6, *[b"c"] * 2)
        delete_before(plane.settings, IN, 0, 10 + markers)
        session._consumer.resume([place])
        _fill_until(session, lambda: bool(session._reader.displaced))
        assert gap_letters(plane) == [], "not before what was read is committed"
        assert settled(plane, session, state, read, count_up(state)) == [None]
        after = read_some(session, 2)
        assert [message.value() for message in after] == [b"c"] * 2
        assert gap_letters(plane) == [(AGENT, "gap", f"{IN.name}[0]@4-{10 + markers}")]
        assert settled(plane, session, state, after, count_up(state)) == [None]
    assert plane.offsets() == [12 + markers, 0, 0]


def _fill_until(session: Session, done: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < until
        session.fill(100, 0.05)


def test_markers_of_transactions_are_no_gap(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent at rest has read them too, and says so before retention takes them."""
    monkeypatch.setattr(session_module, "_REST_SECONDS", 0.0)
    feed_in_a_transaction(plane, b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        _fill_until(session, lambda: plane.offsets()[0] == 2)
    delete_before(plane.settings, IN, 0, 2)
    work_off(plane, 0)
    assert gap_letters(plane) == []


def test_markers_are_no_gap_either_where_an_agent_is_never_at_rest(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A city of which something comes in all the time: what is quiet in it lies behind its last marker all the same."""
    monkeypatch.setattr(session_module, "_REST_SECONDS", 3600.0)
    feed_in_a_transaction(plane, b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        _fill_until(session, lambda: session.behind == 0)
        session.fill(1, 0.0)
        plane.feed(b"b", partition=1)
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        assert plane.offsets() == [2, 1, 0]
        feed_in_a_transaction(plane, b"c")
        unread = read_some(session, 1)
        session.commit((), {})
        assert plane.offsets() == [2, 1, 0], "what was read and is not committed is none"
        assert settled(plane, session, state, unread, count_up(state)) == [None]
    delete_before(plane.settings, IN, 0, 2)
    work_off(plane, 0)
    assert gap_letters(plane) == []


def feed_in_a_transaction(plane: Plane, *values: bytes) -> None:
    producer = Producer(
        producer_config(plane.settings, "feed") | {"transactional.id": f"{plane.settings.namespace}feed"}
    )
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    for value in values:
        producer.produce(plane.settings.topic(IN.name), value, b"k", 0)
    producer.commit_transaction(PATIENCE_SECONDS)


def test_a_topic_older_than_its_reader_is_no_gap(plane: Plane) -> None:
    plane.feed(*[b"a"] * 5)
    delete_before(plane.settings, IN, 0, 3)
    assert len(work_off(plane, 2)) == 2
    assert len(work_off(plane, 0)) == 0
    assert gap_letters(plane) == []


def test_a_partition_never_read_from_but_held_is_missed_from_then_on(plane: Plane) -> None:
    plane.feed(b"a", partition=1)
    work_off(plane, 1)
    plane.feed(*[b"b"] * 3)
    delete_before(plane.settings, IN, 0, 3)
    work_off(plane, 0)
    assert gap_letters(plane) == [(AGENT, "gap", f"{IN.name}[0]@0-3")]


def test_a_letter_is_in_the_transaction_that_passes_the_gap(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a")
    work_off(plane, 1)
    plane.feed(b"b", b"c")
    delete_before(plane.settings, IN, 0, 2)
    write, seen = TransactionWriter.write, list[tuple[int, int]]()

    def noting(writer: TransactionWriter, outputs: Any, offsets: Any, *rest: Any) -> None:
        outputs = list(outputs)
        letters = [each for each in outputs if each.topic == plane.settings.topic("hub.dead")]
        seen.append((len(letters), max(each.offset for each in offsets)))
        write(writer, outputs, offsets, *rest)

    monkeypatch.setattr(TransactionWriter, "write", noting)
    work_off(plane, 1)
    assert seen == [(1, 2), (0, 3)]


@pytest.mark.parametrize("records", [2, 9])
def test_a_topic_made_anew_is_read_from_its_beginning(plane: Plane, records: int) -> None:
    """However many records it has by now: an offset tells nothing about another log."""
    plane.feed(*[b"old"] * 5)
    work_off(plane, 5)
    make_anew(plane.settings, IN)
    plane.feed(*[b"new"] * records)
    assert work_off(plane, records) == [b"new"] * records
    assert gap_letters(plane) == [(AGENT, "moved_back", f"{IN.name}[0]@5-0")]
    work_off(plane, 0)
    assert len(gap_letters(plane)) == 1


def _read_whatever_comes(session: Session, wanted: int) -> list[Message]:
    """As an inlet does: read anew once that is due."""
    until, found = time.monotonic() + PATIENCE_SECONDS, list[Message]()
    while len(found) < wanted:
        assert time.monotonic() < until, f"{len(found)} of {wanted} records came"
        session.fill(100, 0.05)
        if session.stale:
            session.read_anew()
        found += session.take()
    return found


def test_a_paused_topic_made_anew_is_read_from_its_beginning(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is paused its reader asks for nothing there: no error says that it is another."""
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 0.1)
    plane.feed(*[b"old"] * 5)
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 5), count_up(state)) == [None]
        session.pause({IN.name: "a test"})
        make_anew(plane.settings, IN)
        plane.feed(*[b"new"] * 9)
        said = let_go_on({}, wall_ms(), "a test", log=log_of(plane.settings, IN.name))
        with Sender(plane.settings) as sender:
            sender.send(SOURCES.name, IN.name.encode(), said.encode())
        messages = _read_whatever_comes(session, 9)
        assert [message.offset() for message in messages] == list(range(9))
        assert settled(plane, session, state, messages, count_up(state)) == [None]
    assert plane.offsets() == [9, 0, 0]
    assert gap_letters(plane) == [(AGENT, "moved_back", f"{IN.name}[0]@5-0")]


def test_a_topic_that_was_away_for_a_while_is_a_gap_when_it_is_back(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a topic that is deleted Kafka forgets how far each group was, and the worker stays up all the while."""
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 0.1)
    plane.feed(*[b"old"] * 5)
    client, name = admin(plane), plane.settings.topic(IN.name)
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 5), count_up(state)) == [None]
        client.delete_topics([name])[name].result(60)
        _fill_until(session, lambda: session.stale)
        session.read_anew()
        assert not any(place[0] == name for place in session._positions.ends)
        ensure_topics(plane.settings, [IN])
        plane.feed(*[b"new"] * 9)
        messages = _read_whatever_comes(session, 9)
        assert [message.offset() for message in messages] == list(range(9))
        assert settled(plane, session, state, messages, count_up(state)) == [None]
    assert gap_letters(plane) == [(AGENT, "moved_back", f"{IN.name}[0]@5-0")]


def test_what_was_left_out_of_a_topic_is_not_left_out_of_one_that_is_made_anew(plane: Plane) -> None:
    """A word on offsets is one on the topic that had them: nobody has seen what the new one brings."""
    plane.feed(*[b"bad"] * 5)
    log = log_of(plane.settings, IN.name)
    said = let_go_on(ends_of(plane.settings, IN.name), wall_ms(), "a test", log=log, skip=True)
    with Sender(plane.settings) as sender:
        sender.send(SOURCES.name, IN.name.encode(), said.encode())
    plane.feed(b"mended")
    assert work_off(plane, 1) == [b"mended"]
    make_anew(plane.settings, IN)
    plane.feed(*[b"new"] * 3)
    assert work_off(plane, 3) == [b"new"] * 3
    plane.feed(b"newer")
    assert work_off(plane, 1) == [b"newer"], "it reads on where the new one was read to, over restarts"
    assert gap_letters(plane) == [(AGENT, "skipped", f"{IN.name}[0]@0-5"), (AGENT, "moved_back", f"{IN.name}[0]@6-0")]


def test_a_group_that_the_broker_has_forgotten_goes_on_where_its_state_ends(plane: Plane) -> None:
    """As after offsets.retention.minutes, which is a week."""
    plane.feed(b"a", b"a", b"a")
    work_off(plane, 3)
    group = f"{plane.settings.namespace}{AGENT}"
    client = admin(plane)
    wait_until_left(plane.settings, AGENT)
    client.delete_consumer_groups([group])[group].result()
    assert plane.offsets() == [0, 0, 0]
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        (message,) = read_some(session, 1)
        assert (message.offset(), held_in(state)[0]) == (3, {"a": 3})
        assert settled(plane, session, state, [message], count_up(state)) == [None]
    assert plane.offsets() == [4, 0, 0]
    assert gap_letters(plane) == []


def test_an_offset_set_ahead_by_hand_is_written_down(plane: Plane) -> None:
    plane.feed(*[b"a"] * 2)
    work_off(plane, 2)
    plane.feed(*[b"b"] * 3, b"c")
    place = TopicPartition(plane.settings.topic(IN.name), 0, 5)
    wanted = ConsumerGroupTopicPartitions(f"{plane.settings.namespace}{AGENT}", [place])
    client = admin(plane)
    wait_until_left(plane.settings, AGENT)
    for done in client.alter_consumer_group_offsets([wanted]).values():
        done.result()
    assert work_off(plane, 1) == [b"c"]
    assert gap_letters(plane) == [(AGENT, "skipped", f"{IN.name}[0]@2-5")]


def test_all_offsets_are_written_once_a_day(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka forgets the offset of a topic to which the group does not subscribe a week after it was last written."""
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        group = _offsets_with_marks(plane.settings)
        monkeypatch.setattr(whole, "_EVERY_SECONDS", 0.0)
        session.fill(1, 0.0)
        again = _offsets_with_marks(plane.settings)
        assert {place: offset for place, (offset, _) in again.items()} == {0: 1, 1: 0, 2: 0}
        assert all(again[place] != group[place] for place in again)
    assert len(plane.committed(MEMORY)) == 1


def _offsets_with_marks(settings: Settings) -> dict[int, tuple[int, str]]:
    consumer = Consumer(consumer_config(settings, "look", f"{settings.namespace}{AGENT}"))
    try:
        asked = [TopicPartition(settings.topic(IN.name), number) for number in range(3)]
        return {
            each.partition: (each.offset, each.metadata) for each in consumer.committed(asked, timeout=PATIENCE_SECONDS)
        }
    finally:
        consumer.close()
