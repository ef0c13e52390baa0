"""Devices, a Mosquitto, a connector in a process of its own, and a real Kafka: what the broker took is there, also when the process
is killed with messages in hand and the broker starts anew in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from hub.sdk.scaffold.folder import scaffold
from hub.settings import ROOT, Settings
from hub.topics import DEAD, city_events
from tests.integration.test_connector_kafka import consumed, plain
from tests.mosquitto import PATIENCE_SECONDS, mosquitto
from tests.processes import started, wait_until

pytestmark = pytest.mark.kafka
_PROGRAM = "import sys; from hub.cli.connector.command import connector; connector(sys.argv[1:])"
_MESSAGES = 120


def edge(settings: Settings, folder: Path, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "CITYHUB_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CITYHUB_NAMESPACE": settings.namespace,
        "CITYHUB_PARTITIONS": str(settings.partitions),
        "CITYHUB_STATE_DIR": str(settings.state_dir),
        "CITYHUB_CONNECTORS": str(folder / "connectors.yaml"),
        "PYTHONPATH": str(ROOT),
    }
    (folder / "connectors.yaml").write_text(
        f"search: [connectors]\nedges:\n  alarms: {{settings: {{host: 127.0.0.1, port: {port}, client_id: hub, window: 10}}}}\n",
        encoding="utf-8",
    )
    return started([sys.executable, "-c", _PROGRAM, "run", "alarms"], env=environment)


def alarm(number: int) -> str:
    """As the scaffolded mapping reads it; each ninth cannot be used."""
    time = "2026/1/6 8:00:00" if number % 9 else "soon"
    return json.dumps({"id": f"N-{number}", "revision": "0", "action": "new", "time": time})


@pytest.mark.crash
def test_kill_nine_and_a_broker_that_starts_anew_lose_no_alarm(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=3, state_dir=tmp_path / "state"
    )
    scaffold("alarms", tmp_path / "connectors", "mqtt")
    (tmp_path / "broker").mkdir()

    def arrived() -> int:
        return len({key for key, _, _ in consumed(settings, city_events("alarms").name)})

    lines = ["allow_anonymous true", "log_type all"]
    with mosquitto(tmp_path / "broker", lines) as broker, broker.device() as device:

        def tell(first: int, last: int) -> None:
            for number in range(first, last):
                device.send(f"city/north/alarm/b{number % 7}", alarm(number))

        with edge(settings, tmp_path, broker.port) as process:
            wait_until(lambda: "SUBACK to hub" in broker.log, "the edge is subscribed", PATIENCE_SECONDS)
            tell(0, 40)
            wait_until(arrived, "something is in Kafka", PATIENCE_SECONDS)
            process.kill()  # with messages in hand, as likely as not
            process.wait()
        tell(40, 60)  # nobody is there
        with edge(settings, tmp_path, broker.port) as process:
            tell(60, 80)
            broker.restart()
            tell(80, _MESSAGES)
            wanted = sum(number % 9 > 0 for number in range(_MESSAGES))
            wait_until(lambda: arrived() == wanted, "all is in Kafka", 2 * PATIENCE_SECONDS)
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    found = defaultdict(list)
    for key, _, record in consumed(settings, city_events("alarms").name):
        found[key.decode()].append(plain(record))
    assert set(found) == {f"N-{number}" for number in range(_MESSAGES) if number % 9}
    assert all(each == records[0] for records in found.values() for each in records), "what came twice is a repeat"
    assert sum(map(len, found.values())) - len(found) <= 20, "only what was in hand at the kill came twice"
    letters = [record for _, _, record in consumed(settings, DEAD.name) if record["stage"] == "connector:alarms"]
    assert {record["reason"] for record in letters} == {"bad_row"}
