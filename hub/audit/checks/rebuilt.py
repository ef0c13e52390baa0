"""Whether agents' state, rebuilt from their changelogs, agrees with what they published. Pure.

The two are written in the same transaction, so at rest they say the same. A difference means that state was lost, doubled or
carried over from a transaction that was not committed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.audit.changelogs import Changelogs, RememberedRows
from hub.audit.checks.accounts import TRACK, ids
from hub.audit.checks.gaps import gaps_of
from hub.audit.identity import Ids, occurrences
from hub.audit.report import SHOWN, Finding
from hub.audit.tables import HERE, ORIGIN, Tables, rows_of
from hub.core.cases.statements import strays
from hub.core.dedup.digests import digests, mixed, within
from hub.core.tracking.state import ClockState, TrackedCase
from hub.model.update import event_of

_ENDS = ("MET", "ENDED_LATE", "CANCELLED")


@dataclass(frozen=True)
class StateReport:
    """What the states hold, and what does not agree with the topics."""

    remembered: int
    """Revisions in the memory of `deduplicate`."""
    cases: int
    tracked: int
    clocks: int
    forgotten: int
    """Cases that are over and that an agent keeps no longer."""
    findings: tuple[Finding, ...]

    @property
    def disagreements(self) -> int:
        return sum(finding.count for finding in self.findings)

    @property
    def good(self) -> bool:
        return not self.disagreements

    def rows(self) -> list[tuple[str, str]]:
        said = [
            ("deduplicate: revisions remembered 记住的版本", f"{self.remembered:,}"),
            ("route: cases 案件", f"{self.cases:,}"),
            ("track: cases 案件", f"{self.tracked:,}"),
            ("track: clocks 时限", f"{self.clocks:,}"),
            ("forgotten after their end 办结后遗忘", f"{self.forgotten:,}"),
        ]
        said += [(each.what, f"{each.count:,}") for each in self.findings if each.count]
        passed = sum(not each.count for each in self.findings)
        return [*said, ("checks passed 通过检查", f"{passed} of {len(self.findings)}")]

    def as_dict(self) -> dict[str, Any]:
        counts = {name: value for name, value in vars(self).items() if name != "findings"}
        findings = [{"what": each.what, "count": each.count, "first": list(each.first)} for each in self.findings]
        return {"good": self.good, "disagreements": self.disagreements, **counts, "findings": findings}


@dataclass
class _Told:
    """What hub.cases says of a case since it was last opened."""

    department: str
    over: bool
    count: int
    reports: list[tuple[str, str]]


def judge_state(tables: Tables, changelogs: Changelogs) -> StateReport:
    """Compare. Meant for a hub at rest; what has expired from a topic is not held against the state."""
    told = _told(tables)
    cases, twice = changelogs.cases
    tracked, waiting, tracked_twice = changelogs.tracked
    forgotten = sum(each.over and (case not in cases or case not in tracked) for case, each in told.items())
    return StateReport(
        remembered=len(changelogs.remembered.seen),
        cases=len(cases),
        tracked=len(tracked),
        clocks=sum(len(case.clocks) for case in tracked.values()),
        forgotten=forgotten,
        findings=(
            *_memory(tables, changelogs.remembered),
            Finding.of("route: cases in several partitions 多分区案件", twice),
            _missing("route", told, cases.keys()),
            Finding.of("route: cases that hub.cases does not know 未发布案件", sorted(cases.keys() - told.keys())),
            Finding.of(
                "route: department, end or reports differ 案件状态不符",
                [
                    case
                    for case, each in told.items()
                    if case in cases
                    and (cases[case].department, cases[case].over, len(cases[case].reports))
                    != (each.department, each.over, each.count)
                ],
            ),
            Finding.of(
                "route: which reports a case has 归并不符",
                [
                    case
                    for case, each in told.items()
                    if case in cases
                    and Counter((r.source, r.ref) for r in cases[case].reports) != Counter(each.reports)
                ],
            ),
            Finding.of(
                "route: statements kept of no linked report of an open case 多余原话",
                strays(cases, changelogs.statements),
            ),
            Finding.of("track: cases in several partitions 多分区案件", tracked_twice),
            _missing("track", told, tracked.keys()),
            Finding.of("track: cases that hub.cases does not know 未发布案件", sorted(tracked.keys() - told.keys())),
            Finding.of(
                "track: which reports a case has 归并不符",
                [
                    case
                    for case, each in told.items()
                    if case in tracked and Counter(tracked[case].reports) != Counter(each.reports)
                ],
            ),
            _answers(tables, tracked, sorted(waiting)),
            *_clocks(tables, tracked),
            Finding.of("records of changelogs that cannot be read 无法读取的状态记录", changelogs.foreign),
        ),
    )


def _missing(agent: str, by_changes: dict[str, _Told], remembered: Any) -> Finding:
    return Finding.of(
        f"{agent}: open cases that it does not know 丢失的在办案件",
        [case for case, each in by_changes.items() if not each.over and case not in remembered],
    )


def _told(tables: Tables) -> dict[str, _Told]:
    """A case's changes lie in one partition, in order. One that was forgotten and opened again begins anew."""
    found: dict[str, _Told] = {}
    names = ("case_id", "change", "source", "source_ref", "department", "over", "reports", "unlinks")
    for case, change, source, ref, department, over, count, unlinks in rows_of(tables.cases.sort_by(HERE), *names):
        one = found.get(str(case))
        if one is None or change == "OPENED":
            one = found[str(case)] = _Told("", False, 0, [])
        if change in ("OPENED", "LINKED"):
            one.reports.append((str(source), str(ref)))
        elif unlinks and (str(source), str(ref)) in one.reports:
            one.reports.remove((str(source), str(ref)))
        one.department, one.over, one.count = str(department), bool(over), int(str(count))
    return found


