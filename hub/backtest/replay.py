"""Plays reports and updates through the core's casework and tracking, as the agents do, in event time. All that touches either
is here: nothing of how cases are made or clocks are kept is decided in this package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import msgspec

from hub.backtest.decided import Decided
from hub.backtest.intake import OnProgress
from hub.backtest.updates import HistoryUpdate, PastStatus
from hub.core.cases.cases import Case, CaseBook
from hub.core.cases.casework import Casework
from hub.core.cases.steps import LINKED, Step
from hub.core.deadlines.rules import RESOLVE, DeadlineRules
from hub.core.linking import Incidents
from hub.core.report import Sighting
from hub.core.routing.router import Router
from hub.core.rules.conditions import Conditions
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.consequences import Change, Effects
from hub.core.tracking.consequences import UpdateRow as Word
from hub.core.tracking.state import ClockState, TrackBook, TrackedCase
from hub.core.tracking.tracker import Tracking
from hub.journal import Journal
from hub.model.event import EventKind
from hub.policy.city import City
from hub.policy.models.deadlines import CLOCKS

_EVERY = 2_000
_CHUNK = 1_000
"""Reports that casework is given at once."""
ReportKey = tuple[str, str]
"""Source and reference."""


@dataclass
class Played:
    """What came of a run."""

    decisions: list[Decided] = field(default_factory=list)
    unknown: list[HistoryUpdate] = field(default_factory=list)
    """Updates of references that no report has."""
    applied: int = 0
    elsewhere: int = 0
    """Updates that name another department than holds the case by these rules."""
    later: int = 0
    """Updates after `now_ms`, when nobody could know of them."""
    early: list[HistoryUpdate] = field(default_factory=list)
    """Updates dated before their report: each counts as at the report."""
    now_ms: int = 0
    """The instant at which open clocks were judged."""


def play(
    city: City,
    sightings: list[Sighting],
    updates: Iterable[HistoryUpdate] = (),
    *,
    source_due: bool = False,
    now_ms: int | None = None,
    on_progress: OnProgress | None = None,
) -> Played:
    """Run a history to its end and judge the clocks that still run at `now_ms` (by default the latest instant that is known).

    The same input gives the same decisions. `sightings` are in order of time; updates come in any. A source's own due time
    counts where `source_due` is set, or where the policy has no resolve clock for the report.
    """
    run = _Run(city, sightings, source_due=source_due)
    played = Played()
    statements = run.statements(updates, played, now_ms)
    latest_ms = max((at_ms for at_ms, _ in statements), default=0)
    played.now_ms = latest_ms if now_ms is None else now_ms
    for number, (_, what) in enumerate(statements):
        if on_progress and number % _EVERY == 0:
            on_progress(number, len(statements))
        if isinstance(what, Sighting):
            run.take(what)
        else:
            run.take_update(what, played)
    run.flush()
    run.track(played.now_ms)
    played.decisions = list(run.decisions(played.now_ms))
    return played


class _Run:
    """One city's books. Casework goes through the whole history first, then tracking hears its changes in the same order."""

    def __init__(self, city: City, sightings: list[Sighting], *, source_due: bool) -> None:
        self._city, self._sightings, self._source_due = city, sightings, source_due
        self._casework, self._cases = Casework(city), Journal(CaseBook(Incidents(city)))
        self._queues = {row.id: row.queue for row in (*city.routes, *city.fallback)}
        self._router = Router(city)
        self._rules = DeadlineRules(city)
        self._clockwork = Clockwork(self._rules)
        self._tracking, self._tracked = Tracking(self._clockwork), Journal(TrackBook())
        self._conditions = Conditions(city)
        self._first: dict[ReportKey, Sighting] = {}
        for each in sightings:
            self._first.setdefault((each.source, each.ref), each)
        self._latest: dict[ReportKey, Sighting] = {}
        self._ends: dict[ReportKey, tuple[int, bool]] = {}
        """Of each report that its source closed or withdrew: the earliest instant, and whether withdrawn."""
        self._waiting: list[Sighting] = []
        self._score: dict[ReportKey, float] = {}
        self._each_is_closed = False
        self._heard: list[Change | Word] = []
        """What tracking is to hear, in order: changes of cases, and departments' words."""

    def statements(
        self, updates: Iterable[HistoryUpdate], played: Played, now_ms: int | None
    ) -> list[tuple[int, Sighting | HistoryUpdate]]:
        """Everything in one order of time. What is said of a report before it was made counts as said when it was."""
        sources: dict[str, list[str]] = {}
        for source, ref in self._first:
            sources.setdefault(ref, []).append(source)
        found: list[tuple[int, int, Sighting | HistoryUpdate]] = [(each.at_ms, 0, each) for each in self._sightings]
        for update in updates:
            if now_ms is not None and update.at_ms > now_ms:
                played.later += 1
                continue
            owners = [source for source in sources.get(update.ref, ()) if update.source in (None, source)]
            if not owners:
                played.unknown.append(update)
            played.applied += bool(owners)
            for source in owners:
                opened_ms = self._first[source, update.ref].at_ms
                if update.at_ms < opened_ms:
                    played.early.append(update)
                at_ms = max(update.at_ms, opened_ms)
                found.append((at_ms, 1, replace(update, source=source, at_ms=at_ms)))
        found.sort(key=lambda each: each[:2])
        return [(at_ms, what) for at_ms, _, what in found]

    def take(self, seen: Sighting) -> None:
        """A statement of a source."""
        key = (seen.source, seen.ref)
        if seen.kind in (EventKind.WITHDRAWN, EventKind.CLOSED):
            end = (seen.at_ms, seen.kind is EventKind.WITHDRAWN)
            self._ends[key] = min(end, self._ends.get(key, end))
        else:
            self._latest[key] = seen
        self._waiting.append(seen)
        if len(self._waiting) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Apply what waits: casework looks around for many reports at once, with the same outcome as one by one."""
        for step in self._casework.take_all(self._cases, self._waiting):
            if step.change == LINKED and step.link is not None:
                self._score[step.report.source, step.report.ref] = step.link.score
            self._heard.append(_change(step))
        self._cases.commit()
        self._waiting = []

    def take_update(self, update: HistoryUpdate, played: Played) -> None:
        """An update of one report. Its closing or withdrawal is the source's; the rest is its case's department's word.

        Where history names another department than holds the case by these rules, what was done counts as the holder's: the
        rules are judged by whom they would have asked, not held up by it. Only its refusal says nothing of the holder.
        """
        assert update.source is not None
        key = (update.source, update.ref)
        if update.status in (PastStatus.CLOSED, PastStatus.WITHDRAWN):
            known = self._latest.get(key, self._first[key])
            self.take(
                msgspec.structs.replace(
                    known, kind=EventKind(update.status), at_ms=update.at_ms, revision=known.revision + 1
                )
            )
            return
        if update.status == PastStatus.OPEN:
            return
        self.flush()
        case = self._cases.book.of_report(*key)
        if case is None:
            return
        department = case.department
        if update.department not in (None, department):
            played.elsewhere += 1  # history had given it to another than these rules do
            if update.status == PastStatus.REFUSED:
                return
        if update.status == PastStatus.REFUSED:
            for step in self._casework.moves.refuse(self._cases, case.case_id, department, update.at_ms):
                self._heard.append(_change(step))
        if update.status in (PastStatus.ACCEPTED, PastStatus.REFUSED, PastStatus.RESPONDED):
            update_id = f"{update.file}:{update.line}"
            self._heard.append(Word(update_id, department, case.case_id, update.status, "", update.at_ms))

    def track(self, now_ms: int) -> None:
        """Start, stop and ring the clocks of all cases."""
        everything = self._heard if self._source_due else self._by_own_clocks()
        self._tracking.prepare([heard for heard in everything if isinstance(heard, Change)])
        effects, passed = Effects(), 0
        for heard in everything:
            if isinstance(heard, Change):
                passed = max(passed, min(heard.at_ms, now_ms))
                self._tracking.pass_time(self._tracked, passed, effects)
                self._tracking.change(self._tracked, heard, effects)
            else:
                self._tracking.update(self._tracked, heard, effects)
        self._tracking.pass_time(self._tracked, now_ms, effects)

    def _by_own_clocks(self) -> list[Change | Word]:
        """What was heard, without the source's own due time wherever the policy has a resolve clock."""
        changes = [heard for heard in self._heard if isinstance(heard, Change)]
        own = iter([any(due.clock == RESOLVE for due in dues) for dues in self._clockwork.dues(changes)])
        return [
            msgspec.structs.replace(heard, due_ms=None) if isinstance(heard, Change) and next(own) else heard
            for heard in self._heard
        ]

    def decisions(self, now_ms: int) -> Iterator[Decided]:
        """A row for each report, in the order they were made."""
        linked = [key for key in self._first if self._case(key).lead_key != key]
        self._each_is_closed = any(key in self._ends for key in linked)
        clocks = dict(zip(linked, self._clocks(linked, now_ms), strict=True))
        for key, first in self._first.items():
            case, latest = self._case(key).case, self._latest.get(key, first)
            tracked = self._tracked.book.case(case.case_id)
            lead = key not in clocks
            clock = _resolve(tracked) if lead else clocks[key]
            category = self._city.category_of(latest.category)
            end = self._end(key, case)
            code = case.category if lead else category.code if category else latest.category
            own = (
                None
                if lead
                else self._router.route_one(
                    latest.source, code, latest.area, latest.urgency, latest.lat is not None, latest
                )
            )
            held_queue = self._queues.get(case.rule)
            yield Decided(
                report=first,
                case_id=case.case_id,
                lead_source=case.lead.source,
                lead_ref=case.lead.ref,
                link_score=None if lead else self._score.get(key),
                department=own.department if own else case.department,
                queue=own.queue if own else held_queue,
                held_by=case.department,
                held_queue=held_queue,
                category=code,
                due_ms=clock.due_ms if clock else None,
                due_policy=clock.policy if clock else None,
                breached_ms=clock.due_ms if clock and clock.breached else None,
                ended_ms=end[0] if end else None,
            )

    def _clocks(self, keys: list[ReportKey], now_ms: int) -> Iterator[ClockState | None]:
        """The resolve clocks that linked reports have of their own."""
        cases = [self._own(key) for key in keys]
        dues_of_cases = self._rules.due(
            [case.category for case in cases],
            [case.source for case in cases],
            [case.urgency for case in cases],
            [case.area for case in cases],
            [case.opened_ms for case in cases],
            [case.conditions for case in cases],
        )
        for key, case, dues in zip(keys, cases, dues_of_cases, strict=True):
            due_ms = self._latest.get(key, self._first[key]).due_ms
            if not self._source_due and any(due.clock == RESOLVE for due in dues):
                due_ms = None
            case = self._clockwork.start(case, due_ms, dues)
            end = self._end(key, self._case(key).case)
            if end is None:
                case, _ = self._clockwork.look(case, now_ms)
            elif end[1]:
                case, _ = self._clockwork.cancel(case, end[0])
            else:
                case, _ = self._clockwork.stop(case, CLOCKS, end[0])
            yield _resolve(case)

    def _end(self, key: ReportKey, case: Case) -> tuple[int, bool] | None:
        """When a report ended, and whether by withdrawal: with its case, unless these files close linked reports one by one."""
        end = self._ends.get(key)
        lead = (case.lead.source, case.lead.ref) == key
        if end is None and case.closed_ms is not None and (lead or not self._each_is_closed):
            return (max(case.closed_ms, self._first[key].at_ms), False)
        return end

    def _own(self, key: ReportKey) -> TrackedCase:
        """A linked report as if it led a case."""
        said, case = self._latest.get(key, self._first[key]), self._case(key).case
        category = self._city.category_of(said.category)
        return TrackedCase(
            case_id=case.case_id,
            category=category.code if category else said.category,
            source=said.source,
            urgency=said.urgency,
            area=said.area,
            place_key=said.place_key,
            opened_ms=self._first[key].at_ms,
            ledger=(),
            reports=(key,),
            clocks=(),
            conditions=self._conditions.of(said),
        )

    def _case(self, key: ReportKey) -> _Found:
        case = self._cases.book.of_report(*key)
        assert case is not None
        return _Found(case, (case.lead.source, case.lead.ref))


@dataclass(frozen=True, slots=True)
class _Found:
    case: Case
    lead_key: ReportKey


def _resolve(case: TrackedCase | None) -> ClockState | None:
    return next((clock for clock in case.clocks if clock.clock == RESOLVE), None) if case else None


def _change(step: Step) -> Change:
    """The step as tracking reads it."""
    case = step.case
    return Change(
        case_id=case.case_id, change=step.change, at_ms=step.at_ms, source=step.report.source, source_ref=step.report.ref,
        lead_source=case.lead.source, lead_ref=case.lead.ref, category=case.category, urgency=case.urgency, area=case.area,
        place_key=case.place_key, department=case.department, opened_ms=case.opened_ms, due_ms=case.due_ms, over=case.over,
        ends=step.ends, reopens=step.reopens, co_handlers=case.co_handlers,
        called=tuple(who for who, _ in case.called), conditions=case.conditions, history=step.history,
        ledger=step.ledger,
    )  # fmt: skip
