"""Areas as a tree of codes: what codes of reports stand for, and what is wrong with those that rules name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.declared.problems import DeclarationError
from hub.policy import load_city
from hub.policy.divisions import CodesWithin, Divisions
from hub.policy.models import DivisionsFile
from tests.unit.policy.policy_folder import FILES, changed, write_folder

DIVISIONS = """\
root: "5304"
names:
  "530402": {en: Hongta, zh: 红塔区}
replaced: {"530421": "530403", "530403005": "530403101"}
sources:
  police: {A01: "530402001", A02: "530421002"}
"""


def divisions() -> Divisions:
    return Divisions(
        DivisionsFile(
            root="5304",
            replaced={"530421": "530403", "530403005": "530403101"},
            sources={"police": {"A01": "530402001", "A02": "530421002"}},
        )
    )


@pytest.mark.parametrize(
    ("source", "grid", "code", "stands_for"),
    [
        ("hotline", None, "530402001003", "530402001003"),
        ("hotline", "530402001003007", "530402", "530402001003007"),
        ("hotline", "530402001003007", None, "530402001003007"),
        ("hotline", "no grid of ours", "530402001", "530402001"),
        ("hotline", None, "530402000000", "530402"),
        ("hotline", None, "530400", "5304"),
        ("hotline", None, "5304020010", "530402001"),  # no level has ten digits
        ("hotline", None, "530421003001", "530403003001"),  # 撤县设区
        ("hotline", None, "530421005", "530403101"),  # replaced twice
        ("hotline", None, "A01", None),
        ("police", None, "A01", "530402001"),
        ("police", None, "A02", "530403002"),  # its own code for one that was
        ("hotline", None, "110101", None),
        ("hotline", None, None, None),
    ],
)
def test_what_a_report_names(source: str, grid: str | None, code: str | None, stands_for: str | None) -> None:
    assert divisions().code_of(source, grid, code) == stands_for


@given(st.text("0123456789", max_size=21), st.frozensets(st.text("0123456789", min_size=2, max_size=9), max_size=5))
def test_a_code_lies_in_what_it_begins_with(tail: str, codes: frozenset[str]) -> None:
    tree = divisions()
    code, named = f"5304{tail}", {f"5304{each}" for each in codes}
    wanted = {each for each in named if code.startswith(each) and (each == code or len(each) in (2, 4, 6, 9, 12))}
    assert tree.within(code, named) == bool(wanted) == (code in CodesWithin.of(tree, named))
    assert tree.nearest(code, named) == max(wanted, key=len, default=None)
    assert not tree.within(None, named)
    key = tree.key_of(code)
    assert code.startswith(key)
    assert tree.key_of(key) == key


def folder_of(tmp_path: Path, divisions: str = DIVISIONS, **files: str | None) -> Path:
    folder = write_folder(tmp_path, **{"city_yaml": FILES["city.yaml"].replace(AREAS, ""), **files})
    (folder / "divisions.yaml").write_text(divisions, encoding="utf-8")
    return folder


AREAS = "areas: {file: areas.geojson, code: code, name: name}\n"
ROUTES = """\
routes:
  - {id: village, when: {area: ["530402001003"]}, department: roads}
  - {id: county, when: {area: ["530402"]}, department: desk}
"""


def test_a_folder_of_codes_alone_loads(tmp_path: Path) -> None:
    city = load_city(folder_of(tmp_path, routes_yaml=ROUTES))
    assert city.divisions is not None
    assert city.divisions.spec.names["530402"].zh == "红塔区"


@pytest.mark.parametrize(
    ("files", "divisions", "where", "what"),
    [
        (changed("routes.yaml", "[A1]", '["53041"]'), DIVISIONS, "routes.yaml:6", "has 5 digits"),
        (changed("routes.yaml", "[A1]", '["110101"]'), DIVISIONS, "routes.yaml:6", "does not begin with '5304'"),
        (changed("routes.yaml", "[A1]", '["530402000"]'), DIVISIONS, "routes.yaml:6", "write '530402'"),
        (
            {"routes_yaml": "routes:\n" + "".join(reversed(ROUTES.splitlines(keepends=True)[1:]))}, DIVISIONS, "routes.yaml:3",
            "row 'village' is never reached: row 'county' (line 2) above takes all",
        ),
        ({"routes_yaml": ROUTES}, 'root: "5304"\nplaces: parish\n', "divisions.yaml", "names a level, one of province"),
        ({"routes_yaml": ROUTES}, 'root: "5304"\nlevels: {county: [6], town: [6]}\n', "divisions.yaml:1", "sort them"),
        (
            {"routes_yaml": ROUTES}, 'root: "5304"\nreplaced:\n  "530421": "530422"\n  "530422": "530421"\n',
            "divisions.yaml:3", "in a circle 循环替换",
        ),
        ({"routes_yaml": ROUTES}, 'root: "5304"\nreplaced:\n  "530421": "53041"\n', "divisions.yaml:3", "has 5 digits"),
        ({"routes_yaml": ROUTES}, 'root: "5304"\nsources:\n  police:\n    A1: "99"\n', "divisions.yaml:4", "root"),
        ({"routes_yaml": ROUTES}, 'root: "5304"\nnames:\n  "5304021": {en: x, zh: x}\n', "divisions.yaml:3", "7 digits"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, files: dict[str, str], divisions: str, where: str, what: str) -> None:
    with pytest.raises(DeclarationError) as told:
        load_city(folder_of(tmp_path, divisions, **files))
    assert any(where in str(problem) and what in str(problem) for problem in told.value.problems), told.value


def test_classes_go_down_to_what_has_none_of_its_own(tmp_path: Path) -> None:
    rows = FILES["deadlines.yaml"].replace(
        "deadlines:", 'area_classes: {urban: ["530402"], rural: ["530402001"]}\ndeadlines:', 1
    )
    city = load_city(folder_of(tmp_path, routes_yaml=ROUTES, deadlines_yaml=rows))
    assert city.area_class("530402002001") == "urban"
    assert city.area_class("530402001003007") == "rural"
    assert city.area_class("530422") is None
    assert city.area_class(None) is None
