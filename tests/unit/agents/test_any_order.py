"""What a case comes to does not depend on the order in which its source's statements and its departments' updates come in.

What is left to order on purpose stands in ops/adr/0026 and, by name, in test_what_order_decides.py.
"""

from __future__ import annotations

import dataclasses
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import topics
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update
from hub.policy.models import ClockSpec, DeadlineRule, Name
from tests.unit.agents.any_order import CASE, DESK, HOLDERS, WIDER, outcome, statement, update
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

Record = CaseEvent | Update
EXAMPLES = 25

minutes = st.integers(0, 2000)
kinds = st.sampled_from(list(EventKind))
matters = st.fixed_dictionaries(
    {
        "category": st.sampled_from(["water.burst", "road.collapse", "traffic.parking", "safety.person", "other.unclear", ""]),
        "urgency": st.sampled_from([Urgency.ROUTINE, Urgency.URGENT, Urgency.EMERGENCY]),
        "place": st.sampled_from(
            [
                Place(code="LT01"),
                Place(code="LT03"),
                Place(),
                Place(code="LT01", lat=34.02, lon=114.515),
                Place(lat=34.03, lon=114.53),
            ]
        ),
    }
)  # fmt: skip
plain = st.tuples(
    st.just("water_supply"),
    st.sampled_from(["ACCEPTED", "RESPONDED", "RESOLVED"]),
    st.integers(-500, 2000),
    st.just({}),
)
"""What the only holder says."""
moves = st.one_of(
    st.tuples(st.sampled_from(HOLDERS), st.just("REFUSED"), minutes, st.just({})),
    st.tuples(
        st.sampled_from(HOLDERS),
        st.sampled_from(["TRANSFERRED", "DESIGNATED"]),
        minutes,
        st.sampled_from(HOLDERS).map(lambda to: {"to": to}),
    ),
    st.tuples(
        st.sampled_from(HOLDERS[:3]),
        st.just("WHISTLED"),
        minutes,
        st.sampled_from(HOLDERS[:3]).map(lambda each: {"members": [each]}),
    ),
)
words = st.tuples(
    st.sampled_from(HOLDERS), st.sampled_from(["ACCEPTED", "RESPONDED", "RESOLVED"]), minutes, st.just({})
)
reopenings = st.tuples(st.sampled_from([DESK, "water_supply"]), st.just("REOPENED"), minutes, st.just({}))
terms = st.one_of(
    st.tuples(
        st.sampled_from(HOLDERS),
        st.sampled_from(["EXTENSION_ASKED", "RESUMED"]),
        minutes,
        st.just({"clock": "resolve"}),
    ),
    st.tuples(
        st.just(DESK),
        st.sampled_from(["EXTENSION_GRANTED", "EXTENSION_DENIED"]),
        minutes,
        st.just({"clock": "resolve"}),
    ),
    st.tuples(
        st.sampled_from(HOLDERS), st.just("PAUSED"), minutes, st.just({"clock": "resolve", "reason": "appraisal"})
    ),
)


def of_lead(draw: Any, times: list[int], what: st.SearchStrategy[dict[str, Any]] | None) -> list[Record]:
    """Revisions from 0, the first an opening, each at its minute."""
    rows: list[Record] = []
    for revision, minute in enumerate(times):
        kind = EventKind.OPENED if revision == 0 else draw(kinds)
        rows.append(statement("H1", revision, kind, minute, **({} if what is None else draw(what))))
    return rows


def said(draw: Any, *kinds: st.SearchStrategy[Any], at_most: int = 3) -> list[Record]:
    rows = draw(st.lists(st.one_of(*kinds), max_size=at_most))
    return [update(number, who, word, minute, **more) for number, (who, word, minute, more) in enumerate(rows)]


def agree(draw: Any, records: list[Record], fixed: int = 0) -> None:
    """In any order it comes to the same as in the order given; the first `fixed` records come first in each."""
    mixed = [*records[:fixed], *draw(st.permutations(records[fixed:]))]
    pauses = draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    pauses[:fixed] = [True] * fixed
    assert outcome(mixed, pauses) == outcome(records, [True] * len(records))


