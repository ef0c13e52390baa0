"""The control topic under attack: whatever anybody puts there, workers live, and a genuine `policy apply` is heard."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from hub.control.records import PolicyAnswer, PolicyReload, opened, sealed
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import consumer_config, producer_config
from hub.topics import CONTROL
from tests.integration.small_hub import SmallHub, own_city, ready, running_hub, small_settings, wait_for
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
HOSTILE: tuple[bytes | None, ...] = (
    None,
    b"",
    b"\x00\xff" * 5_000,
    b"no json " * 2_000,
    b"[" * 200_000,
    b'{"kind":' * 50_000,
    b'{"kind": "policy-reload", "fingerprint": "' + b"a" * 900_000 + b'"}',
    b'{"kind": "policy-reload", "kind": "policy-reload", "fingerprint": null}' + b" " * 10_000,
    b'{"kind": "policy-reload", "id": "0", "version": "../../../etc/passwd", "fingerprint": "../../../etc/passwd"}',
    b'{"kind": "policy-reload", "id": 1e999, "version": NaN, "fingerprint": {"a": []}}' + b" " * 10_000,
    b'{"kind": "policy-applied", "instance": "\\ud800\\u001b[2J", "version": 7, "lines": 3}' + b" " * 10_000,
    b'{"kind": ["policy-reload"]}' + b" " * 10_000,
    b"7" * 10_000,
)


def plant(settings: Settings) -> int:
    """Every hostile record in every codec, and some in a transaction that is aborted; how many were sent."""
    sent = 0
    for codec in CODECS:
        producer = Producer(producer_config(settings, f"hostile-{codec}") | {"compression.type": codec})
        for value in HOSTILE:
            producer.produce(settings.topic(CONTROL.name), value, b"\xff", headers=[("mac", b"\xff"), ("", None)])
            sent += 1
        assert producer.flush(PATIENCE_SECONDS) == 0
    transacting = {"transactional.id": f"{settings.namespace}hostile"}
    producer = Producer(producer_config(settings, "hostile") | transacting)
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(settings.topic(CONTROL.name), b'{"kind": "policy-reload"}')
    producer.flush(PATIENCE_SECONDS)
    producer.abort_transaction(PATIENCE_SECONDS)
    return sent


def test_hostile_records_end_no_worker_and_hide_no_announcement(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    city = own_city(tmp_path)
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city)
    ensure_topics(settings, [replace(CONTROL, settings={})])  # as made before it had a limit
    plant(settings)
    hub = SmallHub(settings)
    try:
        wait_for(lambda: ready(settings), "not ready")
        hub.restart()
        wait_for(lambda: ready(settings), "not ready again")
        plant(settings)
        routes = city / "routes.yaml"
        mine = "routes:\n  - {id: all_bursts, when: {category: [water.burst]}, department: roads}\n"
        routes.write_text(routes.read_text("utf-8").replace("routes:\n", mine, 1), "utf-8")
        (city / "examples.yaml").write_text("examples: []\n", "utf-8")
        said = hub.type("policy", "apply", "--wait", "120")
        assert said.exit_code == 0, said.output
        assert "route 派单规则 all_bursts: new" in said.output
        hub.worker.must_run()
    finally:
        hub.worker.stop()


class Forger(threading.Thread):
    """Answers every request at once, in the name of the worker and of one that does not exist: all is applied."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings, self._done = settings, threading.Event()
        self._topic = settings.topic(CONTROL.name)
        self._consumer = Consumer(consumer_config(settings, "forger", f"{settings.namespace}forger"))
        self._consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])

    def run(self) -> None:
        producer = Producer(producer_config(self._settings, "forger"))
        while not self._done.is_set():
            for message in self._consumer.consume(100, 0.1):
                record = None if message.error() else opened(message.value(), None, self._topic, None)
                if not isinstance(record, PolicyReload):
                    continue
                for instance in (self._settings.instance, "ghost"):
                    forged = PolicyAnswer(
                        id=record.id, result="applied", instance=instance, process="f" * 32, version=record.version,
                        fingerprint=record.fingerprint, lines=(),
                    )  # fmt: skip
                    producer.produce(self._topic, sealed(forged, self._topic, None)[0])
                producer.flush(10)
        self._consumer.close()

    def stop(self) -> None:
        self._done.set()
        self.join()


def test_forged_answers_make_no_refusal_an_agreement(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> None:
    elsewhere = own_city(tmp_path)
    (elsewhere / "examples.yaml").write_text("examples: []\n", "utf-8")
    with running_hub(kafka_bootstrap, namespace, tmp_path) as hub:
        wait_for(lambda: ready(hub.settings), "not ready")
        forger = Forger(hub.settings)
        forger.start()
        try:
            for command in (["policy", "apply", "--city", str(elsewhere)], ["policy", "apply"]):
                said = hub.type(*command, "--json")
                verdict, ignored = map(json.loads, said.stdout.splitlines())
                assert (said.exit_code, verdict["instance"]) == (1, namespace)
                assert verdict["result"] in ("contradictory", "unconfirmed"), (
                    "by which of the two answers is there in time"
                )
                assert ignored["strangers"] == ["ghost"]
        finally:
            forger.stop()
        assert hub.type("policy", "apply", "--wait", "120").exit_code == 0
