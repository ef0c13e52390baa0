"""Faults while events flow, the short way: nothing is lost or doubled, a zombie commits nothing, and who cannot send waits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from hub.broker.kafka import EmbeddedKafka
from hub.broker.storage import free_port
from hub.policy import load_city
from hub.scrape import scrape
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.simulator.files import SourceFiles, write_all
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from hub.simulator.truth import Truth
from hub.stream.admin.topics import ensure_topics
from hub.topics import all_topics
from loadtests.faults.crew import Crew
from loadtests.faults.makers import Scene, catch
from loadtests.faults.memory import Memory
from loadtests.faults.plan import faults
from loadtests.faults.prove import CHANGELOGS, Proof, prove
from loadtests.faults.run import NAMESPACE, begin, keeping_up, play, settings_for
from loadtests.faults.segments import Transaction, batches, transactions
from loadtests.faults.supervised import Supervised
from loadtests.faults.timeline import Timeline
from tests.processes import started
from tests.system.test_demo import leftovers

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1800)]
SEED = 20261122
KINDS = ("kill-worker", "kill-broker", "expire-transaction", "full-disk", "rebalance", "kill-connector")
MIB = 2**20
_PATIENCE_SECONDS = 300.0


def test_a_few_of_each(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    outcome = play(tmp_path, faults(len(KINDS), SEED, KINDS), rate=20, seed=SEED, timeline=timeline)
    assert outcome.good, outcome.as_dict()
    assert outcome.made == len(KINDS)
    assert {entry["what"] for entry in timeline.entries} >= {*KINDS, "at work", "at rest", "proved"}
    assert sum(outcome.proof.audit.taken_in.values()) > 500
    assert outcome.proof.fencing.committed > 100
    assert leftovers(tmp_path) == []


# -- a zombie ------------------------------------------------------------------------------------------------------------


def test_a_worker_that_wakes_after_its_partitions_moved_commits_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        scene = begin(tmp_path, 20, SEED, stack)
        with keeping_up(scene, Memory(), Timeline(tmp_path / "timeline.jsonl")):
            scene.crew.await_work(0.0, _PATIENCE_SECONDS)
            zombie, caught = _caught_with_state(scene)
            wait_until(lambda: bool(_taken_over(tmp_path, caught)))
            zombie.resume()
            _await_more(scene)
            scene.city.finish()
            scene.crew.drain()
        proof = proved(scene, tmp_path, caught)
    assert proof.good, proof.as_dict()
    assert {shown.split(" ")[0].split("@")[0] for shown in proof.fencing.expired} >= {place for place, _ in caught}
    for mine, later in _lives(tmp_path, caught):
        assert not mine.committed
        # whoever holds it now is another producer, or the zombie begun anew, which the epoch tells
        assert not [one for one in later if (one.producer, one.epoch) == (mine.producer, mine.epoch) and one.committed]
        assert any(one.committed and one.producer != mine.producer for one in later)


def _caught_with_state(scene: Scene) -> tuple[Supervised, list[tuple[str, int]]]:
    """A worker stopped within a transaction that has written state already, and where."""
    rng = random.Random(SEED)
    for _ in range(10):
        zombie = scene.crew.choose(rng.random()).worker
        caught = [place for place in catch(scene.settings, zombie, rng) if _topic(place[0]) in CHANGELOGS]
        if caught:
            return zombie, caught
        zombie.resume()
        time.sleep(1.0)
    raise AssertionError("no worker was ever caught in a transaction")


def _topic(partition: str) -> str:
    return partition.removeprefix(NAMESPACE).rpartition("-")[0]


def _lives(folder: Path, caught: list[tuple[str, int]]) -> Iterator[tuple[Transaction, list[Transaction]]]:
    """Each transaction that was caught, with those that began after it in its partition."""
    found = transactions(batches(folder / "kafka" / "logs", NAMESPACE))
    for place, offset in caught:
        here = [one for one in found if one.partition == place]
        yield next(one for one in here if one.first == offset), [one for one in here if one.first > offset]


def _taken_over(folder: Path, caught: list[tuple[str, int]]) -> list[Transaction]:
    """What others have committed since, in partitions where one was caught."""
    return [
        one
        for mine, later in _lives(folder, caught)
        for one in later
        if one.committed and one.producer != mine.producer
    ]


def _await_more(scene: Scene) -> None:
    """Long enough that whoever wants to commit has tried."""
    for _ in range(3):
        scene.crew.await_work(scene.crew.work_done(), 30.0)
        time.sleep(1.0)


# -- back-pressure -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stopped", "gone"])
def test_who_cannot_send_waits_within_its_memory(how: str, tmp_path: Path) -> None:
    """More rows than a connector may have on its way, read as fast as it can, and a broker that does not take them."""
    rows = 20_000
    feed, truth = _files(tmp_path / "files", rows)
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka(tmp_path / "kafka", start_timeout_seconds=240))
        settings = settings_for(tmp_path, kafka.bootstrap_servers).model_copy(update={"chunk_records": 1000})
        ensure_topics(settings, all_topics(list(discover()), list(load_city(settings.city).departments)))
        crew = Crew(settings, tmp_path)
        stack.callback(crew.close)
        wait_until(lambda: None not in crew.metrics())
        connector, port = _connector(settings, feed, tmp_path)
        stack.callback(connector.stop)
        wait_until(lambda: (_sent(port) or 0) > rows / 20)
        before = {one.name: one.rss() for one in (connector, *(member.worker for member in crew.members))}
        with _away(how, kafka):
            sent = _at_a_stand(port)
            for name, size in _sizes(connector, crew).items():
                assert size - before[name] < 192 * MIB, name
            assert connector.pid is not None
            while _sent(port) != sent:  # its page was late, or it was starved and only seemed to stand
                sent = _at_a_stand(port)
            assert sent < rows, "all was read before the broker went away; take more rows"
        wait_until(lambda: connector.done, connector.keep_up)
        crew.drain()
        proof = prove(settings, tmp_path / "kafka" / "logs", truth, sent=0)
        assert proof.good, proof.as_dict()
        assert connector.starts == 1


def _files(folder: Path, rows: int) -> tuple[Path, Truth]:
    """One source's file, with more than a day's rows in it, complete."""
    truth, wanted = Truth(), "hotline"
    city = load_city(ROOT / "ops" / "cities" / "demo")
    said = statements(Plan(1_772_402_400_000, SEED, 1.0, rows * 3), scene_of(city))
    with SourceFiles(folder) as files:
        write_all((each for each in said if each.source == wanted), files, truth)
        return files.path(wanted), truth


def _connector(settings: Settings, file: Path, folder: Path) -> tuple[Supervised, int]:
    port = free_port()
    argv = [
        "connector",
        "run",
        "hotline",
        "--mapping",
        "demo",
        "--file",
        str(file),
        "--metrics-port",
        str(port),
        "--json",
    ]
    own = settings.model_copy(update={"state_dir": folder / "connector"})
    connector = Supervised("hotline", "connector", argv, own, folder / "logs" / "hotline.log")
    connector.finishing = True
    return connector, port


def _sent(port: int) -> float | None:
    metrics = scrape(f"http://127.0.0.1:{port}/metrics")
    return None if metrics is None else metrics.total("hub_connector_rows_total", result="published")


def _at_a_stand(port: int) -> float:
    """How many rows the connector has sent, once that number has not moved for some seconds."""
    seen: list[float | None] = []

    def stands() -> bool:
        seen.append(_sent(port))
        time.sleep(1.0)
        return len(seen) >= 6 and seen[-1] is not None and len(set(seen[-6:])) == 1

    wait_until(stands)
    assert seen[-1] is not None
    return seen[-1]


def _sizes(connector: Supervised, crew: Crew) -> dict[str, int]:
    return {one.name: one.rss() for one in (connector, *(member.worker for member in crew.members))}


class _away:  # noqa: N801 - reads as what it does
    """The broker stopped in its tracks, or killed and started again at the end."""

    def __init__(self, how: str, kafka: EmbeddedKafka) -> None:
        self._how, self._kafka = how, kafka

    def __enter__(self) -> None:
        assert self._kafka.pid is not None
        os.kill(self._kafka.pid, signal.SIGSTOP if self._how == "stopped" else signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        if self._how == "stopped":
            assert self._kafka.pid is not None
            os.kill(self._kafka.pid, signal.SIGCONT)
        else:
            self._kafka.stop()
            self._kafka.start()


# -- the command ---------------------------------------------------------------------------------------------------------


def test_two_ctrl_c_leave_nothing_behind(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "loadtests.faults", "--faults", "50", "--seed", "1", "--kinds", "kill-worker"]
    argv += ["--keep", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    timeline = tmp_path / "work" / "timeline.jsonl"
    with started(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as running:
        wait_until(lambda: timeline.exists() and "kill-worker" in timeline.read_text("utf-8"))
        running.send_signal(signal.SIGINT)
        wait_until(lambda: "interrupted" in timeline.read_text("utf-8"))
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=_PATIENCE_SECONDS)
    assert running.returncode == 130, said
    assert "Stopped before the proof" in said
    assert leftovers(tmp_path) == []
    assert not [disk for disk in psutil.disk_partitions(all=True) if str(tmp_path) in disk.mountpoint]


def proved(scene: Scene, folder: Path, caught: list[tuple[str, int]]) -> Proof:
    city = scene.city
    return prove(scene.settings, folder / "kafka" / "logs", city.truth, city.departments.sent, caught)


def wait_until(done: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        meanwhile()
        assert time.monotonic() < until
        time.sleep(0.2)
