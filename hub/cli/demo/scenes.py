"""What the demo plays: a simulated day, or the real files of CITYHUB_DATA. Both start connectors; only one knows the truth."""

from __future__ import annotations

import heapq
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.cli.demo.staged import ALARM_REF, STAGED_SOURCE, WHISTLE_REF, alarm_of, staged_answers, whistle_of
from hub.cli.demo.wires import WiredFiles, Wires
from hub.cli.process.children import Child
from hub.clock import ClockKind
from hub.errors import FatalError, HubError
from hub.settings import Settings
from hub.simulator.departments import Departments
from hub.simulator.files import SourceFiles, write_live, write_truth
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import SYSTEMS, Scene
from hub.simulator.simclock import SimulationClock
from hub.simulator.truth import Truth

_SLACK_WALL_SECONDS = 3.0
"""How far apart records of one instant may reach an agent: deadlines are judged so far behind, in data time."""
_REPLAY_SLACK_SECONDS = 5.0
"""The same for real files, which are played faster than a small machine may follow at once."""


class ShownScenes(ABC):
    """Something to watch. `start` once, `step` often, until `over`; `stop` always. Raises FatalError when a part of it fails."""

    truth: Truth | None = None
    departments: Departments | None = None
    wires: Wires | None = None

    @property
    def to_explain(self) -> Sequence[str]:
        """Reports whose story is told at the end, as `explain` takes them."""
        return ()

    @abstractmethod
    def hub_settings(self) -> dict[str, Any]:
        """How a hub must be set for this, as fields of Settings."""

    @abstractmethod
    def start(self, settings: Settings) -> None: ...

    @abstractmethod
    def step(self) -> None: ...

    @property
    @abstractmethod
    def over(self) -> bool:
        """Everything has been published."""

    def now_ms(self) -> int | None:
        return None

    @abstractmethod
    def end(self) -> None:
        """Send no more; what was begun is finished and `over` becomes true."""

    @abstractmethod
    def stop(self) -> None: ...


class SimulatedDay(ShownScenes):
    """Growing files of a simulated city, the connectors that follow them, and departments that answer."""

    def __init__(self, folder: Path, plan: Plan, scene: Scene, departments: Sequence[str], speed: float) -> None:
        self.truth = Truth()
        self.departments = None
        self._folder = folder
        self._plan = plan
        self._scene = scene
        self._names = departments
        self._speed = speed
        self._ending = threading.Event()
        self._error: OSError | HubError | None = None
        self._writer = threading.Thread(target=self._write, name="simulator", daemon=True)
        self._opened = threading.Event()
        self._clock: SimulationClock | None = None
        self._connectors: list[Child] = []
        self.wires = self._wires = Wires(folder.with_name("wires"), departments)

    @property
    def to_explain(self) -> Sequence[str]:
        told = ((STAGED_SOURCE, ref) for ref in (ALARM_REF, WHISTLE_REF))
        return [":".join(each) for each in told if self.truth is not None and each in self.truth.reports]

    def hub_settings(self) -> dict[str, Any]:
        return {"clock": ClockKind.DATA, "lateness_seconds": _SLACK_WALL_SECONDS * self._speed}

    def start(self, settings: Settings) -> None:
        self._clock = SimulationClock(self._plan.start_ms, self._speed, self._plan.end_ms)
        self.departments = Departments(settings, self._names, self._clock, self._plan.seed, staged_answers)
        self.departments.start()
        self._writer.start()
        self._opened.wait()
        self.step()
        self._wires.start(settings)
        files = SourceFiles(self._folder)
        wired = {wire.source for wire in self._wires.sources}
        for source in (each for each in SYSTEMS if each not in wired):
            argv = ["connector", "run", source, "--mapping", "demo", "--file", str(files.path(source)), "--follow"]
            self._connectors.append(Child(source, argv, settings, settings.state_dir / "logs" / f"{source}.log"))

    def _write(self) -> None:
        assert self.truth is not None
        assert self._clock is not None
        try:
            for wire in self._wires.sources:
                wire.open()
            with WiredFiles(self._folder, self._wires.sources) as files:
                self._opened.set()
                whistle = whistle_of(self._plan, self._scene, self._names)
                staged = [alarm_of(self._plan, self._scene), *([whistle] if whistle is not None else [])]
                said = heapq.merge(statements(self._plan, self._scene), staged, key=lambda each: each.sent_ms)
                write_live(said, files, self.truth, self._clock, self._ending.wait)
            for wire in self._wires.sources:
                wire.close()
            write_truth(self._folder, self.truth)
        except (OSError, HubError) as error:
            self._error = error
        finally:
            self._opened.set()

    def step(self) -> None:
        if isinstance(self._error, HubError):
            raise self._error
        if self._error is not None:
            raise FatalError(f"the simulated files cannot be written to {self._folder}: {self._error}") from self._error
        if self.departments is not None and self.departments.error is not None:
            raise self.departments.error
        self._wires.step()
        for connector in self._connectors:
            if self._writer.is_alive():
                connector.must_run()
            else:
                connector.ended()

    @property
    def over(self) -> bool:
        if self._writer.is_alive():
            return False
        return all(connector.ended() for connector in self._connectors) and self._wires.all_read

    def now_ms(self) -> int | None:
        return self._clock.now_ms() if self._clock else None

    def end(self) -> None:
        self._ending.set()
        if self._clock is not None:
            self._clock.stop()  # or the departments would go on answering

    def stop(self) -> None:
        self._ending.set()
        for connector in self._connectors:
            connector.stop()
        if self._writer.ident is not None:
            self._writer.join()
        self._wires.stop()
        if self.departments is not None:
            self.departments.stop()