rising = st.sets(st.integers(1, 2000), max_size=3).map(lambda found: [0, *sorted(found)])
falling = st.lists(minutes, min_size=1, max_size=4)


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_statements_that_say_the_same_and_the_holders_plain_words(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times, None) + said(data.draw, plain, at_most=2))


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_statements_that_differ_in_urgency_category_and_place(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times, matters) + said(data.draw, words, at_most=2))


@settings(max_examples=EXAMPLES)
@given(falling, st.data())
def test_times_that_fall_while_revisions_rise(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times, matters) + said(data.draw, words, at_most=2))


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_refusals_transfers_and_designations(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times[:2], None) + said(data.draw, moves, words, at_most=4))


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_reopenings_by_source_desk_and_department(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times, None) + said(data.draw, reopenings, words, at_most=4))


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_extensions_and_pauses(times: list[int], data: st.DataObject) -> None:
    matter = st.fixed_dictionaries(
        {"category": st.sampled_from(["safety.person", "water.burst"]), "urgency": st.just(Urgency.ROUTINE)}
    )
    agree(data.draw, of_lead(data.draw, times[:2], matter) + said(data.draw, terms, words, at_most=4))


@settings(max_examples=EXAMPLES)
@given(falling, st.data())
def test_all_of_it_together(times: list[int], data: st.DataObject) -> None:
    agree(data.draw, of_lead(data.draw, times, matters) + said(data.draw, moves, words, reopenings, terms, at_most=5))


@settings(max_examples=EXAMPLES)
@given(rising, st.data())
def test_a_report_that_is_linked(times: list[int], data: st.DataObject) -> None:
    """Once some revision of it that ends nothing was linked, while its case was open: those below it come in any order too."""
    minute, step = data.draw(st.integers(0, 300)), data.draw(st.sampled_from([-10, 10]))
    several = data.draw(st.integers(1, 3))
    first = data.draw(st.integers(0, several - 1))
    linked: list[Record] = [
        statement("P1", n, EventKind.AMENDED if n == first else data.draw(kinds), minute + step * n, "police")
        for n in range(several)
    ]
    lead = of_lead(data.draw, times[:3], None)
    others = [*linked[:first], *linked[first + 1 :]]
    records = [lead[0], linked[first], *others, *lead[1:], *said(data.draw, words, moves, at_most=2)]
    agree(data.draw, records, fixed=2)


def in_turn(*rows: tuple[EventKind, int]) -> list[CaseEvent]:
    return [statement("H1", revision, kind, minute) for revision, (kind, minute) in enumerate(rows)]


def test_opening_time_is_the_earliest_statements_whatever_comes_first() -> None:
    """The clock had met its time by what was known; by the earlier statement, which comes late, it had run out."""
    first, later = report("H1", NOON), report("H1", NOON + 60 * MINUTE, revision=1, kind=EventKind.AMENDED)
    with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
        hub.report(later)
        hub.say(update(0, "water_supply", "ACCEPTED", 70))
        hub.settle()
        assert [r["kind"] for r in hub.records(topics.DEADLINES.name, clock="accept")] == ["MET"]
        hub.report(first)
        hub.settle()
        last = hub.records(topics.DEADLINES.name, clock="accept")[-1]
        assert (last["kind"], last["started_at"], last["due_at"]) == ("ENDED_LATE", NOON, NOON + 15 * MINUTE)
        assert hub.records(topics.CASES.name)[-1]["opened_at"] == NOON
        (order,) = hub.orders(kind="AMEND")
        assert order["deadlines"][0]["due_at"] < NOON + 60 * MINUTE


