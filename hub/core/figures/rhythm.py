"""The rhythm 节律 of whoever sends: what usually comes in an hour of the week, and when silence is no chance. Pure.

What is counted is arrivals: minutes in which something came. So a file of five hundred rows counts once, and a source that brings
much in one burst does not look as if it could never be still. Hours are counted from 1970 UTC, so 168 of them are a week.

How sure it is that somebody is missing is a number that adds up: of each hour since the last arrival, the logarithm of how
unlikely it is that nothing came in it. That is what usually comes in the hour (arrivals by chance, Poisson), and at least the
logarithm of how often something came in the same hour before, if it never failed: that is for those who come once a day by the
clock. Somebody is silent once that would happen by chance about once in a thousand days: whoever comes a thousand times a day has a
thousand chances a day to be still for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.millis import HOUR_MS, MINUTE_MS

SURE = 7.0
"""Once in a thousand: so much is missing from whoever comes once a day before his silence is no chance."""
LEARNT_HOURS = 28 * 24
"""So far back the rhythm is learnt, from the last arrival: a silence, however long, never becomes usual."""
_DAY, _WEEK = 24, 7 * 24
_WEEKS_KNOWN_HOURS = 2 * _WEEK
"""From then on an hour is compared with the same hour of the same weekday alone."""
_LEAST_SILENCE_MS = 10 * MINUTE_MS
HourlyCounts = npt.NDArray[np.int64]


class Silence(NamedTuple):
    """Of one sender: when something came last, and how sure it is that more should have come since.

    `missing`: what should have come since, in the measure of this module; 0 while nobody knows what is usual.
    """

    last_ms: int
    missing: float
    known_days: int
    is_silent: bool


def silence_of(
    arrivals: Sequence[int] | HourlyCounts, last_ms: int, now_ms: int, heard_ms: int = 0
) -> Silence:  # fmt: skip
    """`arrivals`: by hour, the last the one in which the last arrival was, `last_ms`; at most `LEARNT_HOURS` are looked at.
    `heard_ms`: when something came that is no arrival, such as a repeat: it breaks a silence, and no rhythm is learnt from it."""
    since_ms = max(last_ms, heard_ms)
    counts = np.asarray(arrivals, np.int64)[-LEARNT_HOURS - 1 :]
    length = _known_hours(counts)
    if length < _DAY:
        return Silence(since_ms, 0.0, 0, False)
    known = counts[-length - 1 : -1]
    missing = _missing(_weights(known, last_ms // HOUR_MS), since_ms, now_ms)
    sure = SURE + log(max(1.0, float(known.mean()) * _DAY))
    return Silence(since_ms, missing, length // _DAY, missing >= sure and now_ms - since_ms >= _LEAST_SILENCE_MS)


def _known_hours(counts: HourlyCounts) -> int:
    """Whole hours from the first arrival to the hour of the last."""
    seen = np.flatnonzero(counts)
    return len(counts) - 1 - int(seen[0]) if len(seen) else 0


def _weights(learnt: HourlyCounts, next_hour: int) -> npt.NDArray[np.float64]:
    """By hour of the week: how much it says if nothing comes in it. `learnt` ends before `next_hour`.

    From one week on until two are known it is the less of what days and weeks say: the second weekend is no surprise then.
    """
    by_day = np.tile(_of_slots(learnt, next_hour, _DAY), 7)
    if len(learnt) < _WEEK:
        return by_day
    by_week = _of_slots(learnt, next_hour, _WEEK)
    return by_week if len(learnt) >= _WEEKS_KNOWN_HOURS else np.minimum(by_day, by_week)


def _of_slots(learnt: HourlyCounts, next_hour: int, slots: int) -> npt.NDArray[np.float64]:
    slot = np.arange(next_hour - len(learnt), next_hour) % slots
    times = np.bincount(slot, minlength=slots)
    empty = np.bincount(slot, weights=learnt == 0, minlength=slots)
    mean = np.bincount(slot, weights=learnt, minlength=slots) / np.maximum(times, 1)
    by_the_clock = (times > 0) & (empty == 0)
    return np.maximum(mean, np.where(by_the_clock, np.log(2.0 * (times + 1)), 0.0))


def _missing(weights: npt.NDArray[np.float64], last_ms: int, now_ms: int) -> float:
    """What should have come between two instants. Each hour counts by its share that has passed."""
    if now_ms <= last_ms:
        return 0.0
    hours = np.arange(last_ms // HOUR_MS, now_ms // HOUR_MS + 1)
    begins = np.maximum(hours * HOUR_MS, last_ms)
    ends = np.minimum((hours + 1) * HOUR_MS, now_ms)
    return float(weights[hours % _WEEK] @ ((ends - begins) / HOUR_MS))


def usual_of(counts: Sequence[int] | HourlyCounts, last_hour: int, shown: int) -> npt.NDArray[np.float64]:
    """What is usual in each of the last `shown` hours, for people: the mean of the same hour of the days (or weeks) before it, as
    far as something had come by then. NaN for an hour that is not known; empty without a whole day.

    `counts`: of reports, by hour; `last_hour`: where in it the last one was. Hours behind that are silence, and not learnt from.
    """
    known = np.asarray(counts, np.int64)
    seen = np.flatnonzero(known)
    if not len(seen) or len(known) - 1 - seen[0] < _DAY:
        return np.zeros(0)
    first = int(seen[0])
    step = _WEEK if last_hour - first >= _WEEKS_KNOWN_HOURS else _DAY
    return np.array([_mean(known, hour, step, first, last_hour) for hour in range(len(known) - shown, len(known))])


def _mean(counts: HourlyCounts, hour: int, step: int, first: int, last: int) -> float:
    before: npt.NDArray[Any] = np.arange(hour - step, first - 1, -step)
    before = before[before <= last]
    return float(counts[before].mean()) if len(before) else nan
