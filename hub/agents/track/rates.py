"""Counts what the rates by department (考核指标) are made of, as `track` comes to know it.

What counts is in hub/core/figures/rates.py.

A count is of when a thing was said, not of when it was due, and of the department that holds the case then; `cityhub rates` looks
at the whole history and is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType

from hub import metrics
from hub.agents.context import Hub
from hub.core.figures.rates import COUNTS, GIVEN, RETURNED, Counts, of_callback, of_clock, of_outcome
from hub.core.tracking.consequences import Effects
from hub.core.tracking.state import HolderLine
from hub.stream.outlet import Transaction


@dataclass
class Balance:
    """Of one department: what was counted, and what of earlier counts no longer holds."""

    counted: Counts = field(default_factory=Counts)
    taken_back: Counts = field(default_factory=Counts)


def count_rates(hub: Hub, tx: Transaction, effects: Effects) -> None:
    """Count a chunk's effects, if and when it commits."""
    meanings = {code: spec.counts for code, spec in hub.city.outcomes.items()} if effects.outcomes else {}
    for department, balance in balances(effects, meanings).items():
        for name in COUNTS:
            for metric, counts in (
                (metrics.RATE_COUNTS, balance.counted),
                (metrics.RATE_COUNTS_TAKEN_BACK, balance.taken_back),
            ):
                if amount := getattr(counts, name):
                    tx.count(metric.labels(hub.label(department), name), amount)


def balances(effects: Effects, meanings: Mapping[str, str] = MappingProxyType({})) -> dict[str, Balance]:
    """By department. `meanings`: what the city's outcomes count as, by code."""
    found: dict[str, Balance] = defaultdict(Balance)
    words = Counter((ring.name, ring.kind, ring.was, ring.department) for ring in effects.rings)
    for (clock, kind, was, department), times in words.items():
        if of_clock(clock, kind) != of_clock(clock, was):
            found[department].counted.add(of_clock(clock, kind), times)
            found[department].taken_back.add(of_clock(clock, was), times)
    _add_holds(found, effects.given, attrgetter("counted"))
    _add_holds(found, effects.not_given, attrgetter("taken_back"))
    for callback in effects.callbacks:
        balance, answer, before = found[callback.case.department], callback.answer, callback.before
        balance.counted.add(of_callback(answer.status, answer.details.solved if answer.details else None))
        if before is not None:
            balance.taken_back.add(of_callback(before.status, before.details.solved if before.details else None))
    for said in effects.outcomes:
        balance = found[said.case.department]
        balance.counted.add(of_outcome(meanings.get(said.outcome or "")))
        balance.taken_back.add(of_outcome(meanings.get(said.before or "")))
    return found


def _add_holds(balances: dict[str, Balance], holds: Iterable[HolderLine], side: Callable[[Balance], Counts]) -> None:
    """Add who was given a case, and who had returned it, to one side of the balances."""
    turns = Counter((hold.department, hold.returned_by) for hold in holds)
    for (department, returned_by), times in turns.items():
        side(balances[department]).add(GIVEN, times)
        if returned_by is not None:
            side(balances[returned_by]).add(RETURNED, times)


def begin(departments: Iterable[str]) -> None:
    """Show every count from the start: Prometheus does not see what a series began with."""
    for department in departments:
        for name in COUNTS:
            metrics.RATE_COUNTS.labels(department, name)
            metrics.RATE_COUNTS_TAKEN_BACK.labels(department, name)
