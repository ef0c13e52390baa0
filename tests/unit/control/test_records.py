"""Bytes of anybody's on the control topic: a record or a fault, never an exception."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.control.records import (
    CONTROL_KINDS,
    MAX_SEALED_BYTES,
    Beat,
    ControlRecord,
    Fault,
    PolicyAnswer,
    PolicyReload,
    RulesTaken,
    TopicsTaken,
    opened,
    sealed,
)

TOPIC, KEY = "city.hub.control", "a secret of the whole hub"
RELOAD = PolicyReload(id=uuid.uuid4().hex, version="demo@2026-01-01+abcdef01", fingerprint="abcdef0123456789")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


COUNTS = st.integers(-1, 1 << 62)
BEATS = st.builds(Beat, pid=COUNTS, started_ms=COUNTS, joined=COUNTS, agents=st.just(("route", "track")))
TAKEN = st.builds(TopicsTaken, topics=st.just(("city.taxi.events", "dept.fire.updates")))
ANSWERS = st.builds(PolicyAnswer, kept=COUNTS, moved=COUNTS)
RECORDS = st.one_of(st.from_type(PolicyReload), ANSWERS, st.from_type(RulesTaken), TAKEN, BEATS).map(
    lambda record: msgspec.structs.replace(record, **_limited(record))
)


def _limited(record: ControlRecord) -> dict[str, str]:
    """Names as records may have them."""
    known = {
        "id": uuid.uuid4().hex,
        "process": "0" * 32,
        "fingerprint": "f" * 16,
        "version": "ö@1",
        "instance": "w-1.city",
        "host": "h",
    }
    return {name: text for name, text in known.items() if name in record.__struct_fields__}


@given(st.one_of(st.none(), st.binary(), json_values.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_a_record_or_a_fault(value: bytes | None) -> None:
    assert isinstance(opened(value, None, TOPIC, None), (ControlRecord, Fault))
    assert isinstance(opened(value, [("mac", None)], TOPIC, KEY), Fault)


@given(
    st.sampled_from(sorted(CONTROL_KINDS)),
    st.dictionaries(st.sampled_from(["id", "version", "fingerprint"]), json_values),
)
def test_a_known_kind_of_any_shape_is_a_record_or_a_fault(kind: str, fields: dict[str, Any]) -> None:
    value = json.dumps({"kind": kind, **fields}).encode()
    assert isinstance(opened(value, None, TOPIC, None), (ControlRecord, Fault))


@given(RECORDS, st.sampled_from([None, KEY]))
def test_what_is_written_is_read(record: ControlRecord, key: str | None) -> None:
    assert opened(*sealed(record, TOPIC, key), TOPIC, key) == record


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_signed_record_that_was_changed_is_not_believed(place: int, change: int) -> None:
    value, headers = sealed(RELOAD, TOPIC, KEY)
    forged = bytearray(value)
    forged[place % len(forged)] ^= change
    assert opened(bytes(forged), headers, TOPIC, KEY) is Fault.UNSIGNED
    assert opened(value, headers, "another.topic", KEY) is Fault.UNSIGNED
    assert opened(value, [], TOPIC, KEY) is Fault.UNSIGNED


def _with(**changes: object) -> bytes:
    return json.dumps({**json.loads(msgspec.json.encode(RELOAD)), **changes}).encode()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, Fault.EMPTY),
        (b"", Fault.EMPTY),
        (b" " * (MAX_SEALED_BYTES + 1), Fault.TOO_LARGE),
        (b"[" * MAX_SEALED_BYTES, Fault.UNKNOWN_KIND),
        (b'{"a":' * (MAX_SEALED_BYTES // 5), Fault.NOT_JSON),
        (b"9" * MAX_SEALED_BYTES, Fault.UNKNOWN_KIND),
        (b"NaN", Fault.NOT_JSON),
        (_with(more=1)[:-1] + b', "x": NaN}', Fault.NOT_JSON),
        (_with()[:-1] + b', "kind": "policy-reload"}', Fault.NOT_JSON),
        (b'{"kind": "policy-reload", "version": "\\ud800"}', Fault.NOT_JSON),
        ('{"kind": "policy-reload"}'.encode("utf-16"), Fault.NOT_JSON),
        (b"[]", Fault.UNKNOWN_KIND),
        (b"{}", Fault.UNKNOWN_KIND),
        (b'{"kind": ["policy-reload"]}', Fault.UNKNOWN_KIND),
        (b'{"kind": "policy-reload"}', Fault.WRONG_SHAPE),
        (_with(fingerprint="../../../etc/passwd"), Fault.WRONG_SHAPE),
        (_with(fingerprint=RELOAD.fingerprint + "\n"), Fault.WRONG_SHAPE),
        (_with(fingerprint=None), Fault.WRONG_SHAPE),
        (_with(version="\x1b[2J"), Fault.WRONG_SHAPE),
        (_with(version="v" * 201), Fault.WRONG_SHAPE),
        (_with(id="0"), Fault.WRONG_SHAPE),
    ],
)
def test_each_fault_has_its_name(value: bytes | None, fault: Fault) -> None:
    assert opened(value, None, TOPIC, None) is fault


def test_every_kind_is_tried() -> None:
    assert set(CONTROL_KINDS.values()) == {PolicyReload, PolicyAnswer, RulesTaken, TopicsTaken, Beat}
    assert all(kind.__struct_config__.tag == name for name, kind in CONTROL_KINDS.items())


def test_what_a_later_release_adds_does_no_harm() -> None:
    assert opened(_with(reason="a field of tomorrow"), None, TOPIC, None) == RELOAD
