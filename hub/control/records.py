"""The kinds of records on the control topic, and how bytes of anybody's become one, or a fault. Pure.

To add a kind: declare its struct here (a tag, and a limit for every text), add it to `CONTROL_KINDS`, and in `hub/app.py` tell the
`ControlTopic` what to do about it with `subscribe`. Write one with `ControlTopic.publish`, or `sealed` from a command.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

import msgspec

from hub.packed import Decode, json_decoder
from hub.signing import SignedHeaders, is_signed, signature

MAX_SEALED_BYTES = 65_536
MAX_LINES, MAX_LINE = 200, 2_000
"""Of an answer: lines, and characters in each."""

RequestId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,64}\Z")]
Instance = Annotated[str, msgspec.Meta(pattern=r"^[\w.:@/-]{1,200}\Z")]
VersionText = Annotated[str, msgspec.Meta(pattern=r"^[\w.:@/+-]{1,200}\Z")]
ControlCount = Annotated[int, msgspec.Meta(ge=-1, le=1 << 62)]
ControlLine = Annotated[str, msgspec.Meta(max_length=MAX_LINE)]


class Fault(StrEnum):
    """Why a record is none of the hub's. A metric label, so the list is closed."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSIGNED = "unsigned"
    NOT_JSON = "not_json"
    UNKNOWN_KIND = "unknown_kind"
    WRONG_SHAPE = "wrong_shape"
    CROWDED = "crowded"
    """A beat of one more worker than can be."""


class PolicyReload(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="policy-reload"):
    """An operator asks every worker to read its policy folder anew. It names no folder: each worker has its own."""

    id: RequestId
    version: VersionText
    fingerprint: Fingerprint
    """Of the folder that is meant, so that workers on several machines do not go by different ones."""


class PolicyAnswer(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="policy-answer"):
    """What a worker did about a `PolicyReload`."""

    id: RequestId
    """The request's."""
    result: Literal["applied", "refused"]
    instance: Instance
    process: RequestId
    version: VersionText
    fingerprint: Fingerprint
    """Of the rules by which it goes now."""
    lines: Annotated[tuple[ControlLine, ...], msgspec.Meta(max_length=MAX_LINES + 1)]
    """What changed, or why nothing did."""
    kept: ControlCount = -1
    """Open cases of this worker that the new rules would time otherwise, and that go on by those of their opening. -1: it keeps
    no cases, or nothing has changed."""
    moved: ControlCount = -1
    """Open cases of this worker whose provisional due times are reckoned anew. -1 as above."""


class RulesTaken(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rules-taken"):
    """From here on a worker decides by these rules, which were not in force before."""

    instance: Instance
    process: RequestId
    version: VersionText
    fingerprint: Fingerprint


class TopicsTaken(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="topics-taken"):
    """From here on a worker reads these topics of sources and departments, which came while it ran; others look for them too."""

    instance: Instance
    process: RequestId
    topics: Annotated[tuple[Instance, ...], msgspec.Meta(max_length=MAX_LINES)]


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="beat"):
    """A worker lives: written every second to `hub.workers`, where the broker stamps it with its own time."""

    instance: Instance
    process: RequestId
    host: Instance
    pid: ControlCount
    started_ms: ControlCount
    agents: Annotated[tuple[Instance, ...], msgspec.Meta(max_length=20)]
    version: VersionText
    fingerprint: Fingerprint
    joined: ControlCount
    """Offset of this process's first beat: the lower came earlier. -1 in that one itself."""
    deciding: bool
    """Its agents take work on; else it waits."""
    leaving: bool = False
    """It ends in order, and this is its last."""
    program: ControlCount = 0
    """How new it is (hub.app): a release that reads or writes records of a new version has a higher one."""


ControlRecord: TypeAlias = PolicyReload | PolicyAnswer | RulesTaken | TopicsTaken | Beat
CONTROL_KINDS: dict[str, type[ControlRecord]] = {
    "policy-reload": PolicyReload, "policy-answer": PolicyAnswer, "rules-taken": RulesTaken,
    "topics-taken": TopicsTaken, "beat": Beat,
}  # fmt: skip


def sealed(record: ControlRecord, topic: str, key: str | None) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A record as value and headers for the broker's topic of this name; signed, if the hub has a key."""
    value = msgspec.json.encode(record)
    return value, signature(value, key, topic)


def opened(value: bytes | None, headers: SignedHeaders | None, topic: str, key: str | None) -> ControlRecord | Fault:
    """The record that stands in a message of the broker's topic of this name. Raises nothing, whatever stands there."""
    if not value:
        return Fault.EMPTY
    if len(value) > MAX_SEALED_BYTES:
        return Fault.TOO_LARGE
    if not is_signed(value, headers, key, topic):
        return Fault.UNSIGNED
    try:
        kind = _kind_of(value).kind
    except msgspec.ValidationError:
        return Fault.UNKNOWN_KIND
    except msgspec.DecodeError:
        return Fault.NOT_JSON
    if kind not in CONTROL_KINDS:
        return Fault.UNKNOWN_KIND
    return _read(value, _DECODERS[kind])


class _Kind(msgspec.Struct):
    """As much of a record as says whether it is one: there may be millions that are none."""

    kind: str


_kind_of = json_decoder(_Kind)
_DECODERS = {name: json_decoder(kind) for name, kind in CONTROL_KINDS.items()}


def _read(value: bytes, decode: Decode) -> ControlRecord | Fault:
    try:
        record: ControlRecord = decode(value)
    except msgspec.DecodeError:
        return Fault.WRONG_SHAPE
    return record if _is_plain(value) else Fault.NOT_JSON


def _is_plain(value: bytes) -> bool:
    """True for JSON as the hub writes it: UTF-8, every key once, no endless numbers."""
    try:
        json.loads(value.decode(), object_pairs_hook=_each_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
