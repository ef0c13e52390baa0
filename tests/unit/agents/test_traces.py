"""A sampled report is followed from its connector to its order by W3C contexts; where traces are off, nothing is otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.event import Place
from hub.model.update import UpdateStatus
from hub.settings import Settings
from hub.testing.memory import MemoryHub
from hub.topics import all_topics
from hub.traces import CALLER, TRACEPARENT, Traces, called_within, context_in
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


def opened(hub: MemoryHub) -> str:
    """The id of the case of one report, which nobody traces."""
    hub.publish(report("H-1", NOON))
    hub.run()
    (case,) = [each["case_id"] for each in hub.records("hub.cases")]
    return str(case)


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
        case = opened(hub)
        hub.publish(resolved(case, NOON + MINUTE), headers=SAMPLED)
        hub.run()
        told = spans(path)
        assert [each["name"] for each in told] == ["deduplicate", "track", "route", "track"]  # the case ends
        assert contexts(hub, "dept.water_supply.receipts") == [told[1]["spanId"]]


def test_what_an_update_causes_bears_its_trace_whatever_it_is_keyed_by(tmp_path: Path) -> None:
    """Replies are keyed by the source's reference, closures by the place."""
    path = tmp_path / "spans.jsonl"
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=path) as hub:
        case = opened(hub)
        hub.publish(resolved(case, NOON + MINUTE), headers=SAMPLED)
        hub.run()
        _, track, route, again = spans(path)
        assert contexts(hub, "city.hotline.replies") == [track["spanId"]]
        assert set(contexts(hub, "hub.closures")) == {track["spanId"]}
        assert (route["name"], route["parentSpanId"]) == ("route", track["spanId"])
        assert (again["name"], again["parentSpanId"]) == ("track", route["spanId"])
        assert {each["traceId"] for each in spans(path)} == {TRACE}


def test_of_two_updates_of_one_case_each_receipt_bears_its_own(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=path) as hub:
        case = opened(hub)
        accepted = resolved(case, NOON + MINUTE).model_copy(
            update={"status": UpdateStatus.ACCEPTED, "update_id": "first"}
        )
        hub.publish(accepted)
        hub.publish(resolved(case, NOON + MINUTE), headers=SAMPLED)
        hub.run()
        assert len(hub.records("dept.water_supply.receipts")) == 2
        assert len(contexts(hub, "dept.water_supply.receipts")) == 1


def test_what_deduplicate_tells_a_department_bears_the_trace_too(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=path) as hub:
        hub.publish(resolved("C-2URCNELQMHXMKTIH", NOON))
        hub.run()
        hub.publish(resolved("C-2URCNELQMHXMKTIH", NOON), headers=SAMPLED)  # a repeat
        hub.publish(resolved("C-2URCNELQMHXMKTIH", NOON + 10**9), headers=SAMPLED)  # from the future
        hub.run()
        told = [each["spanId"] for each in spans(path)]
        assert contexts(hub, "dept.water_supply.receipts") == told[::-1]
        assert contexts(hub, "hub.repeats") == told[:1]
        assert contexts(hub, "hub.dead") == told[1:]


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


def test_a_call_of_http_has_its_trace_taken_over_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.traces.time.monotonic", lambda: 1.0)
    path = tmp_path / "spans.jsonl"
    never = Traces.of(Settings(traces=path, traces_share=0), "web")
    assert never is not None
    token = CALLER.set(called_within([(b"traceparent", SAMPLED[TRACEPARENT].encode())]))
    try:
        headers = [never.begin("city.web.events") for _ in range(103)]
    finally:
        CALLER.reset(token)
    assert headers.count(None) == 3
    assert never.begin("city.web.events") is None
    assert {(each["traceId"], each["parentSpanId"]) for each in spans(path)} == {(TRACE, BEFORE)}
    assert len({each["spanId"] for each in spans(path)}) == 100


SAID = SAMPLED[TRACEPARENT].encode()


@pytest.mark.parametrize(
    "values",
    [[], [SAID, SAID], [SAID * 1000], [SAID + b"-x"], [SAID.upper()], [b"00-" + b"0" * 32 + SAID[35:]], [b"\xff\r\n"]],
)
def test_a_forged_or_overlong_context_is_as_if_it_were_not_there(values: list[bytes]) -> None:
    assert called_within([(b"host", b"x"), *((b"traceparent", value) for value in values)]) is None


def test_a_file_that_cannot_be_written_costs_spans_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MemoryHub(CITY, NOON, sources=["hotline"], traces=tmp_path) as hub:
        hub.publish(report("H-1", NOON), headers=SAMPLED)
        hub.run()
        assert len(hub.records("dept.water_supply.orders")) == 1
    assert [record.message.count("cannot be written") for record in caplog.records if record.name == "hub.traces"]
