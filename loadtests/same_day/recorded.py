"""A day's records in a file, one a line, and what is not the same in two such files."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hub.errors import RejectedRecordError
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.memory import CommittedRecord

Topic = tuple[str, str]
"""The kind of clock, and the topic's name."""
_CODEC = Codec(FileRegistry())


class Difference(NamedTuple):
    """The first record of a topic that is not the same, as both files have it; None where it is missing."""

    topic: Topic
    counts: tuple[int, int]
    first: str | None
    second: str | None


def lines(clock: str, records: Iterable[CommittedRecord]) -> Iterator[str]:
    """A record of JSON for each: clock, topic, partition, offset, time of arrival in ms, key and value in base64."""
    for record in records:
        yield json.dumps([clock, *record[:4], _text(record.key), _text(record.value)], separators=(",", ":"))


def by_topic(recorded: Iterable[str]) -> dict[Topic, list[str]]:
    found: dict[Topic, list[str]] = defaultdict(list)
    for line in recorded:
        clock, topic, *_ = json.loads(line)
        found[clock, topic].append(line)
    return dict(found)


def load(file: Path) -> dict[Topic, list[str]]:
    return by_topic(file.read_text("utf-8").splitlines())


def digest(recorded: Sequence[str]) -> str:
    """Of all of a topic, in hexadecimal digits."""
    return hashlib.sha256("\n".join(recorded).encode()).hexdigest()


def differences(first: Mapping[Topic, Sequence[str]], second: Mapping[Topic, Sequence[str]]) -> Iterator[Difference]:
    """One for each topic that is not the same, record for record."""
    for topic in sorted({*first, *second}):
        one, other = first.get(topic, ()), second.get(topic, ())
        if one != other:
            pair = next(pair for pair in zip_longest(one, other) if pair[0] != pair[1])
            yield Difference(topic, (len(one), len(other)), *_shown(*pair))


def _shown(before: str | None, other: str | None) -> tuple[str | None, str | None]:
    """Two lines for people: place, key, and what the values say; where both are records, only what is not the same in them."""
    values = [None if line is None else _said(_bytes(json.loads(line)[-1])) for line in (before, other)]
    first, second = _apart(*values)
    return _line(before, first), _line(other, second)


def _line(line: str | None, value: Any) -> str | None:
    if line is None:
        return None
    _, topic, partition, offset, arrived_ms, key, _ = json.loads(line)
    return f"{topic}[{partition}]@{offset} at {arrived_ms}, key {_bytes(key)!r}: {value}"


def _apart(before: Any, other: Any) -> tuple[Any, Any]:
    """Fields by name, or by index where the record is an array."""
    if isinstance(before, list) and isinstance(other, list):
        before, other = dict(enumerate(before)), dict(enumerate(other))
    if not (isinstance(before, dict) and isinstance(other, dict)):
        return before, other
    names = [
        name for name in {**before, **other} if name not in before or name not in other or before[name] != other[name]
    ]
    first, second = ({name: record[name] for name in names if name in record} for record in (before, other))
    return first, second


def _said(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return _CODEC.decode_one(value)[1]
    except RejectedRecordError:
        pass
    try:
        return msgspec.msgpack.decode(value)
    except msgspec.DecodeError:
        return value


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
