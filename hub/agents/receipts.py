"""Receipts 回执: what became of each update, for the department by whose topic it came. Every record of such a topic gets one, in
the transaction that decides: `deduplicate` writes those of what it sets aside or has seen before, `track` all others. One that
has to wait is told so too, once, before that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from hub import metrics
from hub.agents.context import Hub
from hub.agents.grouping import rows_by
from hub.agents.intake import Refused, UsableRecords
from hub.bounds import CASE_ID
from hub.core.columns import any_said, latest, millis, shared_values
from hub.core.dedup.admission import Repeats
from hub.core.tracking.columns.updates import events_of, outcomes_of
from hub.core.tracking.consequences import Applied
from hub.model.base import MAX_REF_CHARS
from hub.model.outputs import WAITING
from hub.model.update import EVENT_NAMES, UpdateStep, event_of
from hub.stream.chunk import Chunk
from hub.stream.outlet import Transaction
from hub.topics import source_of

ACCEPTED, REPEAT = "accepted", "repeat"
_IDS = ("case_id", "update_id", "revision")
_NO_WORD = UpdateStep.CUSTOM.lower()
_EVENTS = ("", *(each.lower() for each in EVENT_NAMES))


class LateDecision(NamedTuple):
    """What was decided of an update that had to wait. `admitted`: the `cityhub.AdmittedUpdate`, decoded."""

    admitted: Mapping[str, Any]
    outcome: str
    counts_from: int | None = None
    detail: str = ""


def acknowledge_refused(hub: Hub, tx: Transaction, chunk: Chunk, refused: Sequence[Refused]) -> None:
    """Of what `deduplicate` has set aside: what could not be decoded is named by its key."""
    if not refused:
        return
    named = [_named(each.record, chunk.keys[each.row]) for each in refused]
    columns = {name: [each[name] for each in named] for name in (*_IDS, "said")}
    rows = [each.row for each in refused]
    outcome, detail = [str(each.reason) for each in refused], [each.detail for each in refused]
    senders = [source_of(chunk.topics[row]) for row in rows]
    _publish(hub, tx, columns | {"origin": chunk.origins(rows), "outcome": outcome, "detail": detail}, senders, rows)


def acknowledge_repeats(
    hub: Hub, tx: Transaction, chunk: Chunk, updates: pa.RecordBatch, rows: Sequence[int], repeats: Repeats
) -> None:
    """Of what came before. `updates` are the repeated ones, `rows` the chunk's rows of them, in the order of `repeats`."""
    if not rows:
        return
    first = zip(repeats.topic, repeats.partition.tolist(), repeats.offset.tolist(), strict=True)
    columns = {name: updates.column(name) for name in _IDS} | {
        **_said(updates),
        "origin": chunk.origins(rows),
        "outcome": [REPEAT] * len(rows),
        "detail": [f"it came before, at {topic}[{partition}]@{offset}" for topic, partition, offset in first],
    }
    _publish(hub, tx, columns, shared_values(updates.column("department")), rows)


def acknowledge(
    hub: Hub, tx: Transaction, usable: UsableRecords, applied: Iterable[Applied], waited: Iterable[LateDecision],
    waiting: Mapping[int, str],
) -> None:  # fmt: skip
    """Of what `track` has decided. `usable`: the chunk's `cityhub.AdmittedUpdate`s; `waiting`: by row, why those of them wait that
    cannot be decided yet. `waited`: what it came to with those that had to wait before."""
    direct = [each for each in applied if each.update.row is not None]
    rows = [each.update.row for each in direct if each.update.row is not None]
    starts, now_ms = [later_than_said(each) for each in direct], hub.wall.now_ms()
    _of_rows(hub, tx, usable, rows, {
        "outcome": [ACCEPTED] * len(rows), "detail": [each.clock for each in direct],
        "at": latest([each.from_ms for each in direct]).clip(min=now_ms),
        **any_said(counts_from=starts),
    })  # fmt: skip
    _of_rows(hub, tx, usable, list(waiting), {"outcome": [WAITING] * len(waiting), "detail": list(waiting.values())})
    verdicts = list(waited)
    if verdicts:
        updates = [each.admitted["update"] for each in verdicts]
        columns = {name: [each[name] for each in updates] for name in _IDS} | {
            **any_said(**_said_by(updates)),
            "origin": [each.admitted["origin"] for each in verdicts],
            "outcome": [each.outcome for each in verdicts],
            "detail": [each.detail for each in verdicts],
            "counts_from": [each.counts_from for each in verdicts],
            "at": [_decided_ms(each, now_ms) for each in verdicts],
        }
        _publish(hub, tx, columns, [each["department"] for each in updates])


