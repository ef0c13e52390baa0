"""From records as they lie in Kafka to facts: a batch of one subject at a time, by columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.escaping import to_json
from hub.inspect.narrow import NarrowDecoder, Path, column
from hub.ledger.facts import ChangeFact, FactRow, Facts
from hub.model.admitted import DeadLetter
from hub.model.outputs import CaseChange, DeadlineEvent, Erasure, Order, Receipt, Reply
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import Registry
from hub.stream.kafka.record import KafkaRecord
from hub.topics import CASES, DEAD, DEADLINES, ERASURES, source_of, subject_of


class FactReader:
    """Decodes by subject what the ledger keeps, and of each record no more than that."""

    def __init__(self, registry: Registry, codec: Codec) -> None:
        self._decoders = {
            subject: NarrowDecoder(registry, codec, subject, last) for subject, last in _LAST_FIELD.items()
        }

    def read(self, records: Sequence[KafkaRecord]) -> Facts:
        """Records of each partition in their order. What is not the hub's own is counted and left out.

        Raises RetriableError if a registry service cannot be asked.
        """
        facts = Facts(records=len(records))
        by_subject: dict[str, list[KafkaRecord]] = defaultdict(list)
        for record in records:
            by_subject[_subject_of(record.topic)].append(record)
        for subject, stored in by_subject.items():
            narrowed = self._decoders[subject].decode([record.value for record in stored])
            facts.foreign += len(narrowed.foreign)
            if len(narrowed.rows):
                _TAKE[subject](facts, narrowed.batch, _Places([stored[row] for row in narrowed.rows.tolist()]))
        return facts


def _subject_of(topic: str) -> str:
    subject = _SUBJECTS.get(topic)
    if subject is None:
        subject = _SUBJECTS[topic] = subject_of(topic) or ""
    return subject


_SUBJECTS = {topic.name: topic.subject or "" for topic in (CASES, DEADLINES, DEAD, ERASURES)}
_LAST_FIELD: dict[str, Path] = {
    CaseChange.subject(): ("clocks",),
    DeadlineEvent.subject(): ("corrects",),
    Order.subject(): ("event",),
    Reply.subject(): ("at",),
    Receipt.subject(): ("said_until",),
    DeadLetter.subject(): ("line",),
    Erasure.subject(): ("reason",),
}


class _Places:
    """Where the rows of a batch lie, as columns."""

    def __init__(self, stored: Sequence[KafkaRecord]) -> None:
        topics, self.partitions, self.offsets, self.written, _ = zip(*stored, strict=True)
        self.parties = [source_of(topic) for topic in topics]


def _texts(batch: pa.RecordBatch, *path: str) -> list[Any]:
    texts: list[Any] = _without_nul(_of(batch, path)).to_pylist()
    return texts


def _without_nul(texts: pa.Array) -> pa.Array:
    """PostgreSQL has no text with a NUL in it."""
    return pc.replace_substring(texts, "\0", "\ufffd")


def _lists(lists: pa.ListArray) -> list[list[str]]:
    """Of texts."""
    names: list[list[str]] = pa.ListArray.from_arrays(lists.offsets, _without_nul(lists.values)).to_pylist()
    return names


def _lower(batch: pa.RecordBatch, name: str) -> list[Any]:
    words: list[Any] = pc.utf8_lower(_without_nul(_of(batch, (name,)))).to_pylist()
    return words


def _of(batch: pa.RecordBatch, path: Sequence[str]) -> pa.Array:
    """A field, or a field within records that may be null."""
    values = batch.column(path[0])
    for name in path[1:]:
        values = pc.struct_field(values, name)
    return values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values


def _values(batch: pa.RecordBatch, *path: str) -> list[Any]:
    """Numbers and truths; times in ms."""
    values: list[Any] = (column(batch, path) if len(path) == 1 else _of(batch, path)).to_pylist()
    return values


def _take_changes(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    cases, changes, ats = _texts(batch, "case_id"), _lower(batch, "change"), _values(batch, "at")
    sources, refs = _texts(batch, "source"), _texts(batch, "source_ref")
    revisions, over, unlinks = _values(batch, "revision"), _values(batch, "over"), _values(batch, "unlinks")
    department, area, category, urgency = (
        _texts(batch, name) for name in ("department", "area", "category", "urgency")
    )
    rule, reports, rules = _texts(batch, "rule"), _values(batch, "reports"), _texts(batch, "rules")
    score = _values(batch, "link", "score")
    reasons = [None if given is None else to_json(given) for given in _values(batch, "link", "reasons")]
    taken = zip(
        department, [", ".join(names) or None for names in _lists(batch.column("co_handlers"))], area, category, urgency,
        _texts(batch, "channel"), rule, _texts(batch, "queue"), _values(batch, "priority"), _texts(batch, "desk_reason"),
        _values(batch, "opened_at"), reports, _texts(batch, "lead_source"), _texts(batch, "lead_ref"), _values(batch, "lat"),
        _values(batch, "lon"), rules, _texts(batch, "unit"), places.partitions, places.offsets, places.written,
        strict=True,
    )  # fmt: skip
    facts.changes += map(ChangeFact, cases, changes, ats, _values(batch, "ends"), over, taken)
    facts.rows["changes"] = list(zip(
        cases, places.partitions, places.offsets, changes, ats, sources, refs, revisions, department, category, urgency, area,
        rule, reports, over, _values(batch, "reopens"), unlinks, score, reasons, rules, places.written,
        strict=True,
    ))  # fmt: skip
    facts.reports += zip(
        sources, refs, cases, revisions, changes, ats, ats, unlinks, score, _values(batch, "link", "distance_m"),
        _values(batch, "link", "apart_seconds"), reasons, places.written,
        strict=True,
    )  # fmt: skip
    facts.clocks += _given_clocks(batch.column("clocks"), cases)


def _given_clocks(lists: pa.ListArray, cases: Sequence[str]) -> list[FactRow]:
    parents, clocks = pc.list_parent_indices(lists).to_pylist(), lists.flatten()
    if not parents:
        return []
    texts = [_without_nul(clocks.field(name)).to_pylist() for name in ("clock", "policy")]
    times = [clocks.field(name).cast(pa.int64()).to_pylist() for name in ("started_at", "due_at", "warn_at")]
    others = [clocks.field(name).to_pylist() for name in ("provisional", "duration")]
    others.append(_without_nul(clocks.field("unit")).to_pylist())
    return list(zip([cases[parent] for parent in parents], *texts, *times, *others, strict=True))


def _take_notices(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    cases, clocks, kinds = _texts(batch, "case_id"), _texts(batch, "clock"), _lower(batch, "kind")
    departments, policies = _texts(batch, "department"), _texts(batch, "policy")
    started, due, at_ms = (_values(batch, name) for name in ("started_at", "due_at", "at"))
    corrects = _values(batch, "corrects")
    facts.notices += zip(cases, clocks, policies, started, kinds, departments, due, at_ms, corrects, strict=True)
    facts.rows["notices"] = list(zip(
        cases, places.partitions, places.offsets, clocks, kinds, departments, _texts(batch, "category"), policies, started, due,
        at_ms, _values(batch, "noticed_at"), corrects, places.written,
        strict=True,
    ))  # fmt: skip


def _take_orders(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    cases, ids, issued = _texts(batch, "case_id"), _texts(batch, "order_id"), _values(batch, "issued_at")
    kinds, addresses = _lower(batch, "kind"), _texts(batch, "event", "place", "address")
    sources, refs = _texts(batch, "event", "source"), _texts(batch, "event", "source_ref")
    facts.rows["orders"] = list(zip(
        cases, places.parties, places.partitions, places.offsets, ids, kinds, issued, _first_due(batch.column("deadlines")),
        _texts(batch, "area"), _texts(batch, "rule"), _texts(batch, "queue"), _texts(batch, "lead"), _values(batch, "priority"),
        sources, refs, addresses, places.written, _values(batch, "called"),
        [", ".join(names) or None for names in _lists(batch.column("joined"))],
        strict=True,
    ))  # fmt: skip
    facts.placed_orders += [
        row
        for row, kind in zip(zip(cases, issued, ids, addresses, sources, refs, strict=True), kinds, strict=True)
        if row[3] and kind != "link"
    ]


def _first_due(lists: pa.ListArray) -> list[int | None]:
    least = np.full(len(lists), np.iinfo(np.int64).max)
    due = lists.flatten().field("due_at").cast(pa.int64()).to_numpy()
    np.minimum.at(least, pc.list_parent_indices(lists).to_numpy(), due)
    firsts: list[int | None] = pa.array(least, mask=least == np.iinfo(np.int64).max).to_pylist()
    return firsts


def _take_replies(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    facts.rows["replies"] = list(zip(
        _texts(batch, "case_id"), places.parties, places.partitions, places.offsets, _texts(batch, "reply_id"),
        _texts(batch, "source_ref"), _texts(batch, "department"), _lower(batch, "status"), _values(batch, "at"), places.written,
        strict=True,
    ))  # fmt: skip


def _take_receipts(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    cases, events, outcomes = _texts(batch, "case_id"), _texts(batch, "said"), _texts(batch, "outcome")
    decided = _values(batch, "at")
    facts.rows["receipts"] = list(zip(
        cases, places.parties, places.partitions, places.offsets, _texts(batch, "update_id"), _values(batch, "revision"), events,
        outcomes, decided, _values(batch, "counts_from"), _texts(batch, "detail"), places.written,
        strict=True,
    ))  # fmt: skip
    origin = zip(
        _texts(batch, "origin", "topic"),
        *(_values(batch, "origin", name) for name in ("partition", "offset")),
        strict=True,
    )
    updates = [f"{topic}-{partition:06d}-{offset:019d}" for topic, partition, offset in origin]
    facts.accepted += [
        row[:-1]
        for row in zip(
            cases,
            decided,
            updates,
            events,
            _texts(batch, "said_outcome"),
            _values(batch, "said_until"),
            outcomes,
            strict=True,
        )
        if row[-1] == "accepted"
    ]


def _take_letters(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    facts.rows["dead_letters"] = list(zip(
        places.partitions, places.offsets, _texts(batch, "stage"), _texts(batch, "reason"), _texts(batch, "detail"),
        _values(batch, "at"), _texts(batch, "origin", "topic"), _values(batch, "origin", "partition"),
        _values(batch, "origin", "offset"), _values(batch, "until"), _texts(batch, "file"), _values(batch, "line"),
        places.written,
        strict=True,
    ))  # fmt: skip


def _take_erasures(facts: Facts, batch: pa.RecordBatch, places: _Places) -> None:
    """The same one stands in every partition."""
    del places
    reports = zip(_texts(batch, "source"), _texts(batch, "source_ref"), strict=True)
    facts.erasures.update(zip(reports, _texts(batch, "by"), strict=True))


_TAKE: dict[str, Callable[[Facts, pa.RecordBatch, _Places], None]] = {
    CaseChange.subject(): _take_changes,
    DeadlineEvent.subject(): _take_notices,
    Order.subject(): _take_orders,
    Reply.subject(): _take_replies,
    Receipt.subject(): _take_receipts,
    DeadLetter.subject(): _take_letters,
    Erasure.subject(): _take_erasures,
}
