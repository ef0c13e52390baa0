"""The workers of a hub as their beats show them: whose rules are in force, and whether two bear one name. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from hub.control.records import Beat

STALE_SECONDS = 5.0
"""A worker of which nothing was heard for so long is gone, or as good as."""
LATE_SECONDS = 60.0
"""So long it may only be late, as on a busy machine, or with a broker that is: the consumer groups tell."""
_MOST = 1_000
_MOST_OF_A_NAME = 8
"""Processes that may bear one name: a worker that is killed and started again and again leaves some behind."""
_MOST_BELIEVED = 3
"""The same, before it is plain that somebody else writes in that name."""
_LAST = 1 << 62

Seats = Mapping[str, Mapping[str, int]]
"""By name of a worker and agent, how many members the agent's consumer group has of it."""


class HeardBeat(NamedTuple):
    """The last beat of another worker."""

    beat: Beat
    offset: int
    at_seconds: float
    """By a monotonic clock, in seconds."""


class Roster:
    """Who was heard of lately, besides this process. Holds a thousand at most, and few of one name: anybody may have written what
    it reads. Who is in it stays, however many others are heard of; where it is full a newcomer takes the place of whoever is gone
    or, if it sits in the consumer groups, of somebody who does not."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._heard: dict[str, HeardBeat] = {}
        """By process; who was heard longest ago comes first."""
        self._bearers: dict[str, dict[str, None]] = {}
        """Processes by the name that they bear, in the same order."""
        self.seats: Seats = {}
        """Who sits in the consumer groups, as far as it was asked for."""
        self.left_out = 0
        """Beats of processes for which there was no room."""

    def hear(self, beat: Beat, offset: int, at_seconds: float) -> None:
        """Take note of a beat, heard at a monotonic time; not of one that contradicts the process whose it pretends to be."""
        before = self._heard.get(beat.process)
        if before is not None and _identity(before.beat) != _identity(beat):
            self.left_out += 1
            return
        is_known = self._strike(beat.process)
        if beat.process == self._process or beat.leaving:
            return
        if not is_known and not self._has_room(beat.instance, at_seconds):
            self.left_out += 1
            return
        self._heard[beat.process] = HeardBeat(beat, offset, at_seconds)
        self._bearers.setdefault(beat.instance, {})[beat.process] = None

    def _strike(self, process: str) -> bool:
        """Forget a process; False if it was not known."""
        known = self._heard.pop(process, None)
        if known is None:
            return False
        bearers = self._bearers[known.beat.instance]
        del bearers[process]
        if not bearers:
            del self._bearers[known.beat.instance]
        return True

    def _has_room(self, name: str, now: float) -> bool:
        """True if one more of this name fits in, for whom another is struck off if need be."""
        bearers = self._bearers.get(name, {})
        if len(bearers) >= _MOST_OF_A_NAME:
            return self._gave_way(next(iter(bearers)), now - STALE_SECONDS)
        if len(self._heard) < _MOST or self._gave_way(next(iter(self._heard)), now - LATE_SECONDS):
            return True
        if name not in self.seats:
            return False
        stranger = next((key for key, heard in self._heard.items() if heard.beat.instance not in self.seats), None)
        return stranger is not None and self._strike(stranger)

    def _gave_way(self, process: str, before: float) -> bool:
        """Strike this one off if it was heard before then only."""
        return self._heard[process].at_seconds <= before and self._strike(process)

    def others(self, now: float) -> list[HeardBeat]:
        """Each that is not stale."""
        return [heard for heard in self._heard.values() if now - heard.at_seconds < STALE_SECONDS]

    def lately(self, now: float) -> list[HeardBeat]:
        """Each that was heard not long ago, stale or not."""
        return [heard for heard in self._heard.values() if now - heard.at_seconds < LATE_SECONDS]

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


def bearers_now(mine: Beat, others: Collection[HeardBeat]) -> list[HeardBeat]:
    """Without those that bore this worker's name before it came and were not heard since: what was killed a moment ago is no
    namesake, and what its rules were does not matter any more."""
    gone = [heard for heard in namesakes(mine, others) if mine.joined < 0 or heard.offset < mine.joined]
    return [heard for heard in others if heard not in gone]


def is_proven(mine: Beat, elder: HeardBeat, members: Seats, *, have_joined: bool) -> bool:
    """True if an elder namesake lives for certain: it was heard after this process came, and sits in the consumer groups.

    What was before this process leaves both traces, each for some seconds, but no beat. Beats alone anybody may have written.
    `have_joined`: this process may be one of the members.
    """
    seats = members.get(mine.instance, {})
    shared = set(mine.agents) & set(elder.beat.agents)
    return elder.offset > mine.joined and any(seats.get(agent, 0) > have_joined for agent in shared)


def believed(
    mine: Beat, others: Collection[HeardBeat], members: Seats, lately: Collection[HeardBeat] = ()
) -> list[Beat]:
    """Those whose rules count: members of the consumer groups of agents that they name. Where several processes bear one name and
    have the same agent, only if they are few, of one release, and go by the same rules, as one that was killed and its successor.
    `lately`: who bore the names besides."""
    return [
        heard.beat for heard, rivals in _seated(mine, others, members, lately)
        if len({each.process for each in rivals}) <= _MOST_BELIEVED
        and all((each.program, each.fingerprint) == (heard.beat.program, heard.beat.fingerprint) for each in rivals)
    ]  # fmt: skip


def contested(mine: Beat, others: Collection[HeardBeat], members: Seats) -> list[HeardBeat]:
    """Those that sit in the consumer groups with other rules than this worker's, and are not believed for those that bear the same
    name."""
    trusted = believed(mine, others, members)
    return [
        heard for heard, _ in _seated(mine, others, members)
        if heard.beat.fingerprint != mine.fingerprint and heard.beat not in trusted
    ]  # fmt: skip


def _seated(
    mine: Beat, others: Collection[HeardBeat], members: Seats, lately: Collection[HeardBeat] = ()
) -> list[tuple[HeardBeat, list[Beat]]]:
    """Of the others, but for namesakes, those that sit in the groups; each with all that bear its name there, itself among them."""
    bearers: dict[tuple[str, str], list[Beat]] = defaultdict(list)
    for heard in (*others, *lately):
        for agent in set(heard.beat.agents):
            bearers[heard.beat.instance, agent].append(heard.beat)
    own = namesakes(mine, others)
    found = []
    for heard in others:
        name, seats = heard.beat.instance, members.get(heard.beat.instance, {})
        agents = [agent for agent in heard.beat.agents if seats.get(agent)]
        if agents and heard not in own:
            found.append((heard, [each for agent in agents for each in bearers[name, agent]]))
    return found


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


def _identity(beat: Beat) -> tuple[object, ...]:
    """What of a process never changes."""
    return beat.instance, beat.host, beat.pid, beat.started_ms, beat.agents, beat.program


def _came(beat: Beat) -> int:
    return _LAST if beat.joined < 0 else beat.joined
