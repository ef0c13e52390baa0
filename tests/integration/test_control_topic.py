"""The control topic under attack: whatever anybody puts there, workers live, and a genuine `policy apply` is heard."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer

from hub.settings import ROOT, Settings
from hub.stream.admin import ensure_topics
from hub.stream.kafka import producer_config
from hub.topics import CONTROL
from tests.integration.small_hub import SmallHub, free_port, ready, wait_for

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
        assert producer.flush(30) == 0
    transacting = {"transactional.id": f"{settings.namespace}hostile"}
    producer = Producer(producer_config(settings, "hostile") | transacting)
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(settings.topic(CONTROL.name), b'{"kind": "policy-reload"}')
    producer.flush(30)
    producer.abort_transaction(30)
    return sent


def test_hostile_records_end_no_worker_and_hide_no_announcement(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    city = Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / "city"))
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=2, state_dir=tmp_path, web_port=free_port(),
        instance=namespace, chunk_wait_ms=5, city=city,
    )  # fmt: skip
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
        said = hub.type("policy", "apply")
        assert said.exit_code == 0, said.output
        assert "route 派单规则 all_bursts: new" in said.output
        hub.worker.must_run()
    finally:
        hub.worker.stop()
