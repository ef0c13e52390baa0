"""What becomes of a report: every kind of follow-up, in and out of order, and the links between reports of one incident."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.cases.cases import Case, CaseBook, Report
from hub.core.cases.casework import Casework
from hub.core.cases.steps import Step
from hub.core.linking import Clue, Incidents
from hub.core.report import Sighting
from hub.model.ids import case_id
from hub.policy import City, load_city
from hub.settings import ROOT
from hub.stream.changelog.state import JournaledState
from hub.topics import ROUTE_CHANGELOG

MINUTE = 60_000
NOON = 1_772_420_400_000


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(ROOT / "ops" / "cities" / "demo")


class Desk:
    """One partition's cases and the casework on them."""

    def __init__(self, city: City) -> None:
        self.state = JournaledState(ROUTE_CHANGELOG, Case, lambda _: CaseBook(Incidents(city)))
        self.book = self.state[0]
        self.casework = Casework(city)

    def take(self, **fields: object) -> list[Step]:
        return self.casework.take(self.state.journal(0), sighting(**fields))


def sighting(**fields: object) -> Sighting:
    base: dict[str, object] = {
        "row": 0, "source": "hotline", "ref": "H1", "revision": 0, "kind": "OPENED", "at_ms": NOON, "category": "water.burst",
        "urgency": "ROUTINE", "channel": "phone", "due_ms": None, "place_key": "p", "area": None, "lat": 31.0, "lon": 121.0,
        "body": b"event",
    }  # fmt: skip
    return Sighting(**(base | fields))  # type: ignore[arg-type]


@pytest.fixture
def desk(city: City) -> Desk:
    codes = [c for c in city.categories.values() if city.link_rule(c.family) is not None]
    assert codes
    return Desk(city)


@pytest.fixture(scope="module")
def linkable(city: City) -> str:
    return next(
        c.code for c in city.categories.values() if city.link_rule(c.family) is not None and c.family == "water"
    )


def test_the_first_report_opens_a_case_with_a_derived_id_and_an_order(desk: Desk, linkable: str) -> None:
    (step,) = desk.take(category=linkable)
    assert step.change == "OPENED"
    assert step.case.case_id == case_id("hotline", "H1")
    assert [order.kind for order in step.orders] == ["ASSIGN"]
    assert step.orders[0].body == b"event"


def test_a_second_source_near_by_is_linked_and_the_holder_is_told(desk: Desk, linkable: str) -> None:
    desk.take(category=linkable)
    (step,) = desk.take(source="police", ref="P1", category=linkable, at_ms=NOON + 5 * MINUTE, lat=31.0001)
    assert step.change == "LINKED"
    assert step.case.case_id == case_id("hotline", "H1")
    assert step.link is not None
    assert step.link.distance_m == pytest.approx(11.1, abs=0.2)
    assert [(order.kind, order.department) for order in step.orders] == [("LINK", step.case.department)]


def test_a_report_without_a_place_is_never_linked(desk: Desk, linkable: str) -> None:
    desk.take(category=linkable, lat=None, lon=None)
    (step,) = desk.take(source="police", ref="P1", category=linkable, lat=None, lon=None)
    assert step.change == "OPENED"


def test_a_report_made_after_the_closing_opens_anew_and_one_made_before_links(desk: Desk, linkable: str) -> None:
    (opened,) = desk.take(category=linkable)
    desk.casework.moves.close(desk.state.journal(0), opened.case.case_id, NOON + 10 * MINUTE)
    (late,) = desk.take(source="police", ref="late", category=linkable, at_ms=NOON + 5 * MINUTE)
    (after,) = desk.take(source="police", ref="after", category=linkable, at_ms=NOON + 20 * MINUTE)
    assert (late.change, late.orders) == ("LINKED", ())
    assert after.change == "OPENED"


def test_an_unknown_category_goes_to_the_desk_with_the_reason(desk: Desk, city: City) -> None:
    (step,) = desk.take(category="no such thing")
    assert step.case.department == city.dispatch_desk
    assert step.case.desk_reason == "unknown category"