@dataclass(frozen=True)
class Act:
    """Real files of about the same time. `parts`: arguments of `connector run` by source."""

    starts: str
    days: int
    events: int
    """About; sets the act's share of the time."""
    loading_seconds: float
    """Until the slowest of its connectors has read, joined and sorted its files."""
    parts: dict[str, tuple[str, ...]]


class RealFiles(ShownScenes):
    """The real files of CITYHUB_DATA, act by act in the order of their years, so that the data's time never runs back.

    Paced, so that the connectors of an act keep the same time: unpaced, one is half a year ahead of the other, and what
    looks overdue by its clock is corrected when the other catches up.
    """

    def __init__(self, data: Path, minutes: float) -> None:
        self._acts = acts_of(data)
        self._seconds_each = minutes * 60 / sum(act.events for act in self._acts)
        # Only where several connectors meet can one be ahead of another.
        self._meeting_speed = max(self._speed(act) for act in self._acts if len(act.parts) > 1)
        self._playing: list[Child] = []
        self._settings: Settings | None = None

    def hub_settings(self) -> dict[str, Any]:
        return {"clock": ClockKind.DATA, "lateness_seconds": _REPLAY_SLACK_SECONDS * self._meeting_speed}

    def start(self, settings: Settings) -> None:
        self._settings = settings
        self._next_act()

    def step(self) -> None:
        if not self._running() and self._acts:
            self._next_act()

    @property
    def over(self) -> bool:
        return not self._running() and not self._acts

    def end(self) -> None:
        self._acts.clear()
        for child in self._playing:
            child.stop()

    def stop(self) -> None:
        self.end()

    def _running(self) -> list[Child]:
        return [child for child in self._playing if not child.ended()]

    def _speed(self, act: Act) -> float:
        return act.days * 86_400 / (act.events * self._seconds_each)

    def _next_act(self) -> None:
        assert self._settings is not None
        act = self._acts.pop(0)
        anchor = f"{act.starts}={time.time() + act.loading_seconds:.3f}"
        pace = ["--speed", f"{self._speed(act):.0f}", "--anchor", anchor]
        for source, inputs in act.parts.items():
            argv = ["connector", "run", source, *inputs, *pace]
            log = self._settings.state_dir / "logs" / f"{source}.log"
            self._playing.append(Child(source, argv, self._settings, log))


def acts_of(data: Path) -> list[Act]:
    """The acts the folder has the files for. Raises FatalError if one is missing."""
    events, truth = data / "boston311_2015_dev_events.csv", data / "boston311_2015_dev_truth.csv"
    messages, calls = data / "teddy_att3_4326.csv", data / "nashville_police_calls_2024H1.csv"
    missing = [file.name for file in (events, truth, messages, calls) if not file.is_file()]
    if missing:
        raise FatalError(f"CITYHUB_DATA={data} lacks {', '.join(missing)}; unset it to see the simulated city instead")

    def boston(mapping: str) -> tuple[str, ...]:
        opened = ("--file", str(events), "--mapping", mapping, "--join", str(truth))
        return (*opened, "--file", str(truth), "--mapping", f"{mapping}_closings", "--join", str(events))

    both = {"hotline": boston("boston311"), "citymgmt": boston("boston311_workers")}
    return [
        Act("2015-01-01T00:00:00-05:00", 377, 174_000, 20.0, both),
        Act(
            "2019-01-01T00:00:00+08:00",
            373,
            4_300,
            3.0,
            {"petition": ("--file", str(messages), "--mapping", "wangluo_wenzheng")},
        ),
        Act(
            "2024-01-01T00:00:00-06:00",
            182,
            22_800,
            3.0,
            {"police": ("--file", str(calls), "--mapping", "nashville_calls")},
        ),
    ]
