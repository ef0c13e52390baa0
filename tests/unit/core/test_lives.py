"""Lives of cases: what is known decides, not the order in which it came; refused events name their reason and change nothing."""

from __future__ import annotations

import dataclasses
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.clockwork import Clockwork, Ring
from hub.core.deadlines import DeadlineRules
from hub.core.lifecycle import EVENTS, LADDER, Refusal, State, step
from hub.core.tracked import More, TrackBook, TrackedCase
from hub.core.tracking import Change, Effects, Tracking, Update
from hub.policy import City, load_city
from hub.policy.models import DEFAULT_CLOCKS, ClockSpec, DeadlineRule, Extension, Name, Pause
from hub.policy.models.deadlines import Rung
from hub.settings import ROOT

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_672_000_000


def row(clock: str, hours: float, **more: object) -> DeadlineRule:
    return DeadlineRule.model_validate(
        {"id": f"{clock}-row", "clock": clock, "duration": hours, "unit": "hour", **more}
    )


@pytest.fixture(scope="module")
def city() -> City:
    demo = load_city(ROOT / "ops" / "cities" / "demo")
    named = dict(zip(("roads", "water", "parks", "dispatch"), demo.departments.values(), strict=False))
    extension = Extension(times=2, duration=10.0, unit="hour", approved_by="the desk")
    pause = Pause(reasons=("appraisal", "weather"), times=2)
    clocks = {
        **DEFAULT_CLOCKS,
        "refuse": ClockSpec(name=Name(en="refusal window", zh="退回期限"), stop=("accepted", "refused")),
        "assist": ClockSpec(name=Name(en="assist", zh="协办"), start=("called",), stop=("resolved",)),
        "callback": ClockSpec(
            name=Name(en="callback", zh="回访"), start=("resolved",), stop=("satisfied", "unsatisfied")
        ),
        "supervise": ClockSpec(name=Name(en="supervise", zh="督办"), start=("resolve_overdue",), stop=("resolved",)),
    }
    deadlines = (
        row("accept", 4), row("respond", 12), row("resolve", 40, extension=extension, pause=pause, climbs="reminded"),
        row("refuse", 8),
        row("assist", 20), row("callback", 24), row("supervise", 16, climbs="supervised"),
    )  # fmt: skip
    life = demo.file.life.model_copy(update={"arbitrate_after": 2})
    file = demo.file.model_copy(update={"life": life, "dispatch_desk": "dispatch"})
    return dataclasses.replace(demo, file=file, departments=named, clocks=clocks, deadlines=deadlines)


@pytest.fixture(scope="module")
def tracking(city: City) -> Tracking:
    return Tracking(Clockwork(DeadlineRules(city)))


def opened(department: str = "roads") -> Change:
    return Change(
        case_id="C-1", change="OPENED", source="hotline", source_ref="H1", lead_source="hotline", lead_ref="H1", category="c",
        urgency="ROUTINE", area=None, place_key="p", department=department, over=False, ends=False, at_ms=START,
        opened_ms=START, due_ms=None,
    )  # fmt: skip


def said(status: str, hours: float, by: str = "roads", id_: str | None = None, **more: object) -> Update:
    about = More(**more) if more else None  # type: ignore[arg-type]
    return Update(id_ or f"{status}@{hours}", by, "C-1", status, "", START + round(hours * HOUR), more=about)


class Hub:
    """Tracking with what waits tried again, as the agent does it."""

    def __init__(self, tracking: Tracking) -> None:
        self.tracking, self.book, self.effects = tracking, TrackBook(), Effects()
        self.waiting: list[Update] = []
        tracking.prepare([opened()])
        tracking.change(self.book, self.book.put, opened(), self.effects)

    def hear(self, *updates: Update) -> Hub:
        for update in updates:
            self.waiting.append(update)
            tried = True
            while tried:
                left = [u for u in self.waiting if not self.tracking.update(self.book, self.book.put, u, self.effects)]
                tried, self.waiting = len(left) < len(self.waiting), left
        return self

    def at(self, hours: float) -> Hub:
        self.tracking.pass_time(self.book, self.book.put, START + round(hours * HOUR), self.effects)
        return self

    @property
    def case(self) -> TrackedCase:
        case = self.book.case("C-1")
        assert case is not None
        return case

    def due(self, clock: str = "resolve", department: str | None = None) -> float:
        found = [c for c in self.case.clocks if (c.clock, c.department) == (clock, department)]
        return (found[-1].due_ms - START) / HOUR

    def why(self) -> str:
        """Why the one that waits is not allowed."""
        (update,) = self.waiting
        reason = self.tracking.refusal(self.book, update)
        assert reason is not None
        return reason


@pytest.fixture
def hub(tracking: Tracking) -> Hub:
    return Hub(tracking)


def verdicts(case: TrackedCase) -> list[tuple[object, ...]]:
    return sorted(
        (c.clock, c.department or "", c.round, c.started_ms, c.due_ms, c.ended_ms, c.verdict, c.cancelled) for c in case.clocks
    )  # fmt: skip


