"""What an agent shows of itself. `attach` gives it to the app, which hands it to whoever shows or asks; the agent sets nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from hub import metrics
from hub.core.cases.touched import Touched
from hub.policy import City
from hub.stream.inlet import Inlet


@dataclass(frozen=True)
class AgentView:
    """One agent, seen from outside. What it answers is of this worker's partitions, and may be asked from any thread."""

    inlet: Inlet
    """Its service; `paused` says which sources it does not read."""
    open_cases: Callable[[], Counter[str]] | None = None
    """How many cases each department holds open; None if the agent does not know."""
    overdue_cases: Callable[[], Counter[str]] | None = None
    """Of how many open cases some clock has run out, by who holds them; None if the agent does not know."""
    touched: Callable[[City], Touched] | None = None
    """How many open cases the latest rules touch, which came after these; None if the agent does not know."""


def touched_cases(views: Iterable[AgentView], before: City) -> Touched | None:
    """How many open cases the latest rules touch, by what all agents of this worker know; None if none of them knows."""
    counts = [view.touched(before) for view in views if view.touched is not None]
    return Touched(*map(sum, zip(*counts, strict=True))) if counts else None


def open_cases(views: Iterable[AgentView]) -> Counter[str]:
    """How many cases each department holds open, by what all agents of this worker know."""
    return _of_all(view.open_cases for view in views)


def overdue_cases(views: Iterable[AgentView]) -> Counter[str]:
    """How many open cases are overdue with each department, by what all agents of this worker know."""
    return _of_all(view.overdue_cases for view in views)


def show_cases(views: Sequence[AgentView], departments: Iterable[str], desk: str) -> None:
    """Have /metrics ask whenever it is read, if one of these agents knows."""
    if any(view.open_cases is not None for view in views):
        metrics.DESK_OPEN_CASES.set_function(partial(_count, open_cases, views, desk))
    for department in departments:
        if any(view.open_cases is not None for view in views):
            metrics.OPEN_CASES.labels(department).set_function(partial(_count, open_cases, views, department))
        if any(view.overdue_cases is not None for view in views):
            metrics.OVERDUE_CASES.labels(department).set_function(partial(_count, overdue_cases, views, department))


def _of_all(asked: Iterable[Callable[[], Counter[str]] | None]) -> Counter[str]:
    found: Counter[str] = Counter()
    for ask in asked:
        if ask is not None:
            found.update(ask())
    return found


def _count(of: Callable[[Iterable[AgentView]], Counter[str]], views: Sequence[AgentView], department: str) -> float:
    return of(views)[department]
