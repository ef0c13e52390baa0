"""Two workers share the job under load: one is killed, a new one joins, one is stopped in order. How long does work pause?"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.broker.storage import free_port
from hub.errors import FatalError
from hub.scrape import fetch
from loadtests import measure
from loadtests.contenders import contender
from loadtests.feeding import feeder_said, start_feeder
from loadtests.job.events import Truth
from loadtests.peers.given import PARTITIONS, Given
from loadtests.scenario import Takeover
from loadtests.stage import Stage
from loadtests.watch import Watch

_READY_SECONDS = 90.0
_DRAIN_SECONDS = 60.0
_LONG_SECONDS = 86_400.0  # the generator is told when to stop: how long a worker takes to join is not known
_EVENTS = "load.events"


def takeover(here: Stage, scenario: Takeover) -> dict[str, Any]:
    """Rows: what was done and the longest pause of a partition after it. Raises FatalError if anything is lost or doubled."""
    given = here.given("takeover", _EVENTS, dict(scenario.settings))
    here.cluster.create(_EVENTS)
    here.cluster.create(given.orders)
    crew = _Crew(given, here.folder / given.run)
    truth = here.folder / "truth.npz"
    steps = [("killed (kill -9)", crew.kill), ("one more joins", crew.join), ("stopped in order", crew.leave)]
    marks: list[tuple[str, float]] = []
    try:
        crew.join()
        crew.join()
        with Watch(here.cluster, given.orders, [], here.kafka.pid, (given.run, _EVENTS)) as watch:
            feeder = start_feeder(here, _EVENTS, scenario.rate, _LONG_SECONDS, scenario.seed, truth=truth)
            _sleep(here, "two workers at work", scenario.seconds_before)
            for what, act in steps:
                marks.append((what, time.monotonic()))
                act()
                _sleep(here, what, scenario.seconds_after)
            feeder.terminate()
            said = feeder_said(feeder)
            _drain(watch, said["fresh"])
            samples = list(watch.samples)
    finally:
        crew.stop()
    verdict, _, _ = measure.check(here.cluster, contender("hub"), given, here.rules, Truth.load(truth))
    if not verdict.good:
        raise FatalError(
            f"{scenario.name}: {verdict.missing} missing, {verdict.doubled} doubled, {verdict.wrong} wrong"
        )
    return {
        "rows": [
            {
                "step": what,
                "a partition not worked on, s": pause(
                    [(one.at_seconds, one.done) for one in samples], at, scenario.seconds_after
                ),
                "orders not readable, s": pause(
                    [(one.at_seconds, one.ends) for one in samples], at, scenario.seconds_after
                ),
            }
            for what, at in marks
        ],
        "note": f"{scenario.rate:,.0f} events/s to {PARTITIONS} partitions, two workers of the job. {said['records']:,} events, "
        f"{verdict.counted:,} orders: none missing, none doubled. Longest times in the {scenario.seconds_after:g} s after each "
        "step, with events waiting all the while: that some partition of the input got no further, and that nothing new could be "
        "read (read_committed) in some partition of the output, where a dead worker's open transaction hides what others commit.",
    }


def pause(samples: Sequence[tuple[float, tuple[int, ...]]], from_seconds: float, seconds: float) -> float:
    """The longest time that some position stood still, of what lies between `from_seconds` and so many seconds after; seconds."""
    within = [(when, places) for when, places in samples if from_seconds <= when <= from_seconds + seconds]
    if not within:
        return 0.0
    longest = 0.0
    for partition in range(len(within[0][1])):
        moved, last = from_seconds, within[0][1][partition]
        for when, places in within:
            if places[partition] != last:
                longest, moved, last = max(longest, when - moved), when, places[partition]
        longest = max(longest, within[-1][0] - moved)
    return longest


class _Crew:
    """The job's workers, oldest first."""

    def __init__(self, given: Given, folder: Path) -> None:
        self._given, self._folder = given, folder
        self._here: list[tuple[int, subprocess.Popen[bytes]]] = []
        self._next = 0

    def join(self) -> None:
        """Start one more and wait until it serves."""
        number, self._next = self._next, self._next + 1
        port = free_port()
        settings = {**self._given.settings, "web_port": port}
        given = Given(**{**vars(self._given), "settings": settings})
        child = measure.spawn(contender("hub"), given, self._folder, number)
        self._here.append((number, child))
        until = time.monotonic() + _READY_SECONDS
        while fetch(f"http://127.0.0.1:{port}/readyz") is None:
            measure.must_run(child, measure.log_of(self._folder, number))
            if time.monotonic() > until:
                raise FatalError(f"worker {number} is not ready after {_READY_SECONDS:.0f} s")
            time.sleep(0.1)

    def kill(self) -> None:
        self._here.pop(0)[1].send_signal(signal.SIGKILL)

    def leave(self) -> None:
        self._here.pop(0)[1].send_signal(signal.SIGTERM)

    def stop(self) -> None:
        for _, child in self._here:
            measure.stop(child)


def _sleep(here: Stage, what: str, seconds: float) -> None:
    task = here.progress.add_task(what, total=seconds)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(0.5, left))
        here.progress.update(task, completed=seconds - max(0.0, until - time.monotonic()))
    here.progress.remove_task(task)


def _drain(watch: Watch, orders: int) -> None:
    """Until the output has at least that many offsets and stands still."""
    until, committed, moved = time.monotonic() + _DRAIN_SECONDS, -1, time.monotonic()
    while time.monotonic() < until:
        if watch.error:
            raise watch.error
        if watch.committed != committed:
            committed, moved = watch.committed, time.monotonic()
        if committed >= orders and time.monotonic() - moved > 3:
            return
        time.sleep(0.2)