# -- the table -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", State)
def test_every_event_leads_somewhere_or_is_refused_in_words(state: State, event: str) -> None:
    found = step(state, event)
    if isinstance(found, Refusal):
        assert EVENTS[event].name in found.reason
        assert "may be said when" in found.reason
    else:
        assert isinstance(found, State)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.DISPATCHED, State.ARBITRATION}
    while True:
        more = {to for rule in EVENTS.values() for before, to in rule.leads.items() if before in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == set(State)
    for state in State:
        assert any(rule.leads.get(state, state) != state for rule in EVENTS.values()), state


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
    hub.waiting.clear()
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
        (said("TRANSFERRED", 1, to="nobody"), "'nobody' is none"),
        (said("WHISTLED", 1, members=("nobody",)), "unknown: nobody"),
        (said("SATISFIED", 1, by="dispatch"), "not allowed while"),
        (said("ARRIVED", 1, by="water"), "who holds the case or helps"),
    ],
    ids=lambda value: value.status if isinstance(value, Update) else None,
)
def test_what_may_not_be_says_why_and_changes_nothing(hub: Hub, update: Update, words: str) -> None:
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
    return {r.clock.clock: lives.climb(r.case, r.clock) for r in hub.effects.rings if r.kind == "BREACHED"}


def test_rows_climb_the_ladder_by_themselves_when_their_clock_runs_out_or_some_time_after(hub: Hub) -> None:
    assert get_args(Rung) == LADDER
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
        opened(), change="LINKED", source="police", source_ref="P1", at_ms=START + 20 * HOUR, reopens=True
    )
    hub.tracking.change(hub.book, hub.book.put, again, hub.effects)
    assert hub.case.over_ms is None
    assert [c.due_ms - START for c in hub.case.clocks if c.clock == "resolve"] == [40 * HOUR, 60 * HOUR]


def test_what_runs_out_may_start_the_next_rung(hub: Hub) -> None:
    hub.at(57)
    breaches = [(r.clock.clock, r.at_ms - START) for r in hub.effects.rings if r.kind == "BREACHED"]
    assert {("resolve", 40 * HOUR), ("supervise", 56 * HOUR)} <= set(breaches)


# -- laws ------------------------------------------------------------------------------------------------------------------

SPEAKERS = ("roads", "water", "dispatch")
anything = st.builds(
    lambda n, status, hours, by, more: Update(f"u{n}", by, "C-1", status, "because", START + hours * HOUR, more=more),
    st.integers(0, 10**6),
    st.sampled_from([event.upper() for event, rule in EVENTS.items() if rule.who != "the hub 平台" and event != "dispatched"]),
    st.integers(0, 60),
    st.sampled_from(SPEAKERS),
    st.builds(
        More, reason=st.sampled_from([None, "weather"]), clock=st.just(None), to=st.sampled_from([None, "water", "roads"]),
        members=st.sampled_from([(), ("water",)]), score=st.sampled_from([None, 50]),
    ),
)  # fmt: skip


@settings(max_examples=150)
@given(
    st.lists(anything, max_size=9, unique_by=lambda update: update.update_id),
    st.data(),
)
def test_what_it_comes_to_does_not_depend_on_the_order_of_arrival(
    tracking: Tracking, updates: list[Update], data: st.DataObject
) -> None:
    """Nor on when anybody looked at the clocks in between."""
    plain, mixed = Hub(tracking).hear(*updates).at(1000), Hub(tracking)
    for update in data.draw(st.permutations(updates)):
        mixed.hear(update)
        mixed.at(data.draw(st.sampled_from([0, 20, 45, 70])))
    mixed.at(1000)
    assert verdicts(mixed.case) == verdicts(plain.case)
    assert mixed.case.over_ms == plain.case.over_ms
    told = tracking._clockwork.lives.tell
    one, other = told(plain.case), told(mixed.case)
    for name in ("state", "holder", "members", "rung", "round", "designated", "refusals", "over_ms"):
        assert getattr(one, name) == getattr(other, name), name
    assert [each.id for each in one.effective] == [each.id for each in other.effective]


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ACCEPTED", "RESPONDED", "RESOLVED"]), st.integers(0, 60)), max_size=5, unique=True
    )
)
def test_the_short_way_and_the_long_way_come_to_the_same(
    plain_tracking: Tracking, words: list[tuple[str, int]]
) -> None:
    short, long = Hub(plain_tracking), Hub(plain_tracking)
    long.book.put("C-1", msgspec.structs.replace(long.case, special=True))
    for status, hours in words:
        short.hear(said(status, hours))
        long.hear(said(status, hours))
    assert verdicts(short.at(100).case) == verdicts(long.at(100).case)
    assert short.case.over_ms == long.case.over_ms
    assert sorted(map(_key, short.effects.rings)) == sorted(map(_key, long.effects.rings))


def _key(ring: Ring) -> tuple[str, str, int, bool]:
    return (ring.name, ring.kind, ring.at_ms, ring.corrects)


@pytest.fixture(scope="module")
def plain_tracking(city: City) -> Tracking:
    clocks = {name: spec for name, spec in city.clocks.items() if name in DEFAULT_CLOCKS}
    rows = tuple(each for each in city.deadlines if each.clock in clocks)
    return Tracking(Clockwork(DeadlineRules(dataclasses.replace(city, clocks=clocks, deadlines=rows))))


@settings(max_examples=100)
@given(
    st.lists(anything, max_size=8, unique_by=lambda update: update.update_id), st.lists(st.integers(0, 100), max_size=4)
)
def test_a_breach_is_at_its_due_time_however_late_it_is_noticed(
    tracking: Tracking, updates: list[Update], looks: list[int]
) -> None:
    hub = Hub(tracking).hear(*updates)
    for hours in sorted(looks):
        hub.at(hours)
    hub.at(1000)
    assert all(ring.at_ms == ring.clock.due_ms for ring in hub.effects.rings if ring.kind == "BREACHED")
