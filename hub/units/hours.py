"""Hours of which only open time counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hub.millis import HOUR_MS
from hub.units.office import MillisArray, Office, OpenTable, open_between
from hub.units.unit import Amounts, Manner, Segment, Unit, registered


@registered
class WorkHour(Unit):
    """Of several instants with the same open time behind them, the earliest is due: what ends with the morning is due at its
    close, not when the afternoon opens (`ends: opening` says otherwise)."""

    name, zh, parts = "work_hour", "工作时", 60
    needs_office = True

    def takes(self, ends: str) -> bool:
        return ends == "opening"

    def due(self, office: Office, starts: MillisArray, amounts: Amounts, manner: Manner) -> MillisArray:
        table = office.covering(starts)
        wanted = table.position(starts) + np.rint(amounts * HOUR_MS).astype(np.int64)
        return _instant(office, wanted, next_opening=manner.ends == "opening")

    def share(self, office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
        return share_of_open(office, starts, dues, share)

    def after_pause(self, office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
        return later_by_open(office, due_ms, from_ms, to_ms, manner)

    def segments(self, office: Office, start: int, due: int, amount: float, manner: Manner) -> list[Segment]:
        del amount, manner
        return _open_segments(office.covering(np.array([start, due], dtype=np.int64)), start, due)

    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        del manner
        yield np.rint(open_between(office, starts, dues) / (HOUR_MS // self.parts)).astype(np.int64)


def share_of_open(office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
    """When that share of the open time between two instants has gone."""
    table = office.covering(np.concatenate([starts, dues]))
    position, end = table.position(starts), table.position(dues)
    wanted = position + np.maximum(np.rint((end - position) * share).astype(np.int64), 1)
    return np.clip(_instant(office, wanted), starts, dues)


def later_by_open(office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
    """The instant with as much more open time behind it as there was between two others."""
    lost = int(open_between(office, np.array([from_ms], np.int64), np.array([to_ms], np.int64))[0])
    if not lost:
        return due_ms
    return int(WorkHour().due(office, np.array([due_ms]), np.array(lost / HOUR_MS), manner)[0])


def _instant(office: Office, positions: MillisArray, *, next_opening: bool = False) -> MillisArray:
    """The earliest instants with so much open time behind them, or the latest."""
    top = int(positions.max()) + next_opening
    table = office.grown_until(lambda table: int(table.after[-1]) >= top)
    index = np.searchsorted(table.after, positions, side="right" if next_opening else "left")
    found: MillisArray = table.opens[index] + positions - table.before[index]
    return found


def _open_segments(table: OpenTable, start: int, due: int) -> list[Segment]:
    """Open and closed stretches in turn."""
    first, end = np.searchsorted(table.closes, start, side="right"), np.searchsorted(table.opens, due, side="left")
    found: list[Segment] = []
    at = start
    for opens, closes in zip(table.opens[first:end].tolist(), table.closes[first:end].tolist(), strict=True):
        begin, finish = max(opens, start), min(closes, due)
        if begin > at:
            found.append(Segment(at, begin, 0.0, "closed"))
        found.append(Segment(begin, finish, (finish - begin) / HOUR_MS, "counted"))
        at = finish
    return found if at == due else [*found, Segment(at, due, 0.0, "closed")]
