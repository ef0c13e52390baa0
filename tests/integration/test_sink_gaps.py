"""What was gone before a sink had read it is counted, said and written down, once; on a real Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import REGISTRY

from hub.cli.terminal.sending import Sender
from hub.errors import RetriableError
from hub.inspect.letters import read_letters
from hub.sdk.sink_contract import DeliveryPlace
from hub.sdk.sinks import reader as reading
from hub.sdk.sinks.letters import SinkLetters
from hub.sdk.sinks.outbox import Marks
from hub.sdk.sinks.reader import DeliveryReader, ReadRecord, SinkStandpoints
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import consumer_config
from hub.stream.kafka.extents import topic_ids
from hub.stream.kafka.groups import group_offsets
from hub.stream.kafka.standpoint import Standpoint
from hub.topics import DEAD, dept_orders
from tests.integration.kafka_accidents import delete_before, make_anew
from tests.integration.test_webhook import order
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.kafka
ORDERS = dept_orders("roads")


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    settings = Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=1, state_dir=tmp_path)
    ensure_topics(settings, [ORDERS, DEAD])
    return settings


def send(settings: Settings, numbers: Sequence[int]) -> None:
    codec = Codec(FileRegistry())
    with Sender(settings) as sender:
        for number in numbers:
            one = codec.encode_one("cityhub.Order", order(number, f"C-{number}"))
            sender.send(ORDERS.name, f"C-{number}".encode(), one, partition=0)


@contextmanager
def reader(settings: Settings, positions: SinkStandpoints | None = None) -> Iterator[DeliveryReader]:
    codec = Codec(FileRegistry())
    letters = SinkLetters(settings, codec, "roads", "sink:roads")
    topic = settings.topic(ORDERS.name)
    made = DeliveryReader(settings, codec, "roads", "sink-roads", [topic], letters.note_gap)
    try:
        made.subscribe(lambda lost: None, None if positions is None else lambda: positions)
        yield made
    finally:
        made.close()


def read(made: DeliveryReader, deliveries: int) -> list[ReadRecord]:
    found: list[ReadRecord] = []

    def enough() -> bool:
        found.extend(made.read(10, 0.2))
        return sum(each.delivery is not None for each in found) >= deliveries

    wait_for(enough, f"{deliveries} do not come")
    return found


def read_on(made: DeliveryReader) -> None:
    """Until it does not go on, as a run does. Raises what it raises."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        made.read(10, 0.2)


def done(made: DeliveryReader, records: list[ReadRecord]) -> None:
    """All of it is delivered, as a run has it."""
    marks = Marks()
    for each in records:
        marks.came(each.place, each.offset, to_do=False)
    made.commit(marks.positions())


def ids(records: list[ReadRecord]) -> list[str]:
    return [each.delivery.id for each in records if each.delivery is not None]


def gaps(settings: Settings) -> list[tuple[str, str, str]]:
    found = read_letters(settings, Codec(FileRegistry())).letters
    return [(each.stage, each.reason, each.place) for each in found if each.until is not None]


def counted() -> float:
    labels = {"agent": "sink:roads", "source": "roads", "reason": "gap"}
    return REGISTRY.get_sample_value("hub_gap_records_total", labels) or 0.0


def test_orders_that_retention_took_before_they_were_delivered(settings: Settings) -> None:
    before = counted()
    send(settings, range(2))
    with reader(settings) as made:
        done(made, read(made, 2))
    send(settings, range(2, 6))
    delete_before(settings, ORDERS, 0, 5)
    with reader(settings) as made:
        found = read(made, 1)
        assert ids(found) == ["O-5"]
        done(made, found)
    assert gaps(settings) == [("sink:roads", "gap", f"{ORDERS.name}[0]@2-5")]
    assert counted() - before == 3
    send(settings, [6])
    with reader(settings) as made:
        assert ids(read(made, 1)) == ["O-6"]
    assert len(gaps(settings)) == 1, "once, whoever comes later"


def test_a_gap_with_nothing_behind_it_is_done_too(settings: Settings) -> None:
    send(settings, range(2))
    with reader(settings) as made:
        done(made, read(made, 2))
    send(settings, [2])
    delete_before(settings, ORDERS, 0, 3)
    with reader(settings) as made:
        found: list[ReadRecord] = []
        wait_for(lambda: bool(found.extend(made.read(10, 0.2)) or found), "nothing is said of it")
        assert [(each.offset, each.delivery) for each in found] == [(2, None)]
        done(made, found)
    send(settings, [3])
    with reader(settings) as made:
        assert ids(read(made, 1)) == ["O-3"]
    assert gaps(settings) == [("sink:roads", "gap", f"{ORDERS.name}[0]@2-3")], "once"


