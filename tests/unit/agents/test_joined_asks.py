"""A report that is linked into a case (并案) keeps what its item asks: `cityhub explain` names it, with the row it would go by."""

from __future__ import annotations

from hub import topics
from hub.cli.cases.timeline import moments_of
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.model.event import Place, Urgency
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

HERE = Place(code="LT01", lat=34.02, lon=114.515)


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
