"""A worker on Kafka lives over records that are small only on the wire, in every topic that its agents read."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from hub.inspect.reading import read_messages, spans
from hub.stream.kafka import producer_config
from hub.topics import CASES, DEAD
from tests.integration.small_hub import SmallHub, case_event, running_hub
from tests.mutations import CODEC

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
TOPICS = (
    "city.hotline.events", "dept.roads.updates", "hub.events", "hub.updates", "hub.cases", "hub.closures",
)  # fmt: skip
LARGE = 13 << 20


@pytest.fixture
def hub(kafka_bootstrap: str, tmp_path: Any) -> Iterator[SmallHub]:
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", tmp_path) as running:
        yield running


def letters(hub: SmallHub) -> list[dict[str, Any]]:
    found = (
        message.value() for batch in read_messages(hub.settings, spans(hub.settings, [DEAD.name])) for message in batch
    )
    return [hub.codec.decode_one(value)[1] for value in found]


def came_out(hub: SmallHub, refs: Iterable[str]) -> bool:
    """Every one of these reports opened a case, or was joined to one."""
    wanted = set(refs)
    for batch in read_messages(hub.settings, spans(hub.settings, [CASES.name])):
        for message in batch:
            for change in CODEC.decode_many("cityhub.CaseChange", [message.value()]).batch.to_pylist():
                if change["change"] in ("OPENED", "LINKED"):
                    wanted.discard(change["source_ref"])
    return not wanted


def publish_good(hub: SmallHub, name: str) -> list[str]:
    refs = [f"{name}{number}" for number in range(40)]
    hub.publish(*(case_event(source, ref) for ref in refs for source in ("police", "petition")))
    return refs


def test_a_record_that_is_small_only_on_the_wire_is_a_letter_with_size_and_digest(hub: SmallHub) -> None:
    """13 MB of zeros in 50 kB: no output of the hub takes it, nor its own dead letter."""
    settings = producer_config(hub.settings, "zeros") | {"message.max.bytes": 64 << 20, "compression.type": "lz4"}
    producer = Producer(settings)
    for topic in TOPICS:
        producer.produce(hub.settings.topic(topic), bytes(LARGE), b"large")
    assert producer.flush(60) == 0
    refs = publish_good(hub, "after-zeros-")
    hub.settle(lambda report: not report.lost.count and came_out(hub, refs))
    large = [letter for letter in letters(hub) if letter["key"] == b"large"]
    assert sorted(letter["origin"]["topic"] for letter in large) == sorted(TOPICS)
    for letter in large:
        assert letter["reason"] == "too_large"
        assert letter["truncated"]
        assert letter["size_bytes"] == LARGE
        assert letter["sha256"] == hashlib.sha256(bytes(LARGE)).hexdigest()
        assert len(letter["value"]) > 11 << 20, "what fits is kept"
    resent = hub.type("dead", "resend", "--reason", "too_large", "--yes")
    assert "0 sent again" in resent.output, resent.output
