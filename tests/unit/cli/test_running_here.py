"""Commands find the Kafka that runs on their state directory, where nobody names one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hub.broker.storage import Storage
from hub.cli.terminal.options import CONFIGURED, running_here
from hub.settings import Settings


def test_the_kafka_of_this_state_directory_is_used_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONFIGURED, raising=False)
    settings = Settings(state_dir=tmp_path)
    assert running_here(settings) == settings, "there is none"
    storage = Storage(tmp_path / "kafka")
    storage.lock()
    port = storage.choose_ports(0).client
    storage.write_pid(1)
    assert running_here(settings) == settings, "it does not serve yet, or its process is gone"
    with socket.create_server(("127.0.0.1", port)):
        assert running_here(settings).bootstrap_servers == f"127.0.0.1:{port}"
        named = settings.changed(bootstrap_servers="kafka:9092")
        assert running_here(named) == named
        monkeypatch.setenv(CONFIGURED, settings.bootstrap_servers)
        assert running_here(settings) == settings, "also if what is named is the usual one"
        monkeypatch.delenv(CONFIGURED)
        storage.unlock()
        assert running_here(settings) == settings, "another has the port"
