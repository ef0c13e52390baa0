"""The rates (考核指标) by which departments are judged, defined once for all who show them. Counts of cases, never of persons.

| rate | of | among |
|---|---|---|
| on time 按时办结率 | resolve clocks met | resolve clocks that ended or ran out: open overdue cases count as late |
| closure 办结率 | resolve clocks that ended, in time or late | resolve clocks that ended or ran out |
| response 响应率 | respond clocks met | respond clocks that ended or ran out |
| resolution 解决率 | callbacks that say it was solved | callbacks that say whether it was |
| satisfaction 满意率 | callbacks that say satisfied | callbacks |
| return 退单率 | refusals by which a case went back to the desk | cases given to the department |
| handling 处置率 | outcomes that are neither handed on 转办 nor hung up 挂账 | outcomes |
| settlement 化解率 | mediations that succeeded 调解成功 | those, and that failed 调解不成功 or led to court 引导诉讼 |

A clock counts in the period in which it is due, a callback and a refusal in that in which they were said. Of several records of a
clock, and of several callbacks or outcomes of a case, the last counts. What was withdrawn counts nowhere. An outcome counts for who
held the case when it was said; what a helper says of its own part does not count. The three rates (三率) are response, resolution
and satisfaction; no national text gives their formula, so this is the hub's own. Closure is cases closed of cases due, less what is
put off (结案率, 金华's rules), and a clock that stands still is not due. Of handling and settlement cities publish figures
(处置率、化解率) without a formula; agreements of disputes taken up (黄石, figures of 2020) is what stands here for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple

from hub.core.deadlines.rules import RESOLVE, RESPOND
from hub.core.tracking.rings import BREACHED, ENDED_LATE, MET
from hub.core.tracking.state import CALLBACKS, CONCLUDES, HolderLine
from hub.model.outputs import ChangeKind
from hub.model.update import UpdateStep

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
    outcome: str | None = None
    """What it says the case came to: a code of steps.yaml."""
    by_desk: bool = False
    """Said by the dispatch desk or a supervisor, in the place of who holds the case."""


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
    ended: int = 0
    concluded: int = 0
    handled: int = 0
    disputes: int = 0
    settled: int = 0

    def add(self, other: Counts, times: int = 1) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + times * getattr(other, name))

    @property
    def on_time_rate(self) -> float | None:
        return _share(self.in_time, self.due)

    @property
    def closure_rate(self) -> float | None:
        return _share(self.ended, self.due)

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

    @property
    def handling_rate(self) -> float | None:
        return _share(self.handled, self.concluded)

    @property
    def settlement_rate(self) -> float | None:
        return _share(self.settled, self.disputes)


COUNTS = tuple(each.name for each in fields(Counts))
GIVEN, RETURNED = Counts(given=1), Counts(returned=1)


def of_clock(clock: str, kind: str | None) -> Counts:
    """What a clock counts for whose last word is this; a helper's own clock has another name, and counts nowhere."""
    if kind not in (MET, BREACHED, ENDED_LATE):
        return Counts()
    if clock == RESOLVE:
        return Counts(due=1, in_time=int(kind == MET), overdue_open=int(kind == BREACHED), ended=int(kind != BREACHED))
    return Counts(to_respond=1, responded=int(kind == MET)) if clock == RESPOND else Counts()


def of_callback(status: str, solved: bool | None) -> Counts:
    """What the last callback of a case counts for."""
    satisfied, asked = int(status == UpdateStep.SATISFIED), int(solved is not None)
    return Counts(callbacks=1, satisfied=satisfied, asked_solved=asked, solved=int(solved is True))


def of_outcome(meaning: str | None) -> Counts:
    """What the last outcome of a case counts for, by what it counts as."""
    if meaning is None or meaning == "withdrawn":
        return Counts()
    handled, dispute = meaning not in ("handed_on", "hung_up"), meaning in _DISPUTES
    return Counts(concluded=1, handled=int(handled), disputes=int(dispute), settled=int(meaning == "mediated"))


_DISPUTES = ("mediated", "mediation_failed", "led_to_court")
RATE_NAMES = {
    "on_time_rate": "on time 按时", "closure_rate": "closure 办结", "response_rate": "response 响应",
    "resolution_rate": "resolution 解决", "satisfaction_rate": "satisfaction 满意", "return_rate": "return 退单",
    "handling_rate": "handling 处置", "settlement_rate": "settlement 化解",
}  # fmt: skip
RATES = tuple(RATE_NAMES)
Table = dict[tuple[str, str], Counts]
"""By group (department, category, area) and period."""
Group = Callable[[str, str], str]
"""The name of the group of a case, and of the department that answers for what is counted."""
Period = Callable[[int], str]
"""The name of the period of an instant, UTC ms."""