def test_a_bare_opening_by_its_own_source_brings_a_withdrawn_or_closed_case_back() -> None:
    for kind in (EventKind.WITHDRAWN, EventKind.CLOSED):
        with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
            for event in in_turn((EventKind.OPENED, 0), (kind, 10), (EventKind.OPENED, 20)):
                hub.report(event)
                hub.run()
            assert not hub.records(topics.CASES.name)[-1]["over"]
            assert [o["kind"] for o in hub.orders() if o["kind"] != "REMIND"] == ["ASSIGN", "WITHDRAW", "ASSIGN"]
            case = hub.tracked(CASE)
            assert case is not None
            running = [clock for clock in case.clocks if clock.running]
            assert [(clock.clock, clock.round, clock.started_ms) for clock in running] == [
                ("resolve", 1, NOON + 20 * MINUTE)
            ]


@pytest.mark.parametrize("kind", [EventKind.WITHDRAWN, EventKind.CLOSED])
def test_an_opening_that_is_undone_at_its_instant_never_was(kind: EventKind) -> None:
    told = in_turn((EventKind.OPENED, 0), (kind, 0), (EventKind.OPENED, 1), (kind, 1))
    found = [outcome(order, [True] * 4) for order in permutations(told)]
    assert found[0]["over"] == NOON
    assert all(each == found[0] for each in found)


def test_a_word_on_a_case_that_is_over_reaches_its_holder() -> None:
    with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
        for event in in_turn((EventKind.OPENED, 0), (EventKind.CLOSED, 10), (EventKind.AMENDED, 20)):
            hub.report(event)
            hub.run()
        assert hub.records(topics.CASES.name)[-1]["over"]
        (order,) = hub.orders(kind="AMEND")
        assert order["department"] == "water_supply"
        assert order["event"]["revision"] == 2


JOINT = [
    statement("P1", 0, EventKind.OPENED, 30, "police"),
    update(1, "water_supply", "WHISTLED", 10, members=["roads"]),
    update(2, "roads", "ARRIVED", 20),
    update(3, "water_supply", "RESOLVED", 50, outcome="solved"),
]
"""A report that is linked, a unit that is called and is there, and what the matter came to."""


CALLED = dataclasses.replace(
    WIDER,
    clocks={**WIDER.clocks, "report_in": ClockSpec(name=Name(en="report in", zh="报到"), stop=("arrived",))},
    deadlines=(
        *WIDER.deadlines,
        DeadlineRule(
            id="report.in", clock="report_in", duration=30, unit="minute", start=("called",), stop=("arrived",)
        ),
    ),
)


@pytest.mark.parametrize(("breath", "each"), [(True, 1), (False, 3)], ids=["chunk by chunk", "at once"])
def test_linked_reports_called_units_and_outcomes_of_several_departments_in_every_order(
    breath: bool, each: int
) -> None:
    """Over all permutations, across chunks and (of some) within one: the opening comes first, as nobody knows the case before."""
    opening = statement("H1", 0, EventKind.OPENED, 0)
    orders = list(permutations(JOINT))[::each]
    found = [outcome([opening, *order], [True, *[breath] * len(order)], CALLED) for order in orders]
    assert all(one == found[0] for one in found)
    assert found[0]["holder"] == "water_supply"
    assert {("resolve", "MET"), ("report_in/roads", "MET")} <= {(clock[0], clock[6]) for clock in found[0]["clocks"]}


SAID_AGAIN = [
    statement("H1", 0, EventKind.OPENED, 0, category="other.unclear"),
    statement("H1", 1, EventKind.CLOSED, 5),
    statement("H1", 2, EventKind.AMENDED, 10, category="road.collapse"),
    statement("H1", 3, EventKind.AMENDED, 40, category="road.collapse"),
    update(1, DESK, "REOPENED", 20),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 4, 3), (2, 4, 0, 3, 1), (3, 0, 2, 1, 4)])
def test_an_amendment_that_says_nothing_new_moves_no_case_in_any_order(order: tuple[int, ...]) -> None:
    """The first to say it came while the case was over, and moved nothing; it was opened again before the next."""
    assert outcome([SAID_AGAIN[index] for index in order], [True] * 5) == outcome(SAID_AGAIN, [True] * 5)
