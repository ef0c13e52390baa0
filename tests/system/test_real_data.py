"""The real files, when CITYHUB_DATA says where they are: all of them through a real broker, undisturbed, with the worker killed
ten times and with the broker killed ten times, then compared. Prints rate, peak memory and what the order of arrival changed
(`make test-real`)."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.audit import audit, compare_runs
from hub.broker.kafka import EmbeddedKafka
from hub.settings import ROOT, Settings
from tests.system.disturbed import Feed, kill_brokers, kill_workers, prepare, publish, working

DATA = Path(os.environ.get("CITYHUB_DATA", ""))
pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not os.environ.get("CITYHUB_DATA"), reason="CITYHUB_DATA is not set: the project ships no real data"
    ),
]
KILLS = 10


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), heap_mb=1024, start_timeout_seconds=240) as broker:
        yield broker


def feeds() -> list[Feed]:
    events, truth = DATA / "boston311_2015_dev_events.csv", DATA / "boston311_2015_dev_truth.csv"
    return [
        Feed("hotline", ("boston311", "boston311_closings"), (events, truth), join=events),
        Feed("citymgmt", ("boston311_workers", "boston311_workers_closings"), (events, truth), join=events),
        Feed("police", ("nashville_calls",), (DATA / "nashville_police_calls_2024H1.csv",)),
        Feed("petition", ("wangluo_wenzheng",), (DATA / "teddy_att3_4326.csv",)),
    ]


def run(kafka: EmbeddedKafka, name: str, folder: Path) -> Settings:
    settings = Settings(
        bootstrap_servers=kafka.bootstrap_servers, namespace=f"{name}.", city=ROOT / "ops" / "cities" / "replay", clock="data",
        lateness_seconds=60 * 86_400, partitions=6, state_dir=folder, instance=name,
    )  # fmt: skip
    sources, departments = prepare(settings)
    began = time.monotonic()
    publish(settings, feeds(), folder / "cursors")
    published = time.monotonic()
    with working(settings, folder / "worker.log") as worker:
        if name == "worker":
            kill_workers(worker, KILLS, random.Random(name), longest_seconds=12.0)
        elif name == "broker":
            kill_brokers(kafka, worker, KILLS, random.Random(name), longest_seconds=5.0)
        worker.drain()
        seconds, peak_mb = time.monotonic() - published, worker.peak_mb()
    report = audit(settings, sources, departments)
    assert report.good, report.as_dict()
    records = sum(report.taken_in.values())
    measured = {
        "run": name, "records": records, "cases": report.cases, "outcomes": report.outcomes,
        "publish_seconds": round(published - began, 1), "worker_seconds": round(seconds, 1),
        "records_per_second": round(records / seconds), "worker_peak_mb": round(peak_mb),
    }  # fmt: skip
    print(json.dumps(measured, ensure_ascii=False))  # noqa: T201 - the figures are what this is run for
    return settings


@pytest.fixture(scope="module")
def calm(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return run(kafka, "calm", tmp_path_factory.mktemp("calm"))


@pytest.mark.parametrize("victim", ["worker", "broker"])
def test_all_real_files_are_accounted_for(victim: str, kafka: EmbeddedKafka, calm: Settings, tmp_path: Path) -> None:
    comparison = compare_runs(run(kafka, victim, tmp_path), calm.namespace, *prepare(calm))
    print(json.dumps(comparison.as_dict(), ensure_ascii=False))  # noqa: T201
    assert comparison.good, comparison.as_dict()
