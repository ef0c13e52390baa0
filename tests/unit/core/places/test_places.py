"""Where events are: areas, cells, reference systems and what counts as no place."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from hub.core.linking import distance_m
from hub.core.places.crs import bd09_to_wgs84, converter_of, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_gcj02
from hub.core.places.places import Located, Places
from hub.core.places.point_faults import PointFault
from hub.policy import load_city
from hub.settings import ROOT

CITY = load_city(ROOT / "ops" / "cities" / "demo")
PLACES = Places(CITY)
GRID_ONLY = Places(replace(CITY, areas=()))
NAN = math.nan

around = st.tuples(st.floats(33.95, 34.15), st.floats(114.45, 114.70))
anywhere = st.tuples(st.floats(-100, 100) | st.just(NAN), st.floats(-200, 200) | st.just(NAN))
china = st.tuples(st.floats(4, 53), st.floats(75, 134))


def locate(
    *points: tuple[float, float], code: str | None = None, crs: str = "EPSG:4326", places: Places = PLACES
) -> Located:
    count = len(points)
    return places.locate([lat for lat, _ in points], [lon for _, lon in points], [code] * count, [crs] * count)


@given(st.lists(around, min_size=1, max_size=20))
def test_the_area_is_one_whose_polygon_holds_the_point(points: list[tuple[float, float]]) -> None:
    located = locate(*points)
    for (lat, lon), area in zip(points, located.area, strict=True):
        holding = [one.code for one in CITY.areas if shapely.intersects_xy(one.geometry, lon, lat)]
        if (round(lat, 4), round(lon, 4)) == (34.045, 114.565):
            holding = []
        assert area == (holding[0] if holding else None)


@given(st.lists(anywhere, max_size=20))
def test_key_and_point_go_together(points: list[tuple[float, float]]) -> None:
    located = locate(*points)
    for (lat, lon), found_lat, found_lon, area, key in zip(
        points, located.lat, located.lon, located.area, located.place_key, strict=True
    ):
        unplaced = math.isnan(found_lat)
        assert unplaced == math.isnan(found_lon) == (key is None)
        if unplaced:
            assert area is None
        else:
            assert (found_lat, found_lon) == (lat, lon)
            assert key == (area or f"g:{math.floor(lon / 0.02)}:{math.floor(lat / 0.02)}")


def test_a_border_belongs_to_the_area_first_in_the_file() -> None:
    first, second = CITY.areas[0].geometry, CITY.areas[1].geometry
    lon, lat = shapely.intersection(first, second).interpolate(0.5, normalized=True).coords[0]
    shared = shapely.get_coordinates(first)
    corner = next(point for point in shared if shapely.intersects_xy(second, *point))
    assert locate((corner[1], corner[0])).area == [CITY.areas[0].code]
    assert locate((lat, lon)).area[0] in {CITY.areas[0].code, CITY.areas[1].code}


@pytest.mark.parametrize(
    "point",
    [(NAN, 114.55), (34.05, NAN), (91.0, 114.55), (34.05, 181.0), (math.inf, 0.0), (0.0, 0.0), (34.0450, 114.5650),
     (34.04501, 114.56499)],
)  # fmt: skip
def test_no_place(point: tuple[float, float]) -> None:
    located = locate(point)
    assert np.isnan(located.lat).all()
    assert np.isnan(located.lon).all()
    assert (located.area, located.place_key) == ([None], [None])


def test_the_equator_and_the_meridian_are_places() -> None:
    assert locate((0.0, 114.5), (51.5, 0.0)).place_key == ["g:5725:0", "g:0:2575"]


def test_the_sources_own_code_counts_before_its_point() -> None:
    assert locate((34.02, 114.515), code="LT06").area == ["LT06"]
    assert locate((NAN, NAN), code="LT06").place_key == ["LT06"]
    assert locate((34.02, 114.515), code="110000").area == ["LT01"]
    assert locate((34.02, 114.515), code="LT06", places=GRID_ONLY).place_key == ["g:5725:1701"]


def test_one_bad_event_changes_nothing_for_the_others() -> None:
    alone, among = locate((34.02, 114.515)), locate((NAN, 1.0), (34.02, 114.515), (0.0, 0.0))
    assert alone.place_key[0] == among.place_key[1]


def test_no_events() -> None:
    assert locate().place_key == []


@given(st.lists(china, min_size=1, max_size=10))
def test_gcj02_and_bd09_are_undone_to_a_centimetre(points: list[tuple[float, float]]) -> None:
    lat, lon = np.array(points).T
    for forward, back in (
        (wgs84_to_gcj02, gcj02_to_wgs84),
        (lambda a, b: gcj02_to_bd09(*wgs84_to_gcj02(a, b)), bd09_to_wgs84),
    ):
        again = back(*forward(lat, lon))
        assert all(distance_m(*was, *now) < 0.01 for was, now in zip(points, zip(*again, strict=True), strict=True))


def test_gcj02_shifts_by_hundreds_of_metres_as_published() -> None:
    """A pair given by the public implementations of the formula."""
    lat, lon = wgs84_to_gcj02(np.array([31.1774276]), np.array([121.5272106]))
    assert (lat[0], lon[0]) == (pytest.approx(31.17530398364597, abs=1e-6), pytest.approx(121.531541859215, abs=1e-6))


def test_gcj02_is_wgs84_outside_china() -> None:
    lat, lon = gcj02_to_wgs84(np.array([42.36]), np.array([-71.06]))
    assert (lat[0], lon[0]) == (42.36, -71.06)


def test_systems_are_told_apart_event_by_event() -> None:
    truth = (34.02, 114.515)
    gcj = tuple(float(one[0]) for one in wgs84_to_gcj02(np.array([truth[0]]), np.array([truth[1]])))
    located = PLACES.locate(
        [truth[0], gcj[0], truth[0], truth[0]],
        [truth[1], gcj[1], truth[1], truth[1]],
        [None] * 4,
        ["EPSG:4326", "GCJ-02", "EPSG:2437", "epsg:4490"],
    )
    assert distance_m(*truth, located.lat[1], located.lon[1]) < 0.01
    assert [key is None for key in located.place_key] == [False, False, True, False]


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "GCJ_02", "BD-09", "EPSG:4326", "WGS 84", "CGCS2000"])
def test_systems_by_their_usual_names(name: str) -> None:
    assert converter_of(name) is not None


@pytest.mark.parametrize("name", ["", "EPSG:3857", "city grid"])
def test_unknown_systems(name: str) -> None:
    assert converter_of(name) is None


FAULTS = [
    ((114.52, 34.02), "EPSG:4326", PointFault.SWAPPED),
    ((-34.02, 114.52), "EPSG:4326", PointFault.SIGN),
    ((34.02, -114.52), "EPSG:4326", PointFault.SIGN),
    ((0.0, 0.0), "EPSG:4326", PointFault.ZERO),
    ((-0.0, 0.0), "", PointFault.UNKNOWN_CRS),
    ((34.02, 0.0), "EPSG:4326", PointFault.HALF_ZERO),
    ((0.0, 114.52), "EPSG:4326", PointFault.HALF_ZERO),
    ((4_030_983.1, 12_748_310.2), "EPSG:4326", PointFault.NOT_DEGREES),
    ((34_020_000.0, 114_520_000.0), "EPSG:4326", PointFault.NOT_DEGREES),
    ((4_030_983.1, 12_748_310.2), "EPSG:3857", PointFault.UNKNOWN_CRS),
    ((34.02, 114.52), "EPSG:27700", PointFault.UNKNOWN_CRS),
    ((42.36, -71.06), "EPSG:4326", PointFault.OUTSIDE),
]  # fmt: skip
SOUND = [
    ((34.02, 114.52), "EPSG:4326"),
    ((34.0450, 114.5650), "EPSG:4326"),
    ((34.0183, 114.5258), "火星坐标"),
    ((NAN, NAN), ""),
]


def test_why_a_point_is_of_no_use_is_told_of_each_and_of_no_other() -> None:
    cases = [*FAULTS, *((*each, None) for each in SOUND)]
    points, names, faults = zip(*cases, strict=True)
    located = PLACES.locate(*zip(*points, strict=True), [None] * len(points), names)
    assert [located.faults.get(row) for row in range(len(points))] == list(faults)
    for point, name, fault in cases:
        assert locate(point, crs=name).faults == ({0: fault} if fault else {})


def test_a_code_of_the_city_makes_up_for_any_point() -> None:
    for point, name, _ in FAULTS:
        assert locate(point, crs=name, code="LT06").faults == {}


def test_nothing_is_outside_a_city_without_areas() -> None:
    told = {PointFault.UNKNOWN_CRS, PointFault.ZERO, PointFault.NOT_DEGREES}
    for point, name, fault in [*FAULTS, *((*each, None) for each in SOUND)]:
        found = locate(point, crs=name, places=GRID_ONLY).faults
        swapped_is_beyond = abs(point[0]) > 90
        if fault in told:
            assert found == {0: fault}
        else:
            assert found == ({0: PointFault.NOT_DEGREES} if swapped_is_beyond else {})


@given(st.lists(anywhere, max_size=20))
def test_a_point_has_an_area_or_a_fault(points: list[tuple[float, float]]) -> None:
    located = locate(*points)
    for row, (lat, lon) in enumerate(points):
        given_point = not math.isnan(lat) and not math.isnan(lon)
        at_default = (round(lat, 4), round(lon, 4)) == (34.045, 114.565) if given_point else False
        assert (row in located.faults) == (given_point and not at_default and located.area[row] is None)


def test_many_names_cost_no_more_than_many_events() -> None:
    """Each name was compared with each event: a chunk of names of their own took seconds."""
    count = 20_000
    located = PLACES.locate([34.02] * count, [114.52] * count, [None] * count, [f"x{n}" for n in range(count)])
    assert set(located.faults.values()) == {PointFault.UNKNOWN_CRS}
