"""What `route` does with a report: open a case, link it to one, amend, reroute, withdraw or close it. One at a time, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hub.core.cases import Case, CaseBook, Report
from hub.core.clock_rows import ClockRows, report_conditions
from hub.core.linking import Clue, ClueReader, Match
from hub.core.routing import Decision, Router
from hub.core.sequence import begins_with_end, end_of, first_said, openings, standing, with_statement
from hub.core.sightings import Sighting
from hub.model.base import MAX_ITEMS
from hub.model.ids import case_id
from hub.policy.city import City

OPENED, LINKED, AMENDED, SUPERSEDED = "OPENED", "LINKED", "AMENDED", "SUPERSEDED"
WITHDRAWN, CLOSED, REROUTED = "WITHDRAWN", "CLOSED", "REROUTED"
_ENDINGS = frozenset((WITHDRAWN, CLOSED))
REFUSED = "refused"
PASSED_ON = "passed-on"
"""Rule named when departments moved the case themselves."""
EMERGENCY = "emergency"
_EARLIER = "an earlier statement of its source came late: its clocks run from that 更早来报迟到，按其时间起算"
_AFTER_THE_END = "its source says more after the case was over 结案后补充"
_MOST_FOLLOWERS = 100
Put = Callable[[str, Case | None], object]


class OrderDraft(msgspec.Struct, frozen=True, gc=False):
    """An order to `department`; `body` is the event that goes with it."""

    kind: str
    department: str
    body: bytes | None
    reason: str | None = None
    lead: str | None = None
    """Who leads, if the receiver only helps."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One change of a case: a record of `hub.cases`, with the orders it causes."""

    change: str
    case: Case
    """After the change."""
    at_ms: int
    report: Report
    row: int | None
    """The record of the chunk that this accounts for; None for a consequence."""
    link: Match | None = None
    ends: bool = False
    """This by itself ends the case, whether or not it was over before."""
    reopens: bool = False
    """The case was over, and this brings it back."""
    reply: str | None = None
    """What the reporter is told at once, where the matter is settled before dispatch."""
    orders: tuple[OrderDraft, ...] = ()
    unlinks: bool = False
    """The report was taken out of the case (撤销并案)."""


