"""The clocks of cases as `route` decides on them, once: columns of orders and of `cityhub.CaseChange` from the same decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa

from hub.agents.due_times import due_times
from hub.core.cases.cases import Case
from hub.core.cases.steps import AMENDED, OPENED, REROUTED, SUPERSEDED, Step
from hub.core.cases.timing import course_of
from hub.core.deadlines.decision import Clocks, Kind, decide, described, opening_clocks, settled
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.state import Stated

_TELLING = frozenset((OPENED, AMENDED, REROUTED, SUPERSEDED))
"""Changes that may alter the clocks."""
_FIELDS = (
    "clock", "policy", "started_at", "due_at", "warn_at", "warns", "provisional", "by_event", "duration", "unit", "calendar",
    "rules",
)  # fmt: skip


@dataclass(frozen=True)
class Decided:
    """What was decided of some steps' cases. Each list has one entry a step, and at its end one without clocks."""

    rules: list[str]
    """Version of the rules."""
    clocks: pa.ListArray
    """As `cityhub.CaseClock`."""
    dues: pa.ListArray
    """As `cityhub.DueTime`."""

    def clocks_told(self, steps: Sequence[Step]) -> pa.ListArray:
        """Of the steps that open their case or may alter its clocks."""
        none = len(steps)
        told = [
            at if (step.change in _TELLING or step.reopens) and not step.case.over else none
            for at, step in enumerate(steps)
        ]
        return self.clocks.take(pa.array(told, pa.int64()))

    def dues_of(self, steps: Sequence[int]) -> pa.ListArray:
        """By order: of which step each is, or -1 if it has no clocks."""
        none = len(self.rules)
        return self.dues.take(pa.array([none if at < 0 else at for at in steps], pa.int64()))


def decided(rules: RuleVersions, steps: Sequence[Step]) -> Decided:
    """Each case by the rules that were in force when it was reported."""
    cases = [step.case for step in steps]
    names = [""] * len(cases)
    parts: list[tuple[list[int], pa.ListArray, pa.ListArray]] = []
    for of_these, mine in rules.parted(cases):
        for index in mine:
            names[index] = of_these.version
        clocks = decide(of_these, [cases[index] for index in mine], course_of)
        if of_these is not rules.latest and clocks.provisional.any():
            clocks = settled(clocks, rules.latest)
        ends = np.concatenate([[0], np.cumsum(np.bincount(clocks.case, minlength=len(mine) + 1))])
        dues = due_times(clocks.clock.cast(pa.string()), clocks.policy.cast(pa.string()), pa.array(clocks.due_ms), ends)
        parts.append((mine, _told(rules, of_these, clocks, ends), dues))
    return Decided(
        names,
        _in_order([(mine, clocks) for mine, clocks, _ in parts]),
        _in_order([(mine, dues) for mine, _, dues in parts]),
    )


def with_starts(rules: RuleVersions, step: Step) -> Step:
    """The step; if it tells the history of its case, each version with the clocks that run from the opening of such a case."""
    if step.history is None:
        return step
    versions = tuple(each._replace(starts=_starts(rules, step.case, each)) for each in step.history.versions)
    return msgspec.structs.replace(step, history=step.history._replace(versions=versions))


def _starts(rules: RuleVersions, case: Case, version: Stated) -> tuple[tuple[str, str, int], ...]:
    kind = Kind(version.category, case.source, version.urgency, version.area, case.conditions)
    dues = opening_clocks(rules.of(case.rules, case.opened_ms), kind, case.opened_ms, version.due_ms)
    latest = (due.provisional and rules.latest.clock_of(due.policy, due.started_ms) for due in dues)
    return tuple((due.clock, due.policy, (now or due).due_ms) for due, now in zip(dues, latest, strict=True))


def _told(rules: RuleVersions, of_these: DeadlineRules, clocks: Clocks, ends: np.ndarray) -> pa.ListArray:
    """As `cityhub.CaseClock`: with the row that each follows, so that whoever reads it needs no policy folder."""
    times = (pa.array(ms).cast(pa.timestamp("ms")) for ms in (clocks.started_ms, clocks.due_ms, clocks.warn_ms))
    flags = (pa.array(clocks.provisional), pa.array(clocks.by_event))
    texts = (clocks.clock.cast(pa.string()), clocks.policy.cast(pa.string()))
    columns = [*texts, *times, _warns(clocks), *flags, *_rows(rules, of_these, clocks)]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.StructArray.from_arrays(columns, _FIELDS))


def _rows(rules: RuleVersions, of_these: DeadlineRules, clocks: Clocks) -> list[pa.Array]:
    """Duration, unit, calendar and, if they are not those of the case, rules of the row that each clock follows."""
    if clocks.rules:
        by = [rules.latest if entry in clocks.rules else of_these for entry in range(len(clocks))]
        columns = zip(*map(described, by, clocks.policy.to_pylist()), strict=True)
        names = [clocks.rules.get(entry, "") for entry in range(len(clocks))]
        return [*(pa.array(column) for column in columns), pa.array(names)]
    encoded = clocks.policy if isinstance(clocks.policy, pa.DictionaryArray) else clocks.policy.dictionary_encode()
    if not len(encoded):
        return [pa.array([], kind) for kind in (pa.float64(), pa.string(), pa.string(), pa.string())]
    columns = zip(*(described(of_these, policy) for policy in encoded.dictionary.to_pylist()), strict=True)
    return [*(pa.array(column).take(encoded.indices) for column in columns), pa.repeat("", len(clocks))]


def _warns(clocks: Clocks) -> pa.ListArray:
    if not clocks.warns:
        return pa.ListArray.from_arrays(pa.array(np.zeros(len(clocks) + 1, np.int32)), pa.array([], pa.int64()))
    return pa.array([clocks.warns.get(entry, ()) for entry in range(len(clocks))], pa.list_(pa.int64()))


def _in_order(parts: Sequence[tuple[list[int], pa.ListArray]]) -> pa.ListArray:
    """One list for each step in their order, and an empty one. Each part has its steps', and an empty one."""
    if len(parts) == 1:
        return parts[0][1]
    begins = np.cumsum([0, *(len(column) for _, column in parts)])
    place = {
        index: begin + at for (mine, _), begin in zip(parts, begins, strict=False) for at, index in enumerate(mine)
    }
    chosen = [*(place[index] for index in range(len(place))), int(begins[1]) - 1]
    return pa.concat_arrays([column for _, column in parts]).take(pa.array(chosen, pa.int64()))
