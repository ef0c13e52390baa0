"""Points that are of no use are counted by source and likely reason; their reports go on without them."""

from __future__ import annotations

from hub import topics
from hub.metrics import POINTS
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from tests.unit.agents.small_world import CITY, NOON
from tests.unit.agents.whole_hub import WholeHub


def report(ref: str, place: Place) -> CaseEvent:
    fields = {
        "source": "petition", "source_ref": ref, "revision": 0, "kind": EventKind.OPENED, "reported_at": NOON,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": place, "title": "", "text": "", "channel": "web",
    }  # fmt: skip
    return CaseEvent.model_validate(fields)


def counted() -> dict[str, float]:
    samples = [sample for family in POINTS.collect() for sample in family.samples if sample.name.endswith("_total")]
    return {each.labels["why"]: each.value for each in samples if each.labels["source"] == "petition"}


def test_points_of_no_use_are_counted_once_and_their_reports_go_on() -> None:
    places = {
        "swapped": Place(lat=114.52, lon=34.02),
        "zero": Place(lat=0.0, lon=0.0),
        "half_zero": Place(lat=34.02, lon=0.0),
        "not_degrees": Place(lat=4_030_983.1, lon=12_748_310.2),
        "unknown_crs": Place(lat=34.02, lon=114.52, crs="EPSG:27700"),
        "outside": Place(lat=42.36, lon=-71.06),
        "sound": Place(lat=34.02, lon=114.52, crs="火星坐标系"),
        "none": Place(),
    }
    before = counted()
    with WholeHub(CITY, NOON) as hub:
        for _ in range(2):  # what is repeated is not counted again
            for ref, place in places.items():
                hub.report(report(ref, place))
            hub.run()
        assert len(hub.records(topics.EVENTS.name)) == len(places)
        assert not hub.records(topics.DEAD.name)
    added = {why: value - before.get(why, 0) for why, value in counted().items()}
    assert added == dict.fromkeys(places.keys() - {"sound", "none"}, 1.0)
