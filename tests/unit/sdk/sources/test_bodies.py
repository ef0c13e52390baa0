"""A CloudEvent reads the same in each mode, as its own library writes it; what is none is said, and no other with it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Reason
from hub.sdk.contract import Item
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.bodies import Unusable, call_statements

EVENT = {"specversion": "1.0", "id": "e-1", "source": "/calls", "type": "city.call", "data": {"no": "N-1"}}
BATCH = {"content-type": "application/cloudevents-batch+json"}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
words = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
data = st.dictionaries(words, words | st.integers(-(2**40), 2**40) | st.booleans() | st.none(), min_size=1, max_size=4)


def lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@given(words, words, words, data)
def test_both_modes_are_what_the_library_means(name: str, kind: str, subject: str, content: dict[str, Any]) -> None:
    attributes = {
        "specversion": "1.0", "id": name, "source": "/calls", "type": kind, "subject": subject,
        "datacontenttype": "application/json", "time": datetime(2026, 1, 6, 8, tzinfo=UTC),
    }  # fmt: skip
    event = CloudEvent(attributes, content)
    binary, structured = to_binary_event(event), to_structured_event(event)
    (one,) = call_statements(lower(binary.headers), binary.body)
    (other,) = call_statements(lower(structured.headers), structured.body)
    assert one == other
    assert isinstance(one, dict)
    assert (one["id"], one["type"], one["subject"], one["source"]) == (name, kind, subject, "/calls")
    assert {key: value for key, value in one.items() if key.startswith("data.")} == {
        f"data.{key}": value for key, value in content.items()
    }


def test_what_is_carried_in_base64_is_read_as_if_it_were_not() -> None:
    packed = {**EVENT, "data_base64": base64.b64encode(b'{"no": "N-1"}').decode()}
    del packed["data"]
    assert call_statements(STRUCTURED, json.dumps(packed).encode()) == call_statements(
        STRUCTURED, json.dumps(EVENT).encode()
    )


def test_text_is_carried_as_text() -> None:
    headers = {f"ce-{name}": value for name, value in EVENT.items() if isinstance(value, str)}
    (event,) = call_statements(headers | {"content-type": "text/plain"}, "路面坑槽".encode())
    assert isinstance(event, dict)
    assert event["data"] == "路面坑槽"
    (event,) = call_statements(headers | {"ce-subject": '"a \\"b\\" %E8%B7%AF"'}, b"")
    assert isinstance(event, dict)
    assert event["subject"] == 'a "b" 路'
    assert "data" not in event


def test_plain_json_is_one_or_a_list() -> None:
    one = {"id": "N-1", "place": {"lat": 39.9087}}
    assert call_statements({}, json.dumps(one).encode()) == [{"id": "N-1", "place.lat": "39.9087"}]
    assert len(call_statements({}, json.dumps([one, one]).encode())) == 2
    assert call_statements({}, b"[]") == []


def test_one_of_a_batch_that_is_none_is_kept_by_itself() -> None:
    found = call_statements(BATCH, json.dumps([EVENT, 7, {**EVENT, "id": ""}, EVENT]).encode())
    assert [isinstance(each, dict) for each in found] == [True, False, False, True]
    assert isinstance(found[1], Unusable)
    assert found[1].raw == b"7", "not the whole call, for each of them"


BAD = {
    "no JSON": ({}, b"hello"),
    "half of it": ({}, b'{"id": "N-1"'),
    "not UTF-8": ({}, '{"id": "路面坑槽"}'.encode("gb18030")),
    "a number": ({}, b"7"),
    "no number": ({}, b'{"id": NaN}'),
    "too deep": ({}, b"[" * 100_000),
    "a key twice": ({}, b'{"id": "N-1", "place": {"x": 1, "x": 2}}'),
    "half a character": ({}, b'{"id": "\\ud800"}'),
    "no event": (STRUCTURED, b"[]"),
    "no batch": (BATCH, json.dumps(EVENT).encode()),
    "no id": (STRUCTURED, json.dumps({**EVENT, "id": 7}).encode()),
    "another version": (STRUCTURED, json.dumps({**EVENT, "specversion": "0.3"}).encode()),
    "no base64": (STRUCTURED, json.dumps({**EVENT, "data_base64": "!"}).encode()),
    "base64 of a list": (STRUCTURED, json.dumps({**EVENT, "data_base64": []}).encode()),
    "binary, no id": ({"ce-specversion": "1.0", "ce-source": "/", "ce-type": "x"}, b"{}"),
    "binary, no UTF-8": ({"ce-specversion": "1.0", "ce-id": "%ff", "ce-source": "/", "ce-type": "x"}, b"{}"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_event_is_one_dead_letter_and_not_quoted(case: str) -> None:
    headers, body = BAD[case]
    (found,) = call_statements(headers, body)
    assert isinstance(found, Unusable)
    assert found.fault.reason is Reason.BAD_ROW
    assert found.raw
    assert not any(word in str(found.fault) for word in ("hello", "N-1", "city.call"))


@pytest.mark.parametrize("depth", [10, 101, 300, 480, 700, 900, 950, 980, 990, 1000, 3000])
@pytest.mark.parametrize("way", ['{"a":', "["])
def test_no_depth_is_a_defect(depth: int, way: str) -> None:
    close = "}" if way != "[" else "]"
    nested = way * depth + "1" + close * depth
    intake = MappingSet(find_manifest("police"))
    for said in call_statements({}, f'{{"id": {nested}}}'.encode()):
        assert isinstance(said, dict) == (depth < 100)
        if isinstance(said, dict):
            item = Item(said, "call", 1)
            intake.outcome(item)
            intake.kept(item)


@given(st.binary(max_size=60), st.sampled_from([{}, STRUCTURED, BATCH, {"ce-specversion": "1.0", "ce-id": '"\\'}]))
def test_nothing_that_is_sent_is_an_error(body: bytes, headers: dict[str, str]) -> None:
    call_statements(headers, body)