def _of_rows(hub: Hub, tx: Transaction, usable: UsableRecords, rows: Sequence[int], columns: dict[str, Any]) -> None:
    if not rows:
        return
    updates = usable.decoded.batch
    index, update = pa.array(rows, pa.int64()), updates.column("update")
    ids = {name: update.field(name).take(index) for name in _IDS}
    said = {name: column.take(index) for name, column in _said(update).items()}
    fields = {**columns, **ids, **said, "origin": updates.column("origin").take(index)}
    departments = shared_values(update.field("department").take(index))
    _publish(hub, tx, fields, departments, [usable.rows[at] for at in rows])


def _decided_ms(late: LateDecision, now_ms: int) -> int:
    """Not before what it is about, of which a department's clock may be ahead; what is set aside may claim any time."""
    counts_from = late.admitted["update"]["at"] if late.counts_from is None else late.counts_from
    return max(now_ms, counts_from) if late.outcome == ACCEPTED else now_ms


def later_than_said(applied: Applied) -> int | None:
    """The instant from which an update counts, if that is not the one it names."""
    return None if applied.from_ms == applied.update.at_ms else applied.from_ms


def _publish(
    hub: Hub, tx: Transaction, columns: dict[str, Any], departments: Sequence[str], rows: Sequence[int] | None = None
) -> None:
    """`rows`: of the chunk, which each comes of; None: that of its case."""
    count, outcomes = len(departments), columns["outcome"]
    fields = {"at": pa.repeat(hub.wall.now_ms(), count), "department": departments} | columns
    fields |= _in_known_words(hub, columns) | {"case_id": usable_case_ids(columns["case_id"])}
    values = hub.codec.encode_columns("cityhub.Receipt", fields)
    keys = fields["case_id"].to_pylist()
    for department, chosen in rows_by(departments).items():
        come_of = None if rows is None or tx.trail is None else [rows[at] for at in chosen]
        tx.publish(hub.receipts(department), [values[at] for at in chosen], [keys[at] for at in chosen], come_of)
    for (department, outcome), times in Counter(zip(departments, outcomes, strict=True)).items():
        tx.count(metrics.RECEIPTS.labels(hub.label(department), outcome), times)


def usable_case_ids(named: Any) -> pa.Array:
    """What was named as a case, where it can be the id of one, else nothing: somebody may have written a name or a number there."""
    ids = pa.array(named, pa.string())
    return pc.if_else(pc.match_substring_regex(ids, f"^{CASE_ID}$"), ids, "")


def _in_known_words(hub: Hub, columns: Mapping[str, Any]) -> dict[str, pa.Array]:
    """What was said, where it is a word that the hub or the city knows: what else somebody wrote there may be about a person."""
    said, found = pa.array(columns["said"], pa.string()), dict[str, pa.Array]()
    known = pc.is_in(said, pa.array([*_EVENTS, *hub.city.steps]))
    found["said"] = pc.if_else(known, said, _NO_WORD)
    if (outcome := columns.get("said_outcome")) is not None:
        outcome = pa.array(outcome, pa.string())
        is_one = pc.is_in(pc.utf8_lower(outcome), pa.array([*hub.city.outcomes], pa.string()))
        found["said_outcome"] = pc.if_else(is_one, outcome, None)
    return found


def _named(record: pa.RecordBatch | None, key: bytes | None) -> dict[str, Any]:
    """What a receipt calls an update that was set aside. What is too long is cut: its department knows it by its place."""
    if record is None:
        return {"case_id": _text(key), "update_id": "", "revision": 0, "said": ""}
    found = {name: record.column(name)[0].as_py() for name in (*_IDS, "status", "step", "code")}
    (until,) = millis(record.column("until"))  # it may be no date
    return {
        "case_id": found["case_id"][:MAX_REF_CHARS],
        "update_id": found["update_id"][:MAX_REF_CHARS],
        "revision": found["revision"],
        "said": event_of(found["status"], found["step"], found["code"], until).lower(),
    }


def _said(updates: pa.StructArray | pa.RecordBatch) -> dict[str, pa.Array]:
    """What `cityhub.Update`s say. Outcomes are named only where there are some."""
    events, outcome = events_of(updates).dictionary_encode(), outcomes_of(updates)
    said = {"said": pc.utf8_lower(events.dictionary).take(events.indices)}
    if outcome.null_count == len(outcome):
        return said
    until = updates.field("until") if isinstance(updates, pa.StructArray) else updates.column("until")
    return said | {"said_outcome": outcome, "said_until": until}


def _said_by(updates: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """The same of updates that had to wait."""
    return {
        "said": [event_of(each["status"], each["step"], each["code"], each["until"]).lower() for each in updates],
        "said_outcome": [each["outcome"] and each["outcome"].lower() for each in updates],
        "said_until": [each["until"] for each in updates],
    }


def _text(key: bytes | None) -> str:
    try:
        return (key or b"").decode()[:MAX_REF_CHARS]
    except UnicodeDecodeError:
        return ""
