"""A sink's position is moved on purpose: to the start, to now; not while it runs, and not where its system keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition

from hub.cli.connector.command import connector
from hub.sdk.sinks import reader
from tests.unit.sdk.sources.changes.system import PATIENCE_SECONDS, Kafka

YAML = """
sinks:
  roads-office: {kind: webhook, departments: roads, settings: {url: "https://h.example/x", secret: "env:HOOK_SECRET"}}
  ledger: {kind: sql, departments: roads, settings: {url: "sqlite:///ledger.db"}}
"""


class Stand:
    """Three records for each of both topics, on a Kafka in this process."""

    def __init__(self, kafka: Kafka, namespace: str) -> None:
        self.kafka, self.group = kafka, f"{namespace}sink-roads-office"
        self.topics = [f"{namespace}dept.roads.{stream}" for stream in ("orders", "receipts")]
        for topic in self.topics:
            kafka.write(topic, b"1", b"2", b"3")

    def consumer(self) -> Consumer:
        return Consumer({"bootstrap.servers": self.kafka.address, "group.id": self.group, "enable.auto.commit": False})

    def committed(self) -> set[int]:
        consumer = self.consumer()
        try:
            places = [TopicPartition(topic, 0) for topic in self.topics]
            return {each.offset for each in consumer.committed(places, timeout=PATIENCE_SECONDS)}
        finally:
            consumer.close()


@pytest.fixture
def stand(namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    kafka = Kafka()
    # a Kafka of librdkafka's own never answers who asks for the ids of topics
    monkeypatch.setattr(reader, "ids_on_broker", lambda *_: lambda topics: dict.fromkeys(topics, "an-id"))
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("CITYHUB_CONNECTORS", str(tmp_path / "connectors.yaml"))
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CITYHUB_NAMESPACE", namespace)
    monkeypatch.setenv("CITYHUB_BOOTSTRAP_SERVERS", kafka.address)
    (tmp_path / "connectors.yaml").write_text(YAML, "utf-8")
    return Stand(kafka, namespace)


def reset(name: str, to: str) -> Result:
    return CliRunner().invoke(connector, ["reset", name, "--to", to])


def test_it_goes_on_from_where_it_is_told(stand: Stand) -> None:
    for to, offset in (("now", 3), ("start", 0)):
        said = reset("roads-office", to)
        assert said.exit_code == 0, said.output
        assert said.output == f"roads-office begins at {to} when it runs next\n"
        assert stand.committed() == {offset}


def test_what_its_system_keeps_is_not_moved_here(stand: Stand) -> None:
    said = reset("ledger", "start")
    assert said.exit_code == 1
    assert "its system keeps how far it has come" in said.output
