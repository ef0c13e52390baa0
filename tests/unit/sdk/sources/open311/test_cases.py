"""What the hub makes of a city's requests: cases that open, end and come back, whatever is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.policy import load_city
from hub.sdk.contract import Item
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import load_manifest
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.open311.statements import StatementReader
from hub.settings import ROOT
from hub.testing.memory import MemoryHub

CITY = load_city(ROOT / "ops" / "cities" / "demo")
NOON = 1_772_420_400_000  # 2026-03-02T03:00:00Z
MADE = {
    "service_request_id": "1000", "status": "open", "service_code": "002", "service_name": "Burst pipe", "description": "Deep",
    "lat": "34.31", "long": "114.52", "requested_datetime": "2026-03-02T01:00:00Z", "updated_datetime": "2026-03-02T01:00:00Z",
}  # fmt: skip
CLOSED = {"status": "closed", "status_notes": "Filled", "updated_datetime": "2026-03-02T02:00:00Z"}
BACK = {"status": "open", "status_notes": "Again", "updated_datetime": "2026-03-02T02:30:00Z"}


@pytest.mark.parametrize("again", [1, 3])
def test_a_case_opens_ends_and_comes_back_by_what_its_request_says(again: int, tmp_path: Path) -> None:
    intake = MappingSet(load_manifest(scaffold("city_by_test", tmp_path, "open311")))
    reader = StatementReader(("iso",), "UTC")

    def said(request: dict[str, Any]) -> list[Any]:
        items = [Item(each, "requests", number) for number, each in enumerate(reader.statements(request), 1)]
        return [event for item in items * again if (event := intake.outcome(item).event)]

    with MemoryHub(CITY, NOON, sources=["city_by_test"]) as hub:
        for later in ({}, CLOSED, BACK):
            hub.publish(*said(MADE | later))
            hub.settle()
        changes = [(each["change"], each["ends"], each["reopens"]) for each in hub.records("hub.cases")]
        assert changes == [("OPENED", False, False), ("CLOSED", True, False), ("AMENDED", False, True)]
        assert not hub.records("hub.dead")
        report, state = hub.audit()
        assert report.good
        assert state.good


def test_a_request_that_is_first_seen_closed_has_its_whole_life(tmp_path: Path) -> None:
    intake = MappingSet(load_manifest(scaffold("city_by_test", tmp_path, "open311")))
    items = [Item(each, "requests", 1) for each in StatementReader(("iso",), "UTC").statements(MADE | CLOSED)]
    with MemoryHub(CITY, NOON, sources=["city_by_test"]) as hub:
        hub.publish(*[event for item in items if (event := intake.outcome(item).event)])
        hub.settle()
        changes = hub.records("hub.cases")
    assert [each["change"] for each in changes] == ["OPENED", "CLOSED"]
    assert changes[1]["at"] - changes[0]["opened_at"] == 3_600_000
