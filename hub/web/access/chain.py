"""The trail 审计链 as a chain: each entry bears the digest of the one before it, so none can be changed, removed or moved unseen.
Pure; the digests say nothing against who can write them all anew, so their head is kept elsewhere too (docs/threat-model.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hub.declared.texts import parse_json
from hub.errors import FatalError

BEGINNING = "0" * 64
"""What stands before the first entry."""
_MOST_BYTES = 100_000
_ENTRIES, _HEAD = "entries", "head"


class AuditedAct(NamedTuple):
    """What somebody does: its name (`case.assign`), to what, and how that was and will be. No text of a report, and no secret."""

    what: str
    subject: str
    before: Any = None
    after: Any = None


class TrailEntry(NamedTuple):
    """An act with who and when, at its place in the chain: `number` counts from 1."""

    number: int
    at_ms: int
    who: str
    act: AuditedAct
    previous: str
    digest: str

    @property
    def content(self) -> dict[str, Any]:
        """All that its digest is of."""
        return {
            "number": self.number, "at_ms": self.at_ms, "who": self.who, **self.act._asdict(), "previous": self.previous,
        }  # fmt: skip


class Head(NamedTuple):
    """How far a chain goes: how many entries, and the digest of the last."""

    entries: int = 0
    digest: str = BEGINNING


def appended(head: Head, at_ms: int, who: str, act: AuditedAct) -> TrailEntry:
    """The next entry. Raises FatalError for an act that is too large or no JSON."""
    entry = TrailEntry(head.entries + 1, at_ms, who, act, head.digest, "")
    try:
        content = _canonical(entry.content)
    except (TypeError, ValueError):
        raise FatalError(f"{act.what}: what was and what will be has to be JSON") from None
    if len(content) > _MOST_BYTES:
        raise FatalError(f"{act.what}: an act has at most {_MOST_BYTES:,} bytes; say it in several")
    return entry._replace(digest=hashlib.sha256(content).hexdigest())


def export_lines(entries: Iterable[TrailEntry]) -> Iterator[str]:
    """One JSON object a line, and behind them the head."""
    head = Head()
    for entry in entries:
        head = Head(entry.number, entry.digest)
        yield json.dumps(entry.content | {"digest": entry.digest}, ensure_ascii=False)
    yield json.dumps({_ENTRIES: head.entries, _HEAD: head.digest})


def verified(lines: Iterable[str], kept_head: Head | None = None) -> Head:
    """The head of an export that holds. `kept_head`: one that was noted earlier, which must stand in it.

    Raises FatalError naming the first line that was changed, removed or moved.
    """
    head, met, closed = Head(), kept_head is None or kept_head == Head(), False
    for number, line in enumerate(lines, 1):
        if closed:
            raise FatalError(f"line {number}: stands behind the end; nothing may")
        row = _row(number, line)
        if _HEAD in row:
            closed = _is_end(number, row, head)
            continue
        head = _next(number, row, head)
        met = met or head == kept_head
    if not closed:
        raise FatalError("the last line is missing: entries at the end may be, too")
    if not met and kept_head is not None:
        raise FatalError(f"entry {kept_head.entries} is not the one that was noted: the chain was made anew")
    return head


def _next(number: int, row: Mapping[str, Any], head: Head) -> Head:
    if row.get("number") != head.entries + 1 or row.get("previous") != head.digest:
        raise FatalError(f"line {number}: does not follow the line before it; one was removed, added or moved")
    content = {name: value for name, value in row.items() if name != "digest"}
    if row.get("digest") != hashlib.sha256(_canonical(content)).hexdigest():
        raise FatalError(f"line {number}: is not what was written; it was changed")
    return Head(head.entries + 1, str(row["digest"]))


def _is_end(number: int, row: Mapping[str, Any], head: Head) -> bool:
    if row != {_ENTRIES: head.entries, _HEAD: head.digest}:
        raise FatalError(f"line {number}: is the end of another chain; entries before it were removed or added")
    return True


def _row(number: int, line: str) -> Mapping[str, Any]:
    try:
        row = parse_json(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise FatalError(f"line {number}: is no entry of a trail; it was changed")
    return row


def _canonical(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")
