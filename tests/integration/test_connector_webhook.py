"""A system that calls, a connector in a process of its own, and a real Kafka: what was answered is there, also when the process is
killed with calls in hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from hub.broker.storage import free_port
from hub.sdk.scaffold.folder import scaffold
from hub.settings import ROOT, Settings
from hub.topics import DEAD, city_events
from tests.integration.test_connector_kafka import consumed, plain
from tests.processes import started
from tests.unit.sdk.sources.webhook.system import SECRET, System
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka
_CALLS = 90
_PROGRAM = "import sys; from hub.cli.connector.command import connector; connector(sys.argv[1:])"


def edge(settings: Settings, folder: Path, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "CITYHUB_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CITYHUB_NAMESPACE": settings.namespace,
        "CITYHUB_PARTITIONS": str(settings.partitions),
        "CITYHUB_STATE_DIR": str(settings.state_dir),
        "CITYHUB_CONNECTORS": str(folder / "connectors.yaml"),
        "KEY_BY_TEST": SECRET,
        "PYTHONPATH": str(ROOT),
    }
    (folder / "connectors.yaml").write_text(
        f"""\
search: [connectors]
edges:
  calls: {{settings: {{port: {port}, auth: {{kind: standard, secret: "env:KEY_BY_TEST"}}}}}}
""",
        encoding="utf-8",
    )
    return started([sys.executable, "-c", _PROGRAM, "run", "calls"], env=environment)


def call(number: int) -> bytes:
    """As the scaffolded mapping reads it; each ninth cannot be used."""
    data = {"id": f"N-{number}", "revision": "0", "action": "new", "time": "2026/1/6 8:00:00" if number % 9 else "soon"}
    return json.dumps(data).encode()


@pytest.mark.crash
def test_kill_nine_loses_no_call_that_was_answered(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> None:
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=3, state_dir=tmp_path / "state"
    )
    scaffold("calls", tmp_path / "connectors", "webhook")
    port = free_port()
    system = System(lambda: port, call)
    try:
        for part in (1, 2, 3):
            with edge(settings, tmp_path, port) as process:
                system.tell(_CALLS // 3)
                # killed with some of this part answered, and one in hand or on its way
                wanted = _CALLS if part == 3 else _CALLS // 3 * part - 10
                wait_for(lambda: system.confirmed >= wanted, "the calls are not answered")  # noqa: B023
                process.kill()
                process.wait()
    finally:
        system.close()
    found = defaultdict(list)
    for key, _, record in consumed(settings, city_events("calls").name):
        found[key.decode()].append(plain(record))
    assert set(found) == {f"N-{number}" for number in range(_CALLS) if number % 9}, "what was answered is there"
    assert all(each == records[0] for records in found.values() for each in records), "what came twice is a repeat"
    assert sum(map(len, found.values())) <= len(found) + 2, "one call was in hand at each kill"
    letters = [record for _, _, record in consumed(settings, DEAD.name) if record["stage"] == "connector:calls"]
    assert {record["reason"] for record in letters} == {"bad_row"}
    assert len(letters) >= _CALLS // 9
