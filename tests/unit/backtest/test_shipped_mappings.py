"""The mappings that belong to no connector load, and are found by name."""

from pathlib import Path

import pytest

from hub.backtest.mappings import MAPPINGS, find_mapping
from hub.learn.scoreboard import load_plan
from hub.settings import ROOT


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_mapping_is_found_by_its_name(path: Path) -> None:
    assert find_mapping(path.stem, Path("none.csv")).mapping.description


def test_the_scoreboards_plan_names_known_mappings() -> None:
    for city in load_plan(ROOT / "ops" / "scoreboards" / "real.yaml").cities:
        assert find_mapping(city.mapping, Path("none.csv")).name == city.mapping
