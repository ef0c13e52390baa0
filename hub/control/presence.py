"""Tells the other workers of this one, every second, and sees to what they tell: no two decide by different rules, none bears
another's name, and nobody goes by a clock that differs from the broker's."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import mode

from hub import metrics
from hub.clock import iso, wall_ms
from hub.control.clocks import CheckedClock
from hub.control.members import Members
from hub.control.pulse import BeatPlace, Pulse
from hub.control.records import Beat, Fault, RulesTaken
from hub.control.topic import ControlTopic, Entry
from hub.control.workers import (
    HeardBeat,
    Ranks,
    Roster,
    Seats,
    bearers_now,
    believed,
    contested,
    elder_namesakes,
    is_proven,
    leading_worker,
    namesakes,
    newer_worker,
)
from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.gate import Gate
from hub.topics import AGENT_CHANGELOGS, WORKERS

log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
_ADOPT_SECONDS = 10.0
_DOUBT_SECONDS = 30.0
"""So long a namesake may keep this worker from its work without being a member of any group; so may other rules of which it is in
doubt whose they are."""
_RULES, _NAME, _RELEASE = "rules", "name", "release"


class RulesState(NamedTuple):
    """A state of a city's rules, by name."""

    version: str
    fingerprint: str


class Presence(mode.Service):
    """Keeps the gate closed until the others are known, and whenever this worker has to wait for them.

    Ends the worker with a FatalError if an elder one bears its name.
    """

    def __init__(
        self,
        settings: Settings,
        agents: Sequence[str],
        process: str,
        gate: Gate,
        clock: CheckedClock,
        control: ControlTopic,
        rules: Callable[[], RulesState],
        adopt: Callable[[str], Collection[str]],
        program: int,
    ) -> None:
        """`rules`: those this worker has now. `adopt` takes others, by fingerprint, if they lie here, and gives what forbids it.
        `program`: how new this one is."""
        super().__init__()
        self._settings, self._agents, self._gate, self._clock, self._control = settings, agents, gate, clock, control
        self._process, self._rules, self._adopt, self._program = process, rules, adopt, program
        self._members = Members(settings, AGENT_CHANGELOGS)  # whoever decides anything, not only what this one does
        self._started_ms = wall_ms()
        self._first: BeatPlace | None = None
        self._roster, self._ranks = Roster(process), Ranks()
        self._taking: str | None = None
        """Rules that this worker has just taken, until the control topic says so."""
        self._tried: tuple[str, float, Collection[str]] = ("", 0.0, ())
        self._doubting_since: float | None = None
        self._contested_since: float | None = None
        self._left_out = 0
        self._have_joined = False
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="presence")
        self._ended: asyncio.Future[None] | None = None
        self._news = _News()
        gate.close(_RULES, f"who else works here is not known yet, see {settings.topic(WORKERS.name)}")
        control.subscribe(RulesTaken, self._note)

    def take(self) -> None:
        """This worker decides by other rules from now on: let everybody know."""
        rules = self._rules()
        self._taking = rules.fingerprint
        self._control.publish(RulesTaken(instance=self._settings.instance, process=self._process, **rules._asdict()))

    def _note(self, entry: Entry[RulesTaken]) -> None:
        self._ranks.take(entry.record.fingerprint, entry.offset)
        if entry.record.process == self._process:
            self._taking = None

    async def on_stop(self) -> None:
        """Say goodbye, if the broker listens."""
        self._stopping.set()
        if self._ended is not None:
            await asyncio.wait({self._ended}, timeout=2 * _EVERY_SECONDS)

    @mode.Service.task
    async def _work(self) -> None:
        self._ended = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(self._thread, self._live))
        await asyncio.shield(self._ended)

    def _live(self) -> None:
        pulse = Pulse(self._settings, self._clock)
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                self._turn(pulse)
                self._stopping.wait(max(0.0, began + _EVERY_SECONDS - time.monotonic()))
            if self._first is not None:
                pulse.send(self._beat(leaving=True))
        except RetriableError as error:
            log.warning("%s", error)
        finally:
            pulse.close()

    def _turn(self, pulse: Pulse) -> None:
        try:
            place = pulse.send(self._beat())
            if place is not None:
                self._listen(pulse, place)
            self._judge_clock(pulse)
            if self._first is not None and self._control.caught_up.wait(_EVERY_SECONDS):
                self._judge_workers()
        except RetriableError as error:
            self._news.say("kafka", str(error))
        else:
            self._news.say("kafka", None)

    def _beat(self, *, leaving: bool = False) -> Beat:
        rules = self._rules()
        return Beat(
            instance=self._settings.instance, process=self._process, host=_host(), pid=os.getpid(),
            started_ms=self._started_ms, agents=tuple(self._agents), version=rules.version,
            fingerprint=rules.fingerprint, joined=-1 if self._first is None else self._first.offset,
            deciding=self._gate.closed is None, leaving=leaving, program=self._program,
        )  # fmt: skip

    def _listen(self, pulse: Pulse, place: BeatPlace) -> None:
        now = time.monotonic()
        if self._first is None:
            for beat, offset, age in pulse.read_from(place):
                self._roster.hear(beat, offset, now - age)
            self._first = place
        for beat, offset in pulse.read(place.offset):
            self._roster.hear(beat, offset, now)

    def _judge_clock(self, pulse: Pulse) -> None:
        found, doubt = self._clock.compared(), self._clock.doubt
        if pulse.unstamped:
            doubt = (
                f"{self._settings.topic(WORKERS.name)} keeps the writers' times, so the broker's is not known; set its "
                "message.timestamp.type to LogAppendTime"
            )
        metrics.CLOCK_HELD.set(doubt is not None)
        if found is not None:
            metrics.CLOCK_APART_SECONDS.set(found.apart_ms / 1000)
            metrics.BROKER_CLOCKS_SPREAD_SECONDS.set(found.spread_ms / 1000)
            limit_ms = self._settings.clock_apart_seconds * 1000
            apart = f"the brokers' own clocks are {found.spread_ms / 1000:,.0f} s apart; let NTP set them"
            self._news.say("brokers", apart if found.spread_ms > limit_ms else None)
        self._news.say("clock", f"{doubt}. Until then nothing is said to have run out" if doubt else None)

    def _judge_workers(self) -> None:
        mine, now = self._beat(), time.monotonic()
        others = self._roster.others(now)
        late = [heard for heard in self._roster.late(now) if heard.beat.fingerprint != mine.fingerprint]
        at_work = bearers_now(mine, others)
        same_name = namesakes(mine, at_work)
        other_rules = [heard for heard in at_work if heard.beat.fingerprint != mine.fingerprint]
        metrics.SAME_NAME_WORKERS.set(len(same_name))
        metrics.OTHER_RULES_WORKERS.set(len(other_rules))
        self._news.say("names", _named(same_name, "bears the name of this worker") if same_name else None)
        self._news.say(
            "others", _named(other_rules, f"goes by other rules than {mine.version}") if other_rules else None
        )
        newer = any(heard.beat.program > mine.program for heard in others)
        self._gate.heard_of_newer |= newer
        crowded = self._roster.left_out > self._left_out
        alike = namesakes(mine, others)
        seats = self._members.ask() if alike or other_rules or late or newer or crowded else {}
        self._judge_crowd(seats)
        # all work is left to a newer release: a name that another bore not long ago does not bring that about
        self._judge_release(newer_worker(mine, believed(mine, others, seats, self._roster.lately(now))))
        self._judge_name(mine, elder_namesakes(mine, others), seats)
        # who is late and still a member may decide: the older rules do not begin beside the newer for that
        known = [*others, *late]
        if not self._is_in_doubt(contested(mine, known, seats)):
            self._judge_rules(mine, leading_worker(mine, believed(mine, known, seats), self._rank))
        self._have_joined = self._have_joined or self._gate.closed is None

    def _judge_crowd(self, seats: Seats) -> None:
        """More beats than workers can be heard of: somebody writes to the topic. Members of the groups have their place."""
        left_out, self._left_out = self._roster.left_out - self._left_out, self._roster.left_out
        if left_out:
            self._roster.seats = seats
            metrics.CONTROL_REJECTS.labels(str(Fault.CROWDED)).inc(left_out)
        self._news.say(
            "crowd",
            f"{self._settings.topic(WORKERS.name)}: more workers are heard of than there can be, so somebody else writes there. "
            "Members of the consumer groups are heard first; take the right from him, and set CITYHUB_CONTROL_KEY "
            "(ops/runbooks/control-topic.md)"
            if left_out
            else None,
        )

    def _is_in_doubt(self, others: list[HeardBeat]) -> bool:
        """True if this worker does not begin beside these, of which it cannot tell whose rules they have. Who decides goes on."""
        now = time.monotonic()
        since = self._contested_since = (self._contested_since or now) if others else None
        if since is None or self._gate.closed is None or now - since >= _DOUBT_SECONDS:
            return False
        self._gate.close(
            _RULES,
            f"{_named(others, 'goes by other rules, and another bears its name')}; nothing to do but wait until one of them is "
            f"gone, {_DOUBT_SECONDS:.0f} s at most",
        )
        return True

    def _judge_release(self, newer: Beat | None) -> None:
        """Stand back while a newer release is at work: this one cannot read all that it writes, also of what agents remember."""
        if newer is None:
            self._gate.open(_RELEASE)
        else:
            self._gate.close(
                _RELEASE,
                f"{_who(newer)} is of a newer release and takes the work over; bring this one to it (docs/operations/upgrade.md)",
            )

    def _judge_name(self, mine: Beat, elders: list[HeardBeat], seats: Mapping[str, Mapping[str, int]]) -> None:
        now = time.monotonic()
        for elder in elders:
            if is_proven(mine, elder, seats, have_joined=self._have_joined):
                raise FatalError(
                    f"{_who(elder.beat)} bears the name {mine.instance!r} of this worker, and came first; each would end the "
                    "other's transactions. Give one of them another CITYHUB_INSTANCE, or stop it"
                )
        since = self._doubting_since = (self._doubting_since or now) if elders else None
        if since is not None and not self._have_joined and now - since < _DOUBT_SECONDS:
            self._gate.close(_NAME, f"{_named(elders, 'bears the name of this worker')}; it is gone, or this one ends")
        else:
            self._gate.open(_NAME)

    def _rank(self, fingerprint: str) -> int:
        return 1 << 62 if fingerprint == self._taking else self._ranks.of(fingerprint)

    def _judge_rules(self, mine: Beat, first: Beat) -> None:
        """Wait if the rules in force, those of `first`, are others than this worker has."""
        if first.fingerprint == mine.fingerprint:
            self._gate.open(_RULES)
            if self._gate.closed is None and self._rank(mine.fingerprint) < 0:
                self.take()
            return
        problems = self._try(first.fingerprint)
        self._gate.close(
            _RULES,
            f"{_who(first)} goes by {first.version}, which is in force, and this one has {mine.version}. Copy those rules to "
            f"{self._settings.city}, which is looked at every {_ADOPT_SECONDS:.0f} s ({'; '.join(problems) or 'taken now'}); or, "
            "if these are the newer ones, have all go by them with `cityhub policy apply`",
        )

    def _try(self, fingerprint: str) -> Collection[str]:
        """Take these rules if they lie here by now; gives what forbids it."""
        tried, at, problems = self._tried
        if tried != fingerprint or time.monotonic() - at >= _ADOPT_SECONDS:
            problems = self._adopt(fingerprint)
            self._tried = fingerprint, time.monotonic(), problems
        return problems


class _News:
    """Says what is wrong once, and once that it is over."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, topic: str, trouble: str | None) -> None:
        known = self._said.pop(topic, None)
        if trouble is not None:
            self._said[topic] = trouble
            if known is None:
                log.error("%s", trouble)
        elif known is not None:
            log.warning("over: %s", known)


def _host() -> str:
    return re.sub(r"[^\w.:@/-]", "_", socket.gethostname())[:200] or "unknown"


def _who(beat: Beat) -> str:
    return f"worker {beat.instance} on {beat.host} (pid {beat.pid}, since {iso(beat.started_ms)})"


def _named(heard: Sequence[HeardBeat], what: str) -> str:
    return f"{_who(heard[0].beat)} {what}" + (f", and {len(heard) - 1} more" if len(heard) > 1 else "")
