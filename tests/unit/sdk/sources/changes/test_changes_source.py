"""The source of change events on a Kafka in this process: read from where it was left, stepped over, changed tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import ValidationError

from hub.errors import Reason
from hub.sdk.contract import Batch, Context, Item, Position
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import load_manifest
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.changes import source as changes
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from tests.unit.sdk.sources.changes import envelopes
from tests.unit.sdk.sources.changes.envelopes import avro, envelope, plain, with_schema
from tests.unit.sdk.sources.changes.system import PATIENCE_SECONDS, Kafka

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture(autouse=True)
def _no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Kafka of librdkafka's own never answers who asks for the ids of topics."""
    monkeypatch.setattr(changes, "ids_of", lambda client, topics, timeout: {})


@pytest.fixture
def topic(namespace: str) -> str:
    return f"{namespace}public.requests"


def source(kafka: Kafka, *topics: str, context: Context | None = None, **settings: Any) -> ChangesSource:
    config = {"bootstrap_servers": kafka.address, "topics": topics, "once": True, **settings}
    return ChangesSource(ChangesConfig.model_validate(config), context or Context("works"))


def read(found: ChangesSource, position: Position | None = None) -> tuple[list[Item], Position | None]:
    """To the end of what is there."""
    found.connect(position)
    items: list[Item] = []
    until = time.monotonic() + PATIENCE_SECONDS
    batch = Batch()
    while not batch.last:
        assert time.monotonic() < until, "there is no end"
        batch = found.read(1.0)
        items += batch.items
        position = batch.after or position
    found.close()
    return items, position


def test_rows_are_read_and_what_is_none_is_stepped_over(kafka: Kafka, topic: str) -> None:
    kafka.write(topic, with_schema(envelopes.SNAPSHOT), plain(envelopes.HEARTBEAT), with_schema(envelopes.UPDATE))
    kafka.write(topic, with_schema(envelopes.DELETE), None, plain(envelopes.MESSAGE), with_schema(None))
    items, position = read(source(kafka, topic))
    assert [(item.values or {})["change.op"] for item in items] == ["snapshot", "update", "delete"]
    assert position is not None
    assert position["next"] == {topic: {"0": 7, "1": 0, "2": 0, "3": 0}}
    kafka.write(topic, with_schema(envelopes.CREATE), partition=2)
    items, position = read(source(kafka, topic), position)
    assert [item.where for item in items] == [f"topic {topic} partition 2 record 1"]
    assert read(source(kafka, topic), position)[0] == []


def test_what_cannot_be_used_is_an_item_with_its_bytes(kafka: Kafka, topic: str) -> None:
    half = json.dumps(envelope("c", None, {"note": "\ud800"})).encode()
    kafka.write(topic, b"no json", plain(envelopes.TRUNCATE), plain({"id": 1}), half, plain(envelopes.CREATE))
    items, _ = read(source(kafka, topic))
    assert [item.fault.reason if item.fault else None for item in items] == [
        Reason.BAD_ROW, Reason.INVALID, Reason.BAD_ROW, Reason.BAD_ROW, None,
    ]  # fmt: skip
    assert items[0].raw == b"no json"


def test_a_position_whose_records_are_gone_is_an_alarm(kafka: Kafka, topic: str) -> None:
    kafka.write(topic, plain(envelopes.CREATE))
    with pytest.raises(PositionLostError, match="snapshot"):
        source(kafka, topic).connect({"next": {topic: {"0": 9}}})
    with pytest.raises(PositionLostError):
        source(kafka, topic).connect({"page": 1})


def with_id(monkeypatch: pytest.MonkeyPatch, log: str) -> None:
    """Have the Kafka say that its topics have this id."""
    monkeypatch.setattr(changes, "ids_of", lambda client, topics, timeout: dict.fromkeys(topics, log))


