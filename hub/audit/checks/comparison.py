"""Two runs over the same input: what must be equal, and what may differ because another report arrived first. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from hub.audit.identity import NOWHERE
from hub.audit.report import Finding
from hub.audit.tables import HERE, ORIGIN, Tables, rows_of
from hub.errors import Reason

Word = tuple[object, ...]
"""What identifies a record in any run: source, reference, revision; for updates department, case and update id, revision."""


@dataclass(frozen=True)
class RunComparison:
    """`differences` must all be empty; `order_dependent` may not be, and says how far the order of arrival mattered."""

    same_cases: int
    """Cases of the same reports in both."""
    differences: tuple[Finding, ...]
    order_dependent: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        return not any(finding.count for finding in self.differences)

    def rows(self) -> list[tuple[str, str]]:
        said = [("cases of the same reports 相同案件", f"{self.same_cases:,}")]
        said += [(f"differs 不同: {each.what}", f"{each.count:,}") for each in self.differences]
        said += [(f"by order of arrival 因到达次序: {each.what}", f"{each.count:,}") for each in self.order_dependent]
        return said

    def as_dict(self) -> dict[str, Any]:
        def listed(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
            return [{"what": each.what, "count": each.count, "first": list(each.first)} for each in findings]

        return {
            "good": self.good,
            "same_cases": self.same_cases,
            "differences": listed(self.differences),
            "order_dependent": listed(self.order_dependent),
        }


@dataclass
class _Case:
    """What a case has come to at the end."""

    reports: set[tuple[object, object]] = field(default_factory=set)
    last: Word = ()
    """Department, rule, over."""
    clocks: dict[object, Word] = field(default_factory=dict)
    """By clock, the last verdict: kind, at, due_at, policy."""


@dataclass
class _Run:
    outcomes: dict[Word, Counter[str]]
    letters: Counter[str]
    case_of_lead: dict[Word, str]
    lead_of: dict[Word, Word]
    """Of each report, the lead of its case."""
    cases: dict[str, _Case]
    case_of_update: dict[Word, str]


def _firm(letters: Counter[str]) -> Counter[str]:
    """Dead letters that do not depend on the order of arrival."""
    return Counter({what: count for what, count in letters.items() if not what.endswith(Reason.NOT_ALLOWED)})


def compare_tables(first: Tables, second: Tables) -> RunComparison:
    """Same input: equal (source, reference, revision), as often. A dead letter has none of these and is only counted.

    Must be equal: what came in, and how often it was a repeat; the case id of the same lead; and for cases of the same
    one same report the department, the rule, whether it is over, and the last verdict of each clock. May differ: the same
    of cases of several reports, as these may join in another order; whether a report opened a case or was linked, and to
    which; updates of cases that only one of the runs has, and those that a case's life did not allow: where a report that
    closes a case was linked to another one, what may be said of the two is another.
    """
    a, b = _run(first), _run(second)
    inputs, kinds = _outcomes(a, b)
    leads = [
        lead for lead in a.case_of_lead.keys() & b.case_of_lead.keys() if a.case_of_lead[lead] != b.case_of_lead[lead]
    ]
    both = [case for case in a.cases.keys() & b.cases.keys() if a.cases[case].reports == b.cases[case].reports]
    held = [case for case in sorted(both) if a.cases[case].last != b.cases[case].last]
    joined = {case for case in both if len(a.cases[case].reports) > 1}
    clocks = [
        (case, f"{case} {clock}")
        for case in sorted(both)
        for clock in sorted(map(str, a.cases[case].clocks.keys() | b.cases[case].clocks.keys()))
        if a.cases[case].clocks.get(clock) != b.cases[case].clocks.get(clock)
    ]
    links = [ref for ref in a.lead_of.keys() & b.lead_of.keys() if a.lead_of[ref] != b.lead_of[ref]]
    return RunComparison(
        same_cases=len(both),
        differences=(
            Finding.of("records that came in 收到的记录", inputs),
            Finding.of("dead letters by stage and reason 死信", _unequal(_firm(a.letters), _firm(b.letters))),
            Finding.of("case id of the same lead 同首报案号", sorted(map(_shown, leads))),
            Finding.of(
                "department, rule or end of a case 部门、规则或办结", [case for case in held if case not in joined]
            ),
            Finding.of("last verdict of a clock 时限结论", [shown for case, shown in clocks if case not in joined]),
        ),
        order_dependent=(
            Finding.of("what a record did 记录结果", kinds),
            Finding.of("which case a report joined 归并", sorted(map(_shown, links))),
            Finding.of(
                "updates that a case's life does not allow 不合流程的反馈",
                _unequal(a.letters - _firm(a.letters), b.letters - _firm(b.letters)),
            ),
            Finding.of("end of a case of several reports 合并案件办结", [case for case in held if case in joined]),
            Finding.of(
                "verdict on a case of several reports 合并案件时限", [shown for case, shown in clocks if case in joined]
            ),
        ),
    )


def _outcomes(a: _Run, b: _Run) -> tuple[list[str], list[str]]:
    inputs, kinds = [], []
    for said in sorted(a.outcomes.keys() | b.outcomes.keys(), key=_shown):
        one, other = a.outcomes.get(said, Counter()), b.outcomes.get(said, Counter())
        case = a.case_of_update.get(said) or b.case_of_update.get(said)
        if case is not None and (case in a.cases) != (case in b.cases):
            kinds.append(f"{_shown(said)}: of a case that only one run has")
        elif one["repeat"] != other["repeat"] or one.total() != other.total():
            inputs.append(f"{_shown(said)}: {_counted(one)} and {_counted(other)}")
        elif one != other:
            kinds.append(f"{_shown(said)}: {_counted(one)} and {_counted(other)}")
    return inputs, kinds


def _unequal(a: Counter[str], b: Counter[str]) -> Iterator[str]:
    for key in sorted(a.keys() | b.keys()):
        if a[key] != b[key]:
            yield f"{key}: {a[key]} and {b[key]}"


def _shown(word: Word) -> str:
    return ":".join(map(str, word))


def _counted(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(outcomes.items())) or "nothing"


def _run(tables: Tables) -> _Run:
    outcomes: dict[Word, Counter[str]] = defaultdict(Counter)
    cases = tables.cases.sort_by(HERE)
    accounting = cases.filter(pc.not_equal(cases.column(ORIGIN), NOWHERE))
    origins, changes = (accounting.column(name).to_pylist() for name in (ORIGIN, "change"))
    change_of = dict(zip(origins, changes, strict=True))
    said = ("source", "source_ref", "revision", "revision_counted")
    for origin, source, ref, revision, counted in rows_of(tables.events, ORIGIN, *said):
        # where none is counted it is the hub's number, and follows from what lay before it in the topic
        outcomes[source, ref, revision if counted else None][str(change_of.get(origin, "nothing")).lower()] += 1
    repeats = tables.repeats.filter(pc.is_null(tables.repeats.column("moved_to")))
    for row in rows_of(repeats, "source", "source_ref", "revision"):
        outcomes[row]["repeat"] += 1
    case_of_update: dict[Word, str] = {}
    for department, update, revision, case in rows_of(tables.updates, "department", "update_id", "revision", "case_id"):
        key = (f"dept.{department}", f"{case}/{update}", revision)
        outcomes[key]["update"] += 1
        case_of_update[key] = str(case)
    letters = Counter(" ".join(map(str, row)) for row in rows_of(tables.dead, "stage", "reason"))
    run = _Run(dict(outcomes), letters, {}, {}, defaultdict(_Case), case_of_update)
    names = (
        "case_id", "change", "source", "source_ref", "lead_source", "lead_ref", "unlinks", "department", "rule", "over",
    )  # fmt: skip
    for case, change, source, ref, lead_source, lead_ref, unlinks, *last in rows_of(cases, *names):
        known = run.cases[str(case)]
        known.last = tuple(last)
        if change in ("OPENED", "LINKED"):
            known.reports.add((source, ref))
            run.lead_of[source, ref] = (lead_source, lead_ref)
        elif unlinks:
            known.reports.discard((source, ref))
            run.lead_of[source, ref] = (source, ref)
        if change == "OPENED":
            run.case_of_lead[lead_source, lead_ref] = str(case)
    of_clocks = ("case_id", "clock", "kind", "at", "due_at", "policy")
    for case, clock, *verdict in rows_of(tables.deadlines.sort_by(HERE), *of_clocks):
        run.cases[str(case)].clocks[clock] = tuple(verdict)
    return run