class Casework:
    """Decides for one city. Pure but for the book it is given: the same book and reports give the same steps."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._router = Router(city)
        self._clues = ClueReader(city)
        self._clock_rows = ClockRows(city)
        self.asks_words = _asks_words(city) or self._clock_rows.asks_conditions
        """Whether sightings need their title, text, address, label and attributes."""

    def take(self, book: CaseBook, put: Put, seen: Sighting) -> list[Step]:
        """Apply one report. `put` stores a changed case. The first step accounts for the report."""
        return self.take_all(book, put, [seen])

    def take_all(self, book: CaseBook, put: Put, reports: Sequence[Sighting]) -> list[Step]:
        """Apply many reports, one after the other. Of each, the first step has its row and accounts for it."""
        new = [seen for seen in reports if book.of_report(seen.source, seen.ref) is None]
        families = {label: self._family_of(label) for label in {seen.category for seen in new}}
        clues = [self._clues.clue(seen, families[seen.category]) for seen in new]
        lookout = book.incidents.look_ahead(clues)
        decisions = self._router.route_all(new)
        again = len({(seen.source, seen.ref) for seen in new}) != len(new)
        place = {id(seen): at for at, seen in enumerate(new)}
        done: list[Step] = []
        for seen in reports:
            at = place.get(id(seen), -1)
            case = book.of_report(seen.source, seen.ref) if at < 0 or again else None
            if case is not None:
                done += self._follow_up(case, seen)
            else:
                parted = book.parted_from(seen.source, seen.ref)
                match = None if seen.kind in _ENDINGS else lookout.best(at, exclude=parted)
                found = None if match is None else book.get(match.case_id)
                full, found = _followed(book, found) if found is not None and found.is_full else (None, found)
                if match is not None and found is not None:
                    done.append(self._link(found, seen, match, clues[at]))
                else:
                    done.append(self._open(seen, clues[at], decisions[at]))
                if full is not None and found is None:
                    put(full.case_id, msgspec.structs.replace(full, followed_by=done[-1].case.case_id))
            last = done[-1].case
            put(last.case_id, last)
        return done

    def open_alone(self, put: Put, seen: Sighting) -> Step:
        """Open a case without asking what else the report may be about: a person has decided that."""
        clue = self._clues.clue(seen, self._family_of(seen.category))
        step = self._open(seen, clue, self._router.route_all([seen])[0])
        put(step.case.case_id, step.case)
        return step

    def close(self, book: CaseBook, put: Put, case_id: str, at_ms: int) -> list[Step]:
        """The department resolved it. Nothing to do if the case is over or forgotten. The step does not end the case by
        itself: `track`, which said so, knows of the update, and may know better later."""
        case = book.get(case_id)
        if case is None:
            return []
        over = _over(case, at_ms)
        put(case_id, over)
        return [] if case.over else [Step(CLOSED, over, at_ms, case.reports[0], None)]

    def refuse(self, book: CaseBook, put: Put, case_id: str, department: str, at_ms: int) -> list[Step]:
        """The department says it is not theirs, or the desk that it is not: the dispatch desk (派单台) decides. Ignored if
        they no longer hold it, or the dispatch desk does already."""
        case = book.get(case_id)
        desk = self._city.dispatch_desk
        if case is None or case.over or case.department == desk:
            return []
        if department not in (case.department, desk, *self._city.file.life.supervisors):
            return []
        reason = f"{REFUSED} by {department}"
        moved = msgspec.structs.replace(
            case, department=self._city.dispatch_desk, rule=REFUSED, desk_reason=reason, queue=None, co_handlers=()
        )
        put(case_id, moved)
        orders = _to_all(case, "WITHDRAW", None, reason) + _to_all(moved, "ASSIGN", case.event, reason)
        return [Step(REROUTED, moved, at_ms, case.lead, None, orders=orders)]

    def pass_on(
        self, book: CaseBook, put: Put, case_id: str, to: str, at_ms: int, reason: str, members: Sequence[str] = ()
    ) -> list[Step]:
        """Give a case to another department (转办、指定承办), or have others join its holder (吹哨). Ignored if it is over."""
        case = book.get(case_id)
        if case is None or case.over or (case.department == to and not members):
            return []
        joined = (each for each in (*case.co_handlers, *members) if each != to)
        moved = msgspec.structs.replace(
            case,
            department=to,
            rule=PASSED_ON,
            desk_reason=None,
            queue=None,
            co_handlers=tuple(dict.fromkeys(joined))[:MAX_ITEMS],
        )
        put(case_id, moved)
        taken = () if case.department == to else (OrderDraft("WITHDRAW", case.department, None, reason),)
        orders = taken + _to_all(moved, "ASSIGN", case.event, reason)
        return [Step(REROUTED, moved, at_ms, case.lead, None, orders=orders)]

    def reopen(self, book: CaseBook, put: Put, case_id: str, at_ms: int, reason: str) -> list[Step]:
        """A case that was over comes back to who held it (重新办理)."""
        case = book.get(case_id)
        if case is None or not case.over:
            return []
        # an earlier instant: who closed it did not hold it then, so it was never over and its first clocks run on
        back_ms = at_ms if at_ms >= (case.closed_ms or 0) else case.reopened_ms
        again = msgspec.structs.replace(case, closed_ms=None, reopened_ms=back_ms)
        put(case_id, again)
        orders = _to_all(again, "ASSIGN", None, reason)
        return [Step(REROUTED, again, at_ms, case.lead, None, reopens=True, orders=orders)]

    # -- a reference not seen before ---------------------------------------------------------------------------------

    def _family_of(self, label: str) -> str | None:
        category = self._city.category_of(label)
        return category.family if category else None

    def _conditions(self, seen: Sighting) -> tuple[str, ...]:
        return tuple(sorted(self._clock_rows.known_conditions(report_conditions(seen.channel, seen.attributes))))

    def _link(self, case: Case, seen: Sighting, match: Match, clue: Clue) -> Step:
        back_from_ms = case.closed_ms if match.reopens else None
        report = Report(
            seen.source, seen.ref, seen.revision, clue=clue, over_before_ms=back_from_ms, said=first_said(seen)
        )
        linked = msgspec.structs.replace(case, reports=(*case.reports, report))
        reasons = "; ".join(match.reasons)
        if case.over and match.reopens:
            back_ms = max(seen.at_ms, case.closed_ms or 0)
            linked = msgspec.structs.replace(linked, closed_ms=None, event=seen.body, reopened_ms=back_ms)
            orders = _to_all(linked, "ASSIGN", seen.body, f"reopened: {reasons}")
            return Step(LINKED, linked, seen.at_ms, report, seen.row, match, reopens=True, orders=orders)
        orders = () if case.over else _to_all(case, "LINK", seen.body, reasons)
        return Step(LINKED, linked, seen.at_ms, report, seen.row, match, orders=orders)

    def _open(self, seen: Sighting, clue: Clue, decision: Decision) -> Step:
        """A report whose source has already closed or withdrawn it, having lost or delayed its beginning, is a case too."""
        category = self._city.category_of(seen.category)
        code = category.code if category else seen.category
        exit_ = decision.exit
        settled = exit_ is not None and exit_.exit != EMERGENCY
        ended = settled or seen.kind in _ENDINGS
        report = Report(seen.source, seen.ref, seen.revision, not ended, clue, end_of(seen), said=first_said(seen))
        case = Case(
            seen.case_id or case_id(seen.source, seen.ref),
            (report,),
            code,
            category.family if category else None,
            seen.urgency,
            seen.channel,
            seen.place_key,
            seen.area,
            seen.lat,
            seen.lon,
            decision.department,
            decision.rule,
            (exit_.reason or exit_.exit) if exit_ else decision.desk_reason,
            seen.at_ms,
            seen.due_ms,
            seen.at_ms if ended else None,
            decision.queue,
            decision.co_handlers,
            decision.priority,
            self._conditions(seen) if self._clock_rows.asks_conditions else (),
            None if ended else seen.body,
        )
        orders = () if ended else _to_all(case, "ASSIGN", seen.body, case.desk_reason)
        told = f"{exit_.reply.zh} {exit_.reply.en}" if exit_ is not None and settled and exit_.reply else None
        return Step(OPENED, case, seen.at_ms, report, seen.row, None, ended, False, told, orders)

    # -- a reference that belongs to a case ------------------------------------------------------------------------

    def _follow_up(self, case: Case, seen: Sighting) -> list[Step]:
        """What a further statement comes to. Revisions say which one holds; but each counts with its time and with what it
        ended or opened again, whatever order they come in (hub/core/sequence.py)."""
        index = next(i for i, r in enumerate(case.reports) if (r.source, r.ref) == (seen.source, seen.ref))
        known = case.reports[index]
        late = seen.revision < known.revision
        said = with_statement(known, case, seen)
        live, end = standing(said)
        report = msgspec.structs.replace(
            known, revision=max(seen.revision, known.revision), live=live, end=end, said=said
        )
        before = case
        case = msgspec.structs.replace(case, reports=(*case.reports[:index], report, *case.reports[index + 1 :]))
        alone = index == 0 and seen.kind not in _ENDINGS and begins_with_end(known, before)
        settled = not known.live and known.end is None and not known.said  # by a rule, before anybody was sent
        if index == 0 and seen.kind not in _ENDINGS and not settled:
            case = self._opened_by(case, seen, alone=alone)
        back_ms = [at_ms for at_ms in openings(said) if at_ms not in openings(known.said)]
        if seen.kind in _ENDINGS:
            steps = [self._end_report(case, seen, report, is_lead=index == 0)]
        elif back_ms and not late:
            steps = [self._bring_back(case, seen, report, back_ms.pop(), before.closed_ms, seen.row)]
        elif late:
            orders = (
                _to_all(case, "AMEND", None, _EARLIER) if case.opened_ms < before.opened_ms and not case.over else ()
            )
            steps = [Step(SUPERSEDED, case, seen.at_ms, report, seen.row, orders=orders)]
        elif index or case.over:
            # what a linked report adds goes to the holder; only the lead says what the case is
            orders = self._word_after_the_end(case, seen) if case.over else _to_all(case, "AMEND", seen.body)
            steps = [Step(AMENDED, case, seen.at_ms, report, seen.row, orders=orders)]
        else:
            return self._amend_lead(case, seen, report)
        # an end that comes late may have been followed by an opening that is known already
        if alone:  # the record that opened the case with its end could not say that it was withdrawn
            gone = [at_ms for _, kind, at_ms in said if kind == WITHDRAWN]
            steps += [Step(WITHDRAWN, steps[-1].case, at_ms, report, None, ends=True) for at_ms in gone]
        for at_ms in back_ms:
            steps.append(self._bring_back(steps[-1].case, seen, report, at_ms, before.closed_ms, None))
        return steps

    def _opened_by(self, case: Case, seen: Sighting, *, alone: bool) -> Case:
        """The case opens with the earliest statement of its lead that does not end it. `alone`: it is the first such one, and
        so says what the case is."""
        if not alone:
            return msgspec.structs.replace(case, opened_ms=min(case.opened_ms, seen.at_ms))
        category, decision = self._city.category_of(seen.category), self._router.route_all([seen])[0]
        return msgspec.structs.replace(
            case,
            opened_ms=seen.at_ms,
            category=category.code if category else seen.category,
            family=category.family if category else None,
            urgency=seen.urgency,
            area=seen.area,
            lat=seen.lat,
            lon=seen.lon,
            due_ms=seen.due_ms,
            department=decision.department,
            rule=decision.rule,
            desk_reason=decision.desk_reason,
            queue=decision.queue,
            co_handlers=decision.co_handlers,
            priority=decision.priority,
        )

    def _bring_back(
        self, case: Case, seen: Sighting, report: Report, at_ms: int, over_ms: int | None, row: int | None
    ) -> Step:
        """Its own source has opened a report again that it had closed or withdrawn: the case comes back to who held it, unless
        it was over for another reason after that (`over_ms`)."""
        over_again = over_ms is not None and over_ms > at_ms
        back = msgspec.structs.replace(
            case,
            closed_ms=over_ms if over_again else None,
            reopened_ms=at_ms,
            event=None if over_again else seen.body,
        )
        orders = () if over_again else _to_all(back, "ASSIGN", seen.body, f"opened again by {seen.source} 来源重新提出")
        return Step(AMENDED, back, at_ms, report, row, reopens=True, orders=orders)

    def _word_after_the_end(self, case: Case, seen: Sighting) -> tuple[OrderDraft, ...]:
        """A word on a case that is over reaches who held it, or the dispatch desk if that department is gone."""
        to = case.department if case.department in self._city.departments else self._city.dispatch_desk
        return (OrderDraft("AMEND", to, seen.body, _AFTER_THE_END),)

    def _end_report(self, case: Case, seen: Sighting, report: Report, *, is_lead: bool) -> Step:
        # which reports are linked by now depends on their order: once the case is over, only the lead's own closing counts
        alone = len(case.reports) == 1
        ends = (is_lead and seen.kind == CLOSED) or ((alone or not case.over) and (alone or case.live_reports == 0))
        orders: tuple[OrderDraft, ...] = ()
        if ends and not case.over:
            orders = _to_all(case, "WITHDRAW", None, f"{seen.kind.lower()} by {seen.source}")
        if ends:
            case = _over(case, seen.at_ms)
        return Step(seen.kind, case, seen.at_ms, report, seen.row, ends=ends, orders=orders)

    def _amend_lead(self, case: Case, seen: Sighting, report: Report) -> list[Step]:
        category = self._city.category_of(seen.category) if seen.category else None
        placed = seen.lat is not None
        amended = msgspec.structs.replace(
            case,
            category=category.code if category else seen.category or case.category,
            family=category.family if category else (None if seen.category else case.family),
            urgency=seen.urgency,
            area=seen.area if placed or seen.area else case.area,
            lat=seen.lat if placed else case.lat,
            lon=seen.lon if placed else case.lon,
            due_ms=seen.due_ms if seen.due_ms is not None else case.due_ms,
            event=seen.body,
        )
        # the case keeps its place and its hour: rows on them do not move it because of when or how briefly it was amended
        as_case = msgspec.structs.replace(seen, at_ms=case.opened_ms, lat=amended.lat, lon=amended.lon)
        decision = self._router.route_one(
            seen.source, amended.category, amended.area, amended.urgency, amended.lat is not None, as_case
        )
        step = Step(AMENDED, amended, seen.at_ms, report, seen.row)
        # where departments or the desk have moved it themselves, it stays until they move it again
        if case.rule in (REFUSED, PASSED_ON) or decision.department == case.department:
            return [msgspec.structs.replace(step, orders=_to_all(case, "AMEND", seen.body))]
        moved = msgspec.structs.replace(
            amended,
            department=decision.department,
            rule=decision.rule,
            desk_reason=decision.desk_reason,
            queue=decision.queue,
            co_handlers=decision.co_handlers,
            priority=decision.priority,
        )
        reason = f"rerouted: {decision.rule}"
        orders = _to_all(case, "WITHDRAW", None, reason) + _to_all(
            moved, "ASSIGN", seen.body, decision.desk_reason or reason
        )
        return [step, Step(REROUTED, moved, seen.at_ms, report, None, orders=orders)]


def _to_all(case: Case, kind: str, body: bytes | None, reason: str | None = None) -> tuple[OrderDraft, ...]:
    """An order for who leads (主办), and the same for each who helps (协办)."""
    lead = OrderDraft(kind, case.department, body, reason)
    if not case.co_handlers:
        return (lead,)
    return (lead, *(OrderDraft(kind, helper, body, reason, case.department) for helper in case.co_handlers))


def _followed(book: CaseBook, full: Case) -> tuple[Case, Case | None]:
    """The last full case of those that follow each other, and the open one behind it that still takes reports."""
    for _ in range(_MOST_FOLLOWERS):
        after = book.get(full.followed_by) if full.followed_by else None
        if after is None or after.over:
            break
        if not after.is_full:
            return full, after
        full = after
    return full, None


def _asks_words(city: City) -> bool:
    """Whether some row of the policy looks at what a report says, not only at its category, place and time."""
    asked = ("keywords", "address", "attribute", "owner")
    whens = [row.when for row in city.exits] + [row.when for row in (*city.routes, *city.fallback)]
    return (
        any(getattr(when, name) is not None for when in whens for name in asked)
        or any(row.to_owner for row in (*city.routes, *city.fallback))
        or any(row.same or row.text is not None for row in city.linking)
    )


def _over(case: Case, at_ms: int) -> Case:
    """Of several ends the earliest counts, whatever order they come in."""
    closed_ms = at_ms if case.closed_ms is None else min(at_ms, case.closed_ms)
    return msgspec.structs.replace(case, closed_ms=closed_ms, event=None)
