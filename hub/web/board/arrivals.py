"""How many reports each source brings by the hour, beside what is usual for it: a source that falls silent is seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, func, select

from hub.ledger.tables import REPORTS_TABLE
from hub.millis import HOUR_MS, MINUTE_MS

DAYS = 28
SHOWN_HOURS = 24
_SURE = 7.0
"""So many reports were to be expected of a source that sent none: by chance that happens once in a thousand times."""
_LEAST_SILENCE_MS = 10 * MINUTE_MS
_WEEKS_SURE = 14
"""From so many days on, an hour is compared with the same hour of the same weekday."""


class SourceArrivals(NamedTuple):
    """The last hours of one source, the running one last. `usual` is empty until a day is known, NaN for an hour that is not."""

    source: str
    hours: Sequence[int]
    usual: Sequence[float]
    last_ms: int
    is_silent: bool

    def as_json(self) -> dict[str, Any]:
        usual = [None if isnan(each) else round(each, 1) for each in self.usual]
        return {
            "source": self.source, "hours": list(self.hours), "usual": usual, "last": self.last_ms, "silent": self.is_silent,
        }  # fmt: skip


def arrivals(connection: Connection, now_ms: int) -> list[SourceArrivals]:
    """Of all sources of the last four weeks, by name."""
    at, source = REPORTS_TABLE.c.first_at, REPORTS_TABLE.c.source
    hour = (at // HOUR_MS).label("hour")
    first_hour = now_ms // HOUR_MS - DAYS * 24
    rows = connection.execute(
        select(source, hour, func.count(), func.max(at))
        .where(at >= first_hour * HOUR_MS, at <= now_ms)
        .group_by(source, hour)
    )
    by_source: dict[str, list[tuple[int, int, int]]] = {}
    for name, number, count, last_ms in rows:
        by_source.setdefault(name, []).append((int(number) - first_hour, int(count), int(last_ms)))
    return [_of_source(name, found, now_ms) for name, found in sorted(by_source.items())]


def _of_source(source: str, rows: Iterable[tuple[int, int, int]], now_ms: int) -> SourceArrivals:
    counts = np.zeros(DAYS * 24 + 1, np.int64)
    last_ms = 0
    for hour, count, newest_ms in rows:
        counts[hour], last_ms = count, max(last_ms, newest_ms)
    usual = usual_of(counts)
    shown = counts[-SHOWN_HOURS:].tolist()
    return SourceArrivals(source, shown, usual[-SHOWN_HOURS:].tolist(), last_ms, _is_silent(usual, last_ms, now_ms))


def usual_of(counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What is usual in each of the last 48 hours, from all hours before them since the first report; empty without a whole day.

    `counts`: reports by hour, the running hour last.
    """
    seen = np.flatnonzero(counts)
    known_days = (len(counts) - 1 - seen[0]) // 24 if len(seen) else 0
    if known_days < 1:
        return np.zeros(0)
    step = 7 * 24 if known_days >= _WEEKS_SURE else 24
    first_hour = max(step, len(counts) - 2 * SHOWN_HOURS)
    return np.array([_mean(counts[_before(hour, step, int(seen[0]))]) for hour in range(first_hour, len(counts))])


def _before(hour: int, step: int, first_hour: int) -> slice:
    """The same hour of the days (or weeks) before, as far back as the source is known."""
    return slice(hour - (hour - first_hour) // step * step, hour, step)


def _mean(before: np.ndarray[Any, Any]) -> float:
    return float(before.mean()) if len(before) else nan


def _is_silent(usual: np.ndarray[Any, Any], last_ms: int, now_ms: int) -> bool:
    """Whether what was to be expected since the last report is too much to be missing by chance."""
    if now_ms - last_ms < _LEAST_SILENCE_MS or not len(usual):
        return False
    expected = 0.0
    for back, a_usual in enumerate(reversed(usual.tolist())):
        begins = (now_ms // HOUR_MS - back) * HOUR_MS
        if begins + HOUR_MS <= last_ms or isnan(a_usual):
            break
        expected += a_usual * (min(now_ms, begins + HOUR_MS) - max(last_ms, begins)) / HOUR_MS
    return expected >= _SURE
