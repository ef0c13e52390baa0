"""Reports that name a code, or a grid, and no point: they reach the area that they lie in, through the agents as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.model.event import EventKind
from hub.model.ids import case_id
from hub.policy import City, load_city
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_own_steps import at
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.policy_folder import FILES, write_folder

NOON = at("2026-03-02T12:00")
DIVISIONS = """\
root: "5304"
replaced: {"530421": "530403"}
sources: {hotline: {"north end": "530402002"}}
"""
ROUTES = """\
routes:
  - {id: square, when: {area: ["530402001003007"]}, department: squares}
  - {id: hongta, when: {area: ["530402"]}, department: hongta}
  - {id: jiangchuan, when: {area: ["530403"]}, department: jiangchuan}
"""
DEPARTMENTS = """\
departments:
  - {id: desk, name: {en: Desk, zh: 派单台}}
  - {id: squares, name: {en: Squares, zh: 广场}}
  - {id: hongta, name: {en: Hongta, zh: 红塔}}
  - {id: jiangchuan, name: {en: Jiangchuan, zh: 江川}}
"""
DEADLINES = """\
area_classes: {urban: ["530402"], rural: ["530402001"]}
deadlines:
  - {id: resolve.urban, clock: resolve, when: {area_class: [urban]}, duration: 48, unit: hour}
  - {id: resolve.rural, clock: resolve, when: {area_class: [rural]}, duration: 72, unit: hour}
  - {id: resolve.all, clock: resolve, duration: 96, unit: hour}
"""


@pytest.fixture
def city(tmp_path: Path) -> City:
    files: dict[str, str | None] = {
        "city_yaml": FILES["city.yaml"].replace("areas: {file: areas.geojson, code: code, name: name}\n", ""),
        "departments_yaml": DEPARTMENTS, "routes_yaml": ROUTES, "deadlines_yaml": DEADLINES, "examples_yaml": "examples: []\n",
    }  # fmt: skip
    folder = write_folder(tmp_path, **files)
    (folder / "divisions.yaml").write_text(DIVISIONS, encoding="utf-8")
    return load_city(folder)


@pytest.mark.parametrize(
    ("place", "department", "area", "policy"),
    [
        ({"code": "530402001003"}, "hongta", "530402001003", "resolve.rural"),  # 只有12位村社区代码
        ({"grid": "530402001003007"}, "squares", "530402001003007", "resolve.rural"),
        ({"grid": "530402001003008"}, "hongta", "530402001003008", "resolve.rural"),
        ({"grid": "530402001003007", "code": "530402", "lat": 24.35, "lon": 102.54}, "squares", "530402001003007",
         "resolve.rural"),
        ({"code": "530402000000"}, "hongta", "530402", "resolve.urban"),
        ({"code": "530421004"}, "jiangchuan", "530403004", "resolve.all"),  # 撤县设区前的代码
        ({"code": "north end"}, "hongta", "530402002", "resolve.urban"),
        ({"code": "530101"}, "desk", None, "resolve.all"),
    ],
)  # fmt: skip
def test_a_code_reaches_its_area(city: City, place: dict[str, Any], department: str, area: str, policy: str) -> None:
    with WholeHub(city, NOON) as hub:
        event = report("H1", NOON, source="hotline", revision=0, kind=EventKind.OPENED, category="road.hole")
        where = event.place.model_copy(update={"lat": None, "lon": None, "code": None, "grid": None} | place)
        hub.report(event.model_copy(update={"place": where}))
        hub.settle(NOON + 2 * MINUTE)
        (change,) = hub.records(topics.CASES.name, case_id=case_id("hotline", "H1"), change="OPENED")
        assert (change["department"], change["area"]) == (department, area)
        (order,) = hub.records(topics.dept_orders(department).name, kind="ASSIGN")
        assert (order["area"], [due["policy"] for due in order["deadlines"]]) == (area, [policy])


def test_reports_of_one_county_meet_in_one_place(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        for ref, code in (("H1", "530402001003"), ("H2", "530402002"), ("H3", "530402")):
            event = report(ref, NOON, source="hotline", revision=0, kind=EventKind.OPENED, category="road.hole")
            where = event.place.model_copy(update={"lat": None, "lon": None, "code": code})
            hub.report(event.model_copy(update={"place": where}))
        hub.settle(NOON + 2 * MINUTE)
        assert {each["place_key"] for each in hub.records(topics.CASES.name)} == {"530402"}
