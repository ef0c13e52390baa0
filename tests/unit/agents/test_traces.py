"""A sampled report is followed from its connector to its order by W3C contexts; where traces are off, nothing is otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.event import Place
from hub.settings import Settings
from hub.testing.memory import MemoryHub
from hub.topics import all_topics
from hub.traces import TRACEPARENT, Traces, context_in
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report, resolved

TRACE, BEFORE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {TRACEPARENT: f"00-{TRACE}-{BEFORE}-01"}


def spans(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    scopes = [scope for line in lines for part in json.loads(line)["resourceSpans"] for scope in part["scopeSpans"]]
    return [span for scope in scopes for span in scope["spans"]]


def contexts(hub: MemoryHub, topic: str) -> list[str]:
    """The span behind each record that bears one."""
    found = [dict(batch.headers or []).get(TRACEPARENT) for batch in hub.broker.kept(topic)]
    return [context.span for header in found if header and (context := context_in(header))]


def test_a_report_is_followed_from_its_connector_to_its_order_and_beyond(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=path) as hub:
        hub.publish(report("H-1", NOON), headers=SAMPLED)
        hub.publish(report("H-2", NOON, place=Place(code="LT02")))
        hub.run()
        first, second, third = spans(path)
        assert [each["name"] for each in (first, second, third)] == ["deduplicate", "route", "track"]
        assert {each["traceId"] for each in (first, second, third)} == {TRACE}
        assert [each["parentSpanId"] for each in (first, second, third)] == [BEFORE, first["spanId"], second["spanId"]]
        assert contexts(hub, "hub.events") == [first["spanId"]]
        assert contexts(hub, "hub.cases") == contexts(hub, "dept.water_supply.orders") == [second["spanId"]]
        facts = {each["key"]: each["value"] for each in first["attributes"]}
        assert facts["messaging.destination.name"] == {"stringValue": "city.hotline.events"}
        assert int(first["startTimeUnixNano"]) <= int(first["endTimeUnixNano"])


def test_an_update_is_followed_to_its_receipt(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=path) as hub:
        hub.publish(report("H-1", NOON))
        hub.run()
        (case,) = [each["case_id"] for each in hub.records("hub.cases")]
        hub.publish(resolved(case, NOON + MINUTE), headers=SAMPLED)
        hub.run()
        told = spans(path)
        assert [each["name"] for each in told] == ["deduplicate", "track"]
        assert contexts(hub, "dept.water_supply.receipts") == [told[1]["spanId"]]


def test_one_of_many_at_a_place_is_told_from_its_neighbours(tmp_path: Path) -> None:
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=tmp_path / "spans.jsonl") as hub:
        hub.publish(report("H-1", NOON))
        hub.publish(report("H-2", NOON), headers=SAMPLED)
        hub.publish(report("H-3", NOON))
        hub.turn("deduplicate")
        marked = [bool(batch.headers) for batch in hub.broker.kept("hub.events") for _ in batch.values]
        assert marked == [False, True, False]


@pytest.mark.parametrize("headers", [None, SAMPLED, {TRACEPARENT: SAMPLED[TRACEPARENT][:-1] + "0"}, {TRACEPARENT: "?"}])
def test_off_or_not_sampled_everything_is_byte_for_byte_the_same(
    headers: dict[str, str] | None, tmp_path: Path
) -> None:
    plain, traced = outputs(None, None), outputs(headers, tmp_path / "spans.jsonl")
    assert outputs(headers, None) == plain
    assert traced == plain
    assert len(spans(tmp_path / "spans.jsonl")) == (3 if headers is SAMPLED else 0)


def outputs(headers: dict[str, str] | None, traces: Path | None) -> list[tuple[str, list[Any]]]:
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=traces) as hub:
        hub.publish(report("H-1", NOON), headers=headers)
        hub.run()
        written = [topic.name for topic in all_topics(hub.sources, hub.departments) if topic.name.count("city.") == 0]
        assert traces or not [batch for name in written for batch in hub.broker.kept(name) if batch.headers]
        return [(name, hub.broker.records(name)) for name in written]


@given(st.binary() | st.from_regex(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_a_context_is_whole_or_none(header: bytes) -> None:
    found = context_in(header)
    if found is not None:
        assert found.headers[0][1][:-2] == header[:-2]
        assert set(found.trace) != {"0"}
        assert int(header[-2:], 16) & 1


def test_what_is_published_begins_a_trace_as_often_as_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    always = Traces.of(Settings(traces=path, traces_share=1), "connector.hotline")
    never = Traces.of(Settings(traces=path, traces_share=0), "connector.hotline")
    assert always is not None
    assert never is not None
    assert Traces.of(Settings(), "connector.hotline") is None
    begun = always.begin("city.hotline.events")
    assert begun is not None
    assert never.begin("city.hotline.events") is None
    (span,) = spans(path)
    context = context_in(begun[0][1])
    assert context is not None
    assert (span["traceId"], span["spanId"], span["parentSpanId"]) == (*context, "")


def test_a_file_that_cannot_be_written_costs_spans_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=tmp_path) as hub:
        hub.publish(report("H-1", NOON), headers=SAMPLED)
        hub.run()
        assert len(hub.records("dept.water_supply.orders")) == 1
    assert [record.message.count("cannot be written") for record in caplog.records if record.name == "hub.traces"]
