"""Examples of a policy folder are reports: what no source can report is no example of anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.rules.examples import check_examples
from hub.policy import load_city
from hub.settings import ROOT

CITY = load_city(ROOT / "ops" / "cities" / "demo")


def test_those_of_the_demo_city_hold() -> None:
    assert CITY.examples
    assert check_examples(CITY) == []


@pytest.mark.parametrize(
    ("fields", "named"), [({"title": "长" * 1_001}, "title"), ({"lat": None, "lon": 116.4}, "other half")]
)
def test_what_no_source_can_report_is_said_without_quoting_it(fields: dict[str, object], named: str) -> None:
    example = CITY.examples[0]
    impossible = example.model_copy(update={"event": example.event.model_copy(update=fields)})
    (said,) = check_examples(replace(CITY, examples=(impossible,)))
    assert example.name in said
    assert "no source can report so" in said
    assert named in said
    assert "长长" not in said
