"""A worker on Kafka lives over rubbish in every topic that its agents read, inner ones and changelogs too, and over records that
are small only on the wire: each is accounted for, and what is good comes out."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from hub.cli.terminal.sending import Sender
from hub.inspect.reading import read_messages, spans
from hub.stream.changelog.checkpoints import is_checkpoint
from hub.stream.kafka.client import producer_config
from hub.topics import CASES, DEAD, DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG
from tests.integration.small_hub import SmallHub, case_event, metric, ready, running_hub, wait_for
from tests.mutations import CODEC, REGISTRY, examples, mutated, odd, real_records
from tests.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
EACH = 150
TOPICS = {
    "city.hotline.events": "CaseEvent", "dept.roads.updates": "Update", "hub.events": "AdmittedEvent",
    "hub.updates": "AdmittedUpdate", "hub.cases": "CaseChange", "hub.closures": "Closure",
}  # fmt: skip
CHANGELOGS = (DEDUPLICATE_CHANGELOG.name, ROUTE_CHANGELOG.name, TRACK_CHANGELOG.name)
LARGE = 13 << 20


@pytest.fixture
def hub(kafka_bootstrap: str, tmp_path: Any) -> Iterator[SmallHub]:
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", tmp_path) as running:
        yield running


def rubbish(name: str, chance: random.Random) -> Iterator[bytes | None]:
    schema, real = REGISTRY.latest(f"cityhub.{name}"), real_records(f"cityhub.{name}")
    for number in range(EACH):
        if number % 2:
            yield mutated(chance.choice(real), real, chance)
        else:
            yield CODEC.encode_one(schema.subject, odd(chance.choice(examples(schema)), schema, chance))
    yield from (None, b"")


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
            changes = CODEC.decode_many(
                "cityhub.CaseChange", [message.value()]
            ).batch  # its times may be beyond any calendar
            for change, ref in zip(
                *(changes.column(name).to_pylist() for name in ("change", "source_ref")), strict=True
            ):
                if change in ("OPENED", "LINKED"):
                    wanted.discard(ref)
    return not wanted


def publish_good(hub: SmallHub, name: str) -> list[str]:
    refs = [f"{name}{number}" for number in range(40)]
    hub.publish(*(case_event(source, ref) for ref in refs for source in ("police", "petition")))
    return refs


def test_a_worker_lives_over_rubbish_everywhere(hub: SmallHub) -> None:
    chance = random.Random("rubbish")
    sent: Counter[str] = Counter()
    with Sender(hub.settings) as sender:
        for topic, name in TOPICS.items():
            for value in rubbish(name, chance):
                sender.send(topic, chance.choice([b"", b"key", b"\xff", b"C-X"]), value)
                sent[topic] += 1
    spoil_changelogs(hub, chance)
    refs = publish_good(hub, "after-rubbish-")
    hub.settle(lambda report: not report.lost.count and came_out(hub, refs))
    wait_for(lambda: metric(hub.settings, "hub_unaccounted_events") == 0, "the account is not even")
    set_aside = Counter(letter["origin"]["topic"] for letter in letters(hub) if letter["origin"])
    for topic, count in sent.items():
        assert 0 < set_aside[topic] <= count, topic
    assert set_aside.keys() <= {*TOPICS}, "nothing of what is good"

    spoil_changelogs(hub, chance)
    hub.restart()
    wait_for(lambda: ready(hub.settings), "the worker serves again")
    refs = publish_good(hub, "after-restart-")
    hub.settle(lambda _: came_out(hub, refs))
    assert metric(hub.settings, "hub_unreadable_state_records_total") > 3 * EACH
    words = hub.worker.log.read_text("utf-8")
    for changelog in CHANGELOGS:
        assert f"{hub.settings.topic(changelog)}[" in words, "each is named"
    assert "is not this program's and was stepped over" in words


def spoil_changelogs(hub: SmallHub, chance: random.Random) -> None:
    """Beside what the worker writes: bytes of no meaning, also under its own keys, and what it wrote with a few of them changed.

    Those have keys of nobody: some can be read, and would take the place of what is true, which the account then misses. The worker
    reads them at once if they come between two of its commits. No false checkpoints: what those come to is in
    tests/integration/test_state_refused.py.
    """
    keys = (b"k", b"\xff", b"~", b"~now", b"\0", b"\0x", b"C-X")
    real: dict[str, list[Message]] = {topic: [] for topic in CHANGELOGS}
    for batch in read_messages(hub.settings, spans(hub.settings, CHANGELOGS)):
        for message in batch:
            if message.value() and not is_checkpoint(message.key()):
                real[message.topic().removeprefix(hub.settings.namespace)].append(message)
    with Sender(hub.settings) as sender:
        for changelog, messages in real.items():
            values = [message.value() for message in messages]
            for number in range(EACH):
                sender.send(changelog, chance.choice(keys) + b"%d" % number, chance.randbytes(chance.randint(0, 40)))
                if messages:
                    changed = mutated(chance.choice(values), values, chance)
                    sender.send(changelog, b"nobody's%d" % number, changed)
                    sender.send(changelog, chance.choice(messages).key(), b"\xc1" + chance.randbytes(20))


def test_a_record_that_is_small_only_on_the_wire_is_a_letter_with_size_and_digest(hub: SmallHub) -> None:
    """13 MB of zeros in 50 kB: no output of the hub takes it, nor its own dead letter."""
    settings = producer_config(hub.settings, "zeros") | {"message.max.bytes": 64 << 20, "compression.type": "lz4"}
    producer = Producer(settings)
    for topic in TOPICS:
        producer.produce(hub.settings.topic(topic), bytes(LARGE), b"large")
    assert producer.flush(PATIENCE_SECONDS) == 0
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