# -- deduplicate -------------------------------------------------------------------------------------------------------


def _memory(tables: Tables, kept: RememberedRows) -> Iterator[Finding]:
    """The memory holds exactly what was admitted: each record once, under the digest of what it said."""
    admitted, revisions, counted, hashed = _admitted(tables)
    whole = kept.whole and not tables.begins

    def finding(what: str, ids: Ids) -> Finding:
        return Finding.of(what, map(tables.identities.show, ids[:SHOWN].tolist()), len(ids))

    missing = admitted[occurrences(admitted, kept.seen) == 0] if whole else admitted[:0]
    extra = kept.seen[occurrences(kept.seen, admitted) == 0] if whole else kept.seen[:0]
    yield finding("deduplicate: admitted and not remembered 未记住", missing)
    yield finding("deduplicate: remembered and not admitted 未放行", np.unique(extra))
    yield finding("deduplicate: remembered twice 重复记忆", np.unique(kept.seen[occurrences(kept.seen, kept.seen) > 1]))
    order = np.argsort(admitted, kind="stable")
    if not len(order):
        return
    place = np.minimum(np.searchsorted(admitted[order], kept.seen), len(order) - 1)
    at = order[place]
    there = admitted[at] == kept.seen
    first = kept.revisions >= 0
    wanted = np.where(first[:, None], hashed[at], mixed(hashed[at], revisions[at]))
    # the number that stands for uncounted content follows from bytes that are not here
    told = counted[at]
    wrong = there & (
        ((first | told) & (wanted != kept.digests).any(axis=1)) | (first & told & (kept.revisions != revisions[at]))
    )
    yield finding("deduplicate: remembered as something else 记忆不符", kept.seen[wrong])


def _admitted(tables: Tables) -> tuple[Ids, np.ndarray, np.ndarray, np.ndarray]:
    """Where each admitted record came in, its revision, whether its source counts it, and the digest of its source and
    reference."""
    events, updates = tables.events, tables.updates
    departments = pc.binary_join_element_wise("dept", updates.column("department"), ".")
    sources = pa.concat_arrays([*_text(events, "source"), *(each.cast(pa.string()) for each in departments.chunks)])
    told = (within(*each) for each in zip(_text(updates, "case_id"), _text(updates, "update_id"), strict=True))
    refs = pa.concat_arrays([*_text(events, "source_ref"), *told])
    origins = np.concatenate([table.column(ORIGIN).to_numpy() for table in (events, updates)])
    revisions = np.concatenate([table.column("revision").to_numpy() for table in (events, updates)]).astype(np.int64)
    counted = np.concatenate([events.column("revision_counted").to_numpy(), np.ones(len(updates), dtype=np.bool_)])
    return origins, revisions, counted, digests(sources, refs)


def _text(table: pa.Table, name: str) -> list[pa.Array]:
    return [chunk.cast(pa.string()) for chunk in table.column(name).chunks]


