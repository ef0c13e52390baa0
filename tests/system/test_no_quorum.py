"""A cluster that has lost its quorum answers what it knows by heart; /healthz is not taken in by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.scrape import ask
from hub.settings import Settings
from hub.testing.cluster import KafkaCluster
from tests.integration.small_hub import SmallHub, free_port, ready, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(900)]


def health(settings: Settings) -> tuple[int, str]:
    answer = ask(f"http://127.0.0.1:{settings.web_port}/healthz")
    return (answer.status_code, answer.json()["status"]) if answer is not None else (0, "")


def test_an_idle_worker_says_that_nothing_can_be_written(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path / "cluster") as cluster:
        settings = Settings(
            bootstrap_servers=cluster.bootstrap_servers, namespace="q.", partitions=1, replication_factor=3,
            state_dir=tmp_path, web_port=free_port(), instance="q",
        )  # fmt: skip
        hub = SmallHub(settings)
        try:
            wait_for(lambda: ready(settings) and health(settings) == (200, "ok"), "the worker is well")
            stays = cluster.coordinator_of_group("q.deduplicate.alive")
            for node in [each for each in cluster.nodes if each != stays]:
                cluster.kill(node)
            wait_for(lambda: health(settings) == (503, "Kafka does not answer"), "/healthz says so")
            cluster.restart([each for each in cluster.nodes if each != stays])
            wait_for(lambda: health(settings) == (200, "ok"), "the worker is well again")
        finally:
            hub.worker.stop()
