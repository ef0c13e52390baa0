"""What a contender costs and when it commits, seen from outside: the same instruments for every contender."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil
from confluent_kafka import KafkaException

from hub.errors import FatalError
from loadtests.cluster import Cluster

_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class Sample:
    """One look. `ends` are the committed ends of the output's partitions; CPU is what the tree has used since it began."""

    at_seconds: float
    ends: tuple[int, ...]
    cpu_seconds: float
    rss_bytes: int
    broker_cpu_seconds: float
    done: tuple[int, ...] = ()
    """How far the group has committed in the input's partitions, if it is watched too."""


class ProcessTree:
    """A process and its children, those that have ended included."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._used: dict[tuple[int, float], float] = {}

    def look(self) -> tuple[float, int]:
        """CPU seconds (user and system) so far, and resident bytes now."""
        resident = 0
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            family = []
        for process in family:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    self._used[process.pid, process.create_time()] = times.user + times.system
                    resident += process.memory_info().rss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return sum(self._used.values()), resident


@dataclass
class Watch:
    """Looks ten times a second from a thread of its own, while its block runs."""

    cluster: Cluster
    topic: str
    pids: list[int]
    broker_pid: int | None
    group: tuple[str, str] | None = None
    """A consumer group and the topic it reads."""
    samples: list[Sample] = field(default_factory=list)
    error: FatalError | None = None

    def __post_init__(self) -> None:
        self._trees = [ProcessTree(pid) for pid in self.pids]
        self._broker = ProcessTree(self.broker_pid) if self.broker_pid else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def committed(self) -> int:
        """Offsets committed in the output by the last look; with transactions' marks, so at least the records."""
        return sum(self.samples[-1].ends) if self.samples else 0

    def _run(self) -> None:
        try:
            while not self._stop.wait(_EVERY_SECONDS):
                self.samples.append(self._look())
        except KafkaException as error:
            self.error = FatalError(f"the broker does not say how far {self.topic} is: {error.args[0].str()}")

    def _look(self) -> Sample:
        ends = tuple(self.cluster.ends(self.topic))
        done = tuple(self.cluster.done(*self.group)) if self.group else ()
        at = time.monotonic()
        looks = [tree.look() for tree in self._trees]
        broker = self._broker.look()[0] if self._broker else 0.0
        return Sample(at, ends, sum(cpu for cpu, _ in looks), sum(rss for _, rss in looks), broker, done)
