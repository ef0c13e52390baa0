"""Which department is responsible: the first row that matches, else the dispatch desk and why."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.core.matching import matches
from hub.core.report import Sighting
from hub.core.routing.router import DESK_RULE, NO_RULE, OUTSIDE, UNKNOWN_CATEGORY, UNPLACED, Router
from hub.policy import load_city
from hub.policy.models import URGENCIES, Route, RouteWhen
from hub.settings import ROOT

CITY = load_city(ROOT / "ops" / "cities" / "demo")
ROUTER = Router(CITY)
events = st.tuples(
    st.sampled_from(["police", "hotline", "petition", "citymgmt"]),
    st.sampled_from([*CITY.categories, "路灯不亮", "nobody knows"]),
    st.sampled_from([None, *(area.code for area in CITY.areas)]),
    st.sampled_from(URGENCIES),
    st.booleans(),
)


@given(events)
def test_the_first_row_that_matches_decides(event: tuple[str, str, str | None, str, bool]) -> None:
    source, label, area, urgency, _ = event
    decision = ROUTER.route_one(*event)
    category = CITY.category_of(label)
    rows = [row for row in CITY.routes if category and matches(row.when, source, category, area, urgency)]
    if rows:
        assert decision[:4] == (rows[0].department, rows[0].id, None, rows[0].priority)
    else:
        assert decision[:2] == (CITY.dispatch_desk, DESK_RULE)
        assert decision.desk_reason in (UNKNOWN_CATEGORY, OUTSIDE, UNPLACED, NO_RULE)
        assert (decision.desk_reason == UNKNOWN_CATEGORY) == (category is None)


@given(st.lists(st.lists(events, max_size=30), max_size=3))
def test_a_chunk_is_its_events(chunks: list[list[tuple[str, str, str | None, str, bool]]]) -> None:
    router = Router(CITY)
    for chunk in chunks:
        routed = router.route(*(pa.array([event[at] for event in chunk], pa.string()) for at in range(4)))
        wanted = [ROUTER.route_one(*event[:4]) for event in chunk]
        assert [routed[row] for row in range(len(routed))] == wanted
        assert routed.column("department", pa.string()).to_pylist() == [decision.department for decision in wanted]
        assert routed.column("priority", pa.int32()).to_pylist() == [decision.priority for decision in wanted]


def test_why_the_desk() -> None:
    only_harbour = Route(id="harbour", when=RouteWhen(area=("LT01",), family=("road",)), department="roads")
    router = Router(replace(CITY, routes=(only_harbour,)))
    assert router.route_one("hotline", "road.pothole", "LT01", "ROUTINE").desk_reason is None
    assert router.route_one("hotline", "road.pothole", None, "ROUTINE", placed=True).desk_reason == OUTSIDE
    assert router.route_one("hotline", "road.pothole", None, "ROUTINE", placed=False).desk_reason == UNPLACED
    assert router.route_one("hotline", "road.pothole", "LT02", "ROUTINE").desk_reason == NO_RULE
    assert router.route_one("hotline", "lighting.out", None, "ROUTINE", placed=False).desk_reason == NO_RULE
    assert router.route_one("hotline", "no such thing", "LT01", "ROUTINE").desk_reason == UNKNOWN_CATEGORY


def test_an_unknown_category_goes_to_the_desk_even_past_a_row_for_everything() -> None:
    router = Router(replace(CITY, routes=(Route(id="all", department="roads"),)))
    assert router.route_one("hotline", "no such thing", "LT01", "ROUTINE").department == CITY.dispatch_desk
    assert router.route_one("hotline", "road.pothole", "LT01", "ROUTINE").department == "roads"


seen = st.builds(
    lambda event, kind, channel, text: Sighting(
        0, event[0], "R", 0, kind, 0, event[1], event[3], channel, None, "p", event[2], 34.0 if event[4] else None,
        114.0 if event[4] else None, b"", text=text,
    ),
    events, st.sampled_from(["OPENED", "AMENDED"]), st.sampled_from(["phone", "app"]), st.sampled_from(["", "a deep hole"]),
)  # fmt: skip
ASKING = replace(
    CITY,
    routes=(Route(id="holes", when=RouteWhen(family=("road",), keywords=("hole",)), department="roads"), *CITY.routes),
)


@given(st.lists(seen, max_size=30))
def test_many_reports_are_decided_as_one_by_one(chunk: list[Sighting]) -> None:
    """Also where a row asks what a report says, so that reports of one kind go different ways."""
    router, other = Router(ASKING), Router(ASKING)
    for _ in range(2):  # once new, once known
        assert router.route_all(chunk) == [
            other.route_one(one.source, one.category, one.area, one.urgency, one.lat is not None, one) for one in chunk
        ]
