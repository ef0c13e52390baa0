"""The workers of a run: 1 to 3, each with a state directory on a small disk of its own."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import NamedTuple

from hub.broker.storage import free_port
from hub.errors import FatalError
from hub.scrape import Metrics, scrape
from hub.settings import Settings
from loadtests.faults.disk import TinyDisk
from loadtests.faults.plan import MOST_WORKERS
from loadtests.faults.supervised import Supervised

AGENTS = ("deduplicate", "route", "track")
_DRAIN_SECONDS = 600.0
_QUIET_SECONDS = 8.0
_HOLDS = re.compile(r"\b(?:deduplicate|route|track): holds partitions")


class Member(NamedTuple):
    """One worker."""

    worker: Supervised
    port: int
    disk: TinyDisk


class Crew:
    """Starts with two. Faults come from one thread; `keep_up` and the samples from another."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._lock = threading.RLock()
        self._disks = {name: TinyDisk(folder / f"state-{name}") for name in self._names()}
        self.members: list[Member] = []
        self.left: list[tuple[str, int | None]] = []
        """Workers that were stopped in order, with their exit codes."""
        self.add()
        self.add()

    @staticmethod
    def _names() -> list[str]:
        return [f"w{number + 1}" for number in range(MOST_WORKERS)]

    def add(self) -> str:
        with self._lock:
            taken = {member.worker.name for member in self.members}
            name = next(name for name in self._names() if name not in taken)
            port, disk = free_port(), self._disks[name]
            own = self._settings.model_copy(update={"instance": name, "web_port": port, "state_dir": disk.folder})
            worker = Supervised(name, "worker", ["worker"], own, self._folder / "logs" / f"{name}.log")
            self.members.append(Member(worker, port, disk))
            return name

    def remove(self, target: float) -> str:
        """Stop one in order. Takes as long as it takes."""
        with self._lock:
            member = self.choose(target)
            self.members.remove(member)
        self.left.append((member.worker.name, member.worker.stop()))
        return member.worker.name

    def choose(self, target: float) -> Member:
        with self._lock:
            return self.members[int(target * len(self.members))]

    def keep_up(self) -> None:
        with self._lock:
            for member in self.members:
                member.worker.keep_up()

    def rebalances(self) -> int:
        """How often an agent of some worker was given its partitions, by the workers' logs."""
        logs = sorted((self._folder / "logs").glob("w*.log"))
        return sum(len(_HOLDS.findall(log.read_text("utf-8", "replace"))) for log in logs)

    def metrics(self) -> list[Metrics | None]:
        """A look at each; None of one that does not answer, or is not ready."""
        with self._lock:
            ports = [member.port for member in self.members]
        looks = [scrape(f"http://127.0.0.1:{port}/metrics") for port in ports]
        return [look if look and all(look.total("hub_ready", agent=a) == 1 for a in AGENTS) else None for look in looks]

    def work_done(self) -> float:
        """Outcomes counted by the workers there: any change means that work goes on."""
        return sum(look.total("hub_outcomes_total") for look in self.metrics() if look is not None)

    def await_work(self, before: float, at_most_seconds: float) -> None:
        """Until something was done since `before`, a count of `work_done`; or so long."""
        until = time.monotonic() + at_most_seconds
        while time.monotonic() < until:
            now = self.work_done()
            if now > 0 and now != before:
                return
            time.sleep(0.3)

    def drain(self) -> None:
        """Wait until nothing is left to read, and until updates of unknown cases are given up. Raises FatalError."""
        until, quiet_since = time.monotonic() + _DRAIN_SECONDS, None
        before = -1.0
        while True:
            self.keep_up()
            looks = self.metrics()
            done = sum(look.total("hub_outcomes_total") for look in looks if look is not None)
            idle = None not in looks and not any(look.total("hub_lag_records") for look in looks if look is not None)
            now = time.monotonic()
            if idle and done == before:
                quiet_since = quiet_since or now
                if now - quiet_since > _QUIET_SECONDS:
                    return
            else:
                quiet_since = None
            before = done
            if now > until:
                raise FatalError(f"the workers have not read to the end in {_DRAIN_SECONDS:.0f} s; see their logs")
            time.sleep(0.3)

    def close(self) -> None:
        with self._lock:
            members, self.members = self.members, []
        for member in members:
            self.left.append((member.worker.name, member.worker.stop()))
        for disk in self._disks.values():
            disk.close()
