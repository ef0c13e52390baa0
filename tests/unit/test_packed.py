"""Whatever stands in the bytes of a small record, reading it gives the record or an error that everybody catches."""

from __future__ import annotations

import ast
import contextlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub
from hub.packed import Decode, json_decoder, msgpack_decoder


class Small(msgspec.Struct):
    number: int


class Row(msgspec.Struct, array_like=True):
    number: int


DEEP = 100_000
HOSTILE = {
    "json, deep where nobody looks": (json_decoder(Small), b'{"number":1,"x":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "json, deep and cut": (json_decoder(Small), b'{"number":1,"x":' + b'{"x":' * DEEP),
    "json, deep where a number should be": (json_decoder(Small), b'{"number":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "msgpack, deep behind the last field": (msgpack_decoder(Row), b"\x92\x01" + b"\x91" * DEEP + b"\x01"),
    "msgpack, deep beside the fields": (msgpack_decoder(Small), b"\x82\xa6number\x01\xa1x" + b"\x91" * DEEP + b"\x01"),
    "msgpack, deep and cut": (msgpack_decoder(Row), b"\x92\x01" + b"\x81\x01" * DEEP),
    "json, no UTF-8": (json_decoder(Small), b'{"number":1,"\xff":1}'),
    "msgpack, no UTF-8": (msgpack_decoder(Small), b"\x82\xa6number\x01\xa1\xff\x01"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_such_record_is_one_kind_of_error_or_stepped_over(name: str) -> None:
    decode, value = HOSTILE[name]
    with contextlib.suppress(msgspec.DecodeError):
        assert decode(value).number == 1


@pytest.mark.parametrize("decode", [json_decoder(Small), msgpack_decoder(Small), msgpack_decoder(Row)])
@given(st.binary(max_size=60))
def test_so_are_any_bytes(decode: Decode, value: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        decode(value)


def test_nothing_is_decoded_in_another_way() -> None:
    folder, found = Path(hub.__file__).parent, list[str]()
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("decode", "Decoder"):
                owner = ast.unparse(node.value)
                if owner.startswith("msgspec."):
                    found.append(str(path.relative_to(folder)))
    assert set(found) == {"packed.py"}