def test_an_older_revision_that_comes_late_changes_nothing(desk: Desk, linkable: str) -> None:
    desk.take(category=linkable, revision=2, urgency="URGENT")
    (step,) = desk.take(category=linkable, revision=1)
    assert step.change == "SUPERSEDED"
    assert step.case.urgency == "URGENT"
    assert step.orders == ()


def test_an_amended_category_moves_the_case_and_both_departments_hear_of_it(
    desk: Desk, city: City, linkable: str
) -> None:
    (opened,) = desk.take(category=linkable)
    other = next(
        c.code
        for c in city.categories.values()
        if desk.casework._router.route_one("hotline", c.code, None, "ROUTINE").department
        not in (opened.case.department, city.dispatch_desk)
    )
    amended, moved = desk.take(category=other, revision=1, kind="AMENDED")
    assert (amended.change, moved.change) == ("AMENDED", "REROUTED")
    assert (amended.row, moved.row) == (0, None)
    assert {(order.kind, order.department) for order in moved.orders} == {
        ("WITHDRAW", opened.case.department),
        ("ASSIGN", moved.case.department),
    }


def test_a_withdrawn_lead_leaves_the_case_open_while_another_report_lives(desk: Desk, linkable: str) -> None:
    desk.take(category=linkable)
    desk.take(source="police", ref="P1", category=linkable)
    (first,) = desk.take(kind="WITHDRAWN", revision=1, category="")
    (second,) = desk.take(source="police", ref="P1", kind="WITHDRAWN", revision=1, category="")
    assert (first.change, first.case.over) == ("WITHDRAWN", False)
    assert (second.change, second.case.over) == ("WITHDRAWN", True)


def test_the_source_of_the_lead_closes_the_case(desk: Desk, linkable: str) -> None:
    desk.take(category=linkable)
    (step,) = desk.take(kind="CLOSED", revision=1, category="", at_ms=NOON + MINUTE)
    assert (step.change, step.case.closed_ms) == ("CLOSED", NOON + MINUTE)
    assert [order.kind for order in step.orders] == ["WITHDRAW"]


def test_a_closing_that_comes_before_its_opening_is_a_case_that_is_over(desk: Desk, linkable: str) -> None:
    (ended,) = desk.take(kind="CLOSED", revision=1, category="")
    (late,) = desk.take(category=linkable, revision=0)
    assert (ended.change, ended.case.over, ended.orders) == ("OPENED", True, ())
    assert late.change == "SUPERSEDED"


def test_a_refused_case_goes_to_the_desk_with_the_report(desk: Desk, city: City, linkable: str) -> None:
    (opened,) = desk.take(category=linkable)
    holder = opened.case.department
    (step,) = desk.casework.moves.refuse(desk.state.journal(0), opened.case.case_id, holder, NOON)
    assert step.case.department == city.dispatch_desk
    assert [(o.kind, o.department, o.body) for o in step.orders] == [
        ("WITHDRAW", holder, None),
        ("ASSIGN", city.dispatch_desk, b"event"),
    ]
    assert desk.casework.moves.refuse(desk.state.journal(0), opened.case.case_id, holder, NOON) == []


def test_the_desk_may_take_a_case_back_and_a_stranger_may_not(desk: Desk, city: City) -> None:
    (opened,) = desk.take()
    stranger = next(each for each in city.departments if each not in (opened.case.department, city.dispatch_desk))
    assert desk.casework.moves.refuse(desk.state.journal(0), opened.case.case_id, stranger, NOON) == []
    (step,) = desk.casework.moves.refuse(desk.state.journal(0), opened.case.case_id, city.dispatch_desk, NOON)
    assert (step.change, step.case.department) == ("REROUTED", city.dispatch_desk)


def test_a_case_that_is_closed_by_an_update_is_not_ended_by_the_record_that_says_so(desk: Desk) -> None:
    """`track` has the update, and may know better than it."""
    (opened,) = desk.take()
    (step,) = desk.casework.moves.close(desk.state.journal(0), opened.case.case_id, NOON)
    assert (step.change, step.case.over, step.ends) == ("CLOSED", True, False)


