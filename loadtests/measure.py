"""One run of one contender: start, watch until all is committed, stop, check, count. What does not check out has no rate."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from hub.broker import process
from hub.errors import FatalError
from loadtests.cluster import Cluster
from loadtests.contenders import Contender
from loadtests.job.check import Checker, Verdict
from loadtests.job.events import Truth, body_of
from loadtests.job.rules import Rules
from loadtests.peers.given import Given
from loadtests.watch import Sample, Watch

_QUIET_SECONDS = 3.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Result:
    """A run. Rates are records read a second between the first and the last commit; None if the output was not right."""

    contender: str
    label: str
    settings: dict[str, Any]
    records: int
    orders: int
    verdict: Verdict
    rate: float | None
    late_rate: float | None
    """The same over the second half of the output: when a JVM has compiled what is hot."""
    start_seconds: float
    """From starting the process to its first commit: interpreter or JVM, joining the group, and the first chunk."""
    seconds: float
    cpu_seconds: float
    """Of the contender's processes, between first and last commit."""
    cpu_seconds_whole: float
    broker_cpu_seconds: float
    peak_rss_bytes: int
    progress: list[tuple[float, float]] = field(repr=False)
    """Seconds since the first commit, share of the output committed."""

    @property
    def cpu_microseconds(self) -> float | None:
        """CPU a record, of the contender alone."""
        return self.cpu_seconds / self.records * 1e6 if self.rate else None


def run(
    cluster: Cluster,
    contender: Contender,
    given: Given,
    label: str,
    rules: Rules,
    truth: Truth,
    folder: Path,
    broker_pid: int | None,
    on_share: Callable[[float], None],
    stall_seconds: float,
    workers: int = 1,
) -> Result:
    """`on_share` hears the share that is committed. Raises FatalError if the contender ends or stands still."""
    cluster.create(given.orders, {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "1048588"})
    began = time.monotonic()
    children: list[subprocess.Popen[bytes]] = []
    wanted = truth.records if contender.passes_through else truth.orders
    try:
        for number in range(workers):
            children.append(spawn(contender, given, folder, number))
        with Watch(cluster, given.orders, [child.pid for child in children], broker_pid) as watch:
            _wait(watch, children, folder, wanted, on_share, stall_seconds)
    finally:
        for child in children:
            stop(child)
    verdict, partitions, offsets = check(cluster, contender, given, rules, truth)
    return _result(contender, given, label, truth, verdict, watch.samples, began, partitions, offsets)


def spawn(contender: Contender, given: Given, folder: Path, number: int) -> subprocess.Popen[bytes]:
    """Start worker `number`; its log is worker<number>.log. Dies with this process."""
    own = folder / f"worker{number}"
    own.mkdir(parents=True, exist_ok=True)
    start = contender.start(given, own)
    environment = start.environment | {"CITYHUB_INSTANCE": f"w{number}"}
    return process.spawn(start.argv, log_of(folder, number), environment, die_with_parent=True)


def log_of(folder: Path, number: int) -> Path:
    return folder / f"worker{number}.log"


def stop(child: subprocess.Popen[bytes]) -> None:
    """In order if it will; its whole session if not."""
    if child.poll() is None:
        process.end(child, _STOP_SECONDS)
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def must_run(child: subprocess.Popen[bytes], log: Path) -> None:
    """Raises FatalError if it has ended."""
    if child.poll() is not None:
        raise FatalError(
            f"the contender ended (exit {child.returncode}) before its work was done. The end of {log}:\n{process.tail(log)}"
        )


def _wait(
    watch: Watch,
    children: list[subprocess.Popen[bytes]],
    folder: Path,
    wanted: int,
    on_share: Callable[[float], None],
    stall_seconds: float,
) -> None:
    """Until the output has as many offsets as records are due and has been quiet for a while."""
    committed, moved = 0, time.monotonic()
    while True:
        time.sleep(_POLL_SECONDS)
        if watch.error:
            raise watch.error
        for number, child in enumerate(children):
            must_run(child, log_of(folder, number))
        now = time.monotonic()
        if watch.committed != committed:
            committed, moved = watch.committed, now
            on_share(min(1.0, committed / wanted))
        if now - moved > (_QUIET_SECONDS if committed >= wanted else stall_seconds):
            return


def check(
    cluster: Cluster, contender: Contender, given: Given, rules: Rules, truth: Truth
) -> tuple[Verdict, np.ndarray, np.ndarray]:
    """Read the output back: the verdict on it, and each record's partition and offset."""
    checker = Checker(rules, truth)
    found, total = 0, 0
    partitions: list[int] = []
    offsets: list[int] = []
    for portion in cluster.read(given.orders):
        partitions += portion.partitions
        offsets += portion.offsets
        if contender.passes_through:
            found += len(portion.values)
            total += sum(xxhash.xxh3_64_intdigest(body_of(value)) for value in portion.values)
        else:
            checker.add(portion.keys, portion.values)
    if contender.passes_through:
        same = total % 2**64 == truth.checksum
        missing, more = max(0, truth.records - found), max(0, found - truth.records)
        verdict = Verdict(truth.records, found, missing, more, 0 if same else 1, None if same else "the bytes differ")
    else:
        verdict = checker.verdict()
    return verdict, np.array(partitions, np.int64), np.array(offsets, np.int64)


def _result(
    contender: Contender,
    given: Given,
    label: str,
    truth: Truth,
    verdict: Verdict,
    samples: list[Sample],
    began: float,
    partitions: np.ndarray,
    offsets: np.ndarray,
) -> Result:
    first = next((sample for sample in samples if sum(sample.ends)), None)
    if first is None or not len(offsets):
        raise FatalError(f"{label}: nothing was committed")
    last = next(sample for sample in samples if sample.ends == samples[-1].ends)
    before = int((offsets < np.array(first.ends)[partitions]).sum())
    seconds = last.at_seconds - first.at_seconds
    counted = truth.records * (1 - before / len(offsets))
    total = sum(last.ends)
    progress = [
        (s.at_seconds - first.at_seconds, sum(s.ends) / total)
        for s in samples
        if first.at_seconds <= s.at_seconds <= last.at_seconds
    ]
    right = verdict.good and seconds > 0
    return Result(
        contender=contender.title,
        label=label,
        settings=given.settings,
        records=truth.records,
        orders=verdict.counted,
        verdict=verdict,
        rate=counted / seconds if right else None,
        late_rate=rate_from(progress, 0.5, truth.records) if right else None,
        start_seconds=first.at_seconds - began,
        seconds=seconds,
        cpu_seconds=last.cpu_seconds - first.cpu_seconds,
        cpu_seconds_whole=last.cpu_seconds,
        broker_cpu_seconds=last.broker_cpu_seconds - first.broker_cpu_seconds,
        peak_rss_bytes=max(sample.rss_bytes for sample in samples),
        progress=progress,
    )


def rate_from(progress: list[tuple[float, float]], share: float, records: int) -> float | None:
    """Records a second from the moment that `share` of the output was committed; None if that was all at once."""
    part = [(at, done) for at, done in progress if done >= share]
    if len(part) < 2 or part[-1][0] == part[0][0]:
        return None
    return records * (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0])
