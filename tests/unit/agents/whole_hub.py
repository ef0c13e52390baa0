"""The three agents as they are, on topics in memory and by a clock that is set. No tests of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self
from unittest import mock

from hub import topics
from hub.agents import deduplicate, route, track
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.clock import ClockKind
from hub.control.clocks import CheckedClock
from hub.core.tracked import TrackedCase
from hub.model.event import CaseEvent
from hub.model.update import Update
from hub.policy import City
from hub.settings import Settings
from hub.stream.chunk import Chunk
from hub.stream.codec import Codec
from hub.stream.partitioning import partition_of
from hub.stream.registry import FileRegistry

AGENTS: dict[str, Any] = {deduplicate.NAME: deduplicate, route.NAME: route, track.NAME: track}
SOURCES = ("hotline", "police", "petition", "citymgmt")
PATIENCE_MS = 10_000
"""After this an update that is not allowed is given up."""
_SUBJECTS = {topic.name: topic.subject or "" for topic in topics.HUB_TOPICS}


class Kept(NamedTuple):
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    arrived_ms: int
    key: bytes
    value: bytes


class _Time:
    """In place of the module `time` in hub/clock.py."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


class _App:
    """Takes an agent's coroutine and gives it a channel."""

    def __init__(self) -> None:
        self.work: Callable[[AsyncIterator[Chunk]], Any] | None = None

    def channel(self, maxsize: int) -> asyncio.Queue[Chunk]:
        return asyncio.Queue(maxsize)

    def agent(self, channel: object, name: str) -> Callable[[Any], Any]:
        del channel, name

        def keep(work: Any) -> Any:
            self.work = work
            return work

        return keep

    def service(self, inlet: object) -> None:
        del inlet


class _Session:
    def __init__(self, partitions: int) -> None:
        self.held = list(range(partitions))
        self.hold = object()
        self.let_go_on: dict[str, Any] = {}


class WholeHub:
    """`with WholeHub(city, now_ms) as hub:`; records go in by `report` and `say`, `run` has the agents do all there is to do."""

    def __init__(
        self,
        city: City,
        now_ms: int,
        *,
        clock: ClockKind = ClockKind.WALL,
        partitions: int = 1,
        wall: CheckedClock | None = None,
    ) -> None:
        self.time = _Time(now_ms)
        self.codec = Codec(FileRegistry())
        self._settings = Settings(clock=clock, partitions=partitions, dead_letter_run=10_000, dead_letter_ratio=1.0)
        self._hub = Hub(self._settings, LivePolicy(city), self.codec, SOURCES, tuple(city.departments))
        if wall is not None:
            self._hub = replace(self._hub, wall=wall)
        self._kept: dict[str, list[Kept]] = defaultdict(list)
        self._read: dict[tuple[str, str], int] = defaultdict(int)
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._reads: dict[str, list[str]] = {}
        self._states: dict[str, Any] = {}
        self._lines: dict[str, tuple[asyncio.Queue[Chunk], Any]] = {}
        self._session = _Session(partitions)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._patch = mock.patch("hub.clock.time", self.time)
        self._patch.start()
        for name, agent in AGENTS.items():
            app = _App()
            inlet = agent.attach(app, self._hub)
            assert app.work is not None
            self._reads[name] = inlet.topics
            self._states[name] = inlet._state
            self._lines[name] = (inlet.channel, self._loop.create_task(app.work(self._chunks(inlet.channel))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, task in self._lines.values():
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*(t for _, t in self._lines.values()), return_exceptions=True))
        self._loop.close()
        self._patch.stop()

    @staticmethod
    async def _chunks(channel: asyncio.Queue[Chunk]) -> AsyncIterator[Chunk]:
        while True:
            yield await channel.get()

    # -- in --------------------------------------------------------------------------------------------------------------

    def report(self, event: CaseEvent, partition: int | None = None) -> None:
        """By its key, or into the partition in which somebody else's partitioner would have put it."""
        value = self.codec.encode_one("cityhub.CaseEvent", event.to_avro())
        self._append(topics.city_events(event.source).name, event.source_ref.encode(), value, partition)

    def say(self, update: Update, partition: int | None = None) -> None:
        value = self.codec.encode_one("cityhub.Update", update.to_avro())
        self._append(topics.dept_updates(update.department).name, update.case_id.encode(), value, partition)

    def _append(self, topic: str, key: bytes, value: bytes, partition: int | None = None) -> None:
        partition = partition_of(key, self._settings.partitions) if partition is None else partition
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        self._kept[topic].append(Kept(topic, partition, offset, self.time.now_ms, key, value))

    # -- the agents --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until no agent has anything to read."""
        while any(self.turn(name) for name in AGENTS):
            pass

    def turn(self, agent: str, at_most: int = 1_000) -> bool:
        """One chunk of an agent; whether it had any records."""
        taken: list[Kept] = []
        for topic in self._reads[agent]:
            done = self._read[agent, topic]
            some = self._kept[topic][done : done + at_most - len(taken)]
            self._read[agent, topic] += len(some)
            taken += some
        if taken:
            self._decide(agent, taken)
        return bool(taken)

    def settle(self, now_ms: int | None = None) -> None:
        """Let time pass, to an instant or for as long as anything is waited for, and do all there is to do."""
        self.run()
        self.time.now_ms = self.time.now_ms + PATIENCE_MS if now_ms is None else now_ms
        for _ in range(2):
            self._decide(track.NAME, [])
            self.run()

    def _decide(self, agent: str, records: list[Kept]) -> None:
        chunk = Chunk(self._session, self._loop.create_future(), caught_up=not records)  # type: ignore[arg-type]
        for topic, partition, offset, arrived_ms, key, value in records:
            chunk.topics.append(topic)
            chunk.partitions.append(partition)
            chunk.offsets.append(offset)
            chunk.arrived_ms.append(arrived_ms)
            chunk.keys.append(key)
            chunk.values.append(value)
        self._loop.run_until_complete(self._lines[agent][0].put(chunk))
        outcome = self._loop.run_until_complete(chunk.settled)
        if isinstance(outcome, BaseException):
            raise outcome
        outcome.committed()
        for topic, in_partition, messages in outcome.outputs:
            if not topic.endswith(".changelog"):
                for message in messages:
                    key = message["key"]
                    self._append(topic, key if isinstance(key, bytes) else key.encode(), message["value"], in_partition)

    # -- out ---------------------------------------------------------------------------------------------------------------

    def records(self, topic: str, **wanted: Any) -> list[Mapping[str, Any]]:
        """What is in a topic, decoded, in order; only what has the values wanted."""
        found = [self.codec.decode_one(kept.value)[1] for kept in self._kept[topic]]
        return [each for each in found if all(each[name] == value for name, value in wanted.items())]

    def tracked(self, case_id: str) -> TrackedCase | None:
        """A case as `track` keeps it."""
        books = (self._states[track.NAME][partition] for partition in range(self._settings.partitions))
        return next((found for book in books if (found := book.case(case_id)) is not None), None)

    def orders(self, **wanted: Any) -> list[Mapping[str, Any]]:
        return [
            each for name in self._hub.departments for each in self.records(topics.dept_orders(name).name, **wanted)
        ]

    def replies(self) -> list[Mapping[str, Any]]:
        return [each for name in SOURCES for each in self.records(topics.city_replies(name).name)]
