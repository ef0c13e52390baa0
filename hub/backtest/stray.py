"""A few dates far after all others in a history are mistakes. Believed, one of them would move the instant at which open clocks
are judged, and with it the verdict on every other report."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import median

from hub.millis import DAY_MS

_AT_MOST, _SHARE = 3, 0.01
"""References that may be stray, or share of all: more than so many are a history that goes on."""
_FAR_MS = 7 * DAY_MS
_FAR_GAPS = 20
"""How many usual gaps make a gap that is not usual, in a history of few records."""
_LOOK_BACK = 10


def last_believed(times: Iterable[tuple[int, str]]) -> int | None:
    """The last instant of a history that is believed, of the times (UTC ms) that each reference has; None if there are none.

    Times are stray if they are those of three references at most, or of one in a hundred, of fewer than come before, and a gap
    lies before them that is longer than a week and than twenty of the gaps that came before it.
    """
    ordered = sorted(times)
    if not ordered:
        return None
    known, until = set[str](), []
    for _, ref in ordered:
        until.append(len(known))
        known.add(ref)
    last, beyond, at_most = len(ordered), set[str](), max(_AT_MOST, round(_SHARE * len(known)))
    for first in range(len(ordered) - 1, 1, -1):
        beyond.add(ordered[first][1])
        if len(beyond) > at_most:
            break
        recent = [at_ms for at_ms, _ in ordered[max(0, first - 1 - _LOOK_BACK) : first]]
        if until[first] > len(beyond) and _is_far(recent, ordered[first][0]):
            last = first
    return ordered[last - 1][0]


def _is_far(recent: list[int], at_ms: int) -> bool:
    usual = median(later - earlier for earlier, later in pairwise(recent))
    return at_ms - recent[-1] > max(_FAR_MS, _FAR_GAPS * usual)
