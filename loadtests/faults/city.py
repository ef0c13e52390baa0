"""The simulated city of a run: files that grow, the real connectors that follow them, departments that answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from random import Random

from hub.errors import FatalError
from hub.policy.city import City
from hub.settings import Settings
from hub.simulator.command import START_TIME, start_ms
from hub.simulator.files import SourceFiles, write_live
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from hub.simulator.simclock import SimulationClock
from hub.simulator.truth import Truth
from loadtests.faults.answers import PatientDepartments
from loadtests.faults.disk import TinyDisk
from loadtests.faults.supervised import Supervised

SOURCES = ("police", "hotline", "petition", "citymgmt")
SPEED = 240.0
"""Simulated seconds a second: a day in six minutes, so that clocks ring and departments answer while faults are made."""
_DAY_SECONDS = 86_400.0
_END_SECONDS = 300.0


class SimulatedCity:
    """Begins at once. `finish` ends the flow in order: all that was said is published and acknowledged."""

    def __init__(self, folder: Path, city: City, settings: Settings, rate: float, seed: int) -> None:
        self.disk = TinyDisk(folder / "cursors")
        self.truth = Truth()
        plan = Plan(start_ms(city, START_TIME), seed, None, max(1, round(rate * _DAY_SECONDS / SPEED)))
        self._said = statements(plan, scene_of(city))
        self._clock = SimulationClock(plan.start_ms, SPEED)
        self._files = SourceFiles(folder / "files")
        self._files.__enter__()
        self._ending = threading.Event()
        self._writer = threading.Thread(target=self._write, name="simulator", daemon=True)
        self._writer.start()
        self.departments = PatientDepartments(settings, tuple(city.departments), self._clock, seed)
        own = settings.model_copy(update={"instance": "connectors", "state_dir": folder / "connectors"})
        self.connectors = [
            Supervised(
                source, "connector",
                ["connector", "run", source, "--mapping", "demo", "--follow", "--file", str(self._files.path(source)),
                 "--cursor-dir", str(self.disk.folder), "--json"],
                own, folder / "logs" / f"{source}.log",
            )
            for source in SOURCES
        ]  # fmt: skip

    def choose(self, target: float) -> Supervised:
        return Random(target).choice(self.connectors)

    def _write(self) -> None:
        try:
            write_live(self._said, self._files, self.truth, self._clock, self._ending.wait)
        finally:
            self._files.__exit__(None, None, None)

    def finish(self) -> None:
        """No more happens; wait until connectors have read to the end. Raises FatalError if one does not come to it."""
        self._ending.set()
        self._writer.join()
        self._clock.stop()
        self.departments.stop()
        for connector in self.connectors:
            connector.finishing = True
        until = time.monotonic() + _END_SECONDS
        while not all(connector.done for connector in self.connectors):
            for connector in self.connectors:
                connector.keep_up()
            if time.monotonic() > until:
                late = ", ".join(one.name for one in self.connectors if not one.done)
                raise FatalError(f"connectors {late} have not read to the end in {_END_SECONDS:.0f} s; see their logs")
            time.sleep(0.2)

    def close(self) -> None:
        self._ending.set()
        for connector in self.connectors:
            connector.stop()
        self.disk.close()
