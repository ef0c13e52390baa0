"""A small hub that is watched: one worker, a ledger on a disk that can be filled, a sink to a receiver that can be ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import yaml
from sqlalchemy import insert

from hub.broker.kafka import EmbeddedKafka
from hub.broker.storage import free_port
from hub.cli.process.children import Child, environment_of
from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.ledger.database import Database, address_of
from hub.ledger.tables import CHANGES_TABLE, RECEIPTS_TABLE
from hub.millis import DAY_MS, MINUTE_MS
from hub.policy import load_city
from hub.policy.areas import Area
from hub.scrape import fetch
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import all_topics, city_events
from loadtests.faults.disk import TinyDisk

SILENT_SOURCE, SILENT_DEPARTMENT, RECEIVING_DEPARTMENT = "police", "roads", "sanitation"
UNREADABLE_SOURCE = "petition"
NAMESPACE = "alarms."
QUIET_MINUTES = 13
"""So long ago what falls silent was heard last: that its silence is no chance is then a minute or two away."""
_KNOWN_DAYS = 9
_DISK_KIB = 65_536
_READY_SECONDS = 120.0
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_SPREAD = 0.012
_ROUTE, _MISTAKE = "family: [water, drainage]", "family: [drainage]"
_LOSER, _EXAMPLE = "department: water_supply", "\n  - name:"


class Receiver:
    """Takes every call on loopback, until it is stopped; started again it has the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing: it is not looked at."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Taking)
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class WatchedHub:
    """From `__enter__` to `__exit__`. Everything of it lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self.city = Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", folder / "city"))
        self.kafka = EmbeddedKafka(folder / "kafka")
        self.disk = TinyDisk(folder / "disk", _DISK_KIB)
        self.receiver = Receiver()
        self.heard_last = 0.0
        """Unix time at which what is silent was heard last."""
        self._ports = {"ledger": free_port(), "connectors": free_port()}
        self._reports = 0
        self._lock = threading.Lock()
        self.settings = Settings()
        self.worker: Child | None = None
        self.restarts = -1
        """Starts of the worker after the first."""

    @property
    def targets(self) -> dict[str, list[str]]:
        """What Prometheus is to scrape, by job."""
        ports = self._ports | {"worker": self.settings.web_port}
        return {job: [f"127.0.0.1:{port}"] for job, port in ports.items()}

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _begin(self) -> None:
        self._stack.callback(self.disk.close)
        self.kafka.start()
        self._stack.callback(self.kafka.stop)
        self.settings = self._settings()
        city = load_city(self.city)
        self._areas = city.areas
        ensure_topics(self.settings, all_topics(discover(), city.departments))
        self._codec = Codec(make_registry(self.settings))
        self._remember()
        self.receiver.start()
        self._stack.callback(self.receiver.stop)
        self.start_worker()
        self._stack.callback(self.stop_worker)
        for name, argv in (("ledger", ["ledger", "run"]), ("connectors", ["connector", "run"])):
            option = "--port" if name == "ledger" else "--metrics-port"
            child = Child(name, [*argv, option, str(self._ports[name])], self.settings, self._folder / f"{name}.log")
            self._stack.callback(child.stop)
        self.await_worker()
        for name, port in self._ports.items():
            self._await(name, f"http://127.0.0.1:{port}/metrics")

    def _await(self, name: str, url: str) -> None:
        until = time.monotonic() + _READY_SECONDS
        while fetch(url) is None:
            if time.monotonic() > until:
                raise FatalError(f"the {name} does not answer at {url}; its log is in {self._folder}")
            time.sleep(0.2)

    def _settings(self) -> Settings:
        connectors = self._folder / "connectors.yaml"
        hook = {
            "url": f"http://127.0.0.1:{self.receiver.port}/orders", "secret": "env:ALARMED_SECRET", "allow": ["127.0.0.0/8"],
        }  # fmt: skip
        sink = {"kind": "webhook", "departments": [RECEIVING_DEPARTMENT], "settings": hook}
        connectors.write_text(yaml.safe_dump({"sinks": {f"{RECEIVING_DEPARTMENT}-orders": sink}}), "utf-8")
        os.environ["ALARMED_SECRET"] = _SECRET
        return Settings(
            bootstrap_servers=self.kafka.bootstrap_servers, namespace=NAMESPACE, partitions=2, city=self.city,
            state_dir=self._folder / "state", web_port=free_port(), instance="alarms", chunk_wait_ms=5,
            connectors=connectors, ledger_url=f"sqlite:///{self.disk.folder / 'ledger.sqlite'}",
        )  # fmt: skip

    def _remember(self) -> None:
        database = Database(address_of(self.settings))
        database.migrate()
        last_ms = wall_ms() - QUIET_MINUTES * MINUTE_MS
        remember(database, last_ms)
        self.heard_last = last_ms / 1000
        database.close()

    def start_worker(self) -> None:
        self.restarts += 1
        self.worker = Child("worker", ["worker"], self.settings, self._folder / "worker.log")

    def stop_worker(self) -> None:
        if self.worker is not None:
            self.worker.stop()
            self.worker = None

    def kill_worker(self) -> None:
        """Without a word, as the kernel does for want of memory."""
        if self.worker is not None:
            os.kill(self.worker.pid, signal.SIGKILL)
            self.stop_worker()

    def await_worker(self) -> None:
        """Until it is ready. Raises FatalError if that takes too long."""
        self._await("worker", f"http://127.0.0.1:{self.settings.web_port}/readyz")

    def send_rubbish(self, count: int) -> None:
        """What no agent can decode, on a source's topic."""
        with Sender(self.settings) as sender:
            for number in range(count):
                sender.send(city_events(UNREADABLE_SOURCE).name, f"R-{number}".encode(), b"rubbish")

    def report(self, category: str, count: int = 1) -> None:
        """New reports, all over the city. From any thread."""
        with self._lock:
            numbers = range(self._reports, self._reports + count)
            self._reports += count
        with Sender(self.settings) as sender:
            for event in reports_of(self._areas, category, numbers):
                value = self._codec.encode_one("cityhub.CaseEvent", event)
                sender.send(city_events("hotline").name, event["source_ref"].encode(), value)

    def make_mistake(self) -> None:
        """Take a row out of the routes of a running hub, as an operator might, and the example that refuses that."""
        forget_route(self.city)
        command = [sys.executable, "-m", "hub.cli.main", "policy", "apply", "--wait", "120"]
        done = subprocess.run(command, env=environment_of(self.settings), capture_output=True, text=True, check=False)
        if done.returncode:
            raise FatalError(f"the mistake was not taken: {done.stderr or done.stdout}")


