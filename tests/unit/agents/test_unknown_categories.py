"""A category that nobody knows goes to the desk, is counted by its source, and stops nobody else."""

from __future__ import annotations

from typing import Any

from prometheus_client import REGISTRY

from hub.core.routing.router import UNKNOWN_CATEGORY
from hub.model.event import CaseEvent
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub

NOON = 1_772_424_000_000
CITY = load_city(ROOT / "ops" / "cities" / "demo")


def event(source: str, ref: str, category: str, **changes: Any) -> CaseEvent:
    fields: dict[str, Any] = {
        "source": source, "source_ref": ref, "revision": 0, "kind": "OPENED", "reported_at": NOON, "category": category,
        "urgency": "ROUTINE", "place": {"lat": 34.02, "lon": 114.515}, "title": "", "text": "", "channel": "phone",
    }  # fmt: skip
    return CaseEvent(**fields | changes)


def counted(source: str) -> float:
    return REGISTRY.get_sample_value("hub_unknown_categories_total", {"source": source}) or 0.0


def test_it_goes_to_the_desk_and_is_counted_by_its_source() -> None:
    before = counted("hotline"), counted("police")
    with MemoryHub(CITY, NOON, sources=("hotline", "police")) as hub:
        hub.publish(
            event("hotline", "H1", "nobody.knows"), event("hotline", "H2", "本市没有的类别"),
            event("hotline", "H3", "road.pothole"), event("police", "P1", "lighting.out"),
        )  # fmt: skip
        hub.publish(event("hotline", "H1", "nobody.knows"))  # said again, it counts once
        hub.settle()
        cases = {each["source_ref"]: each for each in hub.records("hub.cases", change="OPENED")}
        desk = [each["event"]["source_ref"] for each in hub.records(f"dept.{CITY.dispatch_desk}.orders", kind="ASSIGN")]
    assert {ref for ref, case in cases.items() if case["department"] == CITY.dispatch_desk} == {"H1", "H2"} == set(desk)
    assert {cases[ref]["desk_reason"] for ref in ("H1", "H2")} == {UNKNOWN_CATEGORY}
    assert cases["H3"]["department"] == "roads"
    assert (counted("hotline"), counted("police")) == (before[0] + 2, before[1])
