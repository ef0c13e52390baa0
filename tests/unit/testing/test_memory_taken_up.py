"""A hub takes up sources and departments that come while it runs: their topics are read, and their receivers told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hub.errors import FatalError
from hub.model.event import CaseEvent
from hub.model.update import Update, UpdateStatus
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub
from hub.topics import city_events, city_replies, of_department, of_source
from tests.unit.testing.test_memory_hub import NOON, report

DEMO = ROOT / "ops" / "cities" / "demo"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "city"))


@pytest.fixture
def hub(folder: Path) -> Iterator[MemoryHub]:
    with MemoryHub(load_city(folder), NOON, sources=("hotline",)) as hub:
        yield hub


def of_newcomer(ref: str) -> CaseEvent:
    return report(ref, source="newcomer")


def with_department(folder: Path, name: str) -> None:
    """It gets all burst mains."""
    departments, routes = folder / "departments.yaml", folder / "routes.yaml"
    departments.write_text(departments.read_text("utf-8") + f"  - {{id: {name}, name: {{en: New, zh: 新}}}}\n", "utf-8")
    row = f"routes:\n  - {{id: to_{name}, when: {{category: [water.burst]}}, department: {name}}}\n"
    routes.write_text(routes.read_text("utf-8").replace("routes:\n", row, 1), "utf-8")
    (folder / "examples.yaml").write_text("examples: []\n", "utf-8")


def accept(hub: MemoryHub, order: Mapping[str, Any]) -> None:
    hub.publish(
        Update(
            department=order["department"], case_id=order["case_id"], update_id=f"U-{order['order_id']}",
            status=UpdateStatus.ACCEPTED, at=hub.clock.now_ms,
        )
    )  # fmt: skip
    hub.run()


def test_a_source_that_comes_while_the_hub_runs_is_read_and_answered(hub: MemoryHub) -> None:
    hub.run()
    hub.make(*of_source("newcomer"))
    hub.publish(of_newcomer("N-1"))
    hub.run()
    accept(hub, hub.orders()[0])
    assert [each["source_ref"] for each in hub.records("city.newcomer.replies")] == ["N-1"]
    assert not hub.records("hub.dead")
    account, state = hub.audit()
    assert account.good and state.good  # noqa: PT018 - the two of one audit


def test_a_source_without_a_topic_for_replies_is_not_read_until_it_has_one(hub: MemoryHub) -> None:
    hub.make(city_events("newcomer"))
    hub.publish(of_newcomer("N-1"))
    hub.run()
    assert not hub.records("hub.events")
    hub.make(city_replies("newcomer"))
    hub.run()
    assert [each["event"]["source"] for each in hub.records("hub.events")] == ["newcomer"]


@pytest.mark.parametrize("agent", ["deduplicate", "route", "track"])
def test_an_agent_that_takes_over_later_reads_on_and_answers(hub: MemoryHub, agent: str) -> None:
    hub.make(*of_source("newcomer"))
    hub.publish(of_newcomer("N-1"))
    hub.run()
    hub.restart(agent)
    hub.publish(of_newcomer("N-2"))
    hub.run()
    accept(hub, hub.orders()[0])
    assert [each["event"]["source_ref"] for each in hub.records("hub.events")] == ["N-1", "N-2"]
    assert [each["source_ref"] for each in hub.records("city.newcomer.replies")] == ["N-1"]


def test_a_department_that_the_rules_get_while_the_hub_runs_is_told_and_heard(hub: MemoryHub, folder: Path) -> None:
    hub.run()
    with_department(folder, "wardens")
    with pytest.raises(FatalError, match=r"dept\.wardens\.updates.*cityhub topics --create"):
        hub.reload(folder)
    hub.make(*of_department("wardens"))
    assert "department 部门 wardens: new" in hub.reload(folder)
    hub.clock.now_ms = load_city(folder).effective_ms
    hub.publish(report("H-1", reported_at=hub.clock.now_ms))
    hub.run()
    (order,) = hub.records("dept.wardens.orders")
    accept(hub, order)
    assert [each["outcome"] for each in hub.records("dept.wardens.receipts")] == ["accepted"]
    assert not hub.records("hub.dead")
