"""Builds a History from a city's files by the same mapping as a back-test: reports, truth and area polygons as columns."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.backtest.intake import HistoryIntake
from hub.backtest.judging.pairs import Reported, known_pairs
from hub.backtest.judging.truth import TruthRow, TruthTable
from hub.bounds import are_degrees
from hub.core.places.crs import converter_of
from hub.learn.history import History
from hub.learn.layers import AreaLayer
from hub.learn.taxonomy import LabelCodes
from hub.model.event import CaseEvent, EventKind

_NONE = TruthRow()
_OPENING = (EventKind.OPENED, EventKind.AMENDED)
_LEAST_AT_POINT = 50
_LEAST_SHARE = 0.005
_LEAST_ADDRESSES = 10
LatLon = tuple[float, float]


@dataclass
class Read:
    """A history with what a draft needs besides: the codes its categories have, and points that mean: nowhere."""

    history: History
    codes: LabelCodes
    nowhere: list[LatLon] = field(default_factory=list)
    """WGS84 latitude and longitude at four decimals, found by how many addresses lie there; already null in the history."""


def build_history(
    intake: HistoryIntake,
    truth: TruthTable | None,
    layers: Sequence[AreaLayer],
    time_zone: str,
    *,
    until_ms: int | None = None,
) -> Read:
    """The first report of each reference, in order of time. Closings of the events themselves count where the truth has none.

    With `until_ms` it is what was known then: no later report, no later closing (see History.seen_by).
    """
    truth = truth or TruthTable({})
    first, closed = _reports([each for each in intake.events if until_ms is None or each.reported_at < until_ms])
    said = [truth.rows.get(event.source_ref, _NONE) for event in first]
    lat, lon = _points(first)
    nowhere = _nowhere(first, lat, lon)
    codes = LabelCodes(event.category for event in first)
    ends = [row.closed_ms or closed.get((each.source, each.source_ref)) for row, each in zip(said, first, strict=True)]
    dues = [each.due_at if row.due_ms is None else row.due_ms for row, each in zip(said, first, strict=True)]
    history = History(
        source=_texts(event.source for event in first),
        ref=_texts(event.source_ref for event in first),
        opened_ms=pa.array([event.reported_at for event in first], pa.int64()),
        category=_texts(codes.of(event.category) for event in first),
        label=pa.array([event.category for event in first], pa.string()),
        channel=_texts(event.channel for event in first),
        urgency=_texts(event.urgency.value for event in first),
        lat=pa.array(lat, from_pandas=True),
        lon=pa.array(lon, from_pandas=True),
        address=_texts(event.place.address for event in first),
        title=_texts(event.title for event in first),
        text=_texts(event.text for event in first),
        due_ms=pa.array(dues, pa.int64()),
        closed_ms=pa.array(ends, pa.int64()),
        department=_texts(row.department for row in said),
        queue=_texts(row.queue for row in said),
        duplicate=pa.array([row.duplicate for row in said], pa.bool_()),
        duplicate_of=_partners(first, lat, lon, truth),
        time_zone=time_zone,
        attributes=_attributes(first),
        areas={layer.layer: pa.array(layer.codes_of(lat, lon), pa.string()) for layer in layers},
        snapshot_ms=truth.snapshot_ms,
    )  # fmt: skip
    return Read(history if until_ms is None else history.seen_by(until_ms), codes, nowhere)


def _reports(events: Sequence[CaseEvent]) -> tuple[list[CaseEvent], dict[tuple[str, str], int]]:
    """The first opening statement of each reference by time, and the earliest closing."""
    first: dict[tuple[str, str], CaseEvent] = {}
    closed: dict[tuple[str, str], int] = {}
    for event in sorted(events, key=lambda each: each.reported_at):
        key = (event.source, event.source_ref)
        if event.kind in _OPENING:
            first.setdefault(key, event)
        elif event.kind is EventKind.CLOSED:
            closed.setdefault(key, event.reported_at)
    return list(first.values()), closed


def _points(events: Sequence[CaseEvent]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """WGS84 degrees, NaN where there is no point or it is in a reference system that is not known."""
    lat = np.array([math.nan if each.place.lat is None else each.place.lat for each in events], dtype=np.float64)
    lon = np.array([math.nan if each.place.lon is None else each.place.lon for each in events], dtype=np.float64)
    usable = are_degrees(lat, lon) & ((np.abs(lat) > 0.001) | (np.abs(lon) > 0.001))
    lat[~usable] = lon[~usable] = np.nan
    for name in {each.place.crs for each in events}:
        rows = np.array([each.place.crs == name for each in events], dtype=np.bool_)
        convert = converter_of(name)
        if convert is None:
            lat[rows] = lon[rows] = np.nan
        else:
            lat[rows], lon[rows] = convert(lat[rows], lon[rows])
    return lat, lon


def _nowhere(events: Sequence[CaseEvent], lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]) -> list[LatLon]:
    """Points at which a system puts what it cannot place: many reports of many addresses. They are blanked in place."""
    at = [
        None if math.isnan(y) else (round(y, 4), round(x, 4)) for y, x in zip(lat.tolist(), lon.tolist(), strict=True)
    ]
    counts = Counter(point for point in at if point is not None)
    least = max(_LEAST_AT_POINT, _LEAST_SHARE * counts.total())
    crowded = {point for point, count in counts.items() if count >= least}
    addresses: dict[LatLon, set[str]] = defaultdict(set)
    for point, event in zip(at, events, strict=True):
        if point in crowded and point is not None and event.place.address:
            addresses[point].add(event.place.address)
    found = sorted(point for point, named in addresses.items() if len(named) >= _LEAST_ADDRESSES)
    rows = np.array([point in found for point in at], dtype=np.bool_)
    lat[rows] = lon[rows] = np.nan
    return found


def _partners(
    events: Sequence[CaseEvent], lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64], truth: TruthTable
) -> pa.Array:
    reports = [
        Reported(each.source_ref, each.reported_at, each.place.address, None if math.isnan(y) else y, None if math.isnan(x) else x)
        for each, y, x in zip(events, lat.tolist(), lon.tolist(), strict=True)
    ]  # fmt: skip
    partner = {pair.child: pair.others[0] for pair in known_pairs(reports, truth.rows)}
    return _texts(partner.get(each.source_ref) for each in events)


def _attributes(events: Sequence[CaseEvent]) -> dict[str, pa.Array]:
    names = sorted({name for event in events for name in event.attributes})
    return {name: _texts(event.attributes.get(name) for event in events) for name in names}


def _texts(values: object) -> pa.Array:
    return pa.array([value or None for value in values], pa.string())  # type: ignore[attr-defined]
