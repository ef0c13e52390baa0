"""Dead letters with a life: states by what was done, groups, edits, and a redrive that ends."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import case_asked_of, contents_of, faults_if_sent, input_kind
from hub.inspect.mending.dealt import CLOSE, MOST_TIMES, REOPEN, RESEND, Dealt, Deed, LetterState, bytes_digest
from hub.inspect.mending.edits import diff_lines, encoded_record, fields_that_differ, record_in, with_fields
from hub.inspect.mending.groups import grouped, sender_of
from hub.inspect.mending.redrive import CANNOT, SAME, paced, plan_redrive
from hub.inspect.mending.rows import mended_records
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from tests.unit.inspect.letters import a_letter
from tests.unit.web.front import pothole

_CODEC = Codec(FileRegistry())
_TOPIC = "city.hotline.events"
_PREFIX = "hub.dead "


def deed(what: str, letter: Letter, at_ms: int = 0) -> Deed:
    digest = bytes_digest(letter.topic or "", letter.letter["key"], letter.letter["value"])
    return Deed(at_ms, "li", what, _PREFIX + letter.id, {"bytes": digest})


@given(st.lists(st.binary(max_size=1), min_size=1, max_size=6), st.integers(1, 12))
def test_a_redrive_of_what_is_never_mended_ends(values: list[bytes], runs: int) -> None:
    """Each record that is sent comes back as another letter, as nothing is mended; who sends all again each day floods nobody."""
    letters, deeds, sent = [a_letter(number, value) for number, value in enumerate(values)], [], Counter[bytes]()
    for _ in range(runs):
        plan = plan_redrive(letters, Dealt(deeds, _PREFIX), named=False, again=False)
        assert len(plan.sent) + plan.left.total() == len(letters), "each letter is sent, or left and said why"
        once = Counter(each.letter.letter["value"] for each in plan.sent)
        assert set(once.values()) <= {1}
        sent += once
        deeds += [deed(RESEND, each.letter) for each in plan.sent]
        letters += [
            a_letter(len(letters) + number, each.letter.letter["value"]) for number, each in enumerate(plan.sent)
        ]
    assert max(sent.values()) <= MOST_TIMES
    assert set(sent) == set(values)


@given(st.lists(st.sampled_from([CLOSE, REOPEN, RESEND, f"{RESEND}.failed"]), max_size=6))
def test_the_last_deed_says_how_far_a_letter_is(names: list[str]) -> None:
    letter, other = a_letter(1), a_letter(2)
    dealt = Dealt([deed(name, letter, number) for number, name in enumerate(names)], _PREFIX)
    states = {CLOSE: LetterState.CLOSED, RESEND: LetterState.SENT}
    assert dealt.state(letter) is states.get(names[-1] if names else "", LetterState.OPEN)
    assert dealt.state(other) is LetterState.OPEN


def test_what_is_left_says_why() -> None:
    letters = [
        a_letter(0), a_letter(1), a_letter(2, b"y"), a_letter(3, b"z"), a_letter(4, b"w", stage="track"),
        a_letter(5, b"v", truncated=True),
    ]  # fmt: skip
    dealt = Dealt([deed(CLOSE, letters[2]), deed(RESEND, letters[3])], _PREFIX)
    plan = plan_redrive(letters, dealt, named=False, again=False)
    assert [each.letter.id for each in plan.sent] == ["0:0"]
    assert (plan.left[SAME], plan.left[CANNOT], plan.left.total()) == (1, 2, 5)
    assert len(plan_redrive(letters, dealt, named=True, again=False).sent) == 3
    often = Dealt([deed(RESEND, letters[0])] * MOST_TIMES, _PREFIX)
    assert plan_redrive(letters[:1], often, named=True, again=False).sent == []
    assert len(plan_redrive(letters[:1], often, named=True, again=True).sent) == 1


@given(st.integers(0, 30), st.floats(0.5, 1000), st.lists(st.floats(0, 1), max_size=30))
def test_no_record_goes_sooner_than_the_rate_allows(count: int, per_second: float, pauses: list[float]) -> None:
    now, sent = [0.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    for number in paced(range(count), per_second, lambda: now[0], sleep):
        sent.append(now[0])
        now[0] += pauses[number] if number < len(pauses) else 0.0
    assert all(at_seconds >= number / per_second - 1e-6 for number, at_seconds in enumerate(sent))
    assert len(sent) == count


def test_letters_are_grouped_by_cause_sender_owner_and_age() -> None:
    department = {"topic": "dept.roads.updates", "partition": 0, "offset": 9}
    letters = [
        a_letter(1), a_letter(2), a_letter(3, reason="undecodable"), a_letter(4, origin=department),
        a_letter(5, stage="connector:hotline", origin=None, file="a.csv", line=7), a_letter(6, stage="sink:out"),
    ]  # fmt: skip
    dealt = Dealt([deed(CLOSE, letters[0])], _PREFIX)
    groups = grouped(letters, dealt, {"police": "the police"})
    assert sum(group.letters for group in groups) == len(letters)
    (first,) = [group for group in groups if (group.reason, group.sender) == ("invalid", "police")]
    assert (first.owner, first.open, first.closed, first.oldest_ms, first.newest_ms) == (
        "the police",
        1,
        1,
        1_001,
        1_002,
    )
    assert [sender_of(letter) for letter in letters[3:]] == ["roads", "hotline", "out"]


def an_event(**changes: Any) -> bytes:
    return _CODEC.encode_one("cityhub.CaseEvent", pothole("H1").to_avro() | changes)


@pytest.mark.parametrize(
    ("value", "reasons"),
    [
        (an_event(), []),
        (an_event(source="police"), ["sender_mismatch"]),
        (an_event(source_ref=""), ["invalid"]),
        (an_event(category="x" * 1_000), ["too_large"]),
        (an_event(reported_at=32_503_680_000_000), ["time_out_of_range"]),
        (b"rubbish", ["undecodable"]),
        (b"\x00\x7f\xff\xff\xff{}", ["unknown_schema"]),
        (b"\x00" * 5_000_000, ["too_large"]),
        (None, ["undecodable"]),
    ],
)
def test_what_would_be_set_aside_again_is_found_before_it_is_sent(value: bytes | None, reasons: list[str]) -> None:
    found = faults_if_sent(_CODEC, input_kind(_TOPIC), value, 1_772_424_000_000, 900_000)
    assert sorted({fault.reason for fault in found}) == reasons
    assert not any("Wang" in fault.detail for fault in found)


def test_a_letter_is_decoded_beside_its_bytes() -> None:
    contents = contents_of(a_letter(1, an_event()), _CODEC)
    assert contents is not None
    assert contents.form.startswith("cityhub.CaseEvent v")
    assert case_asked_of(contents) == ("hotline", "H1")
    row = contents_of(a_letter(1, b'{"JJDBH": "1"}'), _CODEC)
    assert row is not None
    assert (row.form, row.record, case_asked_of(row)) == ("row", {"JJDBH": "1"}, None)
    for rubbish in (b"", b"a,b,c", b"\xff", b"[1]"):
        assert contents_of(a_letter(1, rubbish), _CODEC) is None
    assert case_asked_of(None) is None
    assert encoded_record(_CODEC, "cityhub.CaseEvent", contents.record) == an_event()


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_RECORDS = st.dictionaries(
    st.sampled_from("abc"), _LEAVES | st.dictionaries(st.sampled_from("xy"), _LEAVES), max_size=3
)


@given(_RECORDS, _RECORDS)
def test_a_difference_is_shown_exactly_if_there_is_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    is_same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (list(diff_lines(before, after)) == []) is (json.dumps(before) == json.dumps(after))
    if before != after:
        assert list(fields_that_differ(before, after)) != []
    if is_same:
        assert list(fields_that_differ(before, after)) == []


def test_a_row_of_nested_json_is_mended_as_its_connector_reads_it() -> None:
    row = {
        "order": {"id": "HL3", "revision": 0, "event": "opened"}, "time": {"reported": "2026-01-06T12:03:38+08:00"},
        "category": {"code": "road.pothole"}, "urgency": "routine", "title": "a hole", "channel": "phone",
    }  # fmt: skip
    letter = a_letter(1, stage="connector:hotline", origin=None, file="h.jsonl", line=3)
    (record,) = mended_records(_CODEC, letter, row, None)
    assert (record.kind.topic.name, record.key) == (_TOPIC, b"HL3")


def test_fields_are_set_and_nothing_else_is_changed() -> None:
    before = {"place": {"lat": 1.0, "lon": 2.0}, "title": "x", "geo": None}
    after = with_fields(before, ["place.lat=31.2", "title=a deep one", "geo.code=7", "text=null"])
    assert after == {"place": {"lat": 31.2, "lon": 2.0}, "title": "a deep one", "geo": {"code": 7}, "text": None}
    assert before["place"] == {"lat": 1.0, "lon": 2.0}
    assert list(fields_that_differ(before, after)) == ["geo", "place.lat", "text", "title"]


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[" * 200_000])
def test_what_json_does_not_know_is_text(text: str) -> None:
    assert with_fields({"title": "x"}, [f"title={text}"]) == {"title": text}


@pytest.mark.parametrize("change", ["x", "=1", "place.=1", "title.x=1"])
def test_what_is_no_change_is_said(change: str) -> None:
    with pytest.raises(FatalError):
        with_fields({"title": "x"}, [change])


@pytest.mark.parametrize("text", ["", "[]", "{", "1"])
def test_what_is_no_record_is_said(text: str) -> None:
    with pytest.raises(FatalError):
        record_in(text)


@pytest.mark.parametrize("record", [{}, {"source": 1}, {"source": "hotline", "place": 7}])
def test_what_fits_no_schema_is_said_without_a_value(record: dict[str, Any]) -> None:
    with pytest.raises(FatalError, match=r"cityhub\.CaseEvent"):
        encoded_record(_CODEC, "cityhub.CaseEvent", record)


@pytest.mark.parametrize(
    "value", [b"[" * 100_000, b'{"a":' * 100_000, b'{"event": "opened"}', b'{"update": [1]}', b"\xff", b"null"]
)
def test_whatever_somebody_wrote_is_looked_at(value: bytes) -> None:
    found = contents_of(a_letter(1, value), _CODEC)
    assert case_asked_of(found) is None
    assert found is None or found.form == "row"


def test_a_time_that_is_none_can_be_mended() -> None:
    written = {**pothole("H1").to_avro(), "reported_at": 1 << 62}
    found = contents_of(a_letter(1, _CODEC.encode_one("cityhub.CaseEvent", written)), _CODEC)
    assert found is not None
    assert found.record["reported_at"] == 1 << 62
