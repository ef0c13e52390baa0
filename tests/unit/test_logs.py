"""Log lines as JSON: whole, one a record, with case and event, and without what anybody wrote."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.escaping import OneLineRecord
from hub.logs import JsonFormatter
from hub.testing.memory import MemoryHub
from tests.unit.agents.small_world import CITY, NOON
from tests.unit.agents.test_times import resolved

CASE = "C-2URCNELQMHXMKTIH"


def line(message: str = "m", *args: object, exc_info: Any = None, **facts: object) -> dict[str, Any]:
    record = OneLineRecord("hub.stream", logging.WARNING, __file__, 1, message, args, exc_info)
    record.__dict__.update(facts)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    said: dict[str, Any] = json.loads(text)
    return said


@given(st.text(), st.text())
def test_whatever_is_said_is_one_object_a_line(message: str, fact: str) -> None:
    said = line("%s", message, reason=fact, reporter=fact)
    assert said["reason"] == fact
    assert set(said) == {"time", "level", "logger", "message", "reason"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [(CASE, True), (CASE.encode(), True), (b"\xff", False), ("Ms Example", False), (None, False), (CASE + "1", False)],
)
def test_a_case_id_is_one_or_is_left_out(given: object, kept: bool) -> None:
    assert line(case_id=given).get("case_id") == (CASE if kept else None)


def test_an_error_says_its_type_and_place_and_not_what_it_quotes() -> None:
    try:
        int("Ms Example, 13800000000")
    except ValueError:
        said = line("failed", exc_info=sys.exc_info())
    assert said["error"] == "ValueError"
    assert any("test_logs.py" in place for place in said["at"])
    assert "Example" not in json.dumps(said)


def test_what_an_agent_sets_aside_names_its_case_and_place(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), MemoryHub(CITY, NOON, sources=["hotline"]) as hub:
        hub.publish(resolved(CASE, NOON))
        hub.settle()
    (record,) = [each for each in caplog.records if "rejected" in each.getMessage()]
    said = json.loads(JsonFormatter().format(record))
    assert (said["agent"], said["reason"], said["case_id"]) == ("track", "unknown_case", CASE)
    assert said["event_id"].startswith("dept.water_supply.updates[")