reports = st.lists(
    st.builds(
        dict,
        ref=st.sampled_from(["A", "B", "C"]),
        revision=st.integers(0, 3),
        kind=st.sampled_from(["OPENED", "AMENDED", "WITHDRAWN", "CLOSED"]),
        at_ms=st.integers(NOON, NOON + 100 * MINUTE),
        lat=st.sampled_from([31.0, 31.0001, 31.5, None]),
    ),
    max_size=12,
)


@given(reports)
def test_every_report_has_one_step_that_accounts_for_it_and_one_case(
    city: City, linkable: str, rows: list[dict[str, object]]
) -> None:
    desk = Desk(city)
    opened: set[str] = set()
    for row, fields in enumerate(rows):
        steps = desk.take(row=row, category=linkable, **fields)
        assert [step.row for step in steps] == [row] + [None] * (len(steps) - 1)
        if steps[0].change == "OPENED":
            assert steps[0].case.case_id not in opened
            opened.add(steps[0].case.case_id)
        assert steps[0].case.case_id in opened
        assert desk.book.of_report("hotline", str(fields["ref"])) == steps[-1].case
    open_cases = sum(not case.over for case in map(desk.book.get, opened) if case)
    assert sum(desk.book.open_by_department.values()) == open_cases


@given(reports, reports)
def test_what_is_rolled_back_leaves_no_trace(
    city: City, linkable: str, kept: list[dict[str, object]], undone: list[dict[str, object]]
) -> None:
    once, twice = Desk(city), Desk(city)
    for desk in (once, twice):
        for fields in kept:
            desk.take(category=linkable, **fields)
        desk.state.commit()
    for fields in undone:
        twice.take(category=linkable, **fields)
    twice.state.rollback()
    again = [
        [step.case for step in desk.take(category=linkable, **fields)] for fields in undone for desk in (once, twice)
    ]
    assert again[::2] == again[1::2]
    assert list(once.state.changes()) == list(twice.state.changes())


references = st.lists(st.sampled_from(["H1", "H2", "H3"]), min_size=1, max_size=2, unique=True)
held = st.builds(
    lambda key, refs, department, closed_ms, lat: (
        key,
        Case(
            key, tuple(Report("hotline", f"{key}-{ref}", 0, True, Clue(NOON, "water", lat, 121.0)) for ref in refs), "water.burst",
            "water", "ROUTINE", "phone", "p", None, lat, 121.0, department, "rule", None, NOON, None, closed_ms,
        ),
    ),
    st.sampled_from("ab"), references, st.sampled_from(["water", "roads"]), st.none() | st.integers(NOON, NOON + 9),
    st.sampled_from([None, 31.0, 31.001]),
)  # fmt: skip
acts = st.lists(
    held
    | st.tuples(
        st.sampled_from("ab"),
        st.none() | st.integers(NOON, NOON + 9) | st.just("open") | st.sampled_from([31.0, 31.001]),
    ),
    max_size=12,
)
"""Of a case: another record, None (forgotten), when it was closed, that it is open again, or where it lies now."""


@given(acts)
def test_a_book_that_was_changed_is_as_one_made_anew(city: City, acts: list[tuple[str, object]]) -> None:
    book, anew = CaseBook(Incidents(city)), CaseBook(Incidents(city))
    for key, act in acts:
        known = book.get(key)
        if act is None or isinstance(act, Case):
            book.put(key, act)
        elif known is not None and isinstance(act, float):
            book.put(key, msgspec.structs.replace(known, lat=act))
        elif known is not None:
            book.put(key, msgspec.structs.replace(known, closed_ms=None if act == "open" else act))
    for key, record in book.items():
        anew.put(key, record)
    asked = [Clue(NOON + 5, "water", 31.0002, 121.0), Clue(NOON + 5, "water", 31.0011, 121.0)]
    for each in (book, anew):
        each.incidents.look_ahead(asked)
    assert [book.incidents.find(clue) for clue in asked] == [anew.incidents.find(clue) for clue in asked]
    assert +book.open_by_department == +anew.open_by_department
    for key, record in book.items():
        assert book.incidents.get(key) == anew.incidents.get(key)
        for report in record.reports:
            assert book.of_report(report.source, report.ref) == anew.of_report(report.source, report.ref)
    assert list(book.closed_before(NOON + 5)) == list(anew.closed_before(NOON + 5))
