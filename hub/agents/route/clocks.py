"""The clocks of cases as `route` decides on them, once: columns of orders and of `cityhub.CaseChange` from the same decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from hub.agents.due_times import due_times
from hub.core.cases.cases import Case
from hub.core.cases.steps import AMENDED, OPENED, REROUTED, SUPERSEDED, Step
from hub.core.cases.timing import course_of
from hub.core.columns import Flags, Rows
from hub.core.deadlines.decision import CaseKind, Clocks, decide, described, opening_clocks, settled
from hub.core.deadlines.rules import DeadlineRules, Due
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.lives.clocks import CALL
from hub.core.tracking.state import Stated

_TELLING = frozenset((OPENED, AMENDED, REROUTED, SUPERSEDED))
"""Changes that may alter the clocks."""
_FIELDS = (
    "clock", "policy", "started_at", "due_at", "warn_at", "warns", "provisional", "by_event", "duration", "unit", "calendar",
    "rules",
)  # fmt: skip


NOBODY: Mapping[int, tuple[Step, int]] = MappingProxyType({})
_DUES = pa.list_(pa.struct([("clock", pa.string()), ("policy", pa.string()), ("due_at", pa.int64())]))


@dataclass(frozen=True)
class DecidedClocks:
    """What was decided of some steps' cases."""

    by: RuleVersions
    rules: list[str]
    """Version of the rules, by step."""
    tells_clocks: Flags
    """Whether the step opens its case or may alter the clocks."""
    place: Rows
    """Where each step's entry is in the lists; that without clocks, the last, if it causes no order and tells no clock."""
    clocks: pa.ListArray
    """As `cityhub.CaseClock`."""
    dues: pa.ListArray
    """As `cityhub.DueTime`."""

    def clocks_told(self) -> pa.ListArray:
        """By step, for the changes."""
        return self.clocks.take(pa.array(np.where(self.tells_clocks, self.place, len(self.clocks) - 1)))

    def dues_of(self, steps: Sequence[int], called: Mapping[int, tuple[Step, int]] = NOBODY) -> pa.ListArray:
        """By order: of which step each is; -1 if it has no clocks. `called`: by order to a department that was called to its case,
        the step and since when it has clocks of its own."""
        index = np.array(steps, dtype=np.int64)
        found = self.dues.take(pa.array(np.where(index < 0, len(self.dues) - 1, self.place[index])))
        if not called:
            return found
        dues = [
            dues_of_called(self.by, *called[at], each) if at in called else each
            for at, each in enumerate(found.cast(_DUES).to_pylist())
        ]
        return pa.array(dues, _DUES).cast(found.type)


def decided(rules: RuleVersions, steps: Sequence[Step]) -> DecidedClocks:
    """Each case by the rules that were in force when it was reported."""
    told = [(step.change in _TELLING or step.reopens) and step.case.closed_ms is None for step in steps]
    asked = np.array([tell or bool(step.orders) for tell, step in zip(told, steps, strict=True)], dtype=np.bool_)
    versions = [""] * len(steps)
    place = np.full(len(steps), -1)
    parts: list[tuple[pa.ListArray, pa.ListArray]] = []
    begin = 0
    for of_these, mine in rules.parted([step.case for step in steps]):
        version = of_these.version
        for index in mine:
            versions[index] = version
        chosen = np.array(mine)[asked[mine]]
        place[chosen] = np.arange(begin, begin + len(chosen))
        begin += len(chosen) + 1
        parts.append(_lists(rules, of_these, [steps[index].case for index in chosen.tolist()]))
    clocks, dues = (pa.concat_arrays(column) if len(column) > 1 else column[0] for column in zip(*parts, strict=True))
    return DecidedClocks(
        rules, versions, np.array(told, dtype=np.bool_), np.where(place < 0, len(dues) - 1, place), clocks, dues
    )


def _lists(rules: RuleVersions, of_these: DeadlineRules, cases: Sequence[Case]) -> tuple[pa.ListArray, pa.ListArray]:
    """The cases' clocks, and due times; and an entry without any."""
    clocks = decide(of_these, cases, course_of)
    if of_these is not rules.latest and clocks.provisional.any():
        clocks = settled(clocks, rules.latest)
    ends = np.concatenate([[0], np.cumsum(np.bincount(clocks.case, minlength=len(cases) + 1))])
    dues = due_times(clocks.clock.cast(pa.string()), clocks.policy.cast(pa.string()), pa.array(clocks.due_ms), ends)
    return _told(rules, of_these, clocks, ends), dues


def dues_of_called(rules: RuleVersions, step: Step, since_ms: int, shared: list[Any]) -> list[Any]:
    """What an order says to a department that was called to a case (吹哨): the clocks that run for it since the call, in the
    place of the case's of the same name. `shared`: the case's, as `cityhub.DueTime`."""
    case = step.case
    of_these = rules.of(case.rules, case.opened_ms)
    own: dict[str, Due] = {}
    for event in CALL:
        if event in of_these.starters:
            kind = (case.category, case.source, case.urgency, case.area, since_ms, case.conditions)
            own = {due.clock: due for due in of_these.due_one(*kind, event)} | own
    its = [{"clock": due.clock, "policy": due.policy, "due_at": due.due_ms} for due in own.values()]
    return its + [due for due in shared if due["clock"] not in own]


def with_starts(rules: RuleVersions, step: Step) -> Step:
    """The step; if it tells the history of its case, each version with the clocks that run from the opening of such a case."""
    if step.history is None:
        return step
    versions = tuple(each._replace(starts=_starts(rules, step.case, each)) for each in step.history.versions)
    return msgspec.structs.replace(step, history=step.history._replace(versions=versions))


def _starts(rules: RuleVersions, case: Case, version: Stated) -> tuple[tuple[str, str, int], ...]:
    kind = CaseKind(version.category, case.source, version.urgency, version.area, case.conditions)
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
