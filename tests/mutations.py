"""Records as somebody else might write them: real ones with bits turned, bytes cut out, put in, swapped or stretched."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FRAME, SCHEMAS, FileRegistry, Schema

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
_ODD_NUMBERS = (-1, -2, 1 << 6, 1 << 31, 1 << 33, (1 << 33) + (1 << 30), 1 << 40, 1 << 62, -(1 << 63))
_ODD_BYTES = (b"\xff", b"\x00", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1b[31m", bytes(8), b"\xff" * 8)


def examples(schema: Schema) -> list[dict[str, Any]]:
    """The published examples of a version of a schema without bytes."""
    name = schema.subject.removeprefix("cityhub.")
    found: list[dict[str, Any]] = json.loads((SCHEMAS / name / f"v{schema.version}.examples.json").read_text("utf-8"))
    return found


def real_records(subject: str) -> list[bytes]:
    """The examples of every version of a subject, framed."""
    return [
        Codec(_Only(schema)).encode_one(subject, record)
        for schema in REGISTRY.all()
        if schema.subject == subject
        for record in examples(schema)
    ]


class _Only(FileRegistry):
    """Writes one version, be it the newest or not."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self._schema = schema

    def latest(self, subject: str) -> Schema:
        return self._schema


def varint(number: int, stretched: int = 0) -> bytes:
    """A whole number as Avro writes it, in so many bytes more than it needs."""
    folded = ((number << 1) ^ (number >> 63)) & (1 << 64) - 1
    groups = [folded >> shift & 0x7F for shift in range(0, max(7, folded.bit_length()), 7)] + [0] * stretched
    return bytes([group | 0x80 for group in groups[:-1]] + [groups[-1]])


