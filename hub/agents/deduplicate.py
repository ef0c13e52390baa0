"""The agent that lets every record through once: events go on to their place, updates to their case, repeats are recorded."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hub import metrics, topics
from hub.agents.context import Hub
from hub.clock import wall_ms
from hub.core.admission import Admission, Arrivals, admit
from hub.core.places import Places
from hub.core.validation import Verdict, faults_of_events, faults_of_updates
from hub.stream.chunk import Chunk
from hub.stream.codec import Decoded
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction, source_of
from hub.stream.seen_state import SeenState

NAME = "deduplicate"
_DAY_MS = 86_400_000


def attach(app: Any, hub: Hub) -> Inlet:
    """Add the agent and its inlet to a Faust app."""
    state = SeenState(int(hub.settings.dedup_window_days * _DAY_MS))
    reads = [topics.city_events(source).name for source in hub.sources]
    reads += [topics.dept_updates(department).name for department in hub.departments]
    inlet = Inlet(app, hub.settings, NAME, reads, state)
    outlet = Outlet(hub.settings, NAME, hub.codec, state)
    places = Places(hub.city)

    @app.agent(inlet.channel, name=NAME)
    async def deduplicate(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                events = _decode(hub, chunk, tx, "cityhub.CaseEvent", "city.", faults_of_events)
                updates = _decode(hub, chunk, tx, "cityhub.Update", "dept.", faults_of_updates)
                located = _locate(places, events.decoded)
                arrivals = _arrivals(chunk, events, updates, located.place_key)
                admission = admit(arrivals, state.__getitem__, wall_ms())
                for partition, fresh in admission.fresh.items():
                    state.stage(partition, fresh)
                _publish_events(hub, chunk, tx, events, admission, located)
                _publish_updates(hub, chunk, tx, events, updates, admission)
                _publish_repeats(hub, chunk, tx, events, updates, arrivals, admission)
                tx.arrived(chunk.arrived_ms)

    app.service(inlet)
    return inlet


@dataclass(frozen=True)
class _Intake:
    """The usable records of one kind: decoded, and which rows of the chunk they are."""

    decoded: Decoded
    rows: list[int]


def _decode(hub: Hub, chunk: Chunk, tx: Transaction, subject: str, prefix: str, faults: Any) -> _Intake:
    rows = [row for row, topic in enumerate(chunk.topics) if topic.startswith(prefix)]
    decoded = hub.codec.decode_many(subject, [chunk.values[row] for row in rows])
    for reject in decoded.rejects:
        tx.reject(rows[reject.index], reject.reason, reject.detail)
    rows = [rows[index] for index in decoded.rows.tolist()]
    verdicts: dict[int, Verdict] = {}
    for verdict in faults(decoded.batch, [source_of(chunk.topics[row]) for row in rows]):
        verdicts.setdefault(verdict[0], verdict)
    for at, reason, detail in verdicts.values():
        tx.reject(rows[at], reason, detail)
    if verdicts:
        keep = [at for at in range(len(rows)) if at not in verdicts]
        # typed: of an empty list Arrow would make nulls, which it cannot take by
        decoded = Decoded(
            decoded.batch.take(pa.array(keep, pa.int64())), decoded.rows[keep], [decoded.bodies[at] for at in keep]
        )
        rows = [rows[at] for at in keep]
    return _Intake(decoded, rows)


def _locate(places: Places, events: Decoded) -> Any:
    place = events.batch.column("place")
    lat, lon = (np.array(place.field(name).to_numpy(zero_copy_only=False), dtype=np.float64) for name in ("lat", "lon"))
    return places.locate(lat, lon, place.field("code").to_pylist(), place.field("crs").to_pylist())


def _arrivals(chunk: Chunk, events: _Intake, updates: _Intake, place_key: list[str | None]) -> Arrivals:
    """Events first, then updates; a department's name cannot be mistaken for a source's."""
    rows = events.rows + updates.rows
    seen, told = events.decoded.batch, updates.decoded.batch
    return Arrivals(
        topic=[chunk.topics[row] for row in rows],
        partition=[chunk.partitions[row] for row in rows],
        offset=[chunk.offsets[row] for row in rows],
        source=seen.column("source").to_pylist() + [f"dept.{name}" for name in told.column("department").to_pylist()],
        ref=seen.column("source_ref").to_pylist() + told.column("update_id").to_pylist(),
        revision=seen.column("revision").to_pylist() + told.column("revision").to_pylist(),
        place=place_key + [None] * len(updates.rows),
    )


def _publish_events(
    hub: Hub, chunk: Chunk, tx: Transaction, events: _Intake, admission: Admission, located: Any
) -> None:
    first = [at for at in admission.first if at < len(events.rows)]
    keys = admission.place_key[: len(first)]
    lat, lon = (
        [None if math.isnan(value) else value for value in column.tolist()] for column in (located.lat, located.lon)
    )
    columns: dict[str, Any] = {
        "origin": chunk.origins(events.rows[at] for at in first),
        "place_key": keys,
        "area": [located.area[at] for at in first],
        "lat": [lat[at] for at in first],
        "lon": [lon[at] for at in first],
    }
    bodies = [events.decoded.bodies[at] for at in first]
    tx.publish(topics.EVENTS, hub.codec.encode_before("cityhub.AdmittedEvent", columns, bodies), keys)
    tx.account("admitted", len(first))


def _publish_updates(
    hub: Hub, chunk: Chunk, tx: Transaction, events: _Intake, updates: _Intake, admission: Admission
) -> None:
    first = [at - len(events.rows) for at in admission.first if at >= len(events.rows)]
    case_ids = updates.decoded.batch.column("case_id").to_pylist()
    columns = {"origin": chunk.origins(updates.rows[at] for at in first)}
    bodies = [updates.decoded.bodies[at] for at in first]
    values = hub.codec.encode_before("cityhub.AdmittedUpdate", columns, bodies)
    tx.publish(topics.UPDATES, values, [case_ids[at] for at in first])
    tx.account("update", len(first))


def _publish_repeats(
    hub: Hub,
    chunk: Chunk,
    tx: Transaction,
    events: _Intake,
    updates: _Intake,
    arrivals: Arrivals,
    admission: Admission,
) -> None:
    rows, repeats = events.rows + updates.rows, admission.repeats
    columns: dict[str, Any] = {
        "source": [arrivals.source[repeat.row] for repeat in repeats],
        "source_ref": [arrivals.ref[repeat.row] for repeat in repeats],
        "revision": [arrivals.revision[repeat.row] for repeat in repeats],
        "origin": chunk.origins(rows[repeat.row] for repeat in repeats),
        "first_topic": [repeat.topic for repeat in repeats],
        "first_partition": [repeat.partition for repeat in repeats],
        "first_offset": [repeat.offset for repeat in repeats],
    }
    tx.publish(topics.REPEATS, hub.codec.encode_columns("cityhub.Repeat", columns), columns["source_ref"])
    tx.account("repeat", len(repeats))
    for source in columns["source"]:
        tx.count(metrics.REPEATS.labels(source))
