"""Lives of cases: what is known decides, not the order in which it came; refused events name their reason and change nothing."""

from __future__ import annotations

import msgspec
import pytest

from hub.core.tracking.consequences import UpdateRow
from hub.core.tracking.lifecycle import EVENT_RULES, LADDER, Refusal, State, step
from hub.core.tracking.tracker import Tracking
from hub.model.outputs import ChangeKind
from hub.policy.models import STANDARD_LADDER
from tests.unit.core.tracking.lives.small_lives import HOUR, START, Hub, opened, said, small_city, tracking_of


@pytest.fixture(scope="module")
def tracking() -> Tracking:
    return tracking_of(small_city())


@pytest.fixture
def hub(tracking: Tracking) -> Hub:
    return Hub(tracking)


# -- the table -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", EVENT_RULES)
@pytest.mark.parametrize("state", State)
def test_every_event_leads_somewhere_or_is_refused_in_words(state: State, event: str) -> None:
    found = step(state, event)
    if isinstance(found, Refusal):
        assert EVENT_RULES[event].name in found.reason
        assert "may be said when" in found.reason
    else:
        assert isinstance(found, State)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.DISPATCHED, State.ARBITRATION}
    while True:
        more = {to for rule in EVENT_RULES.values() for before, to in rule.leads.items() if before in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == set(State)
    for state in State:
        assert any(rule.leads.get(state, state) != state for rule in EVENT_RULES.values()), state


# -- what is refused, and why ----------------------------------------------------------------------------------------------


def test_accepting_after_the_end_is_refused_but_not_if_it_was_before(hub: Hub) -> None:
    hub.hear(said("RESOLVED", 10), said("ACCEPTED", 3))
    assert hub.waiting == []
    hub.hear(said("ACCEPTED", 11))
    assert "not allowed while the case is resolved" in hub.why()
    assert [c.verdict for c in hub.case.clocks if c.clock == "accept"] == ["MET"]


def test_what_was_designated_cannot_be_returned(hub: Hub) -> None:
    hub.hear(said("DESIGNATED", 1, by="dispatch", to="water"), said("REFUSED", 2, by="water"))
    assert "cannot be returned" in hub.why()


def test_a_refusal_after_its_window_is_refused(hub: Hub) -> None:
    hub.hear(said("REFUSED", 9))
    assert "window" in hub.why()


def test_ping_pong_ends_in_arbitration_and_only_a_designation_leads_out(hub: Hub) -> None:
    hub.hear(
        said("REFUSED", 1), said("TRANSFERRED", 2, by="dispatch", to="water"), said("REFUSED", 3, by="water"),
        said("TRANSFERRED", 4, by="dispatch", to="roads"),
    )  # fmt: skip
    assert "in arbitration" in hub.why()
    hub.give_up()
    hub.hear(said("DESIGNATED", 5, by="dispatch", to="water"), said("ACCEPTED", 6, by="water"))
    assert hub.waiting == []
    assert [each.step for each in hub.effects.endings] == ["AS_OUTCOME", "TRANSFERRED", "AS_OUTCOME", "DESIGNATED"]


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (said("EXTENSION_GRANTED", 1), "is for the dispatch desk"),
        (said("EXTENSION_ASKED", 41), "before the clock runs out"),
        (said("EXTENSION_ASKED", 1, clock="accept"), "allows no extension"),
        (said("EXTENSION_DENIED", 1, by="dispatch"), "nobody has asked"),
        (said("PAUSED", 1), "appraisal, weather"),
        (said("RESUMED", 1), "not allowed while the case is dispatched"),
        (said("TRANSFERRED", 1, to="nobody"), "what it names is none"),
        (said("WHISTLED", 1, members=("nobody",)), "1 that it names are none"),
        (said("SATISFIED", 1, by="dispatch"), "not allowed while"),
        (said("ARRIVED", 1, by="water"), "who holds the case or helps"),
    ],
    ids=lambda value: value.status if isinstance(value, UpdateRow) else None,
)
def test_what_may_not_be_says_why_and_changes_nothing(hub: Hub, update: UpdateRow, words: str) -> None:
    before = hub.case
    hub.hear(update)
    assert words in hub.why()
    assert hub.case == before
    assert not hub.effects.replies


def test_a_case_climbs_the_ladder_and_does_not_come_down(hub: Hub) -> None:
    hub.hear(
        said("REMINDED", 1, by="dispatch"), said("SUPERVISED", 2, by="dispatch"), said("REMINDED", 3, by="dispatch")
    )
    assert "does not come down" in hub.why()
    assert [(notice.department, notice.answer.status) for notice in hub.effects.notices] == [
        ("roads", "REMINDED"), ("roads", "SUPERVISED"),
    ]  # fmt: skip


def climbed(hub: Hub) -> dict[str, str | None]:
    """By clock that ran out, the rung it led to."""
    lives = hub.tracking._clockwork.lives
    found = {r.clock.clock: lives.climb(r.case, r.clock) for r in hub.effects.rings if r.kind == "BREACHED"}
    return {clock: None if climb is None else climb.rung for clock, climb in found.items()}


