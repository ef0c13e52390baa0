"""What a unit below a department has to do, as the gateway and the board's list give it; and what it says at the board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import QueryParams

from hub.policy.organisation import Organisation
from hub.web.board.acts import act_in, require_whole, updates_in_act
from hub.web.board.listing import case_query
from hub.web.board.names import city_document
from hub.web.bodies import HttpProblem
from tests.unit.agents.test_units import leak
from tests.unit.agents.test_units_say import ORGANISATION
from tests.unit.policy.test_organisation import city_of
from tests.unit.web.front import NOON, MemoryWeb, memory_web

CASES = "/departments/county/cases"
GRIDS = {"H1": "530402001003007", "H2": "530402001003008", "H3": "530402001", "H4": "530402002001", "H5": "530402003"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryWeb]:
    folder = tmp_path_factory.mktemp("city")
    with memory_web(tmp_path_factory.mktemp("web"), city=city_of(folder, ORGANISATION)) as web:
        for ref, grid in GRIDS.items():
            web.hub.publish(leak(grid, at_ms=NOON).model_copy(update={"source_ref": ref}))
        web.settle()
        yield web


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        ("", {"grid7", "grid8", "town", "other_town", None}),
        ("grid7", {"grid7"}),
        ("village", {"grid7", "grid8"}),
        ("town", {"grid7", "grid8", "town"}),
        ("other_town", {"other_town"}),
        ("sweepers", set()),
    ],
)
def test_cases_of_a_unit_and_of_those_below_it(web: MemoryWeb, unit: str, found: set[str | None]) -> None:
    page = web.client.get(CASES, params={"unit": unit}, headers=web.bearer("county")).json()
    assert {each["unit"] for each in page["cases"]} == found
    assert all(each["holds"] and each["clocks"] for each in page["cases"])


@pytest.mark.parametrize("unit", ["patrol", "nobody"])
def test_a_unit_that_is_none_of_the_departments_is_not_there(web: MemoryWeb, unit: str) -> None:
    assert web.client.get(CASES, params={"unit": unit}, headers=web.bearer("county")).status_code == 404


def test_pages_of_a_unit_go_on_where_the_last_ended(web: MemoryWeb) -> None:
    headers, seen, after = web.bearer("county"), [], ""
    while after is not None:
        page = web.client.get(CASES, params={"unit": "town", "limit": 1, "after": after}, headers=headers).json()
        seen += [each["unit"] for each in page["cases"]]
        after = page["next"]
    assert sorted(seen) == ["grid7", "grid8", "town"]


def test_the_boards_list_takes_a_unit_with_those_below_it(tmp_path: Path) -> None:
    tree = city_of(tmp_path, ORGANISATION).organisation
    assert isinstance(tree, Organisation)
    assert case_query(QueryParams("unit=village"), NOON, {}, tree).units == ["village", "grid7", "grid8"]
    assert case_query(QueryParams("unit=village"), NOON, {}).units == ["village"]


def test_who_of_a_department_says_it_at_the_board(tmp_path: Path) -> None:
    city = city_of(tmp_path, ORGANISATION)
    body = (
        b'{"act_id": "%032d", "event": "transferred", "cases": ["C1"], "to": "grid8", "unit": "grid7", "reason": "next door"}'
        % 7
    )
    act = act_in(body)
    require_whole(act, city)
    (update,) = updates_in_act(act, "county", NOON)
    assert (update.unit, update.to, update.department) == ("grid7", "grid8", "county")
    with pytest.raises(HttpProblem):
        require_whole(act.model_copy(update={"to": "grid99"}), city)


def test_units_to_choose_from_stand_in_the_citys_names_unless_they_are_too_many(tmp_path: Path) -> None:
    below = city_document(city_of(tmp_path, ORGANISATION))["below"]
    assert set(below["county"]) == {"town", "village", "grid7", "grid8", "other_town", "sweepers"}
    many = "".join(f"  - {{id: p{n}, parent: county, kind: post}}\n" for n in range(300))
    assert city_document(city_of(tmp_path, ORGANISATION + many))["below"]["county"] is None
