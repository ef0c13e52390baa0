"""The data directory: who has it, its ports, and what is done with one that is half formatted."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hub.broker.settings import Ports, server_properties
from hub.broker.storage import Storage, is_formatted
from hub.errors import FatalError

META = "#Sun\nversion=1\nnode.id=1\ncluster.id=abc\n"
# Formats as the tool does, as far as we look: `format -t ID -c FILE`.
TOOL = """
import pathlib, sys
given = dict(line.split("=", 1) for line in pathlib.Path(sys.argv[-1]).read_text().splitlines())
logs = pathlib.Path(given["log.dirs"])
logs.mkdir()
(logs / "meta.properties").write_text(f"version=1\\nnode.id=1\\ncluster.id={sys.argv[-3]}\\n")
(logs / "bootstrap.checkpoint").write_text("x")
"""
FORMATS, FAILS = [sys.executable, "-c", TOOL], [sys.executable, "-c", "raise SystemExit('no space left')"]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path / "kafka")
    storage.root.mkdir()
    return storage


def make_logs(storage: Storage, meta: str | None, messages: bytes | None, beginning: bytes | None = b"x") -> None:
    storage.logs.mkdir()
    if meta is not None:
        (storage.logs / "meta.properties").write_text(meta)
    if beginning is not None:
        (storage.logs / "bootstrap.checkpoint").write_bytes(beginning)
    if messages is not None:
        partition = storage.logs / "hub.events-0"
        partition.mkdir()
        (partition / "00000000000000000000.log").write_bytes(messages)


def test_an_empty_directory_is_formatted_once(storage: Storage) -> None:
    storage.format(FORMATS)
    cluster = storage.cluster_id()
    storage.format(FAILS)
    assert storage.cluster_id() == cluster
    assert [path.name for path in storage.root.iterdir()] == ["logs"]


@pytest.mark.parametrize("meta", [None, "", "version=1\nnode.id=1", META.replace("=1\nn", "=0\nn"), "\x00\x00"])
@pytest.mark.parametrize("messages", [None, b""])
def test_half_formatted_without_messages_is_formatted_again(
    storage: Storage, meta: str | None, messages: bytes | None
) -> None:
    make_logs(storage, meta, messages)
    storage.format(FORMATS)
    assert is_formatted(storage.logs)


@pytest.mark.parametrize("beginning", [None, b""])
def test_without_a_beginning_it_is_formatted_again(storage: Storage, beginning: bytes | None) -> None:
    make_logs(storage, META, None, beginning)
    storage.format(FORMATS)
    assert storage.cluster_id() != "abc"


@pytest.mark.parametrize("meta", [None, "", "version=1\nnode.id=1", META.replace("node.id=1", "node.id=2")])
def test_messages_are_never_formatted_away(storage: Storage, meta: str | None) -> None:
    make_logs(storage, meta, b"message")
    with pytest.raises(FatalError, match=r"holds messages, but its meta.properties is missing or broken"):
        storage.format(FORMATS)
    assert (storage.logs / "hub.events-0" / "00000000000000000000.log").read_bytes() == b"message"


def test_leftovers_of_a_killed_format_do_not_matter(storage: Storage) -> None:
    (storage.root / "logs.new" / "junk").mkdir(parents=True)
    storage.format(FORMATS)
    assert not (storage.root / "logs.new").exists()


def test_a_failing_format_shows_what_was_said(storage: Storage) -> None:
    with pytest.raises(FatalError, match=r"(?s)could not format .*no space left"):
        storage.format(FAILS)


def test_a_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    storage = Storage(tmp_path / "open")
    storage.lock()
    try:
        assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o700
    finally:
        storage.unlock()


def test_a_directory_is_had_by_one(storage: Storage) -> None:
    storage.lock()
    storage.write_pid(4711)
    other = Storage(storage.root)
    with pytest.raises(FatalError, match=r"already runs .*process 4711"):
        other.lock()
    other.unlock()
    assert storage.read_pid() == 4711, "who has not locked may not tidy up"
    storage.unlock()
    other.lock()
    other.unlock()


@pytest.mark.parametrize("pid", ["", "rubbish", "999999999", "ours"])
def test_a_stale_pid_file_is_no_obstacle(storage: Storage, pid: str) -> None:
    # Ours is alive, but no broker: a pid that was given again.
    (storage.root / "kafka.pid").write_text(str(os.getpid()) if pid == "ours" else pid)
    storage.lock()
    storage.unlock()


def test_a_broker_that_outlived_its_parent_is_named(storage: Storage) -> None:
    sleeper = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", str(storage.properties)]
    with subprocess.Popen(sleeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as broker:
        assert broker.stdout
        broker.stdout.readline()  # a process has no command line yet in the instant after exec
        storage.write_pid(broker.pid)
        with pytest.raises(FatalError, match=f"process {broker.pid}"):
            storage.lock()
        broker.kill()
    storage.lock()
    storage.unlock()


def test_a_comma_in_the_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="comma"):
        Storage(tmp_path / "a,b").lock()


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FatalError, match="Cannot write to the broker's data directory"):
        Storage(tmp_path / "file" / "kafka").lock()


def test_ports_are_kept(storage: Storage) -> None:
    ports = storage.choose_ports(0)
    assert ports.client != ports.controller
    assert storage.choose_ports(0) == ports


def test_a_kept_port_that_is_taken_is_replaced(storage: Storage) -> None:
    ports = storage.choose_ports(0)
    with socket.create_server(("127.0.0.1", ports.client)):
        assert storage.choose_ports(0).client != ports.client


def test_a_given_port_that_is_taken_is_an_error(storage: Storage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=f"Port {port} is taken"):
            storage.choose_ports(port)


@pytest.mark.parametrize("kept", ["", "{", "[]", "{}", '{"client": "x", "controller": 1}', '{"more": 1}'])
def test_a_broken_ports_file_is_forgotten(storage: Storage, kept: str) -> None:
    (storage.root / "ports.json").write_text(kept)
    assert storage.choose_ports(0) == storage.choose_ports(0)


def test_paths_survive_javas_properties(tmp_path: Path) -> None:
    text = server_properties(tmp_path / "数据 é\\x", Ports(1, 2))
    assert text.isascii()
    assert r"\u6570\u636e \u00e9\\x" in text