def test_rows_climb_the_ladder_by_themselves_when_their_clock_runs_out_or_some_time_after(hub: Hub) -> None:
    assert tuple(each.rung for each in STANDARD_LADDER) == LADDER
    hub.at(45)
    assert climbed(hub) == {"accept": None, "respond": None, "refuse": None, "resolve": "reminded"}
    hub.at(57)
    assert climbed(hub)["supervise"] == "supervised"
    hub.hear(said("REMINDED", 58, by="dispatch"))
    assert "does not come down" in hub.why()


def test_a_row_takes_no_case_down_the_ladder(hub: Hub) -> None:
    hub.hear(said("NOTIFIED", 39, by="dispatch")).at(57)
    assert (climbed(hub)["resolve"], climbed(hub)["supervise"]) == (None, None)


def test_what_ended_in_time_climbs_nothing(hub: Hub) -> None:
    hub.hear(said("RESOLVED", 39)).at(57)
    assert set(climbed(hub)) == {"accept", "respond", "refuse"}


# -- clocks ----------------------------------------------------------------------------------------------------------------


def test_extensions_lengthen_the_duration_as_often_as_the_row_allows(hub: Hub) -> None:
    hub.hear(said("EXTENSION_ASKED", 39), said("EXTENSION_GRANTED", 45, by="dispatch"))
    assert hub.due() == 50
    hub.hear(said("EXTENSION_GRANTED", 46, by="dispatch"), said("EXTENSION_GRANTED", 47, by="dispatch"))
    assert hub.due() == 60
    assert "used up" in hub.why()


def test_a_grant_that_comes_late_takes_the_breach_back(hub: Hub) -> None:
    hub.at(42)
    assert [r.at_ms - START for r in hub.effects.rings if r.kind == "BREACHED" and r.clock.clock == "resolve"] == [
        40 * HOUR
    ]
    hub.hear(said("EXTENSION_GRANTED", 30, by="dispatch"))
    last = [r for r in hub.effects.rings if r.clock.clock == "resolve"][-1]
    assert (last.kind, last.corrects, last.clock.due_ms - START) == ("CANCELLED", True, 40 * HOUR)
    assert hub.due() == 50


def test_paused_time_does_not_count_and_nothing_breaches_meanwhile(hub: Hub) -> None:
    hub.hear(said("PAUSED", 10, reason="weather")).at(500)
    assert not [r for r in hub.effects.rings if r.kind == "BREACHED" and r.clock.clock == "resolve"]
    hub.hear(said("RESUMED", 510))
    assert hub.due() == 540
    hub.at(600)
    assert [r.at_ms - START for r in hub.effects.rings if r.kind == "BREACHED" and r.clock.clock == "resolve"] == [
        540 * HOUR
    ]


def test_called_departments_have_clocks_of_their_own_and_a_score_afterwards(hub: Hub) -> None:
    hub.hear(said("WHISTLED", 2, members=("water", "parks")), said("RESOLVED", 5, by="water"))
    assert hub.case.over_ms is None
    assert {(c.department, c.verdict) for c in hub.case.clocks if c.clock == "assist"} == {
        ("water", "MET"),
        ("parks", None),
    }
    hub.at(23)
    breaches = [(r.name, r.department) for r in hub.effects.rings if r.kind == "BREACHED" and r.clock.clock == "assist"]
    assert breaches == [("assist/parks", "parks")]
    hub.hear(said("RESOLVED", 30), said("SCORED", 31, score=80, to="parks"))
    assert hub.waiting == []


def test_events_start_clocks(hub: Hub) -> None:
    hub.hear(said("RESOLVED", 10))
    assert hub.due("callback") == 34
    hub.hear(said("UNSATISFIED", 20, by="dispatch"), said("REOPENED", 21, by="dispatch"))
    assert hub.case.over_ms is None
    assert hub.due() == 61
    assert [c.verdict for c in hub.case.clocks if c.clock == "callback"] == ["MET"]


def test_a_further_report_brings_a_case_back(hub: Hub) -> None:
    """By the city's rules on linking, not by a desk: nobody's leave is needed."""
    hub.hear(said("RESOLVED", 10))
    again = msgspec.structs.replace(
        opened(), change=ChangeKind.LINKED, source="police", source_ref="P1", at_ms=START + 20 * HOUR, reopens=True
    )
    hub.change(again)
    assert hub.case.over_ms is None
    assert [c.due_ms - START for c in hub.case.clocks if c.clock == "resolve"] == [40 * HOUR, 60 * HOUR]


def test_what_runs_out_may_start_the_next_rung(hub: Hub) -> None:
    hub.at(57)
    breaches = [(r.clock.clock, r.at_ms - START) for r in hub.effects.rings if r.kind == "BREACHED"]
    assert {("resolve", 40 * HOUR), ("supervise", 56 * HOUR)} <= set(breaches)
