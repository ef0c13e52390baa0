"""Workers that hear of each other: other rules, one name for two, and a machine whose clock is an hour ahead."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from hub.cli.process.children import Child
from hub.clock import wall_ms
from hub.control.records import Beat, RulesTaken, sealed
from hub.inspect.reading import read_messages, spans
from hub.settings import ROOT, Settings
from hub.stream.kafka.client import producer_config
from hub.topics import CONTROL, DEAD, DEADLINES, WORKERS
from tests.integration.small_hub import (
    HOUR_MS,
    SmallHub,
    case_event,
    free_port,
    kill,
    metric,
    page,
    ready,
    running_hub,
    wait_for,
)
from tests.integration.wrong_clock import FILE

pytestmark = pytest.mark.kafka


def waits(settings: Settings) -> str:
    """What a worker waits for, or an empty text."""
    said = page(settings, "readyz")
    return said.json().get("reason", "") if said.status_code == 503 else ""


@contextmanager
def another(
    hub: SmallHub, folder: Path, module: str = "hub.cli.main", **changes: Any
) -> Iterator[tuple[Child, Settings]]:
    """A second worker of the same hub."""
    changes = {"instance": f"{hub.settings.namespace}second", **changes}
    settings = hub.settings.model_copy(update={"state_dir": folder, "web_port": free_port(), **changes})
    child = hub.another(settings, module)
    try:
        yield child, settings
    finally:
        child.stop()


def with_all_bursts_to_roads(city: Path) -> None:
    routes = city / "routes.yaml"
    mine = "routes:\n  - {id: all_bursts, when: {category: [water.burst]}, department: roads}\n"
    routes.write_text(routes.read_text("utf-8").replace("routes:\n", mine, 1), "utf-8")
    (city / "examples.yaml").write_text("examples: []\n", "utf-8")


def test_older_rules_do_not_decide_beside_newer_ones(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> None:
    here, there = (Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / name)) for name in ("a", "b"))
    with_all_bursts_to_roads(there)
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=2, state_dir=tmp_path, web_port=free_port(),
        instance=f"{namespace}first", chunk_wait_ms=5, city=here,
    )  # fmt: skip
    hub = SmallHub(settings)
    try:
        wait_for(lambda: ready(settings), "not ready")
        with another(hub, tmp_path / "second", city=there) as (_, second):
            # rules that nobody announced wait for those by which somebody decides
            wait_for(lambda: "is in force" in waits(second), "the newcomer does not wait")
            wait_for(lambda: metric(settings, "hub_other_rules_workers") == 1, "the first does not say so")
            wait_for(lambda: page(second, "healthz").status_code == 200, "who waits is not healthy")
            hub.publish(case_event("hotline", "BEFORE", reported_at=wall_ms()))
            hub.settle(lambda report: report.cases == 1)
            assert "all_bursts" not in hub.type("explain", "hotline:BEFORE").output

            # announced, and there where it waited: both go by them
            with_all_bursts_to_roads(here)
            said = hub.type("policy", "apply", "--wait", "120")
            assert said.exit_code == 0, said.output
            wait_for(lambda: ready(second), "the second does not go on")
            wait_for(lambda: metric(settings, "hub_other_rules_workers") == 0, "they still differ")

            # announced again, and missing on one machine: that one waits until they lie there
            cities = [(city / "linking.yaml").read_text("utf-8") for city in (here, there)]
            (here / "linking.yaml").write_text(cities[0] + "\n# newer\n", "utf-8")
            said = hub.type("policy", "apply", "--wait", "120")
            assert said.exit_code == 1, said.output
            assert "copy that here first" in said.output
            wait_for(lambda: "is in force" in waits(second), "the older rules go on beside the newer")
            # the other has left the group, which shares out anew
            wait_for(lambda: ready(settings), "the newer rules wait for the older")
            (there / "linking.yaml").write_text(cities[1] + "\n# newer\n", "utf-8")
            wait_for(lambda: ready(second), "it does not take up what lies there now")

            # the older come back by a restart: they wait as well
            (there / "linking.yaml").write_text(cities[1], "utf-8")
        with another(hub, tmp_path / "third", city=there) as (_, third):
            wait_for(lambda: "is in force" in waits(third), "the older rules decide beside the newer")
        hub.worker.must_run()
    finally:
        hub.worker.stop()


def test_of_two_workers_with_one_name_the_younger_ends_and_says_why(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as hub:
        wait_for(lambda: ready(hub.settings), "not ready")
        with another(hub, tmp_path / "second", instance=hub.settings.instance) as (twin, _):
            wait_for(lambda: twin.code is not None, "the younger goes on")
            assert twin.code != 0
            assert f"pid {hub.worker.pid}" in twin.log.read_text("utf-8")
            assert "CITYHUB_INSTANCE" in twin.log.read_text("utf-8")
        wait_for(lambda: metric(hub.settings, "hub_same_name_workers") == 0, "the elder still hears it")
        wait_for(lambda: ready(hub.settings), "the elder does not go on")
        assert metric(hub.settings, "hub_transactions_total", result="aborted") == 0

        kill(hub.worker.pid)
        hub.restart()  # what was killed is no twin, though the broker still counts it in
        wait_for(lambda: ready(hub.settings), "not ready after a kill")


class Forger(threading.Thread):
    """Says many times a second that an elder of the worker's name lives, that others decide by other rules, and much nonsense."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._settings, self._done = settings, threading.Event()
        self._producer = Producer(producer_config(settings, "forger"))
        self._control, self._workers = settings.topic(CONTROL.name), settings.topic(WORKERS.name)

    def run(self) -> None:
        while not self._done.wait(0.1):
            self.forge()

    def forge(self) -> None:
        for instance in (self._settings.instance, "ghost"):
            beat = Beat(
                instance=instance, process=uuid.uuid4().hex, host="nowhere", pid=1, started_ms=0, agents=("route", "track"),
                version="forged", fingerprint="f" * 16, joined=0, deciding=True,
            )  # fmt: skip
            taken = RulesTaken(instance=instance, process=beat.process, version="forged", fingerprint="f" * 16)
            self._producer.produce(self._workers, sealed(beat, self._workers, None)[0], partition=0)
            self._producer.produce(self._control, sealed(taken, self._control, None)[0])
        for nonsense in (None, b"", b"\xff" * 1_000, b"[" * 10_000, b'{"kind": "beat", "joined": -7}'):
            self._producer.produce(self._workers, nonsense, partition=0)
        self._producer.flush(10)

    def stop(self) -> None:
        self._done.set()
        self.join()