# -- track -------------------------------------------------------------------------------------------------------------


def _answers(tables: Tables, tracked: dict[str, TrackedCase], waiting: list[str]) -> Finding:
    """Each update that was read and not set aside is an answer of its case, once."""
    if waiting:
        return Finding.of("track: updates that still wait for their case 待立案反馈", waiting)
    letters = tables.dead.filter(pc.equal(tables.dead.column("stage"), TRACK)).column(ORIGIN).combine_chunks()
    dead = pc.or_(pc.is_in(tables.updates.column(ORIGIN), letters), pc.is_in(tables.updates.column(HERE), letters))
    gone = gaps_of(tables, TRACK).over(ids(tables.updates))
    applied: dict[str, Counter[tuple[object, ...]]] = defaultdict(Counter)
    names = ("case_id", "update_id", "department", "status", "step", "code", "until")
    for case, update, department, status, step, code, until in rows_of(
        tables.updates.filter(pc.and_not(pa.array(~gone), dead)), *names
    ):
        if case in tracked:
            applied[str(case)][update, department, event_of(str(status), str(step), code, until)] += 1
    wrong = [
        case_id
        for case_id, case in tracked.items()
        if Counter((each.update_id, each.department, each.status) for each in case.answers)
        != applied.get(case_id, Counter())
    ]
    return Finding.of("track: answers differ from the updates 反馈不符", wrong)


@dataclass
class _Said:
    """What hub.deadlines says of a clock, as it stands now."""

    warned: bool = False
    breached: bool = False
    verdict: str | None = None
    at_ms: int | None = None


def _clocks(tables: Tables, tracked: dict[str, TrackedCase]) -> Iterator[Finding]:
    """Each clock has said what its state says it has, and has nothing to say of which its state knows nothing.

    A clock is known by case, name, policy and due time, and by its start if something was said of that: rounds of a case may
    end at the same instant, and a start moves with the opening. Where a case has several such (of several departments), only
    that something was said is compared.
    """
    said: dict[tuple[object, ...], _Said] = defaultdict(_Said)
    of_round: dict[tuple[object, ...], _Said] = defaultdict(_Said)
    names = ("case_id", "clock", "policy", "due_at", "started_at", "kind", "at")
    for *clock, started, kind, at in rows_of(tables.deadlines.sort_by(HERE), *names):
        for each in (said[tuple(clock)], of_round[*clock, started]):
            _apply(each, str(kind), int(str(at)))
    held: dict[tuple[object, ...], list[ClockState]] = defaultdict(list)
    for case in tracked.values():
        for clock_ in case.clocks:
            held[case.case_id, clock_.name, clock_.policy, clock_.due_ms].append(clock_)
    wrong = [
        _name(key)
        for key, (clock_, *others) in held.items()
        if not others and not _agree(clock_, of_round.get((*key, clock_.started_ms), said.get(key)))
    ]
    stray = [
        _name(key)
        for key, one in said.items()
        if str(key[0]) in tracked and key not in held and one.verdict != "CANCELLED"
    ]
    yield Finding.of("track: clocks that have said otherwise 时限状态不符", wrong)
    yield Finding.of("track: records of clocks that it does not have 无此时限", stray)


def _apply(notices: _Said, kind: str, at_ms: int) -> None:
    if notices.verdict == "CANCELLED" and kind not in _ENDS:  # set anew to the same
        notices.warned = notices.breached = False
        notices.verdict = None
    if kind == "WARNED":
        notices.warned = True
    elif kind == "BREACHED":
        notices.breached = True
    else:
        notices.verdict, notices.at_ms = kind, at_ms
        notices.breached = kind == "ENDED_LATE" or (kind == "CANCELLED" and notices.breached)


def _agree(clock: ClockState, notices: _Said | None) -> bool:
    notices = notices or _Said()
    if clock.verdict is None:
        # cancelled for another time, and later set to this one again without a word so far
        silent = notices.verdict == "CANCELLED" and not (clock.warned or clock.spoke or clock.breached)
        return silent or (
            notices.verdict is None
            and (clock.warned or clock.spoke, clock.breached) == (notices.warned, notices.breached)
        )
    if notices.verdict != clock.verdict or notices.at_ms != clock.ended_ms:
        return False
    return clock.verdict == "CANCELLED" or clock.breached == notices.breached


def _name(key: tuple[object, ...]) -> str:
    return " ".join(map(str, key))
