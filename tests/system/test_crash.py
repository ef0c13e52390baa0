"""Kill -9 of the worker, and of the broker, at random moments: every input is accounted for exactly once, all that came of it
fits together, and what does not depend on the order of arrival equals an undisturbed run."""

from __future__ import annotations

import random
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.audit import audit, compare_runs
from hub.audit.reading import read_tables
from hub.broker.kafka import EmbeddedKafka
from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.simulator.files import SourceFiles, write_all
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from hub.simulator.truth import Truth
from tests.system.disturbed import Feed, Worker, kill_brokers, kill_workers, prepare, publish, send_updates, working

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]
CITY = ROOT / "ops" / "cities" / "demo"
ROWS = 6000
SEED = 20261122
DAY_MS = 86_400_000
BEGIN_MS = 1_772_402_400_000
WORKER_KILLS = 10


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of its own: this test kills it."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), start_timeout_seconds=240) as broker:
        yield broker


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Feed, ...]:
    """The files of a simulated day."""
    folder = tmp_path_factory.mktemp("city")
    city = load_city(CITY)
    with SourceFiles(folder) as files:
        write_all(statements(Plan(BEGIN_MS, SEED, 1.0, ROWS), scene_of(city)), files, Truth())
        return tuple(
            Feed(name, ("demo",), (files.path(name),)) for name in ("police", "hotline", "petition", "citymgmt")
        )


def answers(settings: Settings, sources: list[str], departments: list[str]) -> list[dict[str, object]]:
    """What departments say of one case in four, the same in every run that has the case; and of one case that nobody has."""
    opened = {str(case) for case in read_tables(settings, sources, departments).cases.column("case_id").to_pylist()}
    chosen = sorted(case for case in opened if zlib.crc32(case.encode()) % 4 == 0)
    assert len(chosen) > 100
    found: list[dict[str, object]] = []
    for case in [*chosen, "C-NOBODYHASTHIS"]:
        rng = random.Random(case)
        for status in ("RESOLVED", "ACCEPTED"):  # out of order, to be hard on the clocks
            found.append({
                "update_id": f"{case}-{status}", "revision": 0, "department": rng.choice(departments), "case_id": case,
                "status": status, "at": BEGIN_MS + rng.randrange(2 * DAY_MS), "note": "",
            })  # fmt: skip
    return found


def settings_of(kafka: EmbeddedKafka, namespace: str, state: Path) -> Settings:
    return Settings(
        bootstrap_servers=kafka.bootstrap_servers,
        namespace=namespace,
        city=CITY,
        clock="data",
        lateness_seconds=600,
        partitions=3,
        chunk_records=100,  # many transactions, so that kills meet them
        state_dir=state,
        instance="w1",
    )


@pytest.fixture(scope="module")
def undisturbed(kafka: EmbeddedKafka, feeds: tuple[Feed, ...], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("calm")
    settings = settings_of(kafka, "calm.", folder)
    sources, departments = prepare(settings)
    publish(settings, feeds, folder / "cursors")
    with working(settings, folder / "worker.log") as worker:
        worker.drain()
        send_updates(settings, answers(settings, sources, departments))
        worker.drain()
    report = audit(settings, sources, departments)
    assert report.good, report.as_dict()
    return settings


@pytest.mark.parametrize("victim", ["worker", "broker"])
def test_nothing_is_lost_or_doubled(
    victim: str, kafka: EmbeddedKafka, feeds: tuple[Feed, ...], undisturbed: Settings, tmp_path: Path
) -> None:
    settings = settings_of(kafka, f"{victim}{uuid.uuid4().hex[:6]}.", tmp_path)  # of its own, at a second try too
    sources, departments = prepare(settings)
    publish(settings, feeds, tmp_path / "cursors")
    rng = random.Random(f"{SEED}-{victim}")
    with working(settings, tmp_path / "worker.log") as worker:
        _disturb(victim, kafka, worker, rng, WORKER_KILLS - 3 if victim == "worker" else 2)
        worker.drain()
        send_updates(settings, answers(settings, sources, departments))
        _disturb(victim, kafka, worker, rng, 3 if victim == "worker" else 1)
        worker.drain()
    report = audit(settings, sources, departments)
    assert report.good, report.as_dict()
    comparison = compare_runs(settings, undisturbed.namespace, sources, departments)
    assert comparison.good, comparison.as_dict()


def _disturb(victim: str, kafka: EmbeddedKafka, worker: Worker, rng: random.Random, times: int) -> None:
    if victim == "worker":
        kill_workers(worker, times, rng, longest_seconds=6.0)
    else:
        kill_brokers(kafka, worker, times, rng, longest_seconds=1.5)


def test_a_worker_ends_when_told_to_though_its_broker_is_gone(
    kafka: EmbeddedKafka, feeds: tuple[Feed, ...], tmp_path: Path
) -> None:
    """What a client library waits for must not keep a process that a supervisor wants to start again."""
    settings = settings_of(kafka, "gone.", tmp_path)
    prepare(settings)
    publish(settings, feeds[:1], tmp_path / "cursors")
    with working(settings, tmp_path / "worker.log") as worker:
        worker.drain(quiet_seconds=0)
        kafka.stop()
        try:
            assert worker.stop() in (0, 1)  # its own end, not a kill
        finally:
            kafka.start()
