"""A report that is linked into a case (并案) keeps what its item asks: `cityhub explain` names it, with the row it would go by."""

from __future__ import annotations

import dataclasses

from hub import topics
from hub.cli.cases.timeline import moments_of
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.model.event import Place, Urgency
from hub.policy.models import Route, RouteWhen
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

HERE = Place(code="LT01", lat=34.02, lon=114.515)


def test_whose_matter_a_linked_report_is_by_itself_stays_visible() -> None:
    """A report of a joint item (联合处置清单) in a case of another: who leads that item, and whom it calls."""
    rows = (
        Route(id="hole", when=RouteWhen(category=("road.pothole",)), department="urban_mgmt"),
        Route(
            id="list.manhole", when=RouteWhen(category=("road.manhole",)), department="water_supply",
            co_handlers=("roads", "police_assistance"), joint=True,
        ),
    )  # fmt: skip
    city = dataclasses.replace(CITY, routes=(*rows, *CITY.routes))
    lead = report("H1", NOON, category="road.pothole", urgency=Urgency.ROUTINE, place=HERE)
    joined = report("P1", NOON + MINUTE, category="road.manhole", urgency=Urgency.ROUTINE, place=HERE, source="police")
    with WholeHub(city, NOON + MINUTE) as hub:
        hub.report(lead)
        hub.run()
        hub.report(joined)
        hub.settle()
        changes = hub.records(topics.CASES.name)
        (order,) = hub.records(topics.dept_orders("urban_mgmt").name, kind="LINK")
        assert order["event"]["category"] == "road.manhole"
        story = Story(changes[0]["case_id"], changes, hub.records(topics.EVENTS.name))
    (linked,) = [each for each in moments_of(story, Words(city)) if "report linked" in each.text]
    (whose,) = [each for each in linked.details if "单独归属" in each]
    assert "rule 规则 list.manhole" in whose
    assert "called with it 一并召集" in whose
    assert all(city.departments[each].name.zh in whose for each in ("water_supply", "roads", "police_assistance"))


def test_what_a_linked_report_asks_stays_visible_with_its_own_limit() -> None:
    """The demo city gives a pothole five working days (resolve.default) and a manhole 24 hours (resolve.manhole)."""
    lead = report("H1", NOON, category="road.pothole", urgency=Urgency.ROUTINE, place=HERE)
    joined = report("P1", NOON + MINUTE, category="road.manhole", urgency=Urgency.ROUTINE, place=HERE, source="police")
    with WholeHub(CITY, NOON) as hub:
        hub.report(lead)
        hub.run()
        hub.settle(NOON + MINUTE)
        hub.report(joined)
        hub.settle()
        changes = hub.records(topics.CASES.name)
        assert [each["change"] for each in changes] == ["OPENED", "LINKED"]
        story = Story(changes[0]["case_id"], changes, hub.records(topics.EVENTS.name))
    (linked,) = [each for each in moments_of(story, Words(CITY)) if "report linked" in each.text]
    asks = "\n".join(linked.details)
    assert "joined 并入; asks 诉求: " in asks
    assert "井盖" in asks
    assert "resolve resolve.manhole, due 到期 2026-03-03 11:01:00" in asks
