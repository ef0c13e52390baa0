"""The three agents without Kafka or Faust: whatever chunk they are handed, what they would publish. No tests of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hub.agents import deduplicate, route, track
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.clock import wall_ms
from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.stream.chunk import Chunk
from hub.stream.codec import Codec
from hub.stream.registry import FileRegistry
from hub.stream.session import Publication
from hub.stream.state import State
from hub.topics import DEAD, all_topics

PARTITION = 0
CITY = load_city(ROOT / "ops" / "cities" / "demo")
AGENTS: dict[str, ModuleType] = {module.NAME: module for module in (deduplicate, route, track)}
SOURCES = ("police", "hotline", "petition", "citymgmt")
TOPICS = {topic.name: topic for topic in all_topics(SOURCES, CITY.departments)}
Record = tuple[str, bytes | None, bytes | None]
"""Topic, key, value."""


class _Session:
    """As much of a session as an agent looks at."""

    def __init__(self) -> None:
        self.held, self.hold = [PARTITION], object()
        self.let_go_on: dict[str, Any] = {}


class _App:
    """As much of a Faust app as `attach` asks for."""

    def __init__(self) -> None:
        self.agents: list[Callable[[AsyncIterator[Chunk]], Any]] = []

    def channel(self, *, maxsize: int) -> asyncio.Queue[Chunk]:
        return asyncio.Queue(maxsize)

    def service(self, service: Any) -> None:
        """The inlet is not started."""

    def agent(self, channel: object, *, name: str) -> Callable[[Any], Any]:
        def keep(function: Any) -> Any:
            self.agents.append(function)
            return function

        return keep


class BareAgent:
    """One agent with its memory. Partition 0 is all it holds; each chunk that it decides counts as committed."""

    def __init__(self, name: str, **settings: Any) -> None:
        more = {"partitions": 1, "dead_letter_ratio": 1.0, "dead_letter_run": 10**9} | settings
        self.settings = Settings(bootstrap_servers="nowhere:1", state_dir=Path(), instance="bare", **more)
        self.codec = Codec(FileRegistry())
        hub = Hub(self.settings, LivePolicy(CITY), self.codec, SOURCES, tuple(CITY.departments))
        app = _App()
        inlet = AGENTS[name].attach(app, hub)
        self.state: State = inlet._state
        self.state.loaded(PARTITION)
        (self._function,) = app.agents
        self._session = _Session()
        self._offset = 0
        self.changelog: list[tuple[bytes | None, bytes | None]] = []

    def take(self, records: Sequence[Record], *, caught_up: bool = False) -> dict[str, list[tuple[Any, bytes]]]:
        """What comes of a chunk: keys and values by topic. Raises what the agent would end its worker with."""
        return asyncio.run(self._take(records, caught_up))

    async def _take(self, records: Sequence[Record], caught_up: bool) -> dict[str, list[tuple[Any, bytes]]]:
        session: Any = self._session
        chunk = Chunk(session, asyncio.get_running_loop().create_future(), caught_up)
        chunk.topics = [topic for topic, _, _ in records]
        chunk.keys = [key for _, key, _ in records]
        chunk.values = [value for _, _, value in records]
        chunk.partitions, chunk.arrived_ms = [PARTITION] * len(records), [wall_ms()] * len(records)
        chunk.offsets = list(range(self._offset, self._offset + len(records)))
        self._offset += len(records)

        async def chunks() -> AsyncIterator[Chunk]:
            yield chunk

        await self._function(chunks())
        outcome = chunk.settled.result()
        if isinstance(outcome, BaseException):
            raise outcome
        return self._committed(outcome)

    def _committed(self, publication: Publication) -> dict[str, list[tuple[Any, bytes]]]:
        publication.committed()
        found: dict[str, list[tuple[Any, bytes]]] = defaultdict(list)
        for output in publication.outputs:
            topic = TOPICS[output.topic]
            for each in output.messages:
                assert len(each["value"] or b"") + len(each["key"] or b"") <= topic.max_bytes, topic
            if output.topic == self.state.changelog.name:
                self.changelog += [(each["key"], each["value"]) for each in output.messages]
            else:
                found[output.topic] += [(each["key"], each["value"]) for each in output.messages]
        return found

    def letters(self, outputs: dict[str, list[tuple[Any, bytes]]]) -> list[dict[str, Any]]:
        """The dead letters among what came of a chunk."""
        return [self.codec.decode_one(value)[1] for _, value in outputs.get(DEAD.name, ())]
