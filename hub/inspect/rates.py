"""Reads from the topics what the rates are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa

from hub.core.figures.outcomes import OutcomeTable, outcome_table
from hub.core.figures.rates import (
    ClockWord,
    CountedUpdate,
    Given,
    Group,
    HolderChange,
    Period,
    Table,
    by_department,
    given_of,
    rates,
)
from hub.core.tracking.columns.history import read_held
from hub.core.tracking.lives.powers import Powers
from hub.inspect.narrow import NarrowDecoder, Path, column
from hub.inspect.reading import OnRead, read_messages, spans
from hub.millis import datetime_of
from hub.model.update import event_of
from hub.policy.city import City
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import CASES, DEAD, DEADLINES, UPDATES, Topic

_LAST: dict[str, tuple[Topic, Path]] = {
    CASES.name: (CASES, ("unit",)),
    DEADLINES.name: (DEADLINES, ("due_at",)),
    UPDATES.name: (UPDATES, ("update", "until")),
    DEAD.name: (DEAD, ("origin",)),
}
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y", "all": "-"}


def period_of(name: str, time_zone: str) -> Period:
    """Names periods of local time: one of PERIODS."""
    zone, pattern = ZoneInfo(time_zone), PERIODS[name]
    return lambda at_ms: datetime_of(at_ms, zone).strftime(pattern)


class RateReading(NamedTuple):
    """The figures as of now, and the places of records that are not the hub's."""

    rates: Table
    outcomes: OutcomeTable
    foreign: list[str]


GROUPS = ("department", "category", "area", "unit")


def read_rates(
    settings: Settings, city: City, period: Period, of: str = "department", on_progress: OnRead | None = None
) -> RateReading:
    """By period and, as `of` says, one of GROUPS. Raises FatalError if a topic is missing, RetriableError if the broker cannot be
    read."""
    registry = make_registry(settings)
    codec = Codec(registry)
    decoders = {
        name: NarrowDecoder(registry, codec, topic.subject or "", last) for name, (topic, last) in _LAST.items()
    }
    batches: dict[str, list[pa.RecordBatch]] = {name: [] for name in _LAST}
    foreign: list[str] = []
    cut = len(settings.namespace)
    for messages in read_messages(settings, spans(settings, list(_LAST)), on_progress):
        for name, decoder in decoders.items():
            mine = [each for each in messages if each.topic()[cut:] == name]
            if mine:
                found = decoder.decode([each.value() for each in mine])
                batches[name].append(found.batch)
                foreign += [f"{name}[{mine[at].partition()}]@{mine[at].offset()}" for at in found.foreign.tolist()]
    desks = Powers(city).desks
    meanings = {code: spec.counts for code, spec in city.outcomes.items()}
    given, said = list(_given(batches[CASES.name])), [*_said(batches, desks), *_came_back(batches[CASES.name])]
    group = by_department if of == "department" else _kinds(batches[CASES.name], of)
    table = rates(_clocks(batches[DEADLINES.name]), given, said, period, meanings, group)
    return RateReading(table, outcome_table(given, said, period, group), foreign)


def _came_back(batches: Sequence[pa.RecordBatch]) -> Iterator[CountedUpdate]:
    """What the hub itself opened again, as if a desk had said so: what the case had come to is no longer so."""
    for case, department, at_ms, reopens in _columns(batches, ("case_id",), ("department",), ("at",), ("reopens",)):
        if reopens:
            yield CountedUpdate(str(case), str(department), "REOPENED", int(str(at_ms)), None, by_desk=True)


def _kinds(batches: Sequence[pa.RecordBatch], of: str) -> Group:
    """Groups by what the last record of each case says of it; a unit only of what its own department is counted for."""
    if of == "unit":
        rows = _columns(batches, ("case_id",), ("department",), ("unit",))
        units = {(str(case), str(who)): "-" if unit is None else str(unit) for case, who, unit in rows}
        return lambda case_id, department: units.get((case_id, department), "-")
    kinds = {str(case): "-" if kind is None else str(kind) for case, kind in _columns(batches, ("case_id",), (of,))}
    return lambda case_id, _department: kinds.get(case_id, "-")


def _columns(batches: Sequence[pa.RecordBatch], *paths: Path) -> Iterator[tuple[object, ...]]:
    for batch in batches:
        yield from zip(*(column(batch, path).to_pylist() for path in paths), strict=True)


def _rows(batches: Sequence[pa.RecordBatch], **names: str) -> Iterator[dict[str, Any]]:
    """Rows with the columns of these names, each called as its key says."""
    for row in _columns(batches, *((name,) for name in names.values())):
        yield dict(zip(names, row, strict=True))


def _clocks(batches: Sequence[pa.RecordBatch]) -> Iterator[ClockWord]:
    rows = _rows(
        batches,
        case_id="case_id",
        clock="clock",
        started_ms="started_at",
        kind="kind",
        department="department",
        due_ms="due_at",
    )
    return (ClockWord(**row) for row in rows)


def _given(batches: Sequence[pa.RecordBatch]) -> Iterator[Given]:
    rows = _rows(
        batches,
        case_id="case_id",
        change="change",
        department="department",
        rule="rule",
        at_ms="at",
        opened_ms="opened_at",
        reopens="reopens",
    )
    held = (ledger for batch in batches for ledger in read_held(batch.column("held")))
    return given_of(HolderChange(**row, ledger=ledger) for row, ledger in zip(rows, held, strict=True))


def _said(batches: dict[str, list[pa.RecordBatch]], desks: frozenset[str]) -> Iterator[CountedUpdate]:
    """Updates but those that `track` set aside."""
    origin = [("origin", name) for name in ("topic", "partition", "offset")]
    aside = {
        tuple(row[1:]) for row in _columns(batches[DEAD.name], ("stage",), *origin) if row[0] == "track"
    }  # fmt: skip
    names = ("case_id", "department", "status", "step", "code", "at", "solved", "outcome", "until")
    paths: list[Path] = [*origin, *(("update", name) for name in names)]
    for row in _columns(batches[UPDATES.name], *paths):
        case, department, status, step, code, at_ms, solved, outcome, until = row[3:]
        if tuple(row[:3]) not in aside:
            yield CountedUpdate(
                str(case),
                str(department),
                event_of(str(status), str(step), None if code is None else str(code), until),
                int(str(at_ms)),
                None if solved is None else bool(solved),
                None if outcome is None else str(outcome).lower(),
                by_desk=str(department) in desks,
            )