def test_a_topic_made_anew_that_has_grown_beyond_is_read_from_its_beginning(
    kafka: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its offsets are there again, and mean other records."""
    said: list[str] = []
    kafka.write(topic, *[plain(envelopes.CREATE)] * 3)
    with_id(monkeypatch, "first")
    _, position = read(source(kafka, topic))
    with_id(monkeypatch, "second")
    kafka.write(topic, *[plain(envelopes.CREATE)] * 2)
    items, position = read(source(kafka, topic, context=Context("works", say=said.append)), position)
    assert [item.number for item in items] == [1, 2, 3, 4, 5]
    assert position == {"next": {topic: {"0": 5, "1": 0, "2": 0, "3": 0}}, "ids": {topic: "second"}}
    assert [topic in each and "made anew" in each for each in said] == [True]
    assert read(source(kafka, topic), position)[0] == [], "once"


def test_a_topic_made_anew_and_empty_is_said_once(kafka: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    kafka.make(topic)
    with_id(monkeypatch, "second")
    position: Position | None = {"next": {topic: {"0": 3}}, "ids": {topic: "first"}}
    for _ in range(2):
        items, position = read(source(kafka, topic, context=Context("works", say=said.append)), position)
        assert items == []
    assert len(said) == 1


def test_a_topic_made_anew_while_it_is_read_is_connected_anew(
    kafka: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LOOK_AGAIN_SECONDS", 0.0)
    kafka.write(topic, plain(envelopes.CREATE))
    with_id(monkeypatch, "first")
    found = source(kafka, topic)
    found.connect(None)
    found.read(0.1)
    with_id(monkeypatch, "second")
    with pytest.raises(TransientError, match="made anew"):
        found.read(0.1)
    found.close()


def test_a_position_without_an_id_is_taken_as_it_is_and_gains_it(
    kafka: Kafka, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.write(topic, *[plain(envelopes.CREATE)] * 3)
    with_id(monkeypatch, "first")
    before = {"next": {topic: {"0": 2}}, "kept by a newer release": True}
    items, position = read(source(kafka, topic), before)
    assert [item.number for item in items] == [3]
    assert position is not None
    assert position["ids"] == {topic: "first"}
    with_id(monkeypatch, "")  # it cannot be told now: what is known stays
    kafka.write(topic, plain(envelopes.CREATE))
    assert (read(source(kafka, topic), position)[1] or {})["ids"] == {topic: "first"}


def test_a_topic_that_is_not_there_and_a_kafka_that_is_away_are_said(kafka: Kafka, namespace: str) -> None:
    with pytest.raises(ConfigurationError, match="no such topic"):
        source(kafka, f"{namespace}nowhere").check()
    away = ChangesConfig(bootstrap_servers="127.0.0.1:9", topics=("t",), timeout_seconds=0.5)
    with pytest.raises(TransientError, match="does not answer"):
        ChangesSource(away, Context("works")).check()


def test_a_table_that_lost_a_column_which_is_read_stops_the_edge(kafka: Kafka, topic: str, tmp_path: Path) -> None:
    intake = MappingSet(load_manifest(scaffold("works_by_test", tmp_path, "changes")))
    said: list[str] = []
    context = Context("works", intake.outcome, intake.mapping, say=said.append)
    columns = {name: None for name in sorted(intake.mapping().file_columns()) if not name.startswith("change.")}
    kafka.write(topic, plain(envelope("c", None, columns)), plain(envelope("c", None, columns | {"more": 1})))
    kafka.write(topic, plain(envelopes.DDL), plain(envelope("d", {"id": 1}, None)))
    items, position = read(source(kafka, topic, context=context))
    assert len(items) == 3
    assert ["other columns" in each or "made or changed" in each for each in said] == [True, True]
    kafka.write(topic, plain(envelope("u", None, {"id": 1})))
    lost = source(kafka, topic, context=context)
    with pytest.raises(ConfigurationError, match="no column address, category"):
        read(lost, position)
    lost.close()


class Registry(BaseHTTPRequestHandler):
    """Has one schema; `broken` answers nothing but 503."""

    broken = False

    def do_GET(self) -> None:
        if type(self).broken:
            self.send_error(503)
        elif self.path == "/schemas/ids/7":
            body = json.dumps({"schema": json.dumps(envelopes.AVRO)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    Registry.broken = False
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_avro_is_read_by_the_registry(kafka: Kafka, topic: str, registry: str) -> None:
    kafka.write(topic, avro(envelopes.CREATE, 7), avro(envelopes.DELETE, 7), avro(envelopes.CREATE, 8), b"{}")
    items, _ = read(source(kafka, topic, registry={"url": registry}))
    assert [(item.values or {}).get("change.op") for item in items] == ["create", "delete", None, None]
    assert [item.fault.reason for item in items if item.fault] == [Reason.UNKNOWN_SCHEMA, Reason.BAD_ROW]
    Registry.broken = True
    again = source(kafka, topic, registry={"url": registry})
    with pytest.raises(TransientError, match="503"):
        read(again)
    again.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": []},
        {"bootstrap_servers": "kafka.example:9092", "login": {"user": "hub", "password": "env:KEY_BY_TEST"}},
        {"registry": {"url": "https://hub:secret@registry.example"}},
    ],
)
def test_what_would_leak_is_refused(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "s3cr3t-by-test")
    with pytest.raises(ValidationError) as raised:
        ChangesConfig.model_validate({"bootstrap_servers": "127.0.0.1:9092", "topics": ["t"], **wrong})
    assert "s3cr3t-by-test" not in str(raised.value)
