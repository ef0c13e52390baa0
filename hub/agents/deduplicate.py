"""The agent that lets every record through once: events go on to their place, updates to their case, repeats are recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub import metrics, topics
from hub.agents.context import Hub
from hub.agents.intake import Refused, UsableRecords, take_in, take_in_own
from hub.agents.misplaced import EVENT, UPDATE, at_home
from hub.agents.receipts import acknowledge_refused, acknowledge_repeats, usable_case_ids
from hub.agents.view import AgentView
from hub.bounds import COUNTER
from hub.clock import ClockKind, wall_ms
from hub.core.dedup.admission import Admission, Arrivals, Repeats, admit, by_itself
from hub.core.dedup.digests import Contents, Longs, contents, shown_refs, told_apart_by, within
from hub.core.dedup.maps import in_order, out_of_order, with_several
from hub.core.dedup.memory import SeenState
from hub.core.dedup.validation import ahead_of_arrival, faults_of_events, faults_of_homes, faults_of_updates
from hub.core.limits import LimitVerdict
from hub.core.linking import MeetingKeys
from hub.core.places.places import Located, Places
from hub.errors import Reason
from hub.millis import DAY_MS
from hub.policy import City
from hub.stream.avro.codec import HEADER_BYTES, Decoded
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet, Transaction
from hub.topics import Topic, source_of

NAME = "deduplicate"
_REVISIONS = COUNTER.most + 1


def attach(app: Any, hub: Hub) -> AgentView:
    """Add the agent and its inlet to a Faust app, and give what may be seen of it."""
    state = SeenState(int(hub.settings.dedup_window_days * DAY_MS), topics.DEDUPLICATE_CHANGELOG, wall_ms)
    inlet = Inlet(app, hub.settings, NAME, hub.inputs(), state, gate=hub.gate)
    outlet = Outlet(hub.settings, NAME, hub.codec, state, hub.topics)
    placed = _Placing(hub.city)

    @app.agent(inlet.channel, name=NAME)
    async def deduplicate(chunks: AsyncIterator[Chunk]) -> None:
        nonlocal placed
        async for chunk in chunks:
            placed = placed if placed.city is hub.city else _Placing(hub.city)
            async with outlet.transaction(chunk) as tx:
                _decide(hub, chunk, tx, state, placed)

    app.service(inlet)
    return AgentView(inlet)


class _Placing:
    """Where reports belong, by the rules of one city."""

    def __init__(self, city: City) -> None:
        self.city, self.places, self.meeting = city, Places(city), MeetingKeys(city)


def _decide(hub: Hub, chunk: Chunk, tx: Transaction, state: SeenState[Topic], placed: _Placing) -> None:
    """A function of its own, as in the other agents: what was made of a chunk gives its room back here, and not in the next one."""
    events = _take_in(hub, chunk, tx, topics.city_events("any"), "city.", faults_of_events, "reported_at")
    updates = _take_in(hub, chunk, tx, topics.dept_updates("any"), "dept.", faults_of_updates, "at")
    events, updates = at_home(hub, chunk, tx, events, EVENT), at_home(hub, chunk, tx, updates, UPDATE)
    homes = take_in_own(hub, chunk, tx, topics.HOMES, faults_of_homes)
    located = _locate(placed.places, events.decoded)
    place_key = _meeting(placed.meeting, events.decoded, located.place_key)
    arrivals = _arrivals(hub, chunk, events, updates, homes, place_key)
    admission = admit(arrivals, state.seen, hub.wall.now_ms())
    state.stage(admission.fresh)
    tx.account("home", len(homes.rows))
    _publish_events(hub, chunk, tx, events, admission, located)
    _publish_updates(hub, chunk, tx, events, updates, admission)
    said = len(events.rows) + len(updates.rows)
    repeats = admission.repeats.before(said)
    _publish_repeats(hub, chunk, tx, events, updates, arrivals, repeats)
    conflicts = _reject_conflicts(chunk, tx, events, updates, arrivals, admission.conflicts.before(said))
    _acknowledge(hub, chunk, tx, events, updates, conflicts, repeats)
    tx.arrived(chunk.came_ms)


def _take_in(
    hub: Hub, chunk: Chunk, tx: Transaction, like: Topic, prefix: str, faults: Any, time: str
) -> UsableRecords:
    senders = {topic: source_of(topic) for topic in set(chunk.topics)}

    def all_faults(batch: pa.RecordBatch, rows: list[int]) -> Iterator[LimitVerdict]:
        yield from faults(batch, [senders[chunk.topics[row]] for row in rows])
        if hub.settings.clock is ClockKind.WALL:  # history arrives whenever somebody replays it
            arrived, limit_ms = chunk.came_ms[rows], int(hub.settings.ahead_seconds * 1000)
            yield from ahead_of_arrival(batch.column(time), time, arrived, limit_ms)

    return take_in(hub, chunk, tx, lambda topic: topic.startswith(prefix), like, all_faults)


def _locate(places: Places, events: Decoded) -> Located:
    place = events.batch.column("place")
    lat, lon = (np.array(place.field(name).to_numpy(zero_copy_only=False), dtype=np.float64) for name in ("lat", "lon"))
    code, crs = (place.field(name).to_pylist() for name in ("code", "crs"))
    if not places.by_codes:
        return places.locate(lat, lon, code, crs)
    grid, source = place.field("grid").to_pylist(), events.batch.column("source").to_pylist()
    return places.locate(lat, lon, code, crs, grid, source)


def _meeting(keys: MeetingKeys, events: Decoded, place_key: list[str | None]) -> list[str | None]:
    """Reports without a place go where those go that say the same, as far as the city links by words or facility."""
    if not keys.used or None not in place_key:
        return place_key
    text, attributes, place = (events.batch.column(name) for name in ("text", "attributes", "place"))
    address = place.field("address")
    return [
        keys.key(address[at].as_py(), text[at].as_py(), dict(attributes[at].as_py())) if key is None else key
        for at, key in enumerate(place_key)
    ]


def _arrivals(
    hub: Hub,
    chunk: Chunk,
    events: UsableRecords,
    updates: UsableRecords,
    homes: UsableRecords,
    place_key: list[str | None],
) -> Arrivals:
    """Events first, then updates; a department's name cannot be mistaken for a source's. Departments count their updates as they
    like: an id is one only together with its case.

    Last what `route` says of the places of references, as a revision that nobody else can have: it goes no further, and the
    reference is known for a window more, with the place that is known of it or, failing that, with this.
    """
    rows = np.array(events.rows + updates.rows + homes.rows, dtype=np.int64)
    names = sorted(set(chunk.topics))
    number = {name: position for position, name in enumerate(names)}
    seen, told, again = events.decoded.batch, updates.decoded.batch, homes.decoded.batch
    content = _contents(hub, chunk, events, rows)
    counted = np.concatenate([_counted(events), np.ones(len(told), np.bool_), np.zeros(len(again), np.bool_)])
    revision = np.zeros(len(rows), np.int64)
    revision[: len(seen) + len(told)] = np.concatenate([each.column("revision").to_numpy() for each in (seen, told)])
    departments = pc.binary_join_element_wise("dept", told.column("department"), ".")
    return Arrivals(
        topics=names,
        topic=np.fromiter(map(number.__getitem__, chunk.topics), np.int64, len(chunk))[rows],
        partition=chunk.lies_in[rows],
        offset=chunk.lies_at[rows],
        source=pa.concat_arrays([seen.column("source"), departments, again.column("source")]),
        ref=pa.concat_arrays(
            [
                seen.column("source_ref"),
                within(told.column("case_id"), told.column("update_id")),
                again.column("source_ref"),
            ]
        ),
        revision=told_apart_by(revision, counted, content),
        content=content,
        place=pa.array(place_key + [None] * len(told) + _homes(again), pa.string()),
    )


def _contents(hub: Hub, chunk: Chunk, events: UsableRecords, rows: Longs) -> Contents:
    """What the records of `rows` say, of which the events come first. In whatever order a sender writes attributes, they say the
    same."""
    values = [value for row in rows.tolist() if (value := chunk.values[row]) is not None]
    batch = events.decoded.batch
    attributes = batch.column("attributes")
    ordered = np.zeros(len(values), np.bool_)
    ordered[: len(batch)] = with_several(attributes)
    if (others := out_of_order(attributes)).size:
        taken = batch.take(pa.array(others))
        sorted_ = in_order(taken.column("attributes"))
        bodies = hub.codec.bodies_with("cityhub.CaseEvent", taken, "attributes", sorted_)
        for at, body in zip(others.tolist(), bodies.to_pylist(), strict=True):
            values[at] = values[at][:HEADER_BYTES] + body
    return contents(values, ordered)


def _homes(batch: pa.RecordBatch) -> list[str | None]:
    """Places of references, None for those that have none but themselves."""
    source, ref, key = (batch.column(name).to_pylist() for name in ("source", "source_ref", "place_key"))
    itself = map(by_itself, source, ref)
    return [None if place == own else place for place, own in zip(key, itself, strict=True)]


def _publish_events(
    hub: Hub, chunk: Chunk, tx: Transaction, events: UsableRecords, admission: Admission, located: Located
) -> None:
    first = admission.first[admission.first < len(events.rows)]
    keys, rows = admission.place_key[: len(first)].to_pylist(), first.tolist()
    come_of = [events.rows[at] for at in rows]
    columns: dict[str, Any] = {
        "origin": chunk.origins(come_of),
        "place_key": keys,
        "area": [located.area[at] for at in rows],
        "lat": pa.array(located.lat[first], from_pandas=True),  # NaN becomes null
        "lon": pa.array(located.lon[first], from_pandas=True),
        **_openings(hub, chunk, events, first),
    }
    bodies = _numbered_bodies(hub, chunk, events, first)
    tx.publish(topics.EVENTS, hub.codec.encode_before("cityhub.AdmittedEvent", columns, bodies), keys, come_of)
    tx.account("admitted", len(first))
    _count_faults(tx, events, located, rows)


def _openings(hub: Hub, chunk: Chunk, events: UsableRecords, first: Longs) -> dict[str, Any]:
    """A back-fill starts no clock in the past unless it was asked to: what it opens is opened when the hub takes it. Nothing in
    nearly all chunks."""
    marks = chunk.header(topics.BACKFILL)
    told = {row for row, mark in marks.items() if not mark.endswith(topics.CLOCKS_AS_REPORTED.encode())}
    if not told or hub.settings.clock is ClockKind.DATA:  # history goes by its own time
        return {}
    reported = events.decoded.batch.column("reported_at").cast(pa.int64()).to_pylist()
    found = [
        max(chunk.arrived_ms[row], reported[at]) if (row := events.rows[at]) in told else None for at in first.tolist()
    ]
    return {"opens_at": found}


def _count_faults(tx: Transaction, events: UsableRecords, located: Located, rows: list[int]) -> None:
    """Points of admitted events that are of no use to the city: the events go on, and somebody is to mend their source."""
    if not located.faults:
        return
    sources = events.decoded.batch.column("source")
    found = Counter((sources[at].as_py(), located.faults[at]) for at in rows if at in located.faults)
    for (source, fault), count in found.items():
        tx.count(metrics.POINTS.labels(source, fault), count)


def _numbered_bodies(hub: Hub, chunk: Chunk, events: UsableRecords, first: Longs) -> pa.BinaryArray:
    """The first sightings' bytes. Those of sources that count no revisions get the offset of the record, from 1: all records of
    a reference come by one partition, so a later one has a higher revision, and the same in every replay."""
    taken, counted = pa.array(first), _counted(events)[first]
    if counted.all():
        return events.decoded.bodies.take(taken)
    batch = events.decoded.batch.take(taken)
    offsets = chunk.lies_at[np.array(events.rows, np.int64)[first]]
    revision = np.where(counted, batch.column("revision").to_numpy(), (offsets + 1) % _REVISIONS)
    return hub.codec.bodies_with("cityhub.CaseEvent", batch, "revision", pa.array(revision, pa.int32()))


def _counted(events: UsableRecords) -> npt.NDArray[np.bool_]:
    counted: npt.NDArray[np.bool_] = events.decoded.batch.column("revision_counted").to_numpy(zero_copy_only=False)
    return counted


def _publish_updates(
    hub: Hub, chunk: Chunk, tx: Transaction, events: UsableRecords, updates: UsableRecords, admission: Admission
) -> None:
    first = admission.first - len(events.rows)
    first = first[(first >= 0) & (first < len(updates.rows))]
    come_of = [updates.rows[at] for at in first.tolist()]
    columns = {"origin": chunk.origins(come_of)}
    taken = pa.array(first)
    values = hub.codec.encode_before("cityhub.AdmittedUpdate", columns, updates.decoded.bodies.take(taken))
    tx.publish(topics.UPDATES, values, updates.decoded.batch.column("case_id").take(taken).to_pylist(), come_of)
    tx.account("update", len(first))


def _reject_conflicts(
    chunk: Chunk, tx: Transaction, events: UsableRecords, updates: UsableRecords, arrivals: Arrivals, conflicts: Repeats
) -> list[Refused]:
    """Set them aside. Gives the updates among them."""
    rows, refused = events.rows + updates.rows, []
    places = zip(
        conflicts.row.tolist(), conflicts.topic, conflicts.partition.tolist(), conflicts.offset.tolist(), strict=True
    )
    for at, topic, partition, offset in places:
        detail = (
            f"revision {arrivals.revision[at]} of this reference came at {topic}[{partition}]@{offset} with other content, and "
            "that one counts; give what has changed a higher revision, or declare `revisions: none` in the mapping of a source "
            "that counts none"
        )
        tx.reject(rows[at], Reason.CONFLICT, detail)
        if at >= len(events.rows):
            record = updates.decoded.batch.slice(at - len(events.rows), 1)
            refused.append(Refused(rows[at], Reason.CONFLICT, detail, record))
    return refused


def _acknowledge(
    hub: Hub,
    chunk: Chunk,
    tx: Transaction,
    events: UsableRecords,
    updates: UsableRecords,
    conflicts: list[Refused],
    repeats: Repeats,
) -> None:
    """Tell departments of those of their updates that go no further."""
    acknowledge_refused(hub, tx, chunk, updates.refused + conflicts)
    mine = np.flatnonzero(repeats.row >= len(events.rows))
    if mine.size:
        index = repeats.row[mine] - len(events.rows)
        batch, rows = updates.decoded.batch.take(pa.array(index)), [updates.rows[at] for at in index.tolist()]
        acknowledge_repeats(hub, tx, chunk, batch, rows, repeats.take(mine))


def _publish_repeats(
    hub: Hub,
    chunk: Chunk,
    tx: Transaction,
    events: UsableRecords,
    updates: UsableRecords,
    arrivals: Arrivals,
    repeats: Repeats,
) -> None:
    if not len(repeats.row):
        return
    rows, repeated = events.rows + updates.rows, pa.array(repeats.row)
    of_events, of_updates = np.split(repeats.row, [np.searchsorted(repeats.row, len(events.rows))])
    told = updates.decoded.batch.take(pa.array(of_updates - len(events.rows)))
    refs = [
        events.decoded.batch.column("source_ref").take(pa.array(of_events)),
        within(usable_case_ids(told.column("case_id")), told.column("update_id")),
    ]
    come_of = [rows[at] for at in repeats.row.tolist()]
    columns: dict[str, Any] = {
        "source": arrivals.source.take(repeated),
        "source_ref": shown_refs(pa.concat_arrays(refs)),
        "revision": np.where(arrivals.revision < _REVISIONS, arrivals.revision, 0)[repeats.row],
        "origin": chunk.origins(come_of),
        "first_topic": repeats.topic,
        "first_partition": repeats.partition,
        "first_offset": repeats.offset,
        "moved_to": pa.nulls(len(repeats.row), pa.int32()),
    }
    keys = columns["source_ref"].to_pylist()
    tx.publish(topics.REPEATS, hub.codec.encode_columns("cityhub.Repeat", columns), keys, come_of)
    tx.account("repeat", len(repeats.row))
    for source, count in Counter(columns["source"].to_pylist()).items():
        tx.count(metrics.REPEATS_DROPPED.labels(source), count)
