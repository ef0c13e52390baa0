"""Which reports' places `route` says again, so that `deduplicate` sends home what is said of them late and without a place. Pure.

`deduplicate` knows a reference's place for its window; a case is remembered until long after its end. Each case has its own moment
in a window's length of time, by its id, so that they come spread out, and one instant tells of all of a partition what is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from hub.core.cases.cases import Case

_MOMENTS = 64
"""In a window: of seven days, one in each 2 hours and 38 minutes. At each a partition's cases are looked through once."""


class Renewal(NamedTuple):
    """Cases whose reports' places are to be said again, and until when (ms) all is done with that."""

    cases: list[Case]
    until_ms: int


def renewal(cases: Iterable[Case], since_ms: int, now_ms: int, window_ms: int, at_most: int) -> Renewal | None:
    """What is due between two instants: of many moments the first ones whose cases have `at_most` reports, but some at least.
    None: no moment has passed. Where the clock stood ahead when it was done last, all is due."""
    if since_ms > now_ms:
        since_ms = 0
    apart_ms = max(1, window_ms // _MOMENTS)
    last = now_ms // apart_ms
    first = max(since_ms // apart_ms, last - _MOMENTS) + 1
    if first > last:
        return None
    by_moment: dict[int, list[Case]] = defaultdict(list)
    for case in cases:
        by_moment[crc32(case.case_id.encode()) % _MOMENTS].append(case)
    found: list[Case] = []
    reports = 0
    for moment in range(first, last + 1):
        its = by_moment[moment % _MOMENTS]
        reports += sum(len(case.reports) for case in its)
        if found and reports > at_most:
            return Renewal(found, (moment - 1) * apart_ms)
        found += its
    return Renewal(found, last * apart_ms)
