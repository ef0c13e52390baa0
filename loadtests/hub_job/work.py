"""The job's decisions by the hub's core: a chunk's columns in, framed orders out. Shared by the agent and the core's own test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.agents.due_times import due_times
from hub.core.deadlines.columns import DueColumns
from hub.core.deadlines.rules import DeadlineRules
from hub.core.dedup.admission import Arrivals
from hub.core.dedup.digests import contents, told_apart_by
from hub.core.routing.router import Router
from hub.model.outputs import Order
from hub.policy.city import City
from hub.stream.avro.codec import Codec, Decoded


class OrderWork:
    """Pure: the same events give the same orders."""

    def __init__(self, city: City, codec: Codec) -> None:
        self._codec = codec
        self._router, self._rules = Router(city), DeadlineRules(city)

    def arrivals(
        self,
        topic: str,
        partitions: Sequence[int],
        offsets: Sequence[int],
        values: Sequence[bytes | None],
        decoded: Decoded,
    ) -> Arrivals:
        """What dedup asks of a chunk. `partitions`, `offsets` and `values` are the whole chunk's."""
        rows, batch = decoded.rows, decoded.batch
        content = contents([value for row in rows.tolist() if (value := values[row]) is not None])
        counted = batch.column("revision_counted").to_numpy(zero_copy_only=False)
        return Arrivals(
            topics=[topic],
            topic=np.zeros(len(rows), np.int64),
            partition=np.asarray(partitions, np.int64)[rows],
            offset=np.asarray(offsets, np.int64)[rows],
            source=batch.column("source"),
            ref=batch.column("source_ref"),
            revision=told_apart_by(batch.column("revision").to_numpy().astype(np.int64), counted, content),
            content=content,
            place=pa.nulls(len(rows), pa.string()),
        )

    def orders(self, decoded: Decoded, first: np.ndarray) -> tuple[list[str], list[bytes]]:
        """Case ids and framed `cityhub.Order` of the first sightings, rows of `decoded`."""
        chosen = pa.array(first, pa.int64())
        events, bodies = _asked(decoded.batch).take(chosen), decoded.bodies.take(chosen)
        case_ids, columns = self._columns(events)
        return case_ids.to_pylist(), self._codec.encode_before("cityhub.Order", columns, bodies)

    def _columns(self, events: pa.RecordBatch) -> tuple[pa.Array, dict[str, Any]]:
        opened, refs = events.column("reported_at"), events.column("source_ref")
        case_ids = pc.binary_join_element_wise("C-", refs, "")
        source, category, urgency = (events.column(name) for name in ("source", "category", "urgency"))
        category, area = category.dictionary_encode(), events.column("area").dictionary_encode()
        routed = self._router.route(source, category, area, urgency)
        dues = self._rules.columns(category, source, urgency, area, opened.cast("int64").to_numpy()).firsts()
        return case_ids, _defaults(len(events)) | {
            "order_id": pc.binary_join_element_wise("O-", refs, ""),
            "kind": pa.repeat("ASSIGN", len(events)),
            "case_id": case_ids,
            "department": routed.column("department", pa.string()),
            "issued_at": opened,
            "area": area.cast(pa.string()),
            "rule": routed.column("rule", pa.string()),
            "reason": routed.column("desk_reason", pa.string()),
            "queue": routed.column("queue", pa.string()),
            "priority": routed.column("priority", pa.int32()),
            "deadlines": _deadlines(dues, len(events)),
        }


def _asked(events: pa.RecordBatch) -> pa.RecordBatch:
    """What an order is made from, beside the event's bytes."""
    names = ["source", "source_ref", "category", "urgency", "reported_at"]
    columns = [*map(events.column, names), events.column("place").field("code")]
    return pa.RecordBatch.from_arrays(columns, [*names, "area"])


def _defaults(rows: int) -> dict[str, Any]:
    """What an order says of itself unless told otherwise."""
    fields = Order.model_fields.items()
    return {
        name: [field.get_default(call_default_factory=True)] * rows for name, field in fields if not field.is_required()
    }


def _deadlines(dues: DueColumns, rows: int) -> pa.ListArray:
    """At most one due time a row."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(dues.row, minlength=rows))])
    return due_times(dues.clock.cast(pa.string()), dues.policy.cast(pa.string()), pa.array(dues.due_ms), ends)
