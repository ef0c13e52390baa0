"""A case goes through its life by what departments type, and every step is accounted for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from hub.core.figures.rates import COUNTS
from hub.model.ids import case_id
from hub.scrape import Metrics
from tests.integration.small_hub import SmallHub, case_event, page, running_hub, wait_for

pytestmark = pytest.mark.kafka
CASE = case_id("hotline", "H1")


@pytest.fixture(scope="module")
def hub(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", folder) as hub:
        hub.publish(case_event("hotline", "H1"))
        hub.settle(lambda report: report.cases == 1)
        yield hub


def say(hub: SmallHub, status: str, department: str, *more: str) -> Result:
    return hub.type("dept", "update", CASE, "--status", status, "--department", department, "--wait", "120", *more)


def last_change(hub: SmallHub) -> dict[str, Any]:
    found: dict[str, Any] = hub.json("explain", CASE)["changes"][-1]
    return found


def test_transferred_refused_a_pause_resolved_called_back_and_reopened(hub: SmallHub) -> None:
    say(hub, "transferred", "water_supply", "--to", "roads", "--reason", "a road drain")
    wait_for(lambda: last_change(hub)["department"] == "roads", "the case goes to the roads department")
    said = say(hub, "paused", "roads", "--reason", "weather").output
    assert "receipt 回执" in said
    assert "no running clock of this case may be paused" in said
    hub.settle(lambda report: report.outcomes.get("dead letter 死信 track/not_allowed") == 1)
    say(hub, "resolved", "roads", "--note", "Repaired. 已修复")
    wait_for(lambda: bool(last_change(hub)["over"]), "the case is over")
    say(hub, "satisfied", "dispatch_desk", "--solved")
    say(hub, "reopened", "dispatch_desk", "--reason", "it leaks again")
    wait_for(lambda: bool(last_change(hub)["reopens"]), "the case comes back")
    hub.settle(lambda report: report.good)  # each of its topics shows what was decided with the case
    story = hub.json("explain", CASE)
    assert [order["department"] for order in story["orders"] if order["kind"] == "ASSIGN"] == [
        "water_supply",
        "roads",
        "roads",
    ]
    told = [each["detail"] for each in story["receipts"] if each["outcome"] == "not_allowed"]
    climbed = [order["reason"] for order in story["orders"] if order["rule"] == "respond.urgent"]
    assert "reminded 催办 by row respond.urgent: respond breached" in climbed
    assert len(told) == 1
    assert "no running clock of this case may be paused" in told[0]
    assert [each["department"] for each in story["held"]][:2] == ["water_supply", "roads"]
    assert {reply["status"] for reply in story["replies"]} == {"RESOLVED", "REOPENED"}
    assert all(ring["unit"] for ring in story["deadlines"])
    said = hub.type("explain", CASE).output
    assert "from 自" in said
    assert "paused 中止 was not applied 未生效: not_allowed" in said
    report = hub.settle(lambda report: report.good)
    assert report.good


def test_rates_count_what_was_said(hub: SmallHub) -> None:
    rows = {row["department"]: row for row in hub.json("rates", "--by", "all")}
    assert (rows["roads"]["satisfaction_rate"], rows["roads"]["resolution_rate"], rows["roads"]["callbacks"]) == (
        1,
        1,
        1,
    )
    assert rows["all"]["given"] == 2
    assert "satisfaction 满意" in hub.type("rates").output


def test_prometheus_is_told_what_the_rates_are_made_of(hub: SmallHub) -> None:
    metrics = Metrics(page(hub.settings, "metrics").text)
    for row in hub.json("rates", "--by", "all"):
        everybody = row["department"] == "all"
        of = {} if everybody else {"department": row["department"]}
        # where a case moved, a late clock stays with who held it when it ran out
        for name in COUNTS if everybody else ("given", "returned", "callbacks", "satisfied", "asked_solved", "solved"):
            counted, back = (
                metrics.total(f"hub_rate_counts{infix}_total", count=name, **of) for infix in ("", "_taken_back")
            )
            assert counted - back == row[name], (row["department"], name)
