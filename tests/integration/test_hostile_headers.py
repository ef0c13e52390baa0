"""A worker on Kafka lives over headers of every kind, in every topic that anybody in it reads: names that are no text, thousands of
them, and more of them, or of a key, than a producer would take again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from hub.inspect.letters import read_letters
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import consumer_config, producer_config
from hub.stream.kafka.headers import Headers, headers_of
from hub.topics import AGENT_CHANGELOGS, CONTROL, SOURCES, WORKERS, agent_topics
from tests.integration.small_hub import SmallHub, case_event, metric, ready, running_hub, wait_for
from tests.raw_batches import RawRecord, produce_raw
from tests.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
NAMES = (b"\xff\xfe", "公文".encode("gbk"), b"a\0b", b"", b"mac", b"traceparent", b"cityhub-backfill")
MUCH = 13 << 20


@pytest.fixture
def hub(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Iterator[SmallHub]:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as running:
        yield running


def event(hub: SmallHub, ref: str) -> bytes:
    return hub.codec.encode_one("cityhub.CaseEvent", case_event("police", ref))


def serves(hub: SmallHub, begin: str) -> None:
    hub.publish(*(case_event(source, f"{begin}{n}") for n in range(10) for source in ("police", "petition")))
    hub.settle(lambda report: not report.lost.count)
    wait_for(lambda: metric(hub.settings, "hub_unaccounted_events") == 0, "the account is not even")


def test_a_name_that_is_no_text_harms_nobody_however_often_it_comes(kafka_bootstrap: str, namespace: str) -> None:
    """A Python that has run a call some times no longer looks whether an error was left behind; the error strikes later."""
    settings = Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=1)
    ensure_topics(settings, [CONTROL])
    bad, good = RawRecord(b"k", b"v", [(b"\xff", b"1")]), RawRecord(b"k", b"v", [(b"good", b"1"), (b"n", None)])
    many, bare = RawRecord(b"k", b"v", [(b"\xff", b"")] * 100), RawRecord(b"k", b"v")
    records = [bad, many, good, bare] * 30
    produce_raw(kafka_bootstrap, settings.topic(CONTROL.name), 0, *records)
    consumer, found = Consumer(consumer_config(settings, "reader", f"{namespace}reader")), list[Headers]()
    try:
        consumer.assign([TopicPartition(settings.topic(CONTROL.name), 0, 0)])
        until = time.monotonic() + PATIENCE_SECONDS
        while len(found) < len(records):
            assert time.monotonic() < until
            found += [headers_of(message) for message in consumer.consume(10, 1.0)]
    finally:
        consumer.close()
    assert found == [None, None, [("good", b"1"), ("n", None)], None] * 30


def test_names_of_headers_are_anybodys(hub: SmallHub) -> None:
    wait_for(lambda: ready(hub.settings), "the worker serves")
    records = [RawRecord(b"k", b"?", [(name, b"\xff"), (b"n", None)]) for name in NAMES]
    records.append(RawRecord(b"k", b"?", [(b"\xff%d" % n, b"") for n in range(2_000)]))
    read = {topic for topics in agent_topics(hub.sources, hub.departments).values() for topic in topics}
    inner = [CONTROL.name, WORKERS.name, SOURCES.name, *(each.name for each in AGENT_CHANGELOGS.values())]
    for topic in (*read, *inner):
        produce_raw(hub.settings.bootstrap_servers, hub.settings.topic(topic), 0, *records)
    good = [RawRecord(b"P%d" % n, event(hub, f"P{n}"), [(NAMES[0], b"")]) for n in range(10)]
    produce_raw(hub.settings.bootstrap_servers, hub.settings.topic("city.police.events"), 1, *good)
    serves(hub, "after-")
    hub.restart()
    serves(hub, "again-")
    set_aside = Counter(each.place.partition("[")[0] for each in read_letters(hub.settings, hub.codec).letters)
    assert set_aside == dict.fromkeys(read, len(records)), "and none of what is good"


def test_what_cannot_be_moved_to_its_partition_is_set_aside(hub: SmallHub) -> None:
    """A record whose key and headers are small only on the wire, in each partition: in one of them it does not belong."""
    settings = producer_config(hub.settings, "much") | {"message.max.bytes": 64 << 20}
    producer, topic = Producer(settings), hub.settings.topic("city.police.events")
    headed, keyed, thousand = (event(hub, ref) for ref in ("H-1", "K-1", "S-1"))
    for partition in range(hub.settings.partitions):
        producer.produce(topic, headed, b"k", partition, headers=[("x", bytes(MUCH))])
        producer.produce(topic, keyed, bytes(MUCH), partition)
        producer.produce(topic, thousand, b"k", partition, headers=[("x", b"")] * 1000)
    assert producer.flush(PATIENCE_SECONDS) == 0
    serves(hub, "after-")
    letters = read_letters(hub.settings, hub.codec).letters
    assert [each.reason for each in letters] == ["too_large"] * 2
    assert {len(each.letter["key"]) for each in letters} == {1, 16 << 10}
