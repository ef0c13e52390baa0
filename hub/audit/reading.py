"""Reads a hub's topics into the tables of an audit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from hub.audit.expiry import judged_since
from hub.audit.identity import Identities, Ids
from hub.audit.tables import HERE, KEPT, ORIGIN, SubjectColumns, Tables
from hub.inspect.narrow import NarrowDecoder, column
from hub.inspect.reading import OffsetSpan, OnRead, Partition, committed_offsets, read_messages, spans
from hub.model.outputs import WAITING
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import (
    CASES,
    CLOSURES,
    DEAD,
    DEADLINES,
    EVENTS,
    REPEATS,
    UPDATES,
    city_events,
    city_replies,
    dept_orders,
    dept_receipts,
    dept_updates,
)

_TABLE_OF = {
    EVENTS.name: "events", UPDATES.name: "updates", REPEATS.name: "repeats", DEAD.name: "dead", CASES.name: "cases",
    DEADLINES.name: "deadlines", CLOSURES.name: "closures",
}  # fmt: skip


def read_tables(
    settings: Settings, sources: Sequence[str], departments: Sequence[str], on_progress: OnRead | None = None
) -> Tables:
    """Everything committed up to now. Raises FatalError if a topic is missing or holds what the hub did not write,
    RetriableError if the broker cannot be read."""
    inputs, table_of = topics_of(sources, departments)
    # How far the agents have come is asked before how far the topics go: what they then had read must have left its trace.
    there = spans(settings, [*inputs, *table_of])
    reads = {
        "deduplicate": [place for place in there if place[0] in inputs],
        "route": [place for place in there if place[0] in (EVENTS.name, CLOSURES.name)],
        "track": [place for place in there if place[0] in (CASES.name, UPDATES.name)],
    }
    reached = {agent: committed_offsets(settings, agent, places) for agent, places in reads.items()}
    there = spans(settings, [*inputs, *table_of])
    gathering = Gathering(settings, inputs, table_of)
    for messages in read_messages(settings, there, on_progress):
        gathering.take(messages)
    # Topics end at different moments. Every transaction of which something was read is over by now, as only committed records
    # are, so all of it lies before what are the ends now: read on to there, and judge only what lay there at first.
    more = {
        place: OffsetSpan(there[place].end, span.end) for place, span in spans(settings, [*inputs, *table_of]).items()
    }
    for messages in read_messages(settings, more):
        gathering.take(messages)
    return gathering.tables(there, reached, judged_since(settings, there))


def topics_of(sources: Sequence[str], departments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The topics that records come in by, and the table that each of the others is kept in."""
    inputs = [city_events(name).name for name in sources] + [dept_updates(name).name for name in departments]
    table_of = dict(_TABLE_OF)
    table_of |= {dept_orders(name).name: "orders" for name in departments}
    table_of |= {dept_receipts(name).name: "receipts" for name in departments}
    table_of |= {city_replies(name).name: "replies" for name in sources}
    return inputs, table_of


class Gathering:
    """Takes messages batch by batch and keeps only the columns that matter."""

    def __init__(self, settings: Settings, inputs: Sequence[str], table_of: dict[str, str]) -> None:
        registry = make_registry(settings)
        codec = Codec(registry)
        self._cut = len(settings.namespace)
        self._table_of = table_of
        self._identities = Identities([*inputs, *table_of])
        self._decoders = {
            name: NarrowDecoder(registry, codec, columns.subject, columns.last) for name, columns in KEPT.items()
        }
        self._foreign: list[Ids] = []
        self._inputs: dict[str, list[Ids]] = {topic: [] for topic in inputs}
        self._parts: dict[str, list[pa.RecordBatch]] = {name: [] for name in KEPT}

    def take(self, messages: list[Message]) -> None:
        by_topic: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_topic[message.topic()].append(message)
        for name, some in by_topic.items():
            topic = name[self._cut :]
            partitions, offsets = [each.partition() for each in some], [each.offset() for each in some]
            here = self._identities.pack(topic, partitions, offsets)
            if topic in self._inputs:
                self._inputs[topic].append(here)
            else:
                table = self._table_of[topic]
                found = self._decoders[table].decode([each.value() for each in some])
                self._parts[table].append(self._kept(KEPT[table], here[found.rows], found.batch))
                self._foreign.append(here[found.foreign])

    def _kept(self, columns: SubjectColumns, here: Ids, batch: pa.RecordBatch) -> pa.RecordBatch:
        found: dict[str, Any] = {HERE: pa.array(here)}
        if columns.origin:
            found[ORIGIN] = pa.array(self._identities.pack_origins(batch.column("origin")))
        found |= {name: column(batch, path) for name, path in columns.keep.items()}
        return pa.RecordBatch.from_pydict(found)

    def tables(
        self,
        there: dict[Partition, OffsetSpan],
        reached: dict[str, dict[Partition, int]],
        since: dict[Partition, int] | None = None,
    ) -> Tables:
        """`since` as `Tables` has it; None: nothing has expired."""
        none = np.zeros(0, dtype=np.int64)
        return Tables(
            self._identities,
            {topic: np.concatenate(parts) if parts else none for topic, parts in self._inputs.items()},
            **{name: self._table(name) for name in KEPT},
            begins={place: span.begin for place, span in there.items() if span.begin},
            reached=reached,
            cut={place: span.end for place, span in there.items()},
            since=since or {},
            foreign=np.concatenate([none, *self._foreign]),
        )

    def _table(self, name: str) -> pa.Table:
        parts = self._parts[name]
        if parts:
            found = pa.Table.from_batches(parts)
            # that an update waits is not what became of it
            return found.filter(pc.not_equal(found.column("outcome"), WAITING)) if name == "receipts" else found
        empty = self._decoders[name].decode([]).batch
        return pa.Table.from_batches([self._kept(KEPT[name], np.zeros(0, dtype=np.int64), empty)])
