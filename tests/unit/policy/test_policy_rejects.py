"""Every mistake a policy folder can have is refused, on its line, with a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.declared.problems import DeclarationError
from hub.errors import FatalError
from hub.policy import load_city
from tests.unit.policy.policy_folder import FILES, changed, write_folder

MISTAKES = [
    # file, passage, what replaces it, line, part of the message
    ("city.yaml", "time_zone: Asia/Shanghai", "time_zone: Asia/Nowhere", 3, "not an IANA time zone"),
    ("city.yaml", "id: small", "id: Small City", 1, "id"),
    ("city.yaml", "id: small", "id: small\nid: smaller", 2, "a second time"),
    ("city.yaml", "id: small", "id: small\ntimezone: UTC", 2, "did you mean 'time_zone'?"),
    ("city.yaml", "effective_from: 2026-01-01", "effective_from: soon", 4, "effective_from"),
    ("city.yaml", "effective_from: 2026-01-01\n", "", 1, "effective_from is missing"),
    ("city.yaml", "dispatch_desk: desk", "dispatch_desk: dsk", 5, "did you mean 'desk'?"),
    ("city.yaml", "lat: 30.0500", "lat: 30.05001", 8, "4 decimals"),
    ("city.yaml", "lat: 30.0500", "lat: 91", 8, "less than or equal to 90"),
    ("city.yaml", "lat: 30.0500", "lat: '30.05'", 8, "valid number"),
    ("city.yaml", "default_points:", "grid_degrees: 0\ndefault_points:", 7, "grid_degrees"),
    ("city.yaml", "file: areas.geojson", "file: ../areas.geojson", 6, "areas.file"),
    ("taxonomy.yaml", "code: road.hole", "code: Road Hole", 2, "code"),
    ("taxonomy.yaml", "code: water.leak", "code: road.hole", 7, "a second time"),
    ("taxonomy.yaml", '"pot ?hole"', '"pot(hole"', 6, "not a regular expression"),
    ("taxonomy.yaml", "family: water", "family: water\n    aliases: [HOLE  in road]", 10, "already means 'road.hole'"),
    ("taxonomy.yaml", "family: water", "family: water\n    aliases: [road.hole]", 10, "already means 'road.hole'"),
    ("taxonomy.yaml", "name: {en: Leak, zh: 漏水}", "name: {en: Leak}", 8, "zh is missing"),
    ("departments.yaml", "id: roads", "id: desk", 3, "a second time"),
    ("departments.yaml", "id: roads", "id: Roads", 3, "id"),
    ("routes.yaml", "department: roads", "department: rods", 4, "did you mean 'roads'?"),
    ("routes.yaml", "family: [road]", "family: [rod]", 3, "there is no family 'rod'"),
    ("routes.yaml", "family: [road]", "category: [road.hol]", 3, "did you mean 'road.hole'?"),
    ("routes.yaml", "family: [road]", "family: []", 3, "at least 1 item"),
    ("routes.yaml", "area: [A1]", "area: [A9]", 6, "there is no area 'A9'"),
    ("routes.yaml", "urgency: [URGENT]", "urgency: [urgent]", 6, "URGENT"),
    ("routes.yaml", "urgency: [URGENT]", "priority: [URGENT]", 6, "unknown key 'priority'"),
    ("routes.yaml", "id: rest", "id: road", 5, "a second time"),
    ("routes.yaml", "department: roads", "department: roads\n    priority: 9", 5, "priority"),
    ("routes.yaml", "when: {family: [road]}", "when: {}", 5, "never reached"),
    ("routes.yaml", "family: [road]", "family: [road], category: [water.leak]", 2, "matches nothing"),
    ("deadlines.yaml", "unit: work_hour", "unit: day", 6, "unit"),
    ("deadlines.yaml", "    calendar: office\n", "", 2, "needs a calendar"),
    ("deadlines.yaml", "calendar: office", "calendar: offices", 7, "did you mean 'office'?"),
    ("deadlines.yaml", "calendar: office", "calendar: always", 7, "never closes"),
    ("deadlines.yaml", "unit: work_hour", "unit: hour", 7, "never stands still"),
    ("deadlines.yaml", "duration: 5", "duration: 2.5", 8, "whole number"),
    ("deadlines.yaml", "duration: 5", "duration: 0", 10, "greater than 0"),
    ("deadlines.yaml", "duration: 5", "duration: true", 10, "valid number"),
    ("deadlines.yaml", "duration: 5", "duration: 5\n    warn_share: 1.0", 11, "less than 1"),
    ("deadlines.yaml", "duration: 5", "duration: 5\n    roll_forward: true", 8, "roll_forward needs"),
    ("deadlines.yaml", "clock: resolve", "clock: finish", 9, "clock"),
    ("deadlines.yaml", "when: {family: [road]}", "when: {area: [A9]}", 4, "there is no area 'A9'"),
    ("deadlines.yaml", "clock: resolve", "clock: accept\n    when: {category: [road.hole]}", 8, "never reached"),
    ("calendars.yaml", "08:30-12:00", "08:30-25:00", 4, "not within one day"),
    ("calendars.yaml", "08:30-12:00", "8:30-12:00", 4, "not a span"),
    ("calendars.yaml", "08:30-12:00", "08:30-14:00", 2, "overlap"),
    ("calendars.yaml", "mon:", "monday:", 4, "monday"),
    ("calendars.yaml", "extra_working_days: [2026-10-10]", "extra_working_days: [2026-10-05]", 2, "both holiday"),
    ("calendars.yaml", "[2026-10-05]", "[2026-13-05]", 6, "month must be in 1..12"),
    ("calendars.yaml", "always: true", "always: false", 8, "never open"),
    ("calendars.yaml", "always: true", "always: true\n    holidays: [2026-10-05]", 8, "always open"),
    ("linking.yaml", "family: [road]", "family: [rod]", 2, "there is no family 'rod'"),
    ("linking.yaml", "family: [road], ", "", 3, "never reached"),
    ("linking.yaml", "radius_m: 100", "radius_m: -1", 2, "radius_m"),
    ("linking.yaml", "min_score: 0.2", "min_score: 1.5", 2, "min_score"),
    ("linking.yaml", "id: default", "id: road", 3, "a second time"),
    ("examples.yaml", "opened: 2026-03-02T09:00:00+08:00", "opened: 2026-03-02T09:00:00", 3, "offset"),
    ("examples.yaml", "department: roads", "department: rods", 4, "did you mean 'roads'?"),
    ("examples.yaml", "department: roads", "department: roads, area: A9", 4, "there is no area 'A9'"),
    ("areas.geojson", '"features"', '"feature"', 1, "no features"),
    ("areas.geojson", '"code": "A2"', '"code": "A1"', 4, "a second time"),
    ("areas.geojson", '"code": "A2"', '"id": "A2"', 4, "no property 'code'"),
    ("areas.geojson", '"name": "Two"', '"label": "Two"', 4, "no property 'name'"),
    ("areas.geojson", "[100.2, 30.1]", "[100.05, 30.2], [100.2, 29]", 4, "not valid"),
    ("areas.geojson", '"Polygon"', '"LineString"', 2, "no usable geometry"),
    ("areas.geojson", "[100.1, 30.0]", "[400.1, 30.0]", 2, "not degrees"),
    (
        "areas.geojson",
        "[100.1, 30.1]",
        '["100.1", "30.1"]',
        2,
        "area A1: ring 1, point 3 is not longitude and latitude as numbers",
    ),
    ("areas.geojson", "[100.1, 30.1]", "[100.1, true]", 2, "ring 1, point 3 is not longitude"),
    ("areas.geojson", "[100.1, 30.1]", "[100.1]", 2, "ring 1, point 3 is not longitude"),
    (
        "areas.geojson",
        ", [100.0, 30.0]]]",
        "]]",
        2,
        "area A1: ring 1 is open: its last point is not its first (RFC 7946)",
    ),
    ("areas.geojson", "[100.1, 30.1], [100.0, 30.1], ", "", 2, "ring 1 has 3 points; it needs 4 at least"),
    ("areas.geojson", "[100.0, 30.0]]]", "[100.0, 30.0]], []]", 2, "ring 2 has 0 points"),
    ("areas.geojson", "[100.0, 30.0]]]", "[100.0, 30.0]], 7]", 2, "ring 2 is no list of points"),
    ("areas.geojson", "[100.1, 30.1]", "[100.1, 130.1]", 2, "not degrees"),
    ("areas.geojson", '"properties"', '"properties" "x"', 2, "not JSON"),
    ("areas.geojson", '"features"', '"srsName": "EPSG:4547", "features"', 1, "its `srsName` says EPSG:4547"),
    ("areas.geojson", '"features"', '"CRS": "高德", "features"', 1, "its `CRS` says GCJ-02"),
    (
        "areas.geojson",
        '"features"',
        '"coordRefSys": {"href": "x"}, "features"',
        1,
        "its `coordRefSys` says a system by a link",
    ),
    ("areas.geojson", '"features"', '"crs": "EPSG:4547", "crs": null, "features"', 0, "'crs' stands twice"),
    ("areas.geojson", '"code": "A2"', '"code": "A\\ud800"', 4, "an area's code"),
    ("areas.geojson", '"code": "A2"', '"code": "A\\n2"', 4, "an area's code"),
    ("areas.geojson", '"code": "A2"', f'"code": "{"A" * 201}"', 4, "at most 200 characters"),
    ("areas.geojson", '"name": "Two"', '"name": "T\\u001b[31mwo"', 4, "an area's name"),
    ("deadlines.yaml", "duration: 5", "duration: 010", 10, "duration"),
]


_COLLECTION = '{"type": "FeatureCollection", "features": '


@pytest.mark.parametrize(("file", "old", "new", "line", "words"), MISTAKES)
def test_a_mistake_is_refused_where_it_stands(
    tmp_path: Path, file: str, old: str, new: str, line: int, words: str
) -> None:
    write_folder(tmp_path, **changed(file, old, new))
    with pytest.raises(DeclarationError) as caught:
        load_city(tmp_path)
    place = f"{file}:{line}: " if line else f"{file}: "
    told = [str(problem) for problem in caught.value.problems]
    assert any(one.startswith(place) and words in one for one in told), told


def test_the_folder_the_mistakes_are_made_in_is_valid(tmp_path: Path) -> None:
    assert load_city(write_folder(tmp_path)).id == "small"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    write_folder(
        tmp_path, **changed("city.yaml", "id: small", "id: S"), **changed("linking.yaml", "road,", "road, x: 1,")
    )
    with pytest.raises(DeclarationError, match="2 mistakes") as caught:
        load_city(tmp_path)
    assert {problem.file for problem in caught.value.problems} == {"city.yaml", "linking.yaml"}
    assert isinstance(caught.value, FatalError)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    write_folder(tmp_path, **{file.replace(".", "_"): None})
    with pytest.raises(DeclarationError, match=f"{file}: the file is missing"):
        load_city(tmp_path)


@pytest.mark.parametrize("file", sorted(set(FILES) - {"areas.geojson"}))
def test_text_that_is_not_yaml_is_refused(tmp_path: Path, file: str) -> None:
    write_folder(tmp_path, **{file.replace(".", "_"): "a: [1\nb: ]2"})
    with pytest.raises(DeclarationError, match=f"{file}:2: not YAML"):
        load_city(tmp_path)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "routes.yaml").write_bytes(b"routes: \xff\xfe")
    with pytest.raises(DeclarationError, match=r"routes\.yaml: cannot be read as UTF-8"):
        load_city(tmp_path)


def test_a_stray_file_is_refused(tmp_path: Path) -> None:
    """A misspelt name would otherwise be an empty file in silence."""
    write_folder(tmp_path)
    (tmp_path / "deadline.yaml").write_text("deadlines: []", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"deadline\.yaml: not a file of a policy folder"):
        load_city(tmp_path)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no such folder"):
        load_city(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        ('{"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}', "says EPSG:3857"),
        ('{"type": "name", "properties": {"name": "EPSG:27700"}}', "says EPSG:27700"),
        ('{"type": "EPSG", "properties": {"code": 2437}}', "says 2437"),
        ('{"type": "name", "properties": {"name": "GCJ-02"}}', "says GCJ-02"),
        ('"百度坐标"', "says BD-09"),
        ('{"type": "link", "properties": {"href": "data.crs"}}', "says a system by a link"),
    ],
)
@pytest.mark.parametrize("place", ['{"type": "FeatureCollection",', '{"type": "Feature",', '{"type": "Polygon",'])
def test_areas_in_another_reference_system_are_refused(tmp_path: Path, crs: str, said: str, place: str) -> None:
    write_folder(tmp_path, **changed("areas.geojson", place, f'{place} "crs": {crs},'))
    with pytest.raises(DeclarationError, match=rf"areas\.geojson:1: its `crs` {said}.*convert it"):
        load_city(tmp_path)


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "EPSG:4490"])
def test_areas_that_say_they_are_in_wgs84_are_read(tmp_path: Path, name: str) -> None:
    start = '{"type": "FeatureCollection",'
    said = f'{start} "crs": {{"type": "name", "properties": {{"name": "{name}"}}}},'
    assert load_city(write_folder(tmp_path, **changed("areas.geojson", start, said))).areas


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('{"type": "FeatureCollection",', '{"type": "GeometryCollection",', "says `type` 'GeometryCollection', where"),
        ('{"type": "FeatureCollection", ', "{", "has no `type`, where .*FeatureCollection"),
        ('{"type": "Feature",', '{"type": "feature",', "feature 1 says `type` 'feature', where GeoJSON has \"Feature\"; mend it"),
        ('{"type": "Feature",', '{"type": ["Feature"],', "feature 1 has no `type`"),
        ('{"type": "Feature",', '7, {"type": "Feature",', "feature 1 is no object"),
    ],
)  # fmt: skip
def test_what_says_that_it_is_something_else_is_no_feature(tmp_path: Path, old: str, new: str, said: str) -> None:
    write_folder(tmp_path, areas_geojson=FILES["areas.geojson"].replace(old, new, 1))
    with pytest.raises(DeclarationError, match=rf"areas\.geojson:\d: {said}"):
        load_city(tmp_path)


def test_an_area_is_a_polygon(tmp_path: Path) -> None:
    point = _COLLECTION + '[{"type": "Feature", "properties": {"code": "A1", "name": "x"}, '
    point += '"geometry": {"type": "Point", "coordinates": [100, 30]}}]}'
    with pytest.raises(DeclarationError, match=r"areas\.geojson:1: area A1: the geometry is a Point"):
        load_city(write_folder(tmp_path, areas_geojson=point))


@pytest.mark.parametrize(
    ("properties", "coordinates"),
    [
        ('["A1"]', "[]"), ('"A1"', "[]"), ("7", "[]"), ("true", "[]"), ("null", "[]"),
        ('{"code": "A1", "name": "x"}', '[[[0, 1%s], [1, 0], [1, 1], [0, 0]]]' % ("0" * 400)),
        ('{"code": "A1", "name": "x"}', '{"a": 1}'), ('{"code": "A1", "name": "x"}', "[[[0, null]]]"),
        ('{"code": "A1", "name": "x"}', "true"), ('{"code": "A1", "name": "x"}', "[" * 300 + "]" * 300),
    ],
)  # fmt: skip
def test_whatever_stands_in_a_feature_is_told_with_its_place(properties: str, coordinates: str, tmp_path: Path) -> None:
    feature = (
        _COLLECTION + '[{"type": "Feature", "properties": %s, "geometry": {"type": "Polygon", "coordinates": %s}}]}'
    )
    with pytest.raises(DeclarationError, match=r"areas\.geojson:1: (area A1|the feature)"):
        load_city(write_folder(tmp_path, areas_geojson=feature % (properties, coordinates)))


def test_an_area_without_a_geometry_is_told_so(tmp_path: Path) -> None:
    empty = _COLLECTION + '[{"type": "Feature", "properties": {"code": "A1", "name": "x"}, "geometry": null}]}'
    with pytest.raises(DeclarationError, match=r"areas\.geojson:1: area A1: it has no geometry \(null\); draw it"):
        load_city(write_folder(tmp_path, areas_geojson=empty))


def test_of_several_polygons_the_one_that_is_wrong_is_named_and_a_height_is_let_be(tmp_path: Path) -> None:
    ring = "[100.0, 30.0, 5], [100.1, 30.0, 5], [100.1, 30.1, 5], [100.0, 30.0, 5]"
    whole = (
        _COLLECTION + '[{"type": "Feature", "properties": {"code": "A1", "name": "x"}, '
        '"geometry": {"type": "MultiPolygon", "coordinates": [[[%s]], [[[102, 30], [103, 30], [103, 31]%s]]]}}]}'
    )
    write_folder(tmp_path, areas_geojson=whole % (ring, ""))
    with pytest.raises(DeclarationError, match="area A1: polygon 2, ring 1 has 3 points"):
        load_city(tmp_path)
    (area,) = load_city(write_folder(tmp_path, areas_geojson=whole % (ring, ", [102, 30]"))).areas
    assert area.geometry.bounds == (100, 30, 103, 31)


def test_a_polygon_that_says_another_system_by_its_number_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, **changed("areas.geojson", '{"type": "Polygon",', '{"type": "Polygon", "srid": 3857,'))
    with pytest.raises(DeclarationError, match="`srid` says EPSG:3857"):
        load_city(tmp_path)


def test_areas_are_read_behind_the_mark_that_programs_of_windows_put_first(tmp_path: Path) -> None:
    assert len(load_city(write_folder(tmp_path, areas_geojson="\ufeff" + FILES["areas.geojson"])).areas) == 2
