"""Each department is told of a report what its purpose needs, and nothing else, by whatever way an order comes about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.model.event import CaseEvent
from hub.policy import City, load_city
from hub.stream.avro.codec import HEADER_BYTES
from hub.testing.memory import MemoryHub
from hub.topics import dept_orders
from tests.mutations import CODEC
from tests.unit.agents.small_world import CITY
from tests.unit.agents.test_unlinking import CASE, DESK, LEAD, WRONG, say, tell
from tests.unit.agents.whole_hub import WholeHub

PRIVACY = """\
purposes:
  helping: {name: {en: Goes there, zh: 到场协助}, needs: [reference, place]}
  counting: {name: {en: Counts, zh: 统计}, needs: []}
sources: {police: counting}
"""
WORDS = {"title": "TITLE", "text": "TEXT", "category_label": "LABEL"}
SAID: dict[str, Any] = WORDS | {
    "place": {"lat": 34.02, "lon": 114.515, "address": "ADDRESS", "code": "LT01"},
    "attachments": [{"uri": "https://files.example/FILE", "media_type": "image/jpeg"}],
    "attributes": {"room": "ATTRIBUTE"},
}
KINDS = {
    "words": ("TITLE", "TEXT", "LABEL"),
    "place": ("ADDRESS", "34.02"),
    "files": ("FILE",),
    "attributes": ("ATTRIBUTE",),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(CITY.folder, tmp_path / "city"))
    with_purposes(folder, {"roads": "helping", "housing": "counting"})
    (folder / "privacy.yaml").write_text(PRIVACY, "utf-8")
    return folder


def with_purposes(folder: Path, purposes: dict[str, str]) -> None:
    departments = folder / "departments.yaml"
    text = departments.read_text("utf-8")
    for department, purpose in purposes.items():
        text = text.replace(f"{{id: {department},", f"{{id: {department}, purpose: {purpose},")
    departments.write_text(text, "utf-8")


@pytest.fixture
def city(folder: Path) -> City:
    return load_city(folder)


@pytest.fixture
def hub(city: City) -> Iterator[WholeHub]:
    with WholeHub(city, 1_772_420_400_000) as hub:
        yield hub


def carried(order: Any) -> set[str]:
    """The kinds of what an order carries of a report."""
    text = str(order["event"]) + str(order["reason"])
    return {kind for kind, marks in KINDS.items() if any(mark in text for mark in marks)}


def orders(hub: MemoryHub, department: str) -> list[Any]:
    return hub.records(dept_orders(department).name)


def must_keep_to_purposes(hub: MemoryHub) -> None:
    assert all(carried(order) <= {"place"} for order in orders(hub, "roads"))
    assert not any(carried(order) for order in orders(hub, "housing"))
    assert all(order["event"] is None or not order["event"]["source_ref"] for order in orders(hub, "housing"))
    account, state = hub.audit()
    assert account.good and state.good  # noqa: PT018 - the two of one audit


def test_who_needs_everything_gets_the_very_bytes_of_the_source(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    (sent,) = hub.broker.records("city.hotline.events")
    (order,) = hub.broker.records(dept_orders("water_supply").name)
    assert (order.value or b"").endswith((sent.value or b"")[HEADER_BYTES:])


def test_a_joint_case_tells_each_what_it_needs(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    assert say(hub, "WHISTLED", 1, DESK, members=["roads", "housing"], reason="WHY")
    (helping,), (counting,) = orders(hub, "roads"), orders(hub, "housing")
    assert carried(orders(hub, "water_supply")[0]) == set(KINDS)
    assert carried(helping) == {"place"}
    assert helping["event"]["source_ref"] == LEAD[1]
    event = counting["event"]
    assert (event["category"], event["urgency"], event["place"]["code"]) == ("water.burst", "URGENT", "LT01")
    assert (event["title"], event["text"], event["attachments"], event["attributes"]) == ("", "", [], {})
    must_keep_to_purposes(hub)


def test_so_does_every_way_an_order_comes_about(hub: WholeHub) -> None:
    """Linked reports, further statements, a transfer, the end, a reopening, a report taken out, reminders."""
    tell(hub, LEAD, 0, **SAID)
    say(hub, "WHISTLED", 1, DESK, members=["roads", "housing"])
    assert tell(hub, WRONG, 5, **SAID)["change"] == "LINKED"
    tell(hub, LEAD, 6, revision=1, kind="AMENDED", **SAID)
    assert say(hub, "SUPERVISED", 7, DESK, note="TEXT of a supervisor")
    assert say(hub, "TRANSFERRED", 8, "water_supply", to="housing")
    assert say(hub, "SUPERVISED", 9, DESK, note="TEXT of a supervisor")
    assert say(hub, "RESOLVED", 10, "housing", note="TEXT")
    assert say(hub, "REOPENED", 11, DESK, reason="TEXT")
    tell(hub, LEAD, 12, revision=2, kind="AMENDED", **SAID)
    assert say(hub, "UNLINKED", 13, DESK, report=":".join(WRONG), reason="TEXT")
    hub.settle()
    kinds = {order["kind"] for order in orders(hub, "housing")}
    assert kinds == {"ASSIGN", "LINK", "AMEND", "REMIND"}
    assert any("TEXT" in str(order) for order in orders(hub, "water_supply"))
    must_keep_to_purposes(hub)


def test_a_backfill_of_the_past_is_no_other_way(hub: WholeHub) -> None:
    for minutes, ref in enumerate(("B1", "B2", "B3")):
        tell(
            hub,
            ("hotline", ref),
            minutes,
            category="road.collapse",
            reported_at=hub.clock.now_ms - 90 * 86_400_000,
            **SAID,
        )
    assert [carried(order) for order in orders(hub, "roads") if order["event"]] == [{"place"}] * 3
    must_keep_to_purposes(hub)


def test_a_source_without_the_need_is_told_what_became_of_it_and_no_words(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    tell(hub, WRONG, 5, **SAID)
    say(hub, "RESOLVED", 10, "water_supply", note="NOTE")
    assert [(each["status"], each["text"]) for each in hub.records("city.hotline.replies")] == [("RESOLVED", "NOTE")]
    assert [(each["status"], each["text"]) for each in hub.records("city.police.replies")] == [("RESOLVED", "")]


def test_a_changed_purpose_holds_from_the_next_order_on(folder: Path, hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    with_purposes(folder, {"water_supply": "counting"})
    assert "department 部门 water_supply: changed" in hub.reload(folder)
    tell(hub, LEAD, 1, revision=1, kind="AMENDED", **SAID)
    assert [bool(carried(order)) for order in orders(hub, "water_supply")] == [True, False]


def test_the_bytes_are_those_of_the_record_without_it(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    say(hub, "WHISTLED", 1, DESK, members=["roads"])
    (order,) = orders(hub, "roads")
    assert order["event"] == CODEC.decode_one(CODEC.encode_one(CaseEvent.subject(), order["event"]))[1]
    assert order["case_id"] == CASE
