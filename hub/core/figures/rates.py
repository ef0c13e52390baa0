"""The rates (考核指标) by which departments are judged, defined once for all who show them. Counts of cases, never of persons.

| rate | of | among |
|---|---|---|
| on time 按时办结率 | resolve clocks met | resolve clocks that ended or ran out: open overdue cases count as late |
| response 响应率 | respond clocks met | respond clocks that ended or ran out |
| resolution 解决率 | callbacks that say it was solved | callbacks that say whether it was |
| satisfaction 满意率 | callbacks that say satisfied | callbacks |
| return 退单率 | refusals by which a case went back to the desk | cases given to the department |

A clock counts in the period in which it is due, a callback and a refusal in that in which they were said. Of several records of a
clock, and of several callbacks of a case, the last counts. What was withdrawn counts nowhere. The three rates (三率) are response,
resolution and satisfaction; no national text gives their formula, so this is the hub's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

from hub.core.tracking.state import CALLBACKS, HolderLine
from hub.model.outputs import ChangeKind, DeadlineKind

MET, BREACHED, ENDED_LATE = DeadlineKind.MET, DeadlineKind.BREACHED, DeadlineKind.ENDED_LATE
_REFUSED = "refused"
"""The rule that records name where a refusal moved a case."""
ALL = "all"
"""The row of all departments together."""


class ClockWord(NamedTuple):
    """A record of `hub.deadlines`."""

    case_id: str
    clock: str
    started_ms: int
    kind: str
    department: str
    due_ms: int


class Given(NamedTuple):
    """A department was given a case: it was opened with it or rerouted to it."""

    case_id: str
    department: str
    at_ms: int
    returned_by: str | None = None
    """Who refused it, if it came by a refusal."""


class HolderChange(NamedTuple):
    """What a record of `hub.cases` says of who holds the case."""

    case_id: str
    change: str
    department: str
    rule: str
    at_ms: int
    opened_ms: int
    reopens: bool
    ledger: tuple[HolderLine, ...]
    """If not empty, the whole holder ledger."""


class CountedUpdate(NamedTuple):
    """An update that was applied; `status` is its step where it has one."""

    case_id: str
    department: str
    status: str
    at_ms: int
    solved: bool | None


@dataclass
class Counts:
    """What the rates of one department in one period are made of."""

    due: int = 0
    in_time: int = 0
    overdue_open: int = 0
    to_respond: int = 0
    responded: int = 0
    asked_solved: int = 0
    solved: int = 0
    callbacks: int = 0
    satisfied: int = 0
    given: int = 0
    returned: int = 0

    def add(self, other: Counts, times: int = 1) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + times * getattr(other, name))

    @property
    def on_time_rate(self) -> float | None:
        return _share(self.in_time, self.due)

    @property
    def response_rate(self) -> float | None:
        return _share(self.responded, self.to_respond)

    @property
    def resolution_rate(self) -> float | None:
        return _share(self.solved, self.asked_solved)

    @property
    def satisfaction_rate(self) -> float | None:
        return _share(self.satisfied, self.callbacks)

    @property
    def return_rate(self) -> float | None:
        return _share(self.returned, self.given)


COUNTS = tuple(each.name for each in fields(Counts))
GIVEN, RETURNED = Counts(given=1), Counts(returned=1)


def of_clock(clock: str, kind: str | None) -> Counts:
    """What a clock counts for whose last word is this; a helper's own clock has another name, and counts nowhere."""
    if kind not in (MET, BREACHED, ENDED_LATE):
        return Counts()
    if clock == "resolve":
        return Counts(due=1, in_time=int(kind == MET), overdue_open=int(kind == BREACHED))
    return Counts(to_respond=1, responded=int(kind == MET)) if clock == "respond" else Counts()


def of_callback(status: str, solved: bool | None) -> Counts:
    """What the last callback of a case counts for."""
    satisfied, asked = int(status == "SATISFIED"), int(solved is not None)
    return Counts(callbacks=1, satisfied=satisfied, asked_solved=asked, solved=int(solved is True))


RATES = ("on_time_rate", "response_rate", "resolution_rate", "satisfaction_rate", "return_rate")
RATE_NAMES = dict(
    zip(RATES, ("on time 按时", "response 响应", "resolution 解决", "satisfaction 满意", "return 退单"), strict=True)
)
Table = dict[tuple[str, str], Counts]
"""By department and period."""
Period = Callable[[int], str]
"""The name of the period of an instant, UTC ms."""


def given_of(turns: Iterable[HolderChange]) -> Iterator[Given]:
    """Who was given which case, by the records in the order of their topic; a holder ledger takes the place of all before it."""
    found: dict[str, list[Given]] = {}
    for turn in turns:
        known = found.setdefault(turn.case_id, [])
        if turn.ledger:
            known[:] = [Given(turn.case_id, hold.department, hold.from_ms, hold.returned_by) for hold in turn.ledger]
        elif turn.change == ChangeKind.OPENED or (turn.change == ChangeKind.REROUTED and not turn.reopens):
            refused = known[-1].department if known and turn.rule == _REFUSED else None
            known.append(Given(turn.case_id, turn.department, turn.at_ms, refused))
        if known:
            known[0] = known[0]._replace(at_ms=turn.opened_ms)
    return (each for case in found.values() for each in case)


def rates(
    clocks: Iterable[ClockWord], given: Iterable[Given], updates: Iterable[CountedUpdate], period: Period
) -> Table:
    """The counts of every department and period, and of ALL together. Each input in the order of its topic."""
    found: Table = {}

    def of(department: str, at_ms: int) -> Iterator[Counts]:
        for who in (department, ALL):
            yield found.setdefault((who, period(at_ms)), Counts())

    last = {(word.case_id, word.clock, word.started_ms): word for word in clocks}
    for word in last.values():
        counted = of_clock(word.clock, word.kind)
        if counted != Counts():
            for counts in of(word.department, word.due_ms):
                counts.add(counted)
    holder: dict[str, str] = {}
    for each in given:
        holder[each.case_id] = each.department
        for counts in of(each.department, each.at_ms):
            counts.add(GIVEN)
        if each.returned_by is not None:
            for counts in of(each.returned_by, each.at_ms):
                counts.add(RETURNED)
    callbacks: dict[str, CountedUpdate] = {}
    for one in updates:
        if one.status in CALLBACKS:
            known = callbacks.get(one.case_id)
            if known is None or known.at_ms <= one.at_ms:
                callbacks[one.case_id] = one
    for case_id, one in callbacks.items():
        for counts in of(holder.get(case_id, one.department), one.at_ms):
            counts.add(of_callback(one.status, one.solved))
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
