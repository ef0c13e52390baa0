"""An organisation as a tree: what is wrong with one, and that thousands of grids load and route by look-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import topics
from hub.core.places.places import Layer
from hub.core.routing.router import Router
from hub.declared.problems import DeclarationError
from hub.policy import City, load_city
from hub.policy.divisions import Divisions
from hub.policy.organisation import Organisation
from tests.unit.policy.test_divisions import folder_of

DEPARTMENTS = """\
departments:
  - {id: desk, name: {en: Desk, zh: 派单台}}
  - {id: county, name: {en: County, zh: 县网格中心}}
  - {id: roads, name: {en: Roads, zh: 道路}}
"""
ROUTES = """\
routes:
  - {id: roads, when: {family: [road]}, department: roads, unit: patrol}
  - {id: grids, when: {area: ["530402"]}, department: county, unit_of_area: true}
"""
ORGANISATION = """\
departments:
  county: {parent: desk, kind: county, areas: ["530402"]}
units:
  - {id: town, parent: county, kind: town, areas: ["530402001"]}
  - {id: village, parent: town, kind: village, name: {en: Village, zh: 村}, areas: ["530402001003"]}
  - {id: grid7, parent: village, kind: grid, areas: ["530402001003007"]}
  - {id: patrol, parent: roads, kind: team}
"""


def city_of(folder: Path, organisation: str = ORGANISATION, routes: str = ROUTES) -> City:
    files = {"departments_yaml": DEPARTMENTS, "routes_yaml": routes, "examples_yaml": "examples: []\n"}
    folder_of(folder, **files)
    (folder / "organisation.yaml").write_text(organisation, encoding="utf-8")
    return load_city(folder)


def test_who_stands_above_whom(tmp_path: Path) -> None:
    tree = city_of(tmp_path).organisation
    assert tree is not None
    assert tree.above("grid7") == ("village", "town", "county", "desk")
    assert [tree.department_of(each) for each in ("grid7", "patrol", "county")] == ["county", "roads", "county"]
    assert [tree.kind_of(each) for each in ("grid7", "county", "roads")] == ["grid", "county", "department"]


@pytest.mark.parametrize(
    ("category", "area", "department", "unit"),
    [
        ("road.hole", "530402001003007", "roads", "patrol"),
        ("water.leak", "530402001003007", "county", "grid7"),
        ("water.leak", "530402001003008", "county", "village"),
        ("water.leak", "530402001", "county", "town"),
        ("water.leak", "530402", "county", None),
        ("water.leak", "530403", "desk", None),
        ("water.leak", None, "desk", None),
    ],
)
def test_the_unit_of_the_smallest_area_around(
    tmp_path: Path, category: str, area: str | None, department: str, unit: str | None
) -> None:
    decision = Router(city_of(tmp_path)).route_one("hotline", category, area, "ROUTINE", placed=area is not None)
    assert (decision.department, decision.unit) == (department, unit)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("parent: village", "parent: vilage", "organisation.yaml:6", "上级不存在; did you mean 'village'?"),
        (
            "parent: desk",
            "parent: mayor",
            "organisation.yaml:2",
            "there is no department 'mayor' to stand above 'county'",
        ),
        ("{id: town, parent: county", "{id: town, parent: grid7", "organisation.yaml:4", "in a circle 上下级成环"),
        ("{id: patrol", "{id: grid7", "organisation.yaml:7", "'grid7' stands here a second time"),
        ("{id: patrol", "{id: roads", "organisation.yaml:7", "is a department"),
        ('areas: ["530402001003007"]', 'areas: ["530402001003"]', "organisation.yaml:6", "has the unit 'village'"),
        ('areas: ["530402001003007"]', 'areas: ["53040200101"]', "organisation.yaml:6", "has 11 digits"),
        ("county: {parent", "count: {parent", "organisation.yaml:2", "there is no department 'count'"),
        ('areas: ["530402"]}', "desk: true}", "organisation.yaml:2", "派单台没有辖区"),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    assert old in ORGANISATION
    with pytest.raises(DeclarationError) as told:
        city_of(tmp_path, ORGANISATION.replace(old, new, 1))
    assert any(str(each).startswith(where) and what in str(each) for each in told.value.problems), told.value


@pytest.mark.parametrize(
    ("routes", "what"),
    [
        (ROUTES.replace("unit: patrol", "unit: town"), "'town' is a unit of 'county', not of 'roads'"),
        (ROUTES.replace("unit: patrol", "unit: patrl"), "there is no unit 'patrl'; did you mean 'patrol'?"),
        (ROUTES.replace("unit: patrol", "unit: patrol, unit_of_area: true"), "neither asks the area for one"),
    ],
)
def test_mistakes_of_routes(tmp_path: Path, routes: str, what: str) -> None:
    with pytest.raises(DeclarationError, match=what):
        city_of(tmp_path, routes=routes)


def test_a_row_that_asks_for_a_unit_needs_the_file(tmp_path: Path) -> None:
    folder_of(tmp_path, departments_yaml=DEPARTMENTS, routes_yaml=ROUTES, examples_yaml="examples: []\n")
    with pytest.raises(DeclarationError, match=r"there is no organisation\.yaml"):
        load_city(tmp_path)


GRIDS, TOWNS, VILLAGES = 7_000, 70, 20


def large_organisation() -> Iterator[str]:
    """70 towns with 20 villages each, 1,400 in all, and five grids a village: 8,470 units of one department."""
    yield 'departments:\n  county: {parent: desk, kind: county, areas: ["530402"]}\nunits:\n'
    for town in range(TOWNS):
        yield f'  - {{id: t{town}, parent: county, kind: town, areas: ["530402{town + 1:03}"]}}\n'
        for village in range(VILLAGES):
            code = f"530402{town + 1:03}{village + 1:03}"
            yield f'  - {{id: v{code}, parent: t{town}, kind: village, areas: ["{code}"]}}\n'
            for grid in range(GRIDS // TOWNS // VILLAGES):
                yield f'  - {{id: g{code}{grid + 1:03}, parent: v{code}, kind: grid, areas: ["{code}{grid + 1:03}"]}}\n'


def test_thousands_of_grids_are_one_department_and_a_look_up_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it took before: a department, three topics and a row for each unit; 1,400 of them made 4,200 topics."""
    city = city_of(tmp_path, "".join(large_organisation()), ROUTES.replace(", unit: patrol", ""))
    tree, divisions = city.organisation, city.divisions
    assert tree is not None
    assert divisions is not None
    assert len(tree.units) == TOWNS * (1 + VILLAGES) + GRIDS
    assert len(topics.all_topics(["hotline"], city.departments)) == len(topics.HUB_TOPICS) + 2 + 3 * 3
    asked: list[str] = []
    serving = Organisation.unit_for

    def counted(self: Organisation, department: str, area: str | None) -> str | None:
        asked.append(area or "")
        return serving(self, department, area)

    monkeypatch.setattr(Organisation, "unit_for", counted)
    monkeypatch.setattr(Layer, "_hits", lambda *_: pytest.fail("no polygon is asked"))
    router, codes = Router(city), [code for unit in tree.spec.units for code in unit.areas if len(code) == 15]
    for _ in range(3):
        units = {router.route_one("hotline", "water.leak", code, "ROUTINE").unit for code in codes}
        assert units == {f"g{code}" for code in codes}
    assert sorted(asked) == sorted(codes)  # once each, whatever comes again
    assert isinstance(divisions, Divisions)
    assert len(divisions.above(codes[0])) <= 8


