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
class View:
    """One agent, seen from outside. What it answers is of this worker's partitions, and may be asked from any thread."""

    inlet: Inlet
    """Its service; `paused` says which sources it does not read."""
    open_cases: Callable[[], Counter[str]] | None = None
    """How many cases each department holds open; None if the agent does not know."""
    touched: Callable[[City], Touched] | None = None
    """How many open cases the latest rules touch, which came after these; None if the agent does not know."""


def touched(views: Iterable[View], before: City) -> Touched | None:
    """How many open cases the latest rules touch, by what all agents of this worker know; None if none of them knows."""
    counts = [view.touched(before) for view in views if view.touched is not None]
    return Touched(*map(sum, zip(*counts, strict=True))) if counts else None


def open_cases(views: Iterable[View]) -> Counter[str]:
    """How many cases each department holds open, by what all agents of this worker know."""
    held: Counter[str] = Counter()
    for view in views:
        if view.open_cases is not None:
            held.update(view.open_cases())
    return held


def show_open_cases(views: Sequence[View], departments: Iterable[str]) -> None:
    """Have /metrics ask whenever it is read, if one of these agents knows."""
    if any(view.open_cases is not None for view in views):
        for department in departments:
            metrics.OPEN_CASES.labels(department).set_function(partial(_held_by, views, department))


def _held_by(views: Sequence[View], department: str) -> float:
    return open_cases(views)[department]
