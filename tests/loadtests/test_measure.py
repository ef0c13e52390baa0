"""The instruments on a real broker: a contender runs, is watched, stopped and checked; one that ends or errs has no rate."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from hub.errors import FatalError
from loadtests import measure
from loadtests.cluster import Cluster
from loadtests.contenders import CONTENDERS, Start, environment_for
from loadtests.job.city import write_city
from loadtests.job.events import Events, Truth
from loadtests.job.rules import make_rules
from loadtests.peers.given import Given

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
RULES = make_rules(1)
RECORDS = 6000


@pytest.fixture
def job(kafka_bootstrap: str, tmp_path: Path) -> tuple[Cluster, Given, Truth]:
    """A filled topic and a run of its own."""
    RULES.save(tmp_path / "job.json")
    write_city(RULES, tmp_path / "city")
    run = f"load-{uuid.uuid4().hex[:6]}"
    cluster, events = Cluster(kafka_bootstrap), Events(RULES, 3, block=2000)
    cluster.create(f"{run}.events")
    cluster.fill(f"{run}.events", events.blocks(RECORDS), lambda count: None)
    given = Given(
        kafka_bootstrap,
        f"{run}.events",
        f"{run}.orders",
        run,
        tmp_path / "job.json",
        tmp_path / "state",
        {"chunk_records": 1000},
    )
    return cluster, given, events.truth()


def run(job: tuple[Cluster, Given, Truth], name: str, folder: Path, workers: int = 1) -> measure.Result:
    cluster, given, truth = job
    return measure.run(
        cluster,
        CONTENDERS[name],
        given,
        name,
        RULES,
        truth,
        folder,
        None,
        lambda share: None,
        stall_seconds=240,
        workers=workers,
    )


@pytest.mark.parametrize(("name", "workers"), [("hub", 1), ("hub", 2), ("bare", 1)])
def test_a_contender_is_complete_and_has_a_cost(
    job: tuple[Cluster, Given, Truth], tmp_path: Path, name: str, workers: int
) -> None:
    result = run(job, name, tmp_path / "run", workers)
    assert result.verdict.good, result.verdict
    assert result.verdict.expected == (RECORDS if name == "bare" else job[2].orders)
    assert result.cpu_seconds_whole > 0
    assert result.peak_rss_bytes > 2**20
    assert result.progress[-1][1] == 1.0


def test_another_truth_is_not_met(job: tuple[Cluster, Given, Truth], tmp_path: Path) -> None:
    cluster, given, truth = job
    digest = truth.digest.copy()
    digest[17] += 1
    result = run((cluster, given, replace(truth, digest=digest)), "hub", tmp_path / "run")
    assert result.rate is None
    assert result.verdict.wrong == 1
    assert result.verdict.first_wrong == "order 17 does not end with its event, unchanged"


def test_a_contender_that_ends_is_shown_with_its_last_words(job: tuple[Cluster, Given, Truth], tmp_path: Path) -> None:
    cluster, given, truth = job
    dying = replace(
        CONTENDERS["bare"],
        start=lambda given, folder: Start(
            [sys.executable, "-c", "raise SystemExit('no more')"], environment_for(given)
        ),
    )
    with pytest.raises(FatalError, match=r"ended \(exit 1\)(?s:.*)no more"):
        measure.run(
            cluster, dying, given, "dying", RULES, truth, tmp_path / "run", None, lambda share: None, stall_seconds=240
        )
