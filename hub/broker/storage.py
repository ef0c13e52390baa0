"""The broker's data directory: its lock, its ports, and the formatting of the folder that Kafka keeps its logs in."""

import base64
import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hub.broker import process
from hub.broker.guarded.files import write_private
from hub.broker.guarded.secure import Guard
from hub.broker.settings import NODE_ID, Member, Ports, java_environment, server_properties
from hub.errors import FatalError

KEYS = "keys"
"""Folder of a guarded broker's keys and passwords."""
# Below the ports the system gives to outgoing connections (32768+ on Linux, 49152+ on macOS), which come and go.
_PORT_RANGE = range(20_000, 32_000)


class Storage:
    """One data directory. Between `lock` and `unlock` no other process of ours may start a broker on it."""

    def __init__(self, root: Path, member: Member | None = None, guard: Guard | None = None) -> None:
        self.root = root.resolve()
        self._guard = guard
        self._member = member
        self._node_id = NODE_ID if member is None else member.node_id
        self.logs = self.root / "logs"
        self.properties = self.root / "server.properties"
        self.log4j2 = self.root / "log4j2.properties"
        self.output = self.root / "kafka.log"
        self._pid = self.root / "kafka.pid"
        self._ports = self.root / "ports.json"
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Take the directory, or say who has it. A lock or pid file that a dead process left is no obstacle."""
        if "," in str(self.root):
            raise FatalError(f"Kafka cannot use a directory with a comma in its path: {self.root}")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)  # everything that the city's systems have said lies here
            lock = (self.root / "kafka.lock").open("w")
        except OSError as error:
            raise FatalError(f"Cannot write to the broker's data directory {self.root}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise self._taken(self.read_pid()) from None
        # A broker may outlive who started it, and then only its pid tells.
        pid = self.read_pid()
        if pid is not None and process.runs(pid, str(self.properties)):
            lock.close()
            raise self._taken(pid)
        self._lock = lock

    def unlock(self) -> None:
        """Give the directory back. Without `lock` before it, does nothing."""
        if self._lock:
            self._pid.unlink(missing_ok=True)
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # closing is not enough where a forked process has the file too
            self._lock.close()
            self._lock = None

    def _taken(self, pid: int | None) -> FatalError:
        who = f"process {pid}" if pid else "another process that is just starting"
        return FatalError(
            f"A broker already runs on {self.root} ({who}): use that one, stop it, or choose another data directory."
        )

    def read_pid(self) -> int | None:
        try:
            return int(self._pid.read_text())
        except (OSError, ValueError):
            return None

    def write_pid(self, pid: int) -> None:
        self._pid.write_text(f"{pid}\n")

    def choose_ports(self, port: int) -> Ports:
        """The given port, or with 0 the one of the last start, if free, else any free one; kept for the next start."""
        kept = self._kept_ports()
        if port:
            if not is_free(port):
                raise FatalError(f"Port {port} is taken: choose another, or 0 for any that is free.")
            client = port
        else:
            client = kept.client if kept and is_free(kept.client) else free_port()
        controller = kept.controller if kept and kept.controller != client and is_free(kept.controller) else 0
        ports = Ports(client, controller or free_port(but=client))
        self._ports.write_text(json.dumps(ports._asdict()))
        return ports

    def serving_port(self) -> int | None:
        """Where a broker that runs on this directory serves its clients; None if none does."""
        ports = self._kept_ports()
        if ports is None or self.read_pid() is None or is_free(ports.client):
            return None
        return ports.client

    def _kept_ports(self) -> Ports | None:
        try:
            return Ports(**{key: int(value) for key, value in json.loads(self._ports.read_text()).items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    def cluster_id(self) -> str:
        return read_meta(self.logs)["cluster.id"]

    def format(self, java: list[str]) -> None:
        """Make the logs folder with Kafka's own tool, unless it is there. `java` is the command up to the class."""
        if is_formatted(self.logs, self._node_id):
            self._require_the_same_guard()
            return
        if has_logs(self.logs):
            raise FatalError(
                f"{self.logs} holds messages, but its meta.properties is missing or broken, so Kafka cannot open it: "
                f"restore that file, or move {self.logs} away to start empty."
            )
        # Formatted beside and renamed, so that a process killed here leaves nothing half done.
        fresh = self.logs.with_suffix(".new")
        for folder in (fresh, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        scratch = self.root / "format.properties"
        scratch.write_text(server_properties(fresh, Ports(1, 2), self._member, self._guard))
        cluster_id = new_cluster_id() if self._member is None else self._member.cluster_id
        arguments = self.root / "format.arguments"
        done = subprocess.run(
            [*java, *self._format_call(cluster_id, scratch, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=java_environment(),
            check=False,
        )
        scratch.unlink()
        arguments.unlink(missing_ok=True)
        if done.returncode or not is_formatted(fresh, self._node_id):
            said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise FatalError(f"Kafka could not format {self.logs} (exit {done.returncode}); it said:\n{said}")
        fresh.rename(self.logs)

    def _require_the_same_guard(self) -> None:
        """Raise FatalError if what lies here was not kept as it is to be now."""
        if self._guard is None and (self.root / KEYS).is_dir():
            raise FatalError(
                f"{self.root} was made with --secure: start it so again, or choose another data directory."
            )
        if self._guard is not None and not self._guard.exists():
            raise FatalError(f"{self.root} was made without --secure, and has no users: choose another data directory.")

    def _format_call(self, cluster_id: str, properties: Path, arguments: Path) -> list[str]:
        """Kafka's own tool. A password on a command line is everybody's to read, so Java takes that one from a file."""
        call = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
        if self._guard is None:
            return call
        write_private(arguments, " ".join(map(_quoted, [*call, "--add-scram", self._guard.scram()])).encode())
        return [f"@{arguments}"]


def _quoted(word: str) -> str:
    """As Java reads it from a file of arguments."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)


def read_meta(logs: Path) -> dict[str, str]:
    """What meta.properties says, nothing if it is missing or unreadable."""
    try:
        lines = (logs / "meta.properties").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def is_formatted(logs: Path, node_id: int = NODE_ID) -> bool:
    """Whether Kafka can start from this folder: it says whose it is, and how the metadata begins or went on."""
    meta = read_meta(logs)
    named = meta.get("version") == "1" and meta.get("node.id") == str(node_id) and bool(meta.get("cluster.id"))
    beginning = logs / "bootstrap.checkpoint"
    return named and ((beginning.is_file() and beginning.stat().st_size > 0) or has_logs(logs))


def has_logs(logs: Path) -> bool:
    """Whether anything was ever written: an empty segment is made before its first message."""
    return any(segment.stat().st_size for segment in logs.glob("*/*.log"))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Kafka binds: connections of an earlier broker that are still closing do not matter, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def free_port(but: int = 0) -> int:
    for port in _shuffled_ports():
        if port != but and is_free(port):
            return port
    raise FatalError(f"No port of {_PORT_RANGE.start}-{_PORT_RANGE.stop} is free.")


def _shuffled_ports() -> Iterator[int]:
    # Its own generator: a test that seeds the global one would make every process try the same ports.
    source = random.Random(os.urandom(16))
    yield from source.sample(_PORT_RANGE, 200)
