"""The workers of a hub as their beats show them: whose rules are in force, and whether two bear one name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from hub.control.records import Beat

STALE_SECONDS = 5.0
"""A worker of which nothing was heard for so long is gone, or as good as."""
LATE_SECONDS = 60.0
"""So long it may only be late, as on a busy machine, or with a broker that is: the consumer groups tell."""
_MOST = 1_000
_LAST = 1 << 62


class HeardBeat(NamedTuple):
    """The last beat of another worker."""

    beat: Beat
    offset: int
    at_seconds: float
    """By a monotonic clock, in seconds."""


class Roster:
    """Who was heard of lately, besides this process. Holds a thousand at most: anybody may have written what it reads."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._heard: dict[str, HeardBeat] = {}

    def hear(self, beat: Beat, offset: int, at_seconds: float) -> None:
        """Take note of a beat, heard at a monotonic time."""
        self._heard.pop(beat.process, None)
        if beat.process == self._process or beat.leaving:
            return
        if len(self._heard) >= _MOST:
            del self._heard[next(iter(self._heard))]
        self._heard[beat.process] = HeardBeat(beat, offset, at_seconds)

    def others(self, now: float) -> list[HeardBeat]:
        """Each that is not stale."""
        return [heard for heard in self._heard.values() if now - heard.at_seconds < STALE_SECONDS]

    def late(self, now: float) -> list[HeardBeat]:
        """Each that is stale but may still be at work: it was heard not long ago, and nobody bears its name since."""
        there = {heard.beat.instance for heard in self.others(now)}
        return [
            heard for heard in self._heard.values()
            if STALE_SECONDS <= now - heard.at_seconds < LATE_SECONDS and heard.beat.instance not in there
        ]  # fmt: skip


class Ranks:
    """Which rules came later: what was taken last, by the control topic, ranks highest; what never was, lowest."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, fingerprint: str, offset: int) -> None:
        """They were taken by the record at this offset."""
        self._taken.pop(fingerprint, None)
        if len(self._taken) >= _MOST:
            del self._taken[next(iter(self._taken))]
        self._taken[fingerprint] = offset

    def of(self, fingerprint: str) -> int:
        """-1 if they never were taken."""
        return self._taken.get(fingerprint, -1)


def elder_namesakes(mine: Beat, others: Collection[HeardBeat]) -> list[HeardBeat]:
    """Those that bear the same name, do some of the same work, and came before: of two, the younger has to go."""
    return [heard for heard in namesakes(mine, others) if _came(heard.beat) < _came(mine)]


def namesakes(mine: Beat, others: Collection[HeardBeat]) -> list[HeardBeat]:
    """Those that bear the same name and do some of the same work: each of the two ends the other's transactions."""
    return [
        heard for heard in others if heard.beat.instance == mine.instance and set(heard.beat.agents) & set(mine.agents)
    ]


def is_proven(mine: Beat, elder: HeardBeat, members: Mapping[str, Mapping[str, int]], *, have_joined: bool) -> bool:
    """True if an elder namesake lives for certain: it was heard after this process came, and sits in the consumer groups.

    What was before this process leaves both traces, each for some seconds, but no beat. Beats alone anybody may have written.
    `members`: by name and agent, how many members there are; `have_joined`: this process may be one of them.
    """
    seats = members.get(mine.instance, {}).values()
    return elder.offset > mine.joined and any(count > have_joined for count in seats)


def believed(mine: Beat, others: Collection[HeardBeat], members: Collection[str]) -> list[Beat]:
    """Those whose rules count: members of the hub's consumer groups, of each name only if one process bears it."""
    bearers = Counter(heard.beat.instance for heard in others)
    return [
        heard.beat for heard in others
        if heard.beat.instance in members and bearers[heard.beat.instance] == 1 and heard.beat.instance != mine.instance
    ]  # fmt: skip


def newer_worker(mine: Beat, others: Collection[Beat]) -> Beat | None:
    """Of those that are believed the one of the newest release, if newer ones do all of this one's work."""
    newer = [beat for beat in others if beat.program > mine.program]
    covered = {agent for beat in newer for agent in beat.agents}
    return max(newer, key=lambda beat: beat.program) if newer and covered.issuperset(mine.agents) else None


def leading_worker(mine: Beat, others: Collection[Beat], rank: Callable[[str], int]) -> Beat:
    """The worker by whose rules all go: those that were taken last; else by which somebody decides already; else who came first.

    `rank`: of a fingerprint, as `Ranks.of`.
    """
    return max([mine, *others], key=lambda beat: (rank(beat.fingerprint), beat.deciding, -_came(beat)))


def _came(beat: Beat) -> int:
    return _LAST if beat.joined < 0 else beat.joined
