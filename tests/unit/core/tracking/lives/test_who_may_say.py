"""Who may say what of a case: who holds it at the time that is named, who helps, the desk. Anybody else changes nothing."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.tracking.consequences import Change, UpdateRow
from hub.core.tracking.lifecycle import EVENT_RULES, PARTIES, Who
from hub.core.tracking.rings import BREACHED
from hub.core.tracking.state import UpdateDetails
from hub.core.tracking.tracker import Tracking
from hub.model.outputs import ChangeKind
from hub.model.update import UpdateStatus, UpdateStep
from hub.policy.models import DEFAULT_CLOCKS
from tests.unit.core.tracking.lives.small_lives import HOUR, START, Hub, opened, said, small_city, tracking_of, verdicts

STATUSES = tuple(UpdateStatus)


@pytest.fixture(scope="module")
def tracking() -> Tracking:
    """With the usual clocks only: then plain statuses take the short way."""
    city = small_city()
    clocks = {name: spec for name, spec in city.clocks.items() if name in DEFAULT_CLOCKS}
    rows = tuple(each for each in city.deadlines if each.clock in clocks)
    life = city.file.life.model_copy(update={"supervisors": ("parks",)})
    file = city.file.model_copy(update={"life": life})
    return tracking_of(dataclasses.replace(city, file=file, clocks=clocks, deadlines=rows))


@pytest.fixture
def hub(tracking: Tracking) -> Hub:
    return Hub(tracking)


def moved(to: str, hours: float, **more: object) -> Change:
    """`route` gives the case to another department, because an amendment changed what it is."""
    fields = {"change": ChangeKind.REROUTED, "department": to, "at_ms": START + round(hours * HOUR), **more}
    return msgspec.structs.replace(opened(), **fields)


def hear(hub: Hub, *what: Change | UpdateRow) -> Hub:
    for each in what:
        hub.change(each) if isinstance(each, Change) else hub.hear(each)
    return hub


def breaches(hub: Hub) -> list[tuple[str, float]]:
    return [(r.name, (r.at_ms - START) / HOUR) for r in hub.effects.rings if r.kind == BREACHED]


def verdict(hub: Hub, clock: str = "resolve") -> str | None:
    return [each.verdict for each in hub.case.clocks if each.clock == clock][-1]


# -- the table -------------------------------------------------------------------------------------------------------------


def test_the_table_says_of_everything_that_can_be_said_who_may_say_it() -> None:
    words = {each.lower() for each in (*UpdateStatus, *UpdateStep) if each is not UpdateStep.AS_STATUS}
    assert {event for event, rule in EVENT_RULES.items() if rule.who is not Who.HUB} == words


def test_nothing_is_for_just_anybody() -> None:
    assert {who.name for who in Who} == {"PARTY", "HOLDER", "DESK", "CALLER", "CITY", "HUB"}
    assert {EVENT_RULES[event].who for event in ("accepted", "responded", "resolved", "refused")} <= {*PARTIES}


# -- strangers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [each for each, rule in EVENT_RULES.items() if rule.who is not Who.HUB])
def test_a_stranger_says_nothing(hub: Hub, event: str) -> None:
    before = hub.case
    hub.hear(said(event.upper(), 1, by="water", to="water", members=("water",), score=1))
    assert "water" not in hub.why().partition("now")[2]
    assert hub.case == before
    effects = hub.effects
    assert [effects.replies, effects.endings, effects.rings, effects.notices] == [[], [], [], []]


@pytest.mark.parametrize("status", STATUSES)
def test_a_stranger_stops_no_clock_and_tells_no_citizen(hub: Hub, status: str) -> None:
    hub.hear(said(status, 1, by="water")).at(41)
    assert breaches(hub) == [("accept", 4), ("respond", 12), ("resolve", 40)]
    assert not hub.effects.replies
    assert "who holds the case or helps" in hub.why()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("by", ["roads", "dispatch", "parks"])
def test_the_holder_the_desk_and_a_supervisor_may_say_it(hub: Hub, status: str, by: str) -> None:
    hub.hear(said(status, 1, by=by)).at(41)
    assert not hub.waiting
    assert ("accept", 4) not in breaches(hub)


@pytest.mark.parametrize("status", STATUSES)
def test_who_helps_says_it_of_its_own_part(hub: Hub, status: str) -> None:
    hub.hear(said("WHISTLED", 1, members=("water",)), said(status, 2, by="water")).at(5)
    assert not hub.waiting
    assert ("accept", 4) in breaches(hub)


# -- the time that is named ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["ACCEPTED", "RESPONDED"])
def test_who_has_passed_the_case_on_speaks_only_of_the_time_before(hub: Hub, status: str) -> None:
    hear(hub, moved("water", 10), said(status, 3), said(status, 11, id_="late"))
    assert [each.update_id for each in hub.waiting] == ["late"]
    assert "now water" in hub.why()


def test_an_amendment_does_not_move_a_case_that_was_refused_or_over_by_then(hub: Hub) -> None:
    hear(hub, moved("water", 10), said("REFUSED", 3))
    assert hub.case.department == "dispatch"
    assert [(each.step, each.details and each.details.to) for each in hub.effects.endings] == [
        ("AS_OUTCOME", None), ("HELD", "dispatch"),
    ]  # fmt: skip


def test_nor_one_that_was_over_by_then(hub: Hub) -> None:
    hear(hub, moved("water", 10), said("RESOLVED", 3))
    assert (hub.case.department, hub.case.over_ms) == ("roads", START + 3 * HOUR)
    assert [each.step for each in hub.effects.endings] == ["AS_OUTCOME", "HELD"]


def test_of_the_instant_at_which_it_passed_the_case_on_it_may_speak(hub: Hub) -> None:
    """Clocks of departments tell minutes: what happened in the same one is not told apart."""
    hear(hub, moved("water", 10), said("RESPONDED", 10), said("RESPONDED", 10, by="water", id_="new"))
    assert not hub.waiting


@pytest.mark.parametrize("first", [True, False])
def test_who_gets_the_case_later_speaks_from_then_on(hub: Hub, *, first: bool) -> None:
    """It did not do the work before, so it takes no breach back; it is heard all the same, whatever comes in first."""
    word = said("RESOLVED", 39, by="water")
    hear(hub, *((word, moved("water", 50)) if first else (moved("water", 50), word))).at(60)
    assert not hub.waiting
    assert ("resolve", 40) in breaches(hub)
    assert verdict(hub) == "ENDED_LATE"
    assert hub.case.over_ms == START + 50 * HOUR
    assert [(e.outcome, e.department, e.at_ms) for e in hub.effects.endings] == [
        ("RESOLVED", "water", START + 50 * HOUR)
    ]


def test_who_held_the_clock_takes_its_breach_back(hub: Hub) -> None:
    hear(hub, moved("water", 50)).at(60)
    assert verdict(hub) is None
    hub.hear(said("RESOLVED", 39))
    assert verdict(hub) == "MET"
    last = hub.effects.rings[-1]
    assert (last.kind, last.corrects) == ("MET", True)


def test_a_desk_in_the_holders_place_ends_clocks_but_takes_no_breach_back(hub: Hub) -> None:
    def by_desk(hours: float, arrived: float) -> UpdateRow:
        word = said("RESOLVED", hours, by="dispatch")
        return msgspec.structs.replace(word, arrived_ms=START + round(arrived * HOUR))

    late = Hub(hub.tracking).at(45).hear(by_desk(39, 45))
    assert (verdict(late), late.case.over_ms) == ("ENDED_LATE", START + 45 * HOUR)
    in_time = Hub(hub.tracking).hear(by_desk(38, 39)).at(45)
    assert (verdict(in_time), in_time.case.over_ms) == ("MET", START + 39 * HOUR)
    own = Hub(hub.tracking)
    hear(own, moved("dispatch", 10)).at(45).hear(by_desk(39, 45))
    assert (verdict(own), own.case.over_ms) == ("MET", START + 39 * HOUR)


# -- what is known later ---------------------------------------------------------------------------------------------------


def test_a_refusal_gives_the_case_to_the_desk_at_once(hub: Hub) -> None:
    hub.hear(said("REFUSED", 1), said("RESOLVED", 2))
    assert "now dispatch" in hub.why()
    assert hub.case.over_ms is None


def test_a_desk_may_take_a_case_back(hub: Hub) -> None:
    hub.hear(said("REFUSED", 1, by="dispatch"), said("ACCEPTED", 2))
    assert "now dispatch" in hub.why()


@pytest.mark.parametrize("earlier", [moved("water", 10), said("REFUSED", 10), said("TRANSFERRED", 10, to="water")])
def test_a_case_comes_back_when_it_turns_out_that_who_resolved_it_had_passed_it_on(
    hub: Hub, earlier: Change | UpdateRow
) -> None:
    hub.hear(said("RESOLVED", 12))
    assert hub.case.over_ms is not None
    hear(hub, earlier)
    assert hub.case.over_ms is None
    assert [(each.outcome, each.step) for each in hub.effects.endings][:2] == [
        ("RESOLVED", "AS_OUTCOME"), ("REFUSED", "REOPENED")
    ]  # fmt: skip
    assert breaches(hub.at(41))[-1] == ("resolve", 40)


anything = st.one_of(
    st.builds(
        lambda n, status, hours, by, to, arrived: UpdateRow(
            f"u{n}", by, "C-1", status, "why", START + hours * HOUR, details=UpdateDetails(to=to),
            arrived_ms=None if arrived is None else START + (hours + arrived) * HOUR,
        ),
        st.integers(0, 10**6),
        st.sampled_from([*STATUSES, "TRANSFERRED", "DESIGNATED", "REOPENED"]),
        st.integers(0, 60),
        st.sampled_from(["roads", "water", "parks", "dispatch"]),
        st.sampled_from(["roads", "water"]),
        st.sampled_from([None, 0, 30]),
    ),
    st.builds(moved, st.sampled_from(["roads", "water"]), st.integers(0, 60)),
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(anything, max_size=7, unique_by=lambda each: getattr(each, "update_id", each.at_ms)), st.data())
def test_who_is_heard_does_not_depend_on_what_comes_in_first(
    tracking: Tracking, what: list[Change | UpdateRow], data: st.DataObject
) -> None:
    """Nor on when anybody looked. What is said, and how the case moved, may come in any order."""
    one, other = hear(Hub(tracking), *what).at(1000), Hub(tracking)
    for each in data.draw(st.permutations(what)):
        hear(other, each)
        other.at(data.draw(st.sampled_from([0, 20, 45, 70])))
    other.at(1000)
    assert verdicts(other.case) == verdicts(one.case)
    assert other.case.over_ms == one.case.over_ms
    life, likewise = map(tracking._clockwork.lives.tell, (one.case, other.case))
    assert (likewise.holder, likewise.state) == (life.holder, life.state)
    assert [(each.key, each.at_ms) for each in likewise.effective if each.id[0] != "~"] == [
        (each.key, each.at_ms) for each in life.effective if each.id[0] != "~"
    ]
    for each in (one, other):  # what `route` was told last is how it stands
        told = [e.outcome for e in each.effects.endings if e.outcome == "RESOLVED" or e.step == "REOPENED"]
        assert (told[-1:] == ["RESOLVED"]) == (each.case.over_ms is not None)
