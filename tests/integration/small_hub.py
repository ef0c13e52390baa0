"""A hub for a test: its own namespace on the run's Kafka, one worker process, and a few things to say to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from httpx2 import Response

from hub.audit import AuditReport, audit
from hub.broker.storage import free_port as free_port
from hub.cli.main import cli
from hub.cli.process.children import Child, environment_of
from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.model.event import CaseEvent
from hub.model.update import Update
from hub.policy import load_city
from hub.scrape import Metrics, ask, fetch
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import all_topics, city_events, dept_updates
from tests.waiting import wait_for as wait_for

HOUR_MS = 3_600_000


def case_event(source: str, ref: str, **changes: Any) -> dict[str, Any]:
    """A burst water main of three hours ago: all its clocks but the last have run out."""
    event: dict[str, Any] = {
        "source": source, "source_ref": ref, "revision": 0, "kind": "OPENED", "occurred_at": None,
        "reported_at": wall_ms() - 3 * HOUR_MS, "category": "water.burst", "category_label": None, "urgency": "URGENT",
        "place": {"code": None, "grid": None, "lat": 34.02, "lon": 114.515, "crs": "EPSG:4326", "address": "8 Quay 码头路"},
        "title": "Water main burst 爆管", "text": "Water on the road.", "channel": "phone", "attachments": [],
        "due_at": None, "attributes": {},
    }  # fmt: skip
    return event | changes


def own_city(folder: Path) -> Path:
    """The demo city's folder, copied, so that a test may change it."""
    return Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", folder / "city"))


def small_settings(bootstrap: str, namespace: str, folder: Path, **more: Any) -> Settings:
    """Of a hub of two partitions whose worker keeps its state in `folder`."""
    return Settings(
        bootstrap_servers=bootstrap, namespace=namespace, partitions=2, state_dir=folder, web_port=free_port(),
        instance=namespace, chunk_wait_ms=5, **more,
    )  # fmt: skip


class SmallHub:
    """A running hub of the demo city, on the wall clock."""

    def __init__(self, settings: Settings, module: str = "hub.cli.main", sources: Sequence[str] | None = None) -> None:
        """`sources`: who reports; None: the connectors that are there."""
        self.settings, self._module = settings, module
        self.sources = list(discover() if sources is None else sources)
        self.departments = list(load_city(settings.city).departments)
        self.codec = Codec(make_registry(settings))
        ensure_topics(settings, all_topics(self.sources, self.departments))
        self._told = 0
        self.worker = self._started()

    def _started(self) -> Child:
        return self.another(self.settings, self._module)

    def another(self, settings: Settings, module: str = "hub.cli.main") -> Child:
        """One more worker, with settings of its own; whoever asks for it stops it."""
        return Child("worker", ["worker"], settings, settings.state_dir / "worker.log", module)

    def restart(self) -> None:
        """Another worker in the place of this one, which knows only what is in Kafka."""
        self.worker.stop()
        self.worker = self._started()

    def publish(self, *events: dict[str, Any]) -> None:
        with Sender(self.settings) as sender:
            for event in events:
                value = self.codec.encode_one("cityhub.CaseEvent", event)
                sender.send(city_events(event["source"]).name, event["source_ref"].encode(), value)

    def tell(self, told: Sequence[CaseEvent | Update]) -> None:
        """What sources and departments say, after what they said before, and until all of it is accounted for."""
        self._told += len(told)
        with Sender(self.settings) as sender:
            for each in told:
                value = self.codec.encode_one(each.subject(), each.to_avro())
                if isinstance(each, Update):
                    sender.send(dept_updates(each.department).name, each.case_id.encode(), value)
                else:
                    sender.send(city_events(each.source).name, each.source_ref.encode(), value)
        self.settle(lambda report: report.good and _said_by_others(report) == self._told)

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        with Sender(self.settings) as sender:
            sender.send(topic, key, value)

    def audit(self) -> AuditReport:
        return audit(self.settings, self.sources, self.departments)

    def settle(self, wanted: Callable[[AuditReport], bool]) -> AuditReport:
        """Audit until nothing waits and `wanted` is true."""
        reports: list[AuditReport] = []

        def settled() -> bool:
            self.worker.must_run()
            reports.append(self.audit())
            return not reports[-1].waiting.count and wanted(reports[-1])

        try:
            wait_for(settled, "not settled")
        except AssertionError as error:
            raise AssertionError(f"{error}: {reports[-1:]}\n{self.worker.last_words()}") from None
        return reports[-1]

    def type(self, *arguments: str) -> Result:
        """What a user would type after `cityhub`."""
        environment = {
            name: value for name, value in environment_of(self.settings).items() if name.startswith("CITYHUB_")
        }
        return CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)

    def json(self, *arguments: str) -> Any:
        said = self.type(*arguments, "--json")
        assert said.exit_code == 0, said.output
        return json.loads(said.stdout)


def _said_by_others(report: AuditReport) -> int:
    return sum(taken for topic, taken in report.taken_in.items() if not topic.startswith("hub."))


@contextmanager
def running_hub(bootstrap: str, namespace: str, folder: Path, module: str = "hub.cli.main") -> Iterator[SmallHub]:
    """Started and stopped again."""
    hub = SmallHub(small_settings(bootstrap, namespace, folder), module)
    try:
        yield hub
    finally:
        hub.worker.stop()


def ready(settings: Settings) -> bool:
    """Whether a worker serves at this moment. It does not while its group shares out anew: wait for it, never assert it."""
    return fetch(f"http://127.0.0.1:{settings.web_port}/readyz") is not None


def page(settings: Settings, name: str) -> Response:
    """What a running worker's page says. Waits for the worker to answer, which a busy machine may put off."""
    answers: list[Response | None] = []

    def answered() -> bool:
        answers.append(ask(f"http://127.0.0.1:{settings.web_port}/{name}"))
        return answers[-1] is not None

    wait_for(answered, f"nobody answers for /{name}")
    assert answers[-1] is not None
    return answers[-1]


def metric(settings: Settings, name: str, **labels: str) -> float:
    """The sum of a running worker's samples of this name and these labels, as it says by now."""
    return Metrics(page(settings, "metrics").text).total(name, **labels)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
