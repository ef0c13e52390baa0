"""Change events on a real Kafka, read while they are written: killed in the middle, and started again."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hub.cli.process.children import environment_of
from hub.sdk.contract import Context, Position
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from hub.settings import Settings
from hub.topics import city_events
from tests.integration.small_hub import wait_for
from tests.integration.test_connector_kafka import consumed
from tests.processes import started
from tests.unit.sdk.sources.changes.envelopes import envelope, plain

pytestmark = [pytest.mark.kafka, pytest.mark.crash]
_LIMIT_SECONDS = 120.0
_ROWS = 300
_NAME = "works_by_test"


def row(number: int, category: str = "roads.pothole") -> dict[str, Any]:
    return {
        "id": f"N-{number}", "category": category, "urgent": None, "lat": None, "lon": None, "address": None,
        "title": f"Pothole {number}", "text": "", "caller": "withheld",
    }  # fmt: skip


def told(number: int) -> list[tuple[str, bytes | None]]:
    """What the database says of a row, and which kind of statement each is: of every third an update, of every fifth a delete."""
    at_ms = 1_767_686_400_000 + number * 1000
    found: list[tuple[str, bytes | None]] = [("OPENED", plain(envelope("c", None, row(number), at_ms)))]
    if number % 3 == 0:
        changed = envelope("u", row(number), row(number, "roads.collapse"), at_ms + 1)
        found.append(("AMENDED", plain(changed)))
    if number % 5 == 0:
        found += [("WITHDRAWN", plain(envelope("d", row(number), None, at_ms + 2))), ("", None)]
    return found


@contextmanager
def database(settings: Settings, topic: str, killed: threading.Event) -> Iterator[None]:
    """Writes row by row until the edge is killed, and then all the rest."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 3)])[topic].result(_LIMIT_SECONDS)
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 0})

    def write() -> None:
        for number in range(_ROWS):
            for _, envelope_ in told(number):
                producer.produce(topic, envelope_, f"N-{number}".encode())
            producer.poll(0)
            killed.wait(_LIMIT_SECONDS if number == _ROWS // 3 else 0.02)
        assert not producer.flush(_LIMIT_SECONDS)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        killed.set()
        writer.join()


def test_killed_while_the_database_writes_nothing_is_lost_or_doubled(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=kafka_bootstrap,
        namespace=namespace,
        partitions=3,
        state_dir=tmp_path / "state",
        connectors=tmp_path / "connectors.yaml",
    )
    topic, killed = f"{namespace}debezium.public.requests", threading.Event()
    scaffold(_NAME, tmp_path / "mine", "changes")
    position = settings.state_dir / "edges" / f"{namespace}{_NAME}.json"

    def edge(once: bool) -> None:
        said = {"bootstrap_servers": kafka_bootstrap, "topics": [topic], "once": once}
        (tmp_path / "connectors.yaml").write_text(
            f"search: [mine]\nedges: {{{_NAME}: {{settings: {json.dumps(said)}}}}}\n"
        )

    def items() -> int:
        return int(json.loads(position.read_text())["items"]) if position.exists() else 0

    command = [sys.executable, "-m", "hub.cli.main", "connector", "run"]
    environment = environment_of(settings) | {"CITYHUB_CONNECTORS": str(settings.connectors)}
    with database(settings, topic, killed):
        edge(once=False)
        with started(command, env=environment) as process:
            wait_for(lambda: items() > 0, "the position does not move")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert 0 < items() < _ROWS, "killed in the middle"
    edge(once=True)
    with started(command, env=environment) as process:
        assert process.wait(_LIMIT_SECONDS) == 0
    found = [record for _, _, record in consumed(settings, city_events(_NAME).name)]
    whole = {f"N-{n}": [kind for kind, _ in told(n) if kind] for n in range(_ROWS)}
    by_ref: dict[str, list[str]] = {}
    for each in found:
        kinds = by_ref.setdefault(each["source_ref"], [])
        if each["kind"] not in kinds:
            kinds.append(each["kind"])
    assert by_ref == whole, "each statement of each row, in its order"
    contents = {json.dumps(each, default=str, sort_keys=True) for each in found}
    assert len(contents) == sum(map(len, whole.values())), "what came twice is not the same, and would be no repeat"


def test_a_topic_made_anew_that_has_grown_beyond_is_read_from_its_beginning(
    kafka_bootstrap: str, namespace: str
) -> None:
    """Its offsets are there again, and mean other records: those before them would be passed over."""
    topic, said = f"{namespace}debezium.public.requests", list[str]()
    client = {"bootstrap.servers": kafka_bootstrap}
    admin, producer = AdminClient(client), Producer(client)
    config = ChangesConfig(bootstrap_servers=kafka_bootstrap, topics=(topic,), once=True)

    def make(rows: int) -> None:
        admin.create_topics([NewTopic(topic, 1)])[topic].result(_LIMIT_SECONDS)
        for number in range(rows):
            producer.produce(topic, plain(envelope("c", None, row(number))))
        assert not producer.flush(_LIMIT_SECONDS)

    def read(position: Position | None) -> tuple[list[int], Position | None]:
        source = ChangesSource(config, Context("works", say=said.append))
        source.connect(position)
        numbers, last = [], False
        while not last:
            batch = source.read(1.0)
            numbers += [item.number for item in batch.items]
            position, last = batch.after or position, batch.last
        source.close()
        return numbers, position

    make(3)
    numbers, position = read(None)
    assert numbers == [1, 2, 3]
    admin.delete_topics([topic])[topic].result(_LIMIT_SECONDS)
    wait_for(lambda: topic not in admin.list_topics(timeout=60).topics, "the topic is gone")
    make(5)
    numbers, position = read(position)
    assert numbers == [1, 2, 3, 4, 5]
    assert len(said) == 1
    assert read(position)[0] == []
