"""The embedded broker as a context manager: one Kafka node on one data directory, for as long as the block runs."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.broker import process
from hub.broker.archive import ClassArchive
from hub.broker.guarded.secure import Guard
from hub.broker.jars import OnFetch, ensure_jars
from hub.broker.java import find_java
from hub.broker.ready import wait_until_ready
from hub.broker.settings import (
    LOG4J2,
    Member,
    Ports,
    broker_options,
    java_environment,
    server_properties,
    tool_options,
)
from hub.broker.storage import Storage
from hub.errors import FatalError

_MAX_LOG_BYTES = 8 * 2**20
_SIGTERM_EXIT = 128 + 15  # how a JVM ends that ran its shutdown hooks
_TAKEN = "Address already in use"


class EmbeddedKafka:
    """Apache Kafka (KRaft, broker and controller in one) on loopback.

    `start` returns when a first transaction and a first consumer group would be served at once. Started again on the
    same directory it has the same data and, if still free, the same port. Ended by `stop`, by the end of the block or,
    with `die_with_parent`, by the kernel when this process is gone (Linux only). What goes wrong is a FatalError that
    shows the end of the broker's log. Not for use by two threads at once.

    A node that is the `member` of a cluster has the ports given there and serves when enough of the others do: have all of them
    `begin`, then `await_ready`.

    With a `guard` it speaks TLS only, asks who one is, and lets nobody do what was not granted (`cityhub acl`).

    One that is `short_lived` will be stopped within minutes: its code is compiled quickly, not well.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        heap_mb: int = 512,
        start_timeout_seconds: float = 180,
        stop_timeout_seconds: float = 40,
        die_with_parent: bool = True,
        cache_dir: Path | None = None,
        on_progress: OnFetch | None = None,
        member: Member | None = None,
        guard: Guard | None = None,
        short_lived: bool = False,
    ) -> None:
        self._storage = Storage(data_dir, member, guard)
        self._member = member
        self._guard = guard
        self._port = port
        self._heap_mb = heap_mb
        self._short_lived = short_lived
        self._start_timeout_seconds = start_timeout_seconds
        self._stop_timeout_seconds = stop_timeout_seconds
        self._die_with_parent = die_with_parent
        self._cache_dir = cache_dir
        self._on_progress = on_progress
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: Ports | None = None
        self._archive: ClassArchive | None = None
        self._log_offset = 0
        self._was_ready = False

    @property
    def bootstrap_servers(self) -> str:
        if self._ports is None:
            raise FatalError("The broker has no address before it is started.")
        return f"127.0.0.1:{self._ports.client}"

    @property
    def pid(self) -> int | None:
        """The JVM's, or None while there is none."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log_path(self) -> Path:
        return self._storage.output

    def log_tail(self, lines: int = 30) -> str:
        """The last lines this start wrote."""
        return process.tail(self.log_path, self._log_offset, lines)

    @property
    def logs(self) -> Path:
        """The folder of Kafka's own log files."""
        return self._storage.logs

    def start(self) -> Self:
        if self._member is not None:
            self.begin()
            self.await_ready()
            return self
        java = self._prepare()
        try:
            self._launch_on_some_port(java)
        except BaseException:
            self.stop()
            raise
        return self

    def begin(self) -> None:
        """Start a member of a cluster without waiting until it serves."""
        if self._member is None:
            raise FatalError("Only a member of a cluster can begin before the others are there.")
        java = self._prepare()
        try:
            self._launch(java, self._member.ports)
        except BaseException:
            self.stop()
            raise

    def await_ready(self) -> None:
        """After `begin`: return when it serves."""
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def _prepare(self) -> list[str]:
        """Take the directory and format it; the command up to the class."""
        if self._process:
            raise FatalError(f"This broker is started already, on {self.bootstrap_servers}.")
        java = find_java()
        jars = ensure_jars(self._cache_dir, self._on_progress)
        class_path = ["-cp", str(jars / "*")]
        self._storage.lock()
        try:
            log4j2 = self._storage.log4j2
            log4j2.write_text(LOG4J2)
            archive = ClassArchive(jars, java)
            self._storage.format([str(java), *tool_options(log4j2), *archive.kept_options(), *class_path])
            self._archive = archive
            guarded = self._guard.options if self._guard is not None else ()
            options = [
                *broker_options(self._heap_mb, log4j2, short_lived=self._short_lived),
                *guarded,
                *self._archive.options(),
            ]
        except BaseException:
            self.stop()
            raise
        return [str(java), *options, *class_path]

    def _launch_on_some_port(self, java: list[str]) -> None:
        """A port that was free may be taken before Kafka binds it: then once more, and a fixed one is seen taken."""
        for attempts_left in (2, 1, 0):
            ports = self._storage.choose_ports(self._port)
            try:
                self._launch(java, ports)
                return self._await_ready()
            except FatalError:
                if not attempts_left or _TAKEN not in self.log_tail(200):
                    raise
                self._end_process()
        return None

    def _launch(self, java: list[str], ports: Ports) -> None:
        self._ports = ports
        properties = self._storage.properties
        properties.write_text(server_properties(self._storage.logs, ports, self._member, self._guard))
        self._open_log()
        self._process = process.spawn(
            [*java, "kafka.Kafka", str(properties)],
            self.log_path,
            java_environment(),
            die_with_parent=self._die_with_parent,
        )
        self._storage.write_pid(self._process.pid)

    def _await_ready(self) -> None:
        try:
            client = {"bootstrap.servers": self.bootstrap_servers} | (self._guard.client() if self._guard else {})
            wait_until_ready(client, self._storage.cluster_id(), self._start_timeout_seconds, self._check)
            self._was_ready = True
        except TimeoutError as error:
            raise FatalError(
                f"The broker was not ready after {self._start_timeout_seconds:g} s ({error}). {self._log_shown()}"
            ) from error

    def _check(self) -> None:
        assert self._process is not None
        if (code := self._process.poll()) is not None:
            raise FatalError(f"The broker ended while starting (exit {code}). {self._log_shown()}")

    def _open_log(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > _MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        self._log_offset = self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_shown(self) -> str:
        return f"The end of {self.log_path}:\n{self.log_tail() or '(it is empty)'}"

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Until the broker ends, its exit code; raises TimeoutError."""
        if self._process is None:
            raise FatalError("The broker is not started.")
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"The broker still runs after {timeout_seconds} s.") from error

    def stop(self) -> None:
        """In order, or by force when that takes too long. May be called again."""
        self._end_process()
        self._storage.unlock()

    def _end_process(self) -> None:
        if self._process:
            ended = process.end(self._process, self._stop_timeout_seconds)
            if self._archive:
                in_order = ended and self._process.returncode == _SIGTERM_EXIT
                self._archive.keep(whole=in_order and self._was_ready)
            self._process = None
            self._was_ready = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