def remember(database: Database, last_ms: int) -> None:
    """Put nine days into a ledger in which a source and a department were heard every minute. They are made up: nobody waits nine
    days for a proof."""
    minutes = range(last_ms - _KNOWN_DAYS * DAY_MS, last_ms + 1, MINUTE_MS)
    of_case = {"case_id": "past", "kafka_partition": -1}
    of_source = {"source": SILENT_SOURCE, "change": "opened"}
    rows = [of_case | {"kafka_offset": at, "written_at": at} for at in minutes]
    with database.transaction(writes=True) as connection:
        connection.execute(
            insert(CHANGES_TABLE), [row | of_source | {"happened_at": row["written_at"]} for row in rows]
        )
        connection.execute(
            insert(RECEIPTS_TABLE),
            [row | {"department": SILENT_DEPARTMENT, "decided_at": row["written_at"]} for row in rows],
        )


def forget_route(city: Path) -> None:
    """Have the folder not know where burst mains go, and not say that they go there. Raises FatalError if it never did."""
    routes, examples = city / "routes.yaml", city / "examples.yaml"
    text = routes.read_text("utf-8")
    if _ROUTE not in text:
        raise FatalError(
            f"{routes} has no route `{_ROUTE}`: the demo city is another; mend loadtests/alarms/watched.py"
        )
    routes.write_text(text.replace(_ROUTE, _MISTAKE), "utf-8")
    first, *others = examples.read_text("utf-8").split(_EXAMPLE)
    examples.write_text(_EXAMPLE.join([first, *(each for each in others if _LOSER not in each)]), "utf-8")


def reports_of(areas: Sequence[Area], category: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """One by each number, all over the city, so that most open a case of their own."""
    return [_event(f"A-{number:06}", category, _point(areas, number)) for number in numbers]


def _point(areas: Sequence[Area], number: int) -> tuple[float, float]:
    drawn = Random(number)
    middle = drawn.choice(areas).geometry.representative_point()
    return middle.y + drawn.uniform(-_SPREAD, _SPREAD), middle.x + drawn.uniform(-_SPREAD, _SPREAD)


def _event(ref: str, category: str, point: tuple[float, float]) -> dict[str, Any]:
    lat, lon = point
    place = {"code": None, "grid": None, "lat": lat, "lon": lon, "crs": "EPSG:4326", "address": f"{ref} Quay 码头路"}
    return {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": "OPENED", "occurred_at": None, "reported_at": wall_ms(),
        "category": category, "category_label": None, "urgency": "ROUTINE", "place": place, "title": "made up 演练",
        "text": "A drill 演练.", "channel": "phone", "attachments": [], "due_at": None, "attributes": {},
    }  # fmt: skip
