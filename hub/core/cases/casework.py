"""What `route` does with a report: open a case, link it to one, amend, reroute, withdraw or close it. One at a time, in order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.core.cases.cases import Case, CaseBook, CaseJournal, Report
from hub.core.cases.changes.moves import Moves
from hub.core.cases.changes.revisions import Revisions
from hub.core.cases.sequence import (
    ENDINGS,
    begins_with_end,
    end_of,
    first_said,
    openings,
    said_of,
    standing,
    with_statement,
)
from hub.core.cases.steps import (
    AMEND,
    AMENDED,
    ASSIGN,
    EMERGENCY,
    LINK,
    LINKED,
    OPENED,
    PASSED_ON,
    REROUTED,
    SENT_BACK,
    SUPERSEDED,
    WITHDRAW,
    OrderDraft,
    Step,
    by_rules,
    called_by,
    handed_over,
    over,
    parties_of,
    to_all,
)  # fmt: skip
from hub.core.cases.versions import complete, course, history_of
from hub.core.linking import Clue, ClueReader, Match
from hub.core.report import Sighting
from hub.core.routing.router import Decision, Router
from hub.model.event import EventKind
from hub.model.ids import case_id
from hub.model.outputs import ChangeKind
from hub.policy.city import City

_EARLIER = "an earlier statement of its source came late: its clocks run from that 更早来报迟到，按其时间起算"
_LATE = "a statement of its source came late: its clocks may be others now 来报迟到，时限可能有变"
_MOST_FOLLOWERS = 100
_NO_MORE = (None, (), None, None)
"""Queue, helpers, priority and unit of most cases."""
_AFTER_THE_END = "its source says more after the case was over 结案后补充"


class Casework:
    """Decides for one city. Pure but for the book it is given: the same book and reports give the same steps."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._router = Router(city)
        self._clues = ClueReader(city)
        self._revisions = Revisions(city, self._router)
        self.moves = Moves(city)
        """On the word of departments."""
        self._settling = frozenset(row.id for row in city.exits if row.exit != EMERGENCY)
        self.asks_words = _asks_words(city) or self._revisions.asks_conditions
        """Whether sightings need their title, text, address, label and attributes."""

    def take(self, journal: CaseJournal, seen: Sighting) -> list[Step]:
        """Apply one report; what it changes is put into the journal. The first step accounts for the report."""
        return self.take_all(journal, [seen])

    def take_all(self, journal: CaseJournal, reports: Sequence[Sighting]) -> list[Step]:
        """Apply many reports, one after the other. Of each, the first step has its row and accounts for it."""
        book = journal.book
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
                match = None if seen.kind in ENDINGS else lookout.best(at, exclude=parted)
                found = None if match is None else book.get(match.case_id)
                full, found = _followed(book, found) if found is not None and found.is_full else (None, found)
                if match is not None and found is not None:
                    done.append(self._link(found, seen, match, clues[at]))
                else:
                    done.append(self._open(seen, clues[at], decisions[at]))
                if full is not None and found is None:
                    journal.put(full.case_id, msgspec.structs.replace(full, followed_by=done[-1].case.case_id))
            last = done[-1].case
            journal.put(last.case_id, last)
        return done

    def open_alone(self, journal: CaseJournal, seen: Sighting) -> Step:
        """Open a case without asking what else the report may be about: a person has decided that."""
        clue = self._clues.clue(seen, self._family_of(seen.category))
        step = self._open(seen, clue, self._router.route_all([seen])[0])
        journal.put(step.case.case_id, step.case)
        return step

    # -- a reference not seen before ---------------------------------------------------------------------------------

    def _family_of(self, label: str) -> str | None:
        category = self._city.category_of(label)
        return category.family if category else None

    def _link(self, case: Case, seen: Sighting, match: Match, clue: Clue) -> Step:
        back_from_ms = case.closed_ms if match.reopens else None
        report = Report(
            seen.source, seen.ref, seen.revision, clue=clue, over_before_ms=back_from_ms, statements=first_said(seen)
        )
        linked = msgspec.structs.replace(case, reports=(*case.reports, report))
        reasons = "; ".join(match.reasons)
        if case.over and match.reopens:
            back_ms = max(seen.opening_ms, case.closed_ms or 0)
            linked = msgspec.structs.replace(linked, closed_ms=None, event=seen.body, reopened_ms=back_ms)
            orders = to_all(linked, ASSIGN, seen.body, f"reopened: {reasons}")
            return Step(LINKED, linked, seen.opening_ms, report, seen.row, match, reopens=True, orders=orders)
        orders = () if case.over else to_all(case, LINK, seen.body, reasons)
        return Step(LINKED, linked, seen.at_ms, report, seen.row, match, orders=orders)

    def _open(self, seen: Sighting, clue: Clue, decision: Decision) -> Step:
        """A report whose source has already closed or withdrawn it, having lost or delayed its beginning, is a case too."""
        category = self._city.category_of(seen.category)
        code = category.code if category else seen.category
        exit_ = decision.exit
        settled = exit_ is not None and exit_.exit != EMERGENCY
        ended, at_ms = settled or seen.kind in ENDINGS, seen.opening_ms
        report = Report(
            seen.source,
            seen.ref,
            seen.revision,
            live=not ended,
            clue=clue,
            end=end_of(seen),
            statements=first_said(seen),
        )
        case = Case(  # with more than twelve keywords beside six values Python makes a dictionary first, and takes twice the time
            seen.case_id or case_id(seen.source, seen.ref),
            (report,),
            code,
            category.family if category else None,
            seen.urgency,
            seen.channel,
            place_key=seen.place_key,
            area=seen.area,
            lat=seen.lat,
            lon=seen.lon,
            department=decision.department,
            rule=decision.rule,
            desk_reason=(exit_.reason or exit_.exit) if exit_ else decision.desk_reason,
            opened_ms=at_ms,
            due_ms=seen.due_ms,
            conditions=self._revisions.conditions(seen),
            event=None if ended else seen.body,
            rules=self._city.version,
        )
        if ended or (decision.queue, decision.co_handlers, decision.priority, decision.unit) != _NO_MORE:
            case = msgspec.structs.replace(
                case,
                closed_ms=at_ms if ended else None,
                queue=decision.queue,
                co_handlers=decision.co_handlers,
                priority=decision.priority,
                unit=decision.unit,
            )
        if decision.called:
            case = msgspec.structs.replace(case, called=called_by(case, decision.called, at_ms))
        orders = () if ended else to_all(case, ASSIGN, seen.body, case.desk_reason)
        told = f"{exit_.reply.zh} {exit_.reply.en}" if exit_ is not None and settled and exit_.reply else None
        return Step(OPENED, case, at_ms, report, seen.row, ends=ended, reply=told, orders=orders)

    # -- a reference that belongs to a case ------------------------------------------------------------------------

    def _follow_up(self, case: Case, seen: Sighting) -> list[Step]:
        """What a further statement comes to. Revisions say which one holds; but each counts with its time and with what it
        ended or opened again, whatever order they come in (hub/core/cases/sequence.py, hub/core/cases/versions.py).

        The steps are what is done at once; where they are not all there is to say, the last tells the whole history."""
        index = next(i for i, r in enumerate(case.reports) if (r.source, r.ref) == (seen.source, seen.ref))
        known = case.reports[index]
        said = with_statement(known, case, seen)
        live, end = standing(said)
        report = msgspec.structs.replace(
            known, revision=max(seen.revision, known.revision), live=live, end=end, statements=said
        )
        before = case
        case = msgspec.structs.replace(case, reports=(*case.reports[:index], report, *case.reports[index + 1 :]))
        alone = index == 0 and seen.kind not in ENDINGS and begins_with_end(known, before)
        settled = before.over and before.rule in self._settling
        ends_only = begins_with_end(report, case)  # then what an end says of the matter is all that is known of it
        if index == 0 and not settled and (ends_only or seen.kind not in ENDINGS):
            case = self._revisions.amended(case, before, seen, alone=alone)
        back_ms = [at_ms for at_ms in openings(said) if at_ms not in openings(said_of(known, before))]
        late = seen.revision < known.revision
        if seen.kind in ENDINGS:
            steps = [self._end_report(case, seen, report, is_lead=index == 0)]
        elif back_ms and not late:
            steps = [self._bring_back(case, seen, report, back_ms.pop(), before.closed_ms, seen.row)]
        else:
            steps = self._say_more(case, before, seen, report, late=late)
        # an end that comes late may have been followed by an opening that is known already
        for at_ms in back_ms:
            steps.append(self._bring_back(steps[-1].case, seen, report, at_ms, before.closed_ms, None))
        changed = case.versions is not before.versions and course(before) != course(case)
        may_move = changed or (late and index == 0 and not settled)
        moves = self._where_the_rules_put_it(steps[-1], seen, report) if may_move else []
        if moves:
            steps = [*steps[:-1], msgspec.structs.replace(steps[-1], orders=_still_told(steps[-1], moves[0])), *moves]
        news = changed or _is_news(steps, seen, said_of(known, before))
        if not settled and (late or alone or ends_only or news):
            steps[-1] = msgspec.structs.replace(steps[-1], history=history_of(steps[-1].case))
        return steps

    def _say_more(self, case: Case, before: Case, seen: Sighting, report: Report, *, late: bool) -> list[Step]:
        """A statement that neither ends the report nor opens it again."""
        if late:
            orders: tuple[OrderDraft, ...] = ()
            if not case.over and course(before) != course(case):
                orders = to_all(case, AMEND, None, _EARLIER if case.opened_ms < before.opened_ms else _LATE)
            return [Step(SUPERSEDED, case, seen.at_ms, report, seen.row, orders=orders)]
        if case.over:
            return [Step(AMENDED, case, seen.at_ms, report, seen.row, orders=self._word_after_the_end(case, seen))]
        # what a linked report adds goes to the holder; only the lead says what the case is
        if report is case.lead:
            case = msgspec.structs.replace(case, event=seen.body)
        return [Step(AMENDED, case, seen.at_ms, report, seen.row, orders=to_all(case, AMEND, seen.body))]

    def _where_the_rules_put_it(self, step: Step, seen: Sighting, report: Report) -> list[Step]:
        """A step more if an open case has another department now, or others help, unless departments or the desk have moved it
        themselves: then it stays until they move it again."""
        case = step.case
        if case.over or not case.versions or step.reopens or case.rule in (SENT_BACK, PASSED_ON):
            return []
        now = complete(case.versions)[-1]
        if (now.department, set(now.co_handlers)) == (case.department, set(case.co_handlers)):
            return []
        moved, reason = by_rules(case, now, max(now.at_ms, case.opened_ms)), f"rerouted: {now.rule}"
        orders = handed_over(case, moved, case.event, reason, now.desk_reason or reason)
        return [Step(REROUTED, moved, seen.at_ms, report, None, orders=orders)]

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
            moves=case.moves + 1,
        )
        orders = () if over_again else to_all(back, ASSIGN, seen.body, f"opened again by {seen.source} 来源重新提出")
        return Step(AMENDED, back, at_ms, report, row, reopens=True, orders=orders)

    def _word_after_the_end(self, case: Case, seen: Sighting) -> tuple[OrderDraft, ...]:
        """A word on a case that is over reaches who held it, or the dispatch desk if that department is gone."""
        to = case.department if case.department in self._city.departments else self._city.dispatch_desk
        return (OrderDraft(AMEND, to, seen.body, _AFTER_THE_END),)

    def _end_report(self, case: Case, seen: Sighting, report: Report, *, is_lead: bool) -> Step:
        # which reports are linked by now depends on their order: once the case is over, only the lead's own closing counts
        alone = len(case.reports) == 1
        ends = (is_lead and seen.kind == EventKind.CLOSED) or (
            (alone or not case.over) and (alone or case.live_reports == 0)
        )
        orders: tuple[OrderDraft, ...] = ()
        if ends and not case.over:
            orders = to_all(case, WITHDRAW, None, f"{seen.kind.lower()} by {seen.source}")
        if ends:
            case = over(case, seen.at_ms)
        return Step(ChangeKind(seen.kind), case, seen.at_ms, report, seen.row, ends=ends, orders=orders)


def _still_told(step: Step, move: Step) -> tuple[OrderDraft, ...]:
    """Of the orders of an amendment those that a rerouting behind it does not make needless: to who goes on under the same lead."""
    if move.case.department != step.case.department:
        return ()
    return tuple(order for order in step.orders if order.department in parties_of(move.case))


def _is_news(steps: Sequence[Step], seen: Sighting, remembered: Sequence[tuple[int, str, int]]) -> bool:
    """Whether the steps are not all that there is to say of a statement, which may change nothing of what the case is: it is dated
    before another (an end: at the instant of another, which may be the opening that it undoes), or it counts with those of other
    reports."""
    case = steps[-1].case
    several = len(case.reports) > 1 and (seen.kind in ENDINGS or any(step.reopens for step in steps))
    earlier = any(seen.at_ms < at_ms + (seen.kind in ENDINGS) for _, _, at_ms in remembered)
    undone = any(step.reopens and step.at_ms <= case.opened_ms for step in steps)  # the end never was
    return several or earlier or undone or steps[-1].change == REROUTED


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
