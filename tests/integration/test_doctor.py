"""`cityhub doctor` on a broker that has all, that lacks topics, and on none; `cityhub up` when its worker is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import TRACK_CHANGELOG, all_topics
from tests.integration.kafka_accidents import set_topic
from tests.integration.small_hub import free_port, ready, wait_for
from tests.processes import started
from tests.waiting import PATIENCE_SECONDS


def checked(settings: Settings, code: int) -> dict[str, dict[str, str]]:
    """What the doctor says, by the first word of the check."""
    environment = {name: value for name, value in environment_of(settings).items() if name.startswith("CITYHUB_")}
    said = CliRunner().invoke(cli, ["doctor", "--json"], env=environment, catch_exceptions=False)
    assert said.exit_code == code, said.output
    plain = CliRunner().invoke(cli, ["doctor"], env=environment, catch_exceptions=False)
    assert plain.exit_code == code
    assert ("FAIL" in plain.output) == bool(code)
    return {each["name"].partition(" ")[0]: each for each in json.loads(said.stdout)}


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    return Settings(
        bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=2, state_dir=tmp_path / "state",
        web_port=free_port(), instance=namespace,
    )  # fmt: skip


@pytest.mark.kafka
def test_all_is_well(settings: Settings) -> None:
    ensure_topics(settings, all_topics(discover(), load_city(settings.city).departments))
    found = checked(settings, 0)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert "agrees" in found["clock"]["said"]


@pytest.mark.kafka
def test_settings_that_were_changed_are_named_and_put_right(settings: Settings) -> None:
    declared = all_topics(discover(), load_city(settings.city).departments)
    ensure_topics(settings, declared)
    set_topic(settings, TRACK_CHANGELOG, "cleanup.policy", "compact,delete")
    found = checked(settings, 1)["topics"]
    assert f"{settings.namespace}hub.track.changelog has cleanup.policy compact,delete" in found["said"]
    assert found["way_out"] == "run `cityhub topics --create`"
    ensure_topics(settings, declared)
    assert checked(settings, 0)["topics"]["state"] == "ok"
    set_topic(settings, TRACK_CHANGELOG, "max.message.bytes", "1000")
    assert checked(settings, 0)["topics"]["state"] == "warn"


@pytest.mark.kafka
def test_topics_are_missing(settings: Settings) -> None:
    found = checked(settings, 1)
    assert found["topics"]["state"] == "fail"
    assert found["topics"]["way_out"] == "run `cityhub topics --create`"


@pytest.mark.kafka
def test_topics_have_other_partitions(settings: Settings) -> None:
    ensure_topics(settings, all_topics(discover(), load_city(settings.city).departments))
    found = checked(settings.model_copy(update={"partitions": 3}), 1)
    assert "this hub was made with 2, for life: set it to 2" in found["topics"]["said"]


def test_no_broker_a_taken_port_and_a_faulty_policy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        city = tmp_path / "city"
        shutil.copytree(Settings().city, city)
        (city / "routes.yaml").write_text("routes: []\n")
        found = checked(
            Settings(
                bootstrap_servers="127.0.0.1:1",
                web_port=other.getsockname()[1],
                city=city,
                state_dir=tmp_path / "state",
            ),
            1,
        )
    assert "no Kafka answers at 127.0.0.1:1" in found["broker"]["said"]
    assert "cityhub up" in found["broker"]["way_out"]
    assert found["topics"]["state"] == "warn"
    assert found["web"]["state"] == "fail"
    assert found["policy"]["state"] == "fail"
    assert "routes.yaml" in found["policy"]["said"]


@pytest.mark.kafka
@pytest.mark.crash
def test_up_starts_a_killed_worker_again_and_ends_in_order(settings: Settings) -> None:
    environment = environment_of(settings) | {"PYTHONUNBUFFERED": "1"}
    with started(
        [sys.executable, "-m", "hub.cli.main", "up"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: ready(settings), "the worker serves")
        (first,) = workers_of(process.pid)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: bool(set(workers_of(process.pid)) - {first}) and ready(settings), "another worker serves")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=2 * PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert "exit code -9; it starts again" in said
    assert "/metrics" in said
    assert said.rstrip().endswith("Stopping 停止")
    assert not ready(settings)


def workers_of(parent: int) -> list[int]:
    """The worker processes that this one has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if line.rstrip().endswith("hub.cli.main worker")]