def test_forged_beats_end_no_worker_and_keep_none_from_its_work_for_long(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as hub:
        wait_for(lambda: ready(hub.settings), "not ready")
        forger = Forger(hub.settings)
        forger.start()
        try:
            wait_for(lambda: metric(hub.settings, "hub_same_name_workers") > 5, "the forged beats are not heard")
            hub.publish(case_event("hotline", "WHILE", reported_at=wall_ms()))
            hub.settle(lambda report: report.cases == 1)
            wait_for(lambda: ready(hub.settings), "forged beats keep it from its work")
            hub.restart()
            wait_for(lambda: "bears the name" in waits(hub.settings), "the newcomer does not look first")
            wait_for(lambda: ready(hub.settings), "the newcomer waits for ever")
        finally:
            forger.stop()


def test_while_a_machines_clock_is_an_hour_ahead_nothing_runs_out_and_everything_else_goes_on(
    kafka_bootstrap: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0", "utf-8")
    monkeypatch.setenv(FILE, str(clock))
    with running_hub(kafka_bootstrap, namespace, tmp_path, module="tests.integration.wrong_clock") as hub:
        settings = hub.settings
        wait_for(lambda: ready(settings), "not ready")
        now_ms = wall_ms()
        hub.publish(case_event("hotline", "FRESH", reported_at=now_ms))
        hub.settle(lambda report: report.cases == 1)
        clock.write_text("3600", "utf-8")
        wait_for(lambda: metric(settings, "hub_clock_held") == 1, "the jump is not noticed")
        wait_for(lambda: 3_500 < metric(settings, "hub_clock_apart_seconds") < 3_700, "how far is not said")
        far = {"lat": 34.0, "lon": 114.53, "code": None, "grid": None, "crs": "EPSG:4326", "address": None}
        hub.publish(case_event("police", "OVERDUE", reported_at=now_ms - 3 * HOUR_MS, place=far))
        hub.settle(lambda report: report.cases == 2)
        assert not hub.json("explain", "hotline:FRESH")["deadlines"]
        assert not hub.json("explain", "police:OVERDUE")["deadlines"]
        wait_for(
            lambda: "ahead of the broker's" in page(settings, "healthz").json().get("clock", ""), "healthz is silent"
        )
        clock.write_text("0", "utf-8")
        wait_for(lambda: bool(hub.json("explain", "police:OVERDUE")["deadlines"]), "what was held back is not said")
        breached = {
            e["clock"]: e["at"] for e in hub.json("explain", "police:OVERDUE")["deadlines"] if e["kind"] == "BREACHED"
        }
        assert breached == {"accept": now_ms - 3 * HOUR_MS + 15 * 60_000, "respond": now_ms - HOUR_MS}
        assert not hub.json("explain", "hotline:FRESH")["deadlines"]
        wait_for(lambda: metric(settings, "hub_clock_held") == 0, "the doubt is not over")
        wait_for(lambda: "over: this machine's clock" in hub.worker.log.read_text("utf-8"), "nor said to be")
        log = hub.worker.log.read_text("utf-8")
        assert log.count("s ahead of the broker's") == 2, "once, and once that it is over"


def test_a_machine_whose_clock_is_ahead_from_the_start_says_so_and_holds_back(
    kafka_bootstrap: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("3600", "utf-8")
    monkeypatch.setenv(FILE, str(clock))
    with running_hub(kafka_bootstrap, namespace, tmp_path, module="tests.integration.wrong_clock") as hub:
        wait_for(lambda: ready(hub.settings), "not ready")
        hub.publish(case_event("hotline", "FRESH", reported_at=wall_ms()))
        hub.settle(lambda report: report.cases == 1)
        assert not hub.json("explain", "hotline:FRESH")["deadlines"]
        wait_for(lambda: metric(hub.settings, "hub_clock_held") == 1, "it does not say so")


def test_a_newer_release_takes_over_and_an_older_one_goes_on_once_it_is_gone(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    """An upgrade and a rollback, with both side by side: the newer writes what the older cannot read."""
    with running_hub(kafka_bootstrap, namespace, tmp_path) as hub:
        publish_and_await(hub, 4)
        with another(hub, tmp_path / "newer", module="tests.integration.newer_release") as (_, newer):
            wait_for(lambda: "of a newer release" in waits(hub.settings), "the older does not stand back")
            wait_for(lambda: ready(newer), "the newer is not ready")
            publish_and_await(hub, 8)
        wait_for(lambda: ready(hub.settings), "the older does not go on")
        publish_and_await(hub, 12)
        assert records_in(hub, DEAD.name) == 0


def publish_and_await(hub: SmallHub, total: int) -> None:
    """Four more reports, each of a case of its own, until `track` has read of each: it says at once which clocks ran out."""
    places = [
        case_event("hotline", "")["place"] | {"lat": 34.0 + at / 100, "address": f"{at} Quay"} for at in range(total)
    ]
    hub.publish(*(case_event("hotline", f"H-{at}", place=places[at]) for at in range(total - 4, total)))
    wait_for(lambda: keys_in(hub, DEADLINES.name) >= total, f"not all of {total} are timed")


def records_in(hub: SmallHub, topic: str) -> int:
    return sum(len(batch) for batch in read_messages(hub.settings, spans(hub.settings, [topic])))


def keys_in(hub: SmallHub, topic: str) -> int:
    found = read_messages(hub.settings, spans(hub.settings, [topic]))
    return len({message.key() for batch in found for message in batch})
