"""What a CaseEvent takes and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.clock import EARLIEST_MS, LATEST_MS
from hub.errors import Reason, RejectedRecordError
from hub.model.base import MAX_LINE_CHARS, MAX_REF_CHARS, MAX_TEXT_CHARS, to_ms
from hub.model.event import CaseEvent, EventKind, Urgency
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry

CODEC = Codec(FileRegistry())
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
TIME = st.integers(EARLIEST_MS, LATEST_MS)
HALF = st.floats(-180, 180)
EVENTS = st.builds(
    dict,
    source=st.just("hotline"),
    source_ref=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=MAX_REF_CHARS),
    revision=st.integers(0, 2**31 - 1),
    kind=st.sampled_from(EventKind),
    occurred_at=st.none() | TIME,
    reported_at=TIME,
    category=TEXT,
    category_label=st.none() | TEXT,
    urgency=st.sampled_from(Urgency),
    place=st.builds(lambda at, **more: {"lat": at and at[0], "lon": at and at[1], **more}, st.none() | st.tuples(HALF, HALF),
                    code=st.none() | TEXT, grid=st.none() | TEXT, crs=TEXT, address=st.none() | TEXT),
    title=TEXT,
    text=TEXT,
    channel=TEXT,
    attachments=st.lists(st.fixed_dictionaries({"uri": TEXT.map("x".__add__), "media_type": TEXT}), max_size=2),
    due_at=st.none() | TIME,
    attributes=st.dictionaries(TEXT, TEXT, max_size=3),
)  # fmt: skip


def fields(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "source": "hotline", "source_ref": "1", "revision": 0, "kind": "OPENED", "reported_at": EARLIEST_MS, "category": "",
        "urgency": "ROUTINE", "place": {}, "title": "", "text": "", "channel": "",
    }  # fmt: skip
    return good | changes


@given(EVENTS)
def test_an_event_survives_the_wire(values: dict[str, Any]) -> None:
    event = CaseEvent.checked(values)
    _, record = CODEC.decode_one(CODEC.encode_one(CaseEvent.subject(), event.to_avro()))
    assert CaseEvent.from_avro(record) == event


@given(TIME)
def test_times_are_exact_to_the_millisecond(ms: int) -> None:
    assert to_ms(datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)) == ms


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source_ref": ""}, Reason.INVALID),
        ({"source_ref": "x" * (MAX_REF_CHARS + 1)}, Reason.TOO_LARGE),
        ({"title": "x" * (MAX_LINE_CHARS + 1)}, Reason.TOO_LARGE),
        ({"text": "x" * (MAX_TEXT_CHARS + 1)}, Reason.TOO_LARGE),
        ({"reported_at": EARLIEST_MS - 1}, Reason.TIME_OUT_OF_RANGE),
        ({"due_at": LATEST_MS + 1}, Reason.TIME_OUT_OF_RANGE),
        ({"occurred_at": datetime(1, 1, 1, tzinfo=UTC)}, Reason.TIME_OUT_OF_RANGE),
        ({"place": {"lat": 1.0}}, Reason.INVALID),
        ({"place": {"lat": float("inf"), "lon": 1.0}}, Reason.INVALID),
        ({"kind": "REOPENED"}, Reason.INVALID),
        ({"unheard": "of"}, Reason.INVALID),
        ({"revision": 2**31}, Reason.INVALID),
        ({"revision": -1}, Reason.INVALID),
        ({"source": "Police"}, Reason.INVALID),
        ({"source_ref": "1\x002"}, Reason.INVALID),
        ({"source_ref": "1\n2"}, Reason.INVALID),
        ({"source_ref": "1\x9b31m"}, Reason.INVALID),
        ({"category": "x" * 201}, Reason.TOO_LARGE),
        ({"attributes": {f"{number}": "" for number in range(101)}}, Reason.TOO_LARGE),
        ({"attributes": {"x": "x" * 10_001}}, Reason.TOO_LARGE),
        ({"attachments": [{"uri": "", "media_type": ""}]}, Reason.INVALID),
        ({"place": {"crs": "x" * 201}}, Reason.TOO_LARGE),
    ],
)
def test_refused_with_a_reason(changes: dict[str, Any], reason: Reason) -> None:
    CaseEvent.checked(fields())
    with pytest.raises(RejectedRecordError) as caught:
        CaseEvent.checked(fields(**changes))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"source_ref": "x" * MAX_REF_CHARS},
        {"title": "x" * MAX_LINE_CHARS},
        {"text": "字" * MAX_TEXT_CHARS},
        {"reported_at": LATEST_MS},
    ],
)
def test_the_limits_themselves_are_taken(changes: dict[str, Any]) -> None:
    assert CaseEvent.checked(fields(**changes))


def test_events_do_not_change() -> None:
    event = CaseEvent.checked(fields())
    with pytest.raises(ValidationError):
        event.title = "other"  # type: ignore[misc]


def test_a_rejection_never_quotes_what_was_said() -> None:
    with pytest.raises(RejectedRecordError) as caught:
        CaseEvent.checked(fields(kind="Zhang San 13800000000", place={"lat": "Zhang San"}))
    assert "Zhang" not in str(caught.value)