def given_of(turns: Iterable[HolderChange]) -> Iterator[Given]:
    """Who was given which case, by the records in the order of their topic; a holder ledger takes the place of all before it."""
    found: dict[str, list[Given]] = {}
    for turn in turns:
        known = found.setdefault(turn.case_id, [])
        if turn.ledger:
            known[:] = [Given(turn.case_id, hold.department, hold.from_ms, hold.returned_by) for hold in turn.ledger]
        elif turn.change == ChangeKind.OPENED or _is_given(turn, known):
            refused = known[-1].department if known and turn.rule == _REFUSED else None
            known.append(Given(turn.case_id, turn.department, turn.at_ms, refused))
        if known:
            known[0] = known[0]._replace(at_ms=turn.opened_ms)
    return (each for case in found.values() for each in case)


def _is_given(turn: HolderChange, before: list[Given]) -> bool:
    """True if a rerouting gives the case to another; others that help now leave it where it is."""
    moves = turn.change == ChangeKind.REROUTED and not turn.reopens
    return moves and not (before and before[-1].department == turn.department)


def by_department(case_id: str, department: str) -> str:
    """Groups counts by who answers for them."""
    del case_id
    return department


def rates(
    clocks: Iterable[ClockWord],
    given: Iterable[Given],
    updates: Iterable[CountedUpdate],
    period: Period,
    meanings: Mapping[str, str] = MappingProxyType({}),
    group: Group = by_department,
) -> Table:
    """The counts of every group and period, and of ALL together. Each input in the order of its topic. `meanings`: what the city's
    outcomes count as, by code."""
    found: Table = {}

    def of(case_id: str, department: str, at_ms: int) -> Iterator[Counts]:
        for who in (group(case_id, department), ALL):
            yield found.setdefault((who, period(at_ms)), Counts())

    last = {(word.case_id, word.clock, word.started_ms): word for word in clocks}
    for word in last.values():
        counted = of_clock(word.clock, word.kind)
        if counted != Counts():
            for counts in of(word.case_id, word.department, word.due_ms):
                counts.add(counted)
    held: dict[str, list[Given]] = {}
    for each in given:
        held.setdefault(each.case_id, []).append(each)
        for counts in of(each.case_id, each.department, each.at_ms):
            counts.add(GIVEN)
        if each.returned_by is not None:
            for counts in of(each.case_id, each.returned_by, each.at_ms):
                counts.add(RETURNED)
    callbacks, outcomes = last_said(held, updates)
    for case_id, one in callbacks.items():
        who = held[case_id][-1].department if case_id in held else one.department
        for counts in of(case_id, who, one.at_ms):
            counts.add(of_callback(one.status, one.solved))
    for case_id, one in outcomes.items():
        concluded = of_outcome(meanings.get(one.outcome or ""))
        if concluded != Counts():
            for counts in of(case_id, holder_at(held, one), one.at_ms):
                counts.add(concluded)
    return found


def last_said(
    turns: Mapping[str, Sequence[Given]], updates: Iterable[CountedUpdate]
) -> tuple[dict[str, CountedUpdate], dict[str, CountedUpdate]]:
    """Of each case the last callback, and the last word on what it came to. `turns`: who held each case, in order."""
    callbacks: dict[str, CountedUpdate] = {}
    outcomes: dict[str, CountedUpdate] = {}
    for one in updates:
        if one.status in CALLBACKS:
            _keep_last(callbacks, one)
        elif one.status in CONCLUDES and not _helps(turns, one):
            _keep_last(outcomes, one)
    return callbacks, outcomes


def _keep_last(lasts: dict[str, CountedUpdate], update: CountedUpdate) -> None:
    if update.case_id not in lasts or lasts[update.case_id].at_ms <= update.at_ms:
        lasts[update.case_id] = update


def _helps(turns: Mapping[str, Sequence[Given]], update: CountedUpdate) -> bool:
    """Whether an update speaks of a helper's own part: its department never held the case, and is no desk."""
    mine = turns.get(update.case_id, ())
    return bool(mine) and not update.by_desk and all(each.department != update.department for each in mine)


def holder_at(turns: Mapping[str, Sequence[Given]], update: CountedUpdate) -> str:
    """Who held the case when an update was said; else who said it."""
    mine = turns.get(update.case_id, ())
    since = [each.department for each in mine if each.at_ms <= update.at_ms] or [each.department for each in mine[:1]]
    return since[-1] if since else update.department


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