def test_a_sink_that_remembers_is_told_where_it_goes_on(settings: Settings) -> None:
    place = DeliveryPlace(settings.topic(ORDERS.name), 0)
    send(settings, range(4))
    delete_before(settings, ORDERS, 0, 3)
    with reader(settings, {place: Standpoint(1)}) as made:
        found = read(made, 1)
        assert [(each.offset, each.delivery is None) for each in found] == [(2, True), (3, False)]
    assert gaps(settings) == [("sink:roads", "gap", f"{ORDERS.name}[0]@1-3")]


def test_who_was_overtaken_while_a_receiver_was_slow_says_so(settings: Settings) -> None:
    send(settings, range(2))
    with reader(settings) as made:
        first = read(made, 2)
        made.hold({first[0].place})
        send(settings, range(2, 6))
        delete_before(settings, ORDERS, 0, 5)
        made.hold(set())
        assert ids(read(made, 1)) == ["O-5"]
    assert gaps(settings) == [("sink:roads", "gap", f"{ORDERS.name}[0]@2-5")]


def test_a_topic_made_anew_is_delivered_from_its_beginning(settings: Settings) -> None:
    send(settings, range(3))
    place = DeliveryPlace(settings.topic(ORDERS.name), 0)
    make_anew(settings, ORDERS)
    send(settings, [7])
    with reader(settings, {place: Standpoint(3)}) as made:
        assert ids(read(made, 1)) == ["O-7"]
    assert gaps(settings) == [("sink:roads", "moved_back", f"{ORDERS.name}[0]@3-0")]


def test_a_topic_older_than_its_sink_is_no_gap(settings: Settings) -> None:
    send(settings, range(3))
    delete_before(settings, ORDERS, 0, 2)
    with reader(settings) as made:
        assert ids(read(made, 1)) == ["O-2"]
    assert gaps(settings) == []


def place_of(settings: Settings) -> DeliveryPlace:
    return DeliveryPlace(settings.topic(ORDERS.name), 0)


def topic_id(settings: Settings) -> str:
    name = settings.topic(ORDERS.name)
    return topic_ids(settings, [name])[name]


def committed(settings: Settings) -> tuple[int, str | None]:
    """What the sink's group has committed, and what stands beside it."""
    (found,) = group_offsets(settings, "sink-roads", [place_of(settings)])
    return found.offset, found.metadata


def test_a_topic_made_anew_that_has_grown_beyond_is_delivered_from_its_beginning(settings: Settings) -> None:
    """Its offsets are there again, and mean other records: those before them would never be delivered."""
    send(settings, range(3))
    kept = Standpoint(3, topic_id(settings))
    make_anew(settings, ORDERS)
    send(settings, range(10, 15))
    with reader(settings, {place_of(settings): kept}) as made:
        found = read(made, 5)
        assert ids(found) == [f"O-{number}" for number in range(10, 15)]
        assert (found[0].offset, found[0].delivery) == (-1, None), "what stands for the gap is done first"
        assert made.topic_id(place_of(settings)) == topic_id(settings) != kept.log
    assert gaps(settings) == [("sink:roads", "moved_back", f"{ORDERS.name}[0]@3-0")]


def test_a_topic_made_anew_while_its_sink_runs_is_read_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOOK_SECONDS", 0.0)
    send(settings, range(3))
    with reader(settings) as made:
        found = read(made, 3)
        make_anew(settings, ORDERS)
        send(settings, range(10, 15))
        with pytest.raises(RetriableError, match="was deleted and made anew"):
            read_on(made)
        done(made, found)  # as a run does when it ends
    with reader(settings) as made:
        found = read(made, 5)
        assert ids(found) == [f"O-{number}" for number in range(10, 15)]
        done(made, found)
    assert gaps(settings) == [("sink:roads", "moved_back", f"{ORDERS.name}[0]@3-0")]
    assert committed(settings) == (5, topic_id(settings))
    with reader(settings) as made:
        assert made.read(10, 2.0) == [], "once"


def test_a_sink_that_was_stopped_while_its_topic_was_made_anew_begins_with_the_first_record(settings: Settings) -> None:
    send(settings, range(3))
    with reader(settings) as made:
        done(made, read(made, 3))
    make_anew(settings, ORDERS)
    send(settings, range(10, 15))
    with reader(settings) as made:
        assert ids(read(made, 5)) == [f"O-{number}" for number in range(10, 15)]


def test_a_position_without_an_id_is_taken_as_it_is_and_gains_it(settings: Settings) -> None:
    """As a release before committed it."""
    send(settings, range(3))
    before = Consumer(consumer_config(settings, "before", f"{settings.namespace}sink-roads"))
    before.commit(offsets=[TopicPartition(*place_of(settings), 2)], asynchronous=False)
    before.close()
    with reader(settings) as made:
        assert ids(read(made, 1)) == ["O-2"]
        made.commit({})
    assert committed(settings) == (2, topic_id(settings))
