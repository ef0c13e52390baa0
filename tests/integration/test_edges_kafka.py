"""Four edges in one process on a real Kafka, one of each kind of source: killed in the middle of all, and started again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hub.sdk.scaffold.folder import scaffold
from hub.settings import ROOT, Settings
from hub.testing.files import police_file, police_row
from hub.testing.open311_server import Open311City
from hub.testing.open311_server import serving as serving_open311
from hub.topics import city_events
from tests.integration.test_connector_kafka import consumed
from tests.processes import started
from tests.unit.sdk.sources.http.api import Api, row, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(1200)]
_LIMIT_SECONDS = 300.0
_ROWS = 3000
_PROGRAM = "import sys; from hub.cli.connector.command import connector; connector(sys.argv[1:])"
_COLUMNS = (
    "id",
    "revision",
    "action",
    "time",
    "category",
    "urgent",
    "lat",
    "lon",
    "address",
    "title",
    "text",
    "updated_at",
)


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    return Settings(
        bootstrap_servers=kafka_bootstrap,
        namespace=namespace,
        partitions=3,
        state_dir=tmp_path / "state",
        connectors=tmp_path / "connectors.yaml",
    )


@contextmanager
def written(file: Path, rows: int) -> Iterator[None]:
    """A file that grows until it has so many rows, and then says so."""
    police_file(file, 1)
    ended = threading.Event()

    def write() -> None:
        with file.open("a", encoding="utf-8") as growing:
            for number in range(1, rows):
                growing.write(",".join(police_row(number)) + "\n")
                growing.flush()
                if number % 10 == 0 and ended.wait(0.01):
                    break
        file.with_name(file.name + ".done").touch()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def table(file: Path) -> None:
    with sqlite3.connect(file) as made:
        made.execute(f"create table requests ({', '.join(f'{name} text' for name in _COLUMNS)})")
        rows = [
            (
                f"S-{n}",
                "0",
                "new",
                "2026/1/6 8:00:00",
                "roads.pothole",
                "",
                "",
                "",
                "",
                "Pothole",
                "",
                "2026-01-06 08:00:00",
            )
            for n in range(_ROWS)
        ]
        made.executemany(f"insert into requests values ({', '.join('?' * len(_COLUMNS))})", rows)
    made.close()


def items(settings: Settings) -> dict[str, int]:
    """How far each edge has come, by its stored position."""
    found = {}
    for name in ("calls", "city_by_test", "georeport_by_test", "works_by_test"):
        path = settings.state_dir / "edges" / f"{settings.namespace}{name}.json"
        found[name] = json.loads(path.read_text())["items"] if path.exists() else 0
    return found


def test_killed_in_the_middle_of_all_nothing_is_lost(settings: Settings, tmp_path: Path) -> None:
    scaffold("city_by_test", tmp_path / "mine", "http")
    scaffold("works_by_test", tmp_path / "mine", "sql")
    scaffold("georeport_by_test", tmp_path / "mine", "open311")
    table(tmp_path / "works.db")
    api = Api([row(n, "2026-01-06T08:00:00+08:00") for n in range(200)], "page", size=2)
    killed = threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        """Its list is not read to the end before the kill, however late that comes."""
        killed.wait(_LIMIT_SECONDS)
        handler.close_connection = True

    api.stumbles = [None] * 60 + [hold] * 100
    city = Open311City(most=2)
    for number in range(60):
        ref = city.report(f"Pothole {number}", city.now() - timedelta(hours=60 - number))
        if number % 3 == 0:
            city.say(ref, "closed", "Filled", city.now() - timedelta(minutes=60 - number))
    city.stumbles = [None] * 15 + [hold] * 100
    environment = os.environ | {
        "CITYHUB_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CITYHUB_NAMESPACE": settings.namespace,
        "CITYHUB_PARTITIONS": str(settings.partitions),
        "CITYHUB_STATE_DIR": str(settings.state_dir),
        "CITYHUB_CONNECTORS": str(settings.connectors),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", _PROGRAM, "run"]
    with serving(api), serving_open311(city), written(tmp_path / "calls.csv", 3000):
        (tmp_path / "connectors.yaml").write_text(
            f"""
search: [mine]
edges:
  calls: {{connector: police, settings: {{file: calls.csv, follow: true}}}}
  city_by_test: {{settings: {{base_url: "{api.url}", once: true, calls_per_minute: 1500}}}}
  georeport_by_test: {{settings: {{base_url: "{city.url}", once: true, calls_per_minute: 1500}}}}
  works_by_test: {{settings: {{url: "sqlite:///{tmp_path / "works.db"}", page_rows: 1, once: true}}}}
""",
            "utf-8",
        )
        with started(command, env=environment) as process:

            def all_have_begun() -> bool:
                assert process.poll() is None, "it ended by itself"
                return all(items(settings).values())

            wait_for(all_have_begun, "the positions did not move", _LIMIT_SECONDS)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert 0 < items(settings)["city_by_test"] < 200, "killed in the middle"
        assert 0 < items(settings)["georeport_by_test"] < 80, "killed in the middle"
        api.stumbles.clear()
        city.stumbles.clear()
        killed.set()
        with started(command, env=environment) as process:
            assert process.wait(_LIMIT_SECONDS) == 0
    expected = {
        "police": {(f"JJ{n % 10:04d}", n // 10) for n in range(3000)},
        "city_by_test": {(f"N-{n}", 0) for n in range(200)},
        "works_by_test": {(f"S-{n}", 0) for n in range(_ROWS)},
    }
    for source, names in expected.items():
        found = [record for _, _, record in consumed(settings, city_events(source).name)]
        assert {(each["source_ref"], each["revision"]) for each in found} == names, source
        contents = {(each["source_ref"], each["revision"], each["title"], each["reported_at"]) for each in found}
        assert len(contents) == len(names), f"{source}: what came twice is not the same"
    said = [record for _, _, record in consumed(settings, city_events("georeport_by_test").name)]
    whole = [(ref, kind) for ref in city.requests for kind in ("OPENED", "CLOSED")[: 2 if int(ref) % 3 == 1 else 1]]
    for ref in city.requests:
        kinds = list(dict.fromkeys(each["kind"] for each in said if each["source_ref"] == ref))
        assert kinds == [kind for name, kind in whole if name == ref]
    assert len({json.dumps(each, default=str, sort_keys=True) for each in said}) == len(whole), (
        "what came twice is not the same"
    )
