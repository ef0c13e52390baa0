"""The simulated city's stream of statements: pure, seeded, in the order the systems send them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from hub.millis import DAY_MS
from hub.simulator.retelling import ROWS_PER_REPORT, Naming, retell
from hub.simulator.rhythm import MEAN_REPORTS, NOMINAL_RATE, burst_reports, day_of_incidents
from hub.simulator.scene import Scene
from hub.simulator.truth import Statement


@dataclass(frozen=True)
class Plan:
    """What to simulate. The same plan on the same scene gives the same statements, always."""

    start_ms: int
    seed: int = 1
    days: float | None = 1.0
    """Length in days; None: for ever."""
    rate: int = NOMINAL_RATE
    """Rows a day, about."""

    def __post_init__(self) -> None:
        if self.rate < 1 or (self.days is not None and self.days <= 0):
            raise ValueError(f"Rate and days must be positive, not {self.rate} and {self.days}.")

    @property
    def end_ms(self) -> int | None:
        return None if self.days is None else self.start_ms + round(self.days * DAY_MS)


def statements(plan: Plan, scene: Scene) -> Iterator[Statement]:
    """All statements sent before the plan's end, ordered by `sent_ms`. What would be sent later is never said.

    One day is generated at a time, so a plan without end takes no more memory than a day and its stragglers.
    """
    waiting: list[tuple[int, str, int, bool, Statement]] = []
    day, first = 0, 0
    while plan.end_ms is None or plan.start_ms + day * DAY_MS < plan.end_ms:
        first += _fill(plan, scene, day, first, waiting)
        day += 1
        until_ms = plan.start_ms + day * DAY_MS
        if plan.end_ms is not None:
            until_ms = min(until_ms, plan.end_ms)
        while waiting and waiting[0][0] < until_ms:
            yield heapq.heappop(waiting)[-1]


def _fill(plan: Plan, scene: Scene, day: int, first: int, waiting: list[tuple[int, str, int, bool, Statement]]) -> int:
    rng = Random(f"{plan.seed}:{day}")
    scale = plan.rate / NOMINAL_RATE
    everyday = max(0, round((plan.rate / ROWS_PER_REPORT - burst_reports(scale)) / MEAN_REPORTS))
    incidents = day_of_incidents(scene, rng, plan.start_ms + day * DAY_MS, everyday, scale, first)
    naming = Naming(day)
    for incident in incidents:
        for said in retell(scene, rng, incident, naming):
            heapq.heappush(waiting, (said.sent_ms, said.ref, said.revision, said.repeat, said))
    return len(incidents)
