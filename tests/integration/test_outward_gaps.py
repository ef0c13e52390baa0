"""What leaves the hub in transactions: markers are no gap, and who was away too long sees what is there; on a real Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import islice

import pytest
from confluent_kafka import Producer

from hub.cli.cases.hearing import records_to
from hub.inspect.reading import committed_offsets
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import producer_config
from tests.integration.kafka_accidents import delete_before
from tests.integration.test_sink_gaps import ORDERS, done, gaps, ids, read, reader, send
from tests.integration.test_sink_gaps import settings as settings
from tests.integration.test_webhook import order
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.kafka


def test_markers_of_transactions_are_no_gap(settings: Settings) -> None:
    """A department that had its last order long ago has missed nothing once that is deleted."""
    send_in_a_transaction(settings, range(2))
    with reader(settings) as made:
        found = read(made, 2)
        wait_for(lambda: bool(found.extend(made.read(10, 0.2)) or found[-1].is_marker), "its end does not come")
        assert [(each.offset, each.is_marker) for each in found] == [(0, False), (1, False), (2, True)]
        done(made, found)
    delete_before(settings, ORDERS, 0, -1)
    with reader(settings) as made:
        send_in_a_transaction(settings, [2])
        assert ids(read(made, 1)) == ["O-2"]
    assert gaps(settings) == []


def send_in_a_transaction(settings: Settings, numbers: Sequence[int]) -> None:
    codec = Codec(FileRegistry())
    producer = Producer(producer_config(settings, "feed") | {"transactional.id": f"{settings.namespace}feed"})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    for number in numbers:
        one = codec.encode_one("cityhub.Order", order(number, f"C-{number}"))
        producer.produce(settings.topic(ORDERS.name), one, f"C-{number}".encode(), 0)
    producer.commit_transaction(PATIENCE_SECONDS)


def test_a_department_that_was_away_too_long_sees_what_is_there_and_is_told_what_is_not(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its group, like that of `cityhub dept watch`, begins with what is new; that is no reason to leave out what it missed."""
    group = f"{settings.namespace}roads"
    send(settings, range(3))
    assert heard(settings, group, 3, from_start=True) == ["O-0", "O-1", "O-2"]
    seen = committed_offsets(settings, "roads", [(ORDERS.name, 0)])[ORDERS.name, 0]
    assert seen >= 2, "the last is seen once the next is asked for"
    send(settings, range(3, 7))
    delete_before(settings, ORDERS, 0, 5)
    assert heard(settings, group, 2, from_start=False) == ["O-5", "O-6"]
    assert f"{ORDERS.name}[0]@{seen}-5: at most {5 - seen} records were deleted" in capsys.readouterr().err


def heard(settings: Settings, group: str, records: int, *, from_start: bool) -> list[str]:
    stream = records_to(settings, Codec(FileRegistry()), [ORDERS], from_start=from_start, group=group)
    with closing(stream):  # type: ignore[type-var]
        return [record["order_id"] for _, record in islice(stream, records)]