def mutated(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Another record, one to three changes away."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        value = chance.choice(_CHANGES)(value, others, chance)
    return value


def _place(value: bytes, chance: random.Random) -> int:
    """Mostly behind the frame."""
    if len(value) <= FRAME.size or chance.random() < 0.05:
        return chance.randint(0, len(value))
    return chance.randint(FRAME.size, len(value))


def _turn_a_bit(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(value, chance)
    return value[:at] + bytes([byte ^ 1 << chance.randrange(8) for byte in value[at : at + 1]]) + value[at + 1 :]


def _cut_short(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return value[: _place(value, chance)]


def _cut_out(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(value, chance)
    return value[:at] + value[at + chance.randint(1, 9) :]


def _splice(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return value[: _place(value, chance)] + other[_place(other, chance) :]


def _stretch(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A number in more bytes than it needs: legal, and read alike."""
    at = _place(value, chance)
    if value[at : at + 1] >= b"\x80" or at == len(value):
        return value
    more = chance.choice((1, 1, 2, 4, 8, 9, 20))
    return value[:at] + bytes([value[at] | 0x80]) + b"\x80" * (more - 1) + b"\x00" + value[at + 1 :]


def _odd_number(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(value, chance)
    return value[:at] + varint(chance.choice(_ODD_NUMBERS), chance.choice((0, 0, 1))) + value[at + 1 :]


def _put_in(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = _place(value, chance)
    return value[:at] + chance.choice(_ODD_BYTES) + value[at:]


def _write_over(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at, odd = _place(value, chance), chance.choice(_ODD_BYTES)
    return value[:at] + odd + value[at + len(odd) :]


def _append(value: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return value + chance.choice(_ODD_BYTES)


_CHANGES: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    _turn_a_bit, _turn_a_bit, _cut_short, _cut_out, _splice, _stretch, _stretch, _odd_number, _odd_number, _put_in, _write_over,
    _append,
)  # fmt: skip


# -- records that their schema allows and nobody means -----------------------------------------------------------------------

_NAMES = (
    "C-AAAAAAAAAAAAAAAA",
    "C-BBBBBBBBBBBBBBBB",
    "R1",
    "R2",
    "police",
    "hotline",
    "roads",
    "water_supply",
    "dispatch_desk",
)
_ODD_TEXTS = (
    "",
    "nobody",
    "No Id!",
    "a" * 40,
    "a" * 201,
    "案" * 1001,
    "\x1b[2J",
    "a\nb\0",
    "~now",
    "=homes",
    "~waiting:x",
    "~a:b:1",
    ":",
    "police:R1",
)
_ODD_REALS = (0.0, -0.0, 90.0, -91.0, 181.0, 1e308, float("nan"), float("inf"), float("-inf"))
_ODD_MILLIS = (0, -1, 1 << 62, -(1 << 63), 631_152_000_000, 4_102_444_800_000, 1_772_420_400_000, 1_772_420_400_001)


def odd(record: dict[str, Any], schema: Schema, chance: random.Random) -> dict[str, Any]:
    """The record with up to five of its values, at any depth, replaced by others of their types."""
    for _ in range(chance.randint(0, 5)):
        record = _odd_value(record, schema.declared, chance)
    return record


def _odd_value(value: Any, declared: Any, chance: random.Random) -> Any:
    if isinstance(declared, list):
        (other,) = (branch for branch in declared if branch != "null")
        if chance.random() < 0.2:
            return None
        return any_value(other, chance) if value is None else _odd_value(value, other, chance)
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            field = chance.choice(declared["fields"])
            return value | {field["name"]: _odd_value(value[field["name"]], field["type"], chance)}
        return any_value(declared, chance) if kind in ("enum", "array", "map") else _odd_value(value, kind, chance)
    return any_value(declared, chance)


def any_value(declared: Any, chance: random.Random) -> Any:
    """Some value of a type."""
    if isinstance(declared, list):
        return any_value(chance.choice(declared), chance)
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            return {field["name"]: any_value(field["type"], chance) for field in declared["fields"]}
        if kind == "enum":
            return chance.choice(declared["symbols"])
        count = chance.choice((0, 1, 2, 3, 120))
        if kind == "array":
            return [any_value(declared["items"], chance) for _ in range(count)]
        if kind == "map":
            return {f"{each}": any_value(declared["values"], chance) for each in range(count)}
        return chance.choice(_ODD_MILLIS) if declared.get("logicalType") else any_value(kind, chance)
    if declared in ("int", "long"):
        return chance.choice((0, 1, -1, 7, 2**31 - 1, -(2**31)))
    return {
        "null": None, "boolean": chance.random() < 0.5, "double": chance.choice(_ODD_REALS),
        "string": chance.choice(_NAMES if chance.random() < 0.7 else _ODD_TEXTS),
    }[declared]  # fmt: skip


def planted(value: Any, declared: Any, odd_values: Mapping[str, Sequence[Any]]) -> Iterator[Any]:
    """The same value with something odd in each of its places that may hold it, one at a time. `odd_values`: by type."""
    if isinstance(declared, list):
        (other,) = (branch for branch in declared if branch != "null")
        yield from planted(blank(other) if value is None else value, other, odd_values)
    elif not isinstance(declared, dict):
        yield from odd_values.get(declared, ())
    elif declared["type"] == "record":
        for field in declared["fields"]:
            for each in planted(value[field["name"]], field["type"], odd_values):
                yield value | {field["name"]: each}
    elif declared["type"] == "array":
        for each in planted(value[0] if value else blank(declared["items"]), declared["items"], odd_values):
            yield [each, *value[1:]]
    elif declared["type"] == "map":
        for each in odd_values.get("string", ()):
            yield value | {each: each}
    else:
        yield from odd_values.get(declared.get("logicalType", ""), ())


def blank(declared: Any) -> Any:
    """A value of a type that says nothing."""
    if isinstance(declared, list):
        return None
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            return {field["name"]: blank(field["type"]) for field in declared["fields"]}
        return {"array": [], "map": {}, "enum": declared.get("symbols", [""])[0]}.get(kind, 0)
    return {"string": "", "boolean": False, "double": 0.0, "bytes": b"", "null": None}.get(declared, 0)
