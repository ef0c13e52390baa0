"""What a loaded city offers, and that the cities shipped are sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from hub.policy import load_city
from hub.policy.city import City
from hub.policy.models import parse_span
from hub.settings import ROOT
from tests.unit.policy.policy_folder import changed, write_folder

CITIES = sorted(path.parent for path in (ROOT / "ops" / "cities").glob("*/city.yaml"))


@pytest.fixture(scope="module", params=CITIES, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> City:
    return load_city(request.param)


def test_every_category_is_found_by_its_code_and_aliases(shipped: City) -> None:
    for category in shipped.categories.values():
        assert shipped.category_of(category.code) is category
        assert all(shipped.category_of(alias.upper()) is category for alias in category.aliases)


def test_names_are_bilingual(shipped: City) -> None:
    names = [one.name for one in (*shipped.categories.values(), *shipped.departments.values())]
    assert all(any("一" <= letter <= "鿿" for letter in name.zh) for name in names)
    assert all(name.en.isascii() for name in names)


def test_the_demo_areas_tile_their_box() -> None:
    shapes = [area.geometry for area in load_city(ROOT / "ops" / "cities" / "demo").areas]
    assert 6 <= len(shapes) <= 8
    together = shapely.union_all(shapes)
    assert together.area == pytest.approx(sum(shape.area for shape in shapes), rel=1e-9)
    assert together.area == pytest.approx(together.envelope.area, rel=1e-9)


def test_the_demo_says_which_numbers_are_law() -> None:
    city = load_city(ROOT / "ops" / "cities" / "demo")
    assert all(rule.legal_basis for rule in city.deadlines)
    law = {rule.id: (rule.duration, rule.unit) for rule in city.deadlines if "条" in (rule.legal_basis or "")}
    assert law["accept.petition"] == (15, "natural_day")
    assert law["resolve.petition"] == (60, "natural_day")


def test_labels_match_by_alias_then_pattern(tmp_path: Path) -> None:
    city = load_city(write_folder(tmp_path))
    for label in ("road.hole", "HOLE in road", " hole  IN road ", "路坑", "ＰＯＴＨＯＬＥ repair", "big pot hole"):
        found = city.category_of(label)
        assert found is not None
        assert found.code == "road.hole"
    assert city.category_of("sink") is None
    assert city.category_of("") is None


def test_the_first_pattern_in_the_file_wins(tmp_path: Path) -> None:
    both = changed("taxonomy.yaml", "family: water", 'family: water\n    patterns: ["hole"]')
    city = load_city(write_folder(tmp_path, **both))
    assert city.category_of("pothole") is city.categories["road.hole"]
    assert city.category_of("borehole") is city.categories["water.leak"]


@given(st.text(max_size=400))
def test_any_label_has_an_answer_and_always_the_same(label: str) -> None:
    city = load_city(ROOT / "ops" / "cities" / "replay") if not _LOADED else _LOADED[0]
    _LOADED[:] = [city]
    assert city.category_of(label) is city.category_of(label)


_LOADED: list[City] = []


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    first, same, other = (tmp_path / name for name in ("first", "same", "other"))
    for folder in (first, same, other):
        folder.mkdir()
    write_folder(first)
    write_folder(same)
    write_folder(other, **changed("linking.yaml", "radius_m: 100", "radius_m: 101"))
    assert load_city(first).fingerprint == load_city(same).fingerprint != load_city(other).fingerprint


def test_the_linking_row_of_a_family(tmp_path: Path) -> None:
    city = load_city(write_folder(tmp_path))
    assert [rule.id for rule in map(city.link_rule, ("road", "water")) if rule] == ["road", "default"]


def test_rows_covered_only_together_are_still_unreachable(tmp_path: Path) -> None:
    """Two rows that split the urgencies leave nothing for a third."""
    text = """\
routes:
  - {id: calm, when: {urgency: [ROUTINE, PROMPT]}, department: desk}
  - {id: hot, when: {urgency: [URGENT, EMERGENCY]}, department: desk}
  - {id: third, department: roads}
"""
    with pytest.raises(Exception, match=r"routes\.yaml:4: row 'third' is never reached"):
        load_city(write_folder(tmp_path, routes_yaml=text))


@given(st.integers(0, 1439), st.integers(0, 1440))
def test_spans_read_back(start: int, end: int) -> None:
    text = f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"
    if start < end:
        assert parse_span(text) == (start, end)
    else:
        with pytest.raises(ValueError, match="not within one day"):
            parse_span(text)
