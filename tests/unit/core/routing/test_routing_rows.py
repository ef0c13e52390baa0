"""What rows may ask of a report: compared with a plain reading of each condition, row by row, for tables and reports made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from hub.core.places.places import Layers
from hub.core.report import Sighting
from hub.core.routing.conditions import owner_of
from hub.core.routing.router import DESK_RULE, NO_RULE, OUTSIDE, UNKNOWN_CATEGORY, UNPLACED, Router
from hub.policy import load_city
from hub.policy.areas import Area
from hub.policy.city import City
from hub.policy.models import URGENCIES, WEEKDAYS, Exit, Name, Owners, Route, RouteWhen
from hub.settings import ROOT

WARDS = (
    Area("W1", "West", shapely.box(114.0, 33.0, 114.5, 35.0)),
    Area("W2", "East", shapely.box(114.5, 33.0, 115.0, 35.0)),
)
DEMO = load_city(ROOT / "ops" / "cities" / "demo")
CITY = replace(
    DEMO, layers={"wards": WARDS}, owners=Owners(attribute="facility", departments={"L*": "power_light", "L9": "roads"})
)
CATEGORIES = sorted(CITY.categories)[:4]
FAMILIES = sorted({CITY.categories[code].family for code in CATEGORIES})
REPLY = Name(en="It is before a court.", zh="已进入诉讼程序。")
ZONE = ZoneInfo(CITY.time_zone)


def some(*values: str) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple)


whens = st.builds(
    RouteWhen,
    source=some("hotline", "police"),
    category=some(*CATEGORIES),
    family=some(*FAMILIES),
    urgency=some(*URGENCIES),
    area=some("LT01", "LT02") | st.fixed_dictionaries({"wards": some("W1", "W2").filter(bool)}),
    channel=some("App", "web"),
    attribute=st.none() | st.fixed_dictionaries({"kind": some("Lamp", "ｐｏｌｅ").filter(bool)}),
    keywords=some("Street Light", "漏水", "light"),
    address=some("harbour", "road"),
    owner=some("power_light", "roads"),
    weekdays=some(*WEEKDAYS),
    hours=some("00:00-06:00", "06:00-12:30", "12:30-24:00"),
    placed=st.none() | st.booleans(),
)
routes = st.builds(
    Route,
    id=st.just("r"),
    when=whens,
    department=st.just("roads"),
    queue=st.none() | st.just("East"),
    effective_from=st.none() | st.just(date(2026, 3, 1)),
    effective_until=st.none() | st.just(date(2026, 6, 1)),
)
tables = st.lists(routes, max_size=5).map(
    lambda rows: tuple(row.model_copy(update={"id": f"r{number}"}) for number, row in enumerate(rows))
)
sightings = st.builds(
    Sighting,
    row=st.just(0),
    source=st.sampled_from(["hotline", "police", "petition"]),
    ref=st.just("1"),
    revision=st.just(1),
    kind=st.just("OPENED"),
    at_ms=st.integers(1_767_200_000_000, 1_798_700_000_000),
    category=st.sampled_from(CATEGORIES),
    urgency=st.sampled_from(URGENCIES),
    channel=st.sampled_from(["app", "WEB", "phone"]),
    due_ms=st.none(),
    place_key=st.just("x"),
    area=st.sampled_from([None, "LT01", "LT02", "LT03"]),
    lat=st.just(34.0) | st.none(),
    lon=st.sampled_from([114.2, 114.7, 120.0]),
    body=st.just(b""),
    title=st.sampled_from(["", "STREET  LIGHT out", "A light"]),
    text=st.sampled_from(["", "这里漏水了", "nothing"]),
    address=st.sampled_from([None, "Harbour Road 3", "Old street"]),
    label=st.sampled_from([None, "Street light"]),
    attributes=st.dictionaries(
        st.sampled_from(["kind", "facility"]), st.sampled_from(["LAMP", "pole", "L9", "L77", "x"])
    ),
).map(lambda seen: seen if seen.lat is not None else msgspec.structs.replace(seen, lon=None))


def folded(text: str) -> str:
    return " ".join(text.replace("ｐｏｌｅ", "pole").casefold().split())


def ward(seen: Sighting) -> str | None:
    if seen.lat is None:
        return None
    return next((one.code for one in WARDS if one.geometry.intersects(shapely.Point(seen.lon, seen.lat))), None)


def holds(row: Route | Exit, seen: Sighting) -> bool:
    """Each condition as its docstring says it, with nothing remembered and nothing prepared."""
    when, category = row.when, CITY.categories[seen.category]
    local = datetime.fromtimestamp(seen.at_ms / 1000, ZONE)
    said = folded(f"{seen.title}\n{seen.text}\n{seen.label or ''}")
    spans = [[timedelta(hours=int(t[:2]), minutes=int(t[3:])) for t in span.split("-")] for span in when.hours or ()]
    of_day = timedelta(hours=local.hour, minutes=local.minute)
    return all(
        (
            when.source is None or seen.source in when.source,
            when.category is None or category.code in when.category,
            when.family is None or category.family in when.family,
            when.urgency is None or seen.urgency in when.urgency,
            all((ward(seen) if layer == "wards" else seen.area) in codes for layer, codes in when.layers.items()),
            when.channel is None or folded(seen.channel) in map(folded, when.channel),
            all(folded(seen.attributes.get(name, "")) in map(folded, v) for name, v in (when.attribute or {}).items()),
            when.keywords is None or any(folded(word) in said for word in when.keywords),
            when.address is None or any(folded(word) in folded(seen.address or "") for word in when.address),
            when.owner is None or owner_of(CITY.owners, seen.attributes) in when.owner,
            when.weekdays is None or WEEKDAYS[local.weekday()] in when.weekdays,
            when.hours is None or any(start <= of_day < end for start, end in spans),
            when.placed is None or when.placed == (seen.lat is not None),
            row.effective_from is None or local.date() >= row.effective_from,
            row.effective_until is None or local.date() < row.effective_until,
        )
    )


def decide(router: Router, seen: Sighting, layers: dict[str, str | None] | None = None) -> object:
    return router.route_one(seen.source, seen.category, seen.area, seen.urgency, seen.lat is not None, seen, layers)


@given(tables, st.lists(sightings, min_size=1, max_size=4))
def test_the_first_row_whose_every_condition_holds_decides(table: tuple[Route, ...], reports: list[Sighting]) -> None:
    router = Router(replace(CITY, routes=table))
    for seen in reports:  # by one router: what it remembers of one must not decide another
        expected = next((row for row in table if holds(row, seen)), None)
        found = decide(router, seen)
        assert found.rule == (expected.id if expected else DESK_RULE)
        assert found.queue == (expected.queue if expected else None)
        assert decide(router, seen, {"wards": ward(seen)}) == found


@given(st.lists(st.tuples(st.floats(32, 36), st.floats(113, 116)) | st.none(), max_size=20))
def test_layers_by_columns_are_layers_one_by_one(points: list[tuple[float, float] | None]) -> None:
    layers = Layers(CITY)
    found = layers.find([p[0] if p else float("nan") for p in points], [p[1] if p else float("nan") for p in points])
    for index, point in enumerate(points):
        code = next((w.code for w in WARDS if point and shapely.intersects_xy(w.geometry, point[1], point[0])), None)
        assert found["wards"][index] == code
        assert layers.find_one(*(point or (None, None))).get("wards") == code


SEEN = Sighting(
    row=0, source="hotline", ref="1", revision=1, kind="OPENED", at_ms=1_770_000_000_000, category="road.pothole",
    urgency="ROUTINE", channel="app", due_ms=None, place_key="x", area=None, lat=34.0, lon=114.2, body=b"", title="Gas smell",
)  # fmt: skip
FIRE = Exit(
    id="fire", exit="emergency", department="police_assistance", line="119", when=RouteWhen(keywords=("Gas smell",))
)
COURT = Exit(
    id="court", exit="refuse", reason="litigation", reply=REPLY, when=RouteWhen(attribute={"matter": ("诉讼",)})
)
ROADS = Route(id="roads", department="roads", priority=3)


def one(city: City, **changed: object) -> object:
    return decide(Router(city), msgspec.structs.replace(SEEN, **changed))


def test_exits_come_before_routes_for_categories_unknown_too() -> None:
    city = replace(CITY, routes=(ROADS,), exits=(FIRE, COURT))
    for category in ("road.pothole", "nobody knows"):
        found = one(city, category=category)
        assert (found.department, found.rule, found.priority) == ("police_assistance", "fire", 1)
        assert found.exit == FIRE
    refused = one(city, title="", attributes={"matter": "诉讼"})
    assert (refused.department, refused.rule, refused.exit) == (CITY.dispatch_desk, "court", COURT)
    assert one(city, title="").exit is None


def test_the_ladder_ends_at_the_desk() -> None:
    by_ward = Route(id="ward", department="roads", when=RouteWhen(area={"wards": ("W1",)}))
    city = replace(
        CITY, routes=(ROADS.model_copy(update={"when": RouteWhen(category=("water.burst",))}),), fallback=(by_ward,)
    )
    assert one(city).rule == "ward"
    assert one(city, category="nobody knows").rule == "ward"
    assert one(city, lon=114.7).desk_reason == NO_RULE
    assert one(city, lon=120.0).desk_reason == OUTSIDE
    assert one(city, lat=None, lon=None).desk_reason == UNPLACED
    assert one(city, category="nobody knows", lon=114.7).desk_reason == UNKNOWN_CATEGORY


@pytest.mark.parametrize(("facility", "owner"), [("L9", "roads"), ("L10", "power_light"), ("X", None), (None, None)])
def test_a_facility_goes_to_its_owner(facility: str | None, owner: str | None) -> None:
    rows = (Route(id="owner", to_owner=True, co_handlers=("roads",)), Route(id="rest", department="sanitation"))
    found = one(replace(CITY, routes=rows), attributes={"facility": facility} if facility else {})
    assert found.department == (owner or "sanitation")
    assert found.co_handlers == (("roads",) if owner == "power_light" else ())


def test_without_the_report_no_condition_on_it_holds() -> None:
    rows = (
        Route(id="day", department="roads", when=RouteWhen(hours=("00:00-24:00",))),
        Route(id="rest", department="roads"),
    )
    assert Router(replace(CITY, routes=rows)).route_one("hotline", "road.pothole", None, "ROUTINE").rule == "rest"


@pytest.mark.parametrize(
    ("local", "rule"),
    [
        ("2026-02-28T23:59", "rest"), ("2026-03-01T00:00", "early"), ("2026-03-01T05:59", "early"), ("2026-03-01T06:00", "rest"),
        ("2026-05-31T00:00", "early"), ("2026-06-01T00:00", "rest"), ("2026-03-02T00:00", "rest"),
    ],
)  # fmt: skip
def test_hours_and_days_begin_and_end_to_the_minute(local: str, rule: str) -> None:
    """00:00-06:00 on Sundays, from 1 March to before 1 June, by the city's clock."""
    when = RouteWhen(hours=("00:00-06:00",), weekdays=("sun",))
    early = Route(
        id="early", department="roads", when=when, effective_from=date(2026, 3, 1), effective_until=date(2026, 6, 1)
    )
    city = replace(CITY, routes=(early, Route(id="rest", department="roads")))
    at = datetime.fromisoformat(local).replace(tzinfo=ZONE)
    assert one(city, at_ms=round(at.timestamp() * 1000)).rule == rule
