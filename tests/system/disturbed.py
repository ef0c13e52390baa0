"""Runs the hub on files while something kills its worker or its broker, and without, so that both can be compared."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from hub.audit.checks.rest import Unrest, unrest
from hub.audit.reading import read_tables
from hub.broker.kafka import EmbeddedKafka
from hub.broker.storage import free_port
from hub.cli.process.children import environment_of
from hub.inspect.reading import spans
from hub.policy import load_city
from hub.scrape import scrape
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import all_topics, dept_updates

AGENTS = ("deduplicate", "route", "track")
_DRAIN_SECONDS = 600.0
_STOP_SECONDS = 240.0


@dataclass(frozen=True)
class Feed:
    """What one connector reads."""

    connector: str
    mappings: tuple[str, ...]
    files: tuple[Path, ...]
    join: Path | None = None


def prepare(settings: Settings) -> tuple[list[str], list[str]]:
    """Create the topics; sources and departments."""
    sources, departments = list(discover()), list(load_city(settings.city).departments)
    ensure_topics(settings, all_topics(sources, departments))
    return sources, departments


def publish(settings: Settings, feeds: Sequence[Feed], cursors: Path) -> None:
    """Run the connectors on their files, to the end."""
    for feed in feeds:
        command = [
            sys.executable,
            "-m",
            "hub.cli.main",
            "connector",
            "run",
            feed.connector,
            "--cursor-dir",
            str(cursors),
        ]
        for file, mapping in zip(feed.files, feed.mappings, strict=True):
            command += ["--file", str(file), "--mapping", mapping]
        if feed.join:
            command += ["--join", str(feed.join)]
        subprocess.run(command, env=environment_of(settings), check=True, capture_output=True, timeout=600)


def send_updates(settings: Settings, updates: Sequence[dict[str, object]]) -> None:
    """Publish departments' updates."""
    codec = Codec(make_registry(settings))
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "enable.idempotence": True, "partitioner": "murmur2_random"}
    )
    for update in updates:
        topic = settings.topic(dept_updates(str(update["department"])).name)
        producer.produce(topic, codec.encode_one("cityhub.Update", update), str(update["case_id"]))
        producer.poll(0)
    assert producer.flush(60) == 0


class Worker:
    """A worker process that is started again whenever it is gone, as a supervisor would."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self._log = log
        self.starts = 0
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self.port = free_port()
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub.cli.main", "worker", "--web-port", str(self.port)],
                env=environment_of(self.settings), stdout=out, stderr=out,
            )  # fmt: skip

    def keep_up(self) -> None:
        if self._process.poll() is not None:
            self._start()

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._start()

    def stop(self) -> int:
        self._process.terminate()
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def peak_mb(self) -> float:
        """Most memory the present process has had resident (Linux)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def lag(self) -> float | None:
        """Records not yet read, or None if the worker is not ready to say."""
        metrics = scrape(f"http://127.0.0.1:{self.port}/metrics")
        if metrics is None or any(metrics.total("hub_ready", agent=agent) != 1 for agent in AGENTS):
            return None
        return metrics.total("hub_lag_records")

    def drain(self, quiet_seconds: float = 6.0) -> None:
        """Wait until nothing is left to read, and until updates of unknown cases are given up.

        A worker whose broker was killed just now knows of nothing to read until it is connected again, which takes seconds: so
        the broker has the last word on it.
        """
        quiet_since: float | None = None
        until = time.monotonic() + _DRAIN_SECONDS
        restless: Unrest | None = None
        while time.monotonic() < until:
            self.keep_up()
            if self.lag() != 0:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > quiet_seconds:
                restless = _unrest(self.settings)
                if restless is None:
                    return
                quiet_since = None
            time.sleep(0.3)
        raise TimeoutError(f"the worker has still {self.lag()} records to read ({restless}); see {self._log}")


def _unrest(settings: Settings) -> Unrest | None:
    """By what is committed: what some agent has to read yet, or None of a hub at rest."""
    tables = read_tables(settings, list(discover()), list(load_city(settings.city).departments))
    return unrest(tables, spans(settings, {topic for topic, _ in tables.cut}))


@contextmanager
def working(settings: Settings, log: Path) -> Iterator[Worker]:
    worker = Worker(settings, log)
    try:
        yield worker
    finally:
        worker.stop()


def kill_workers(worker: Worker, times: int, rng: random.Random, longest_seconds: float) -> None:
    """Kill -9 at random moments: every other time while starting or recovering, else in the midst of its work."""
    for turn in range(times):
        if turn % 2:
            time.sleep(rng.uniform(0.5, longest_seconds))
        else:
            _wait_until(lambda: worker.lag() is not None, worker)
            time.sleep(rng.uniform(0.0, longest_seconds / 3))
        worker.kill()


def kill_brokers(
    kafka: EmbeddedKafka, worker: Worker, times: int, rng: random.Random, longest_seconds: float
) -> EmbeddedKafka:
    """Kill -9 the broker and start it again on the same directory and port."""
    for _ in range(times):
        _wait_until(lambda: worker.lag() is not None, worker)
        time.sleep(rng.uniform(0.2, longest_seconds))
        pid = kafka.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        kafka.stop()
        kafka.start()
    return kafka


def _wait_until(done: Callable[[], bool], worker: Worker) -> None:
    until = time.monotonic() + _DRAIN_SECONDS
    while not done():
        worker.keep_up()
        assert time.monotonic() < until
        time.sleep(0.2)