TERRITORY = """\
routes:
  - {id: roads, when: {family: [road]}, department: roads}
fallback:
  - {id: territory, to_area: county, unit_of_area: true}
"""


@pytest.mark.parametrize(
    ("category", "area", "department", "unit", "rule"),
    [
        ("road.hole", "530402001003007", "roads", None, "roads"),
        ("water.leak", "530402001003007", "county", "grid7", "territory"),
        ("nobody knows", "530402001003008", "county", "village", "territory"),
        ("water.leak", "530403", "desk", None, "desk"),
        ("water.leak", None, "desk", None, "desk"),
    ],
)
def test_who_serves_the_area_gets_what_no_row_takes(
    tmp_path: Path, category: str, area: str | None, department: str, unit: str | None, rule: str
) -> None:
    decision = Router(city_of(tmp_path, routes=TERRITORY)).route_one(
        "hotline", category, area, "ROUTINE", area is not None
    )
    assert (decision.department, decision.unit, decision.rule) == (department, unit, rule)


@pytest.mark.parametrize(
    ("routes", "what"),
    [
        (
            TERRITORY.replace("to_area: county", "to_area: conty"),
            "no kind of department with areas 'conty'; did you mean",
        ),
        (TERRITORY.replace("to_area: county", "to_area: county, department: roads"), "give one of these"),
        (
            TERRITORY + '  - {id: hongta, when: {area: ["530402001"]}, department: roads}\n',
            r"row 'hongta' is never reached: row 'territory' \(line 4\)",
        ),
    ],
)
def test_mistakes_of_territory(tmp_path: Path, routes: str, what: str) -> None:
    with pytest.raises(DeclarationError, match=what):
        city_of(tmp_path, routes=routes)


def test_two_of_a_kind_for_one_area(tmp_path: Path) -> None:
    twice = ORGANISATION.replace("units:", '  roads: {kind: county, areas: ["530402"]}\nunits:', 1)
    with pytest.raises(
        DeclarationError, match=r"organisation.yaml:3: the area '530402' has the county 'county' already 一地两主"
    ):
        city_of(tmp_path, twice)
