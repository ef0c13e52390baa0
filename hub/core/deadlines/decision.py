"""Which clocks run on a case by its reports alone: decided once, for the order and for the clocks that `track` runs. Pure.

What departments say later (extensions, pauses, a clock that their word starts or stops) is reckoned from here on by `track`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from hub.core.calendars.zones import MillisArray
from hub.core.columns import Flags, Rows
from hub.core.deadlines.rules import DISPATCHED, RESOLVE, DeadlineRules, Due

_Asked = tuple[list[str], list[str], list[str], list[str | None], list[int], list[Collection[str]]]

SOURCE_POLICY = "source"
"""Row named when the due time is the source's own."""


class ClockFacts(Protocol):
    """What decides on the clocks of a case. Times in ms."""

    @property
    def category(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def area(self) -> str | None: ...
    @property
    def conditions(self) -> Collection[str]: ...
    @property
    def opened_ms(self) -> int: ...
    @property
    def due_ms(self) -> int | None:
        """The source's own due time."""

    @property
    def reopened_ms(self) -> int | None:
        """When it came back last, after it was over."""

    @property
    def versions(self) -> Sequence[object]:
        """More than one if its source said several things of it."""


class Stage(NamedTuple):
    """What a case was from an instant on, by its source, and where the rules put it. Times in ms."""

    at_ms: int
    category: str
    urgency: str
    area: str | None
    due_ms: int | None
    """The source's own due time."""
    department: str
    co_handlers: tuple[str, ...]
    called: tuple[str, ...]
    unit: str | None


_M = TypeVar("_M", bound=ClockFacts)
Course = Callable[[_M], Sequence[Stage]]
"""What a case was, in order of time."""


@dataclass(frozen=True)
class Clocks:
    """The clocks of some cases: one entry a clock, by case, in the order in which rows first name the clocks."""

    case: Rows
    """Which of the cases."""
    clock: pa.Array
    policy: pa.Array
    started_ms: MillisArray
    due_ms: MillisArray
    warn_ms: MillisArray
    warns: dict[int, tuple[int, ...]]
    """Warnings after the first, by entry, of those that have any."""
    provisional: Flags
    by_event: Flags
    """Started by the dispatch or the return, not by the opening."""
    rules: dict[int, str] = field(default_factory=dict)
    """Version of the rules, by entry, of those that were reckoned by others than the case's."""

    def __len__(self) -> int:
        return len(self.case)


def decide(rules: DeadlineRules, cases: Sequence[_M], course: Course[_M]) -> Clocks:
    """The clocks that run from the opening of each case and from its dispatch, or since it came back. The source's own due time,
    where it has one, takes the place of the resolve clock that runs from the opening."""
    clocks = _of_openings(rules, cases)
    told = [case.reopened_ms is not None or len(case.versions) > 1 for case in cases]  # one by one
    alone = np.array(told, dtype=np.bool_)
    own = np.array([case.due_ms is not None for case in cases], dtype=np.bool_) & ~alone
    others = [
        (at, False, source_clock(cases[at].opened_ms, cases[at].due_ms or 0)) for at in np.flatnonzero(own).tolist()
    ]
    if DISPATCHED in rules.starters:
        started = _dispatched(rules, cases, clocks)
        others += [(at, True, due) for at in np.flatnonzero(~alone).tolist() for due in started[at]]
    for at in np.flatnonzero(alone).tolist():
        others += [(at, by_event, due) for by_event, due in clocks_of(rules, cases[at], course(cases[at]))]
    if not others and not alone.any():
        return clocks
    return _with(_without(clocks, alone, own), others)


def _of_openings(rules: DeadlineRules, cases: Sequence[ClockFacts]) -> Clocks:
    dues = rules.columns(*_asked(cases), warns=True)
    opened_ms = np.array([case.opened_ms for case in cases], dtype=np.int64)
    return Clocks(
        case=dues.row, clock=dues.clock, policy=dues.policy, started_ms=opened_ms[dues.row], due_ms=dues.due_ms,
        warn_ms=dues.warn_ms, warns=dues.warns, provisional=dues.provisional, by_event=np.zeros(len(dues), np.bool_),
    )  # fmt: skip


def clocks_of(rules: DeadlineRules, case: ClockFacts, course: Sequence[Stage]) -> list[tuple[bool, Due]]:
    """The clocks of one case that was amended or has come back, and whether an event started each.

    What had run out when a new version came stays as it was, and so does what an event has started: the dispatch, or the return.
    """
    # what was undone at the instant of the opening never was
    back_ms = case.reopened_ms if case.reopened_ms is not None and case.reopened_ms > case.opened_ms else None
    since = case.opened_ms if back_ms is None else back_ms
    first = next((each for each in reversed(course) if each.at_ms <= since), course[0])
    later = [each for each in course if each.at_ms > max(since, first.at_ms)]
    if back_ms is None:
        running: dict[str, Due | None] = {due.clock: due for due in _opening(rules, case, first)}
        started = _dispatch(rules, case, first, since, running)
    else:
        kind = (first.category, case.source, first.urgency, first.area)
        running, started = {}, {due.clock: due for due in rules.again(*kind, since, case.conditions)}
    holder = first.department
    for stage in later:
        if back_ms is None:
            _follow(running, stage.at_ms, _opening(rules, case, stage))
        if stage.department != holder:
            holder = stage.department
            started |= _dispatch(rules, case, stage, stage.at_ms, running | started)
    return [(False, due) for due in running.values() if due] + [(True, due) for due in started.values()]


def _opening(rules: DeadlineRules, case: ClockFacts, stage: Stage) -> tuple[Due, ...]:
    kind = CaseKind(stage.category, case.source, stage.urgency, stage.area, case.conditions)
    return opening_clocks(rules, kind, case.opened_ms, stage.due_ms)


def _dispatch(
    rules: DeadlineRules, case: ClockFacts, stage: Stage, at_ms: int, there: Collection[str]
) -> dict[str, Due]:
    """The clocks that a dispatch starts, but for those that are there."""
    if DISPATCHED not in rules.starters:
        return {}
    dues = rules.due_one(stage.category, case.source, stage.urgency, stage.area, at_ms, case.conditions, DISPATCHED)
    return {due.clock: due for due in dues if due.clock not in there}


def _follow(running: dict[str, Due | None], at_ms: int, asked: Sequence[Due]) -> None:
    """Go on by what a new version asks for; None: a clock that it has ended, and that no later one starts again."""
    fresh = {due.clock: due for due in asked}
    for name, due in running.items():
        row = fresh.pop(name, None)
        if due is not None and due.due_ms >= at_ms:
            running[name] = row
    running |= fresh


def settled(clocks: Clocks, latest: DeadlineRules) -> Clocks:
    """With what is due provisionally by the holidays that are known by now: the case's own rules did not know them."""
    due_ms, warn_ms, provisional = clocks.due_ms.copy(), clocks.warn_ms.copy(), clocks.provisional.copy()
    warns, rules = dict(clocks.warns), dict[int, str]()
    for entry in np.flatnonzero(provisional).tolist():
        due = latest.clock_of(clocks.policy[entry].as_py(), int(clocks.started_ms[entry]))
        if due is not None:
            due_ms[entry], warn_ms[entry], provisional[entry] = due.due_ms, due.warn_ms, due.provisional
            warns[entry], rules[entry] = due.warns_ms[1:], latest.version
    return replace(clocks, due_ms=due_ms, warn_ms=warn_ms, provisional=provisional, warns=warns, rules=rules)


def described(rules: DeadlineRules, policy: str) -> tuple[float, str, str]:
    """Duration, unit and version of the calendar of a row; of the source's own due time nothing is known."""
    row = rules.rule(policy)
    if row is None or not row.runs:
        return 0.0, "", ""
    return row.duration, row.unit, rules.calendar(row).version if row.calendar else ""


def source_clock(opened_ms: int, due_ms: int) -> Due:
    """The resolve clock of a case whose source names its due time; one from before the case counts as at its opening. In ms."""
    due_ms = max(due_ms, opened_ms)
    return Due(RESOLVE, SOURCE_POLICY, opened_ms, warning_without_row(opened_ms, due_ms), due_ms)


def warning_without_row(started_ms: int, due_ms: int) -> int:
    """When a clock that no row times warns: after four fifths of its time. In ms."""
    return started_ms + (due_ms - started_ms) * 4 // 5


def opening_clocks(rules: DeadlineRules, kind: CaseKind, opened_ms: int, due_ms: int | None) -> tuple[Due, ...]:
    """The clocks that the opening of one case starts; `due_ms`: the source's own due time, if it has one."""
    dues = rules.due_one(kind.category, kind.source, kind.urgency, kind.area, opened_ms, kind.conditions)
    return dues if due_ms is None else with_source_clock(dues, opened_ms, due_ms)


def with_source_clock(dues: Sequence[Due], opened_ms: int, due_ms: int) -> tuple[Due, ...]:
    """The source's own due time in the place of the resolve clock."""
    return (*(due for due in dues if due.clock != RESOLVE), source_clock(opened_ms, due_ms))


class CaseKind(NamedTuple):
    """What rows ask of a case."""

    category: str
    source: str
    urgency: str
    area: str | None
    conditions: Collection[str] = ()


def _dispatched(rules: DeadlineRules, cases: Sequence[ClockFacts], clocks: Clocks) -> list[list[Due]]:
    """Of each case the clocks that its dispatch starts and the opening has not started already."""
    there = set(zip(clocks.case.tolist(), clocks.clock.to_pylist(), strict=True))
    found = rules.due(*_asked(cases), DISPATCHED)
    return [[due for due in dues if (at, due.clock) not in there] for at, dues in enumerate(found)]


def _asked(cases: Sequence[ClockFacts]) -> _Asked:
    """What rows ask of cases, as columns: category, source, urgency, area, opening, conditions."""
    return (
        [case.category for case in cases],
        [case.source for case in cases],
        [case.urgency for case in cases],
        [case.area for case in cases],
        [case.opened_ms for case in cases],
        [case.conditions for case in cases],
    )


def _without(clocks: Clocks, alone: Flags, own: Flags) -> Clocks:
    """Without those of cases that are told alone, and the resolve clocks of sources with a due time of their own."""
    resolve = np.array([name == RESOLVE for name in clocks.clock.to_pylist()], dtype=np.bool_)
    keep = ~alone[clocks.case] & ~(own[clocks.case] & resolve)
    chosen, kept = pa.array(keep), np.flatnonzero(keep)
    place = {entry: at for at, entry in enumerate(kept.tolist())} if clocks.warns else {}
    return Clocks(
        case=clocks.case[keep], clock=clocks.clock.filter(chosen), policy=clocks.policy.filter(chosen),
        started_ms=clocks.started_ms[keep], due_ms=clocks.due_ms[keep], warn_ms=clocks.warn_ms[keep],
        warns={place[entry]: warns for entry, warns in clocks.warns.items() if entry in place},
        provisional=clocks.provisional[keep], by_event=clocks.by_event[keep],
    )  # fmt: skip


def _with(clocks: Clocks, others: Sequence[tuple[int, bool, Due]]) -> Clocks:
    """With more: which case, whether an event started it, and the clock."""
    if not others:
        return clocks
    at, by_event, dues = (list(column) for column in zip(*others, strict=True))
    case = np.concatenate([clocks.case, np.array(at, dtype=np.int64)])
    order = np.argsort(case, kind="stable")

    def numbers(present: MillisArray, new: Iterator[int]) -> MillisArray:
        return np.concatenate([present, np.fromiter(new, np.int64, len(dues))])[order]

    def flags(present: Flags, new: list[bool]) -> Flags:
        return np.concatenate([present, np.array(new, dtype=np.bool_)])[order]

    def texts(present: pa.Array, new: list[str]) -> pa.Array:
        return pa.concat_arrays([present.cast(pa.string()), pa.array(new, pa.string())]).take(pa.array(order))

    more = dict(clocks.warns) | {len(clocks) + n: due.warns_ms[1:] for n, due in enumerate(dues) if due.warns_ms}
    return Clocks(
        case=case[order],
        clock=texts(clocks.clock, [due.clock for due in dues]),
        policy=texts(clocks.policy, [due.policy for due in dues]),
        started_ms=numbers(clocks.started_ms, (due.started_ms for due in dues)),
        due_ms=numbers(clocks.due_ms, (due.due_ms for due in dues)),
        warn_ms=numbers(clocks.warn_ms, (due.warn_ms for due in dues)),
        warns={entry: more[was] for entry, was in enumerate(order.tolist()) if was in more} if more else {},
        provisional=flags(clocks.provisional, [due.provisional for due in dues]),
        by_event=flags(clocks.by_event, by_event),
    )
