"""Gathers from the topics all there is about one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hub.errors import FatalError
from hub.inspect.erasures import Erased, erasures_of
from hub.inspect.keyed import KeyedReader, KeyedRecords
from hub.inspect.narrow import NarrowDecoder, column
from hub.inspect.reading import OnRead
from hub.model.ids import case_id
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import Registry, make_registry
from hub.topics import CASES, CLOSURES, DEADLINES, ERASURES, EVENTS, UPDATES, city_replies, dept_orders, dept_receipts


@dataclass(frozen=True)
class Story:
    """One case's records, each as in its schema, with `kafka` saying where it lies; in order of time within each list."""

    case_id: str
    changes: list[KeyedRecords]
    """hub.cases, the opening first."""
    reports: list[KeyedRecords] = field(default_factory=list)
    """hub.events: what came in."""
    orders: list[KeyedRecords] = field(default_factory=list)
    deadlines: list[KeyedRecords] = field(default_factory=list)
    updates: list[KeyedRecords] = field(default_factory=list)
    """hub.updates: what departments said."""
    closures: list[KeyedRecords] = field(default_factory=list)
    replies: list[KeyedRecords] = field(default_factory=list)
    receipts: list[KeyedRecords] = field(default_factory=list)
    """What departments were told of their updates."""
    erasures: list[KeyedRecords] = field(default_factory=list)
    """Of its reports. What they erased is not in the records above, though the logs may still hold it."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def opened(self) -> KeyedRecords:
        return self.changes[0]

    @property
    def last(self) -> KeyedRecords:
        return self.changes[-1]


def tell(
    settings: Settings,
    who: str,
    sources: Sequence[str],
    departments: Sequence[str],
    on_progress: OnRead | None = None,
) -> Story:
    """The story of a case, named by its id or by SOURCE:REF of one of its reports.

    Raises FatalError if there is no such case, or what it says of the topics.
    """
    registry = make_registry(settings)
    codec = Codec(registry)
    orders = [dept_orders(name).name for name in departments]
    replies = {source: city_replies(source).name for source in sources}
    receipts = [dept_receipts(name).name for name in departments]
    by_case = [UPDATES.name, DEADLINES.name, *orders, *receipts]
    reader = KeyedReader(
        settings, codec, [CASES.name, EVENTS.name, CLOSURES.name, ERASURES.name, *by_case, *replies.values()]
    )
    case, changes = _find(reader, registry, codec, who, on_progress)
    reports = {(change["source"], change["source_ref"]) for change in changes}
    places = {change["place_key"] for change in changes}
    refs = {topic: [ref for name, ref in reports if name == source] for source, topic in replies.items()}
    keys = {topic: [case] for topic in by_case} | {topic: some for topic, some in refs.items() if some}
    erasures = erasures_of(reader, reports)
    erased = Erased(erasures)
    found = reader.records(keys | {CLOSURES.name: list(places)}, on_progress)
    return Story(
        case,
        changes,
        reports=[erased.spared(each) for each in _reports(reader, registry, codec, places, reports)],
        orders=_by_time([erased.spared(each) for topic in orders for each in found[topic]], "issued_at"),
        deadlines=_by_time(found[DEADLINES.name], "at"),
        updates=found[UPDATES.name],
        closures=[each for each in found[CLOSURES.name] if each["case_id"] == case],
        replies=_by_time(
            [erased.spared(each) for topic in refs for each in found.get(topic, ()) if each["case_id"] == case], "at"
        ),
        receipts=_by_time([each for topic in receipts for each in found[topic]], "at"),
        erasures=erasures,
    )


def _by_time(records: list[KeyedRecords], name: str) -> list[KeyedRecords]:
    return sorted(records, key=lambda record: (record[name], record["kafka"]["offset"]))


def _find(
    reader: KeyedReader, registry: Registry, codec: Codec, who: str, on_progress: OnRead | None
) -> tuple[str, list[KeyedRecords]]:
    source, colon, ref = who.partition(":")
    case = case_id(source, ref) if colon else who
    changes = reader.records({CASES.name: [case]}, on_progress)[CASES.name]
    if not changes and colon:
        joined = _case_of(reader, registry, codec, source, ref, on_progress)
        if joined is not None:
            case = joined
            changes = reader.records({CASES.name: [case]}, on_progress)[CASES.name]
    if not changes:
        raise FatalError(
            f"no case {'has a report' if colon else 'is'} {who}; give an id like C-PFTFFNKUATAKG4JS or SOURCE:REF as in "
            "hotline:H-17. A report that was set aside is in `cityhub dead list`"
        )
    return case, changes


def _case_of(
    reader: KeyedReader, registry: Registry, codec: Codec, source: str, ref: str, on_progress: OnRead | None
) -> str | None:
    """The case a report was linked to: its key is not known, so all of hub.cases is looked through."""
    decoder = NarrowDecoder(registry, codec, CASES.subject or "", ("source_ref",))
    for messages in reader.everywhere(CASES.name, on_progress):
        batch = decoder.decode([message.value() for message in messages]).batch
        names = ("case_id", "source", "source_ref")
        for case, *report in zip(*(column(batch, (name,)).to_pylist() for name in names), strict=True):
            if report == [source, ref]:
                return str(case)
    return None


def _reports(
    reader: KeyedReader, registry: Registry, codec: Codec, places: set[str], wanted: set[tuple[str, str]]
) -> list[KeyedRecords]:
    """Many reports share a place: only as much of each is decoded as tells whose it is."""
    messages = reader.messages({EVENTS.name: places})[EVENTS.name]
    decoder = NarrowDecoder(registry, codec, EVENTS.subject or "", ("event", "source_ref"))
    narrowed = decoder.decode([message.value() for message in messages])
    sources, refs = (column(narrowed.batch, ("event", name)).to_pylist() for name in ("source", "source_ref"))
    found = [
        reader.decoded(messages[row])
        for row, source, ref in zip(narrowed.rows.tolist(), sources, refs, strict=True)
        if (source, ref) in wanted
    ]
    return sorted(
        (each for each in found if each is not None),
        key=lambda each: (each["event"]["reported_at"], each["kafka"]["offset"]),
    )
