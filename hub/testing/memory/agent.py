"""One agent as a worker runs it, without Kafka and Faust: it is handed chunks, and says what comes of each."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import Future
from itertools import repeat
from typing import Any

from hub.agents.context import Hub
from hub.agents.modules import AGENTS
from hub.agents.view import AgentView
from hub.stream.changelog.state import AgentState
from hub.stream.chunk import Chunk
from hub.stream.publication import Publication
from hub.testing.memory.broker import CommittedRecord, RecordBatch


class MemoryAgent:
    """An agent with its state. It holds every partition; what it decides counts when the caller says that it is committed."""

    def __init__(self, name: str, hub: Hub) -> None:
        self.name = name
        app = _App()
        self.view: AgentView = AGENTS[name].attach(app, hub)
        self.state: AgentState = self.view.inlet.memory
        self._session: Any = _Session(hub.settings.partitions)
        self._work = app.started()
        self.take_up(())

    @property
    def topics(self) -> Sequence[str]:
        """What it reads now."""
        return self.view.inlet.topics

    def take_up(self, changelog: Iterable[CommittedRecord]) -> None:
        """Know what the changelog says, and nothing else: as after a start, or after a commit that failed.

        Raises RejectedRecordError if a record is not the agent's own.
        """
        self._session.hold = object()
        for partition in self._session.own_numbers:
            self.state.drop(partition)
        for record in changelog:
            self.state.load(record.partition, record.key, record.value)
        for partition in self._session.own_numbers:
            self.state.loaded(partition)

    def decide(self, batches: Iterable[RecordBatch], *, caught_up: bool = False) -> Publication:
        """What the agent makes of these records, as one chunk. Without records the chunk is a tick; `caught_up`: nothing is left
        to read.

        The agent knows it from now on. Call `committed` of what is given when others are to see it, or `take_up` to have it undone.
        Raises what the chunk comes to instead; then the agent has undone it.
        """
        return self.answer(self.chunk(batches, caught_up=caught_up))

    def chunk(self, batches: Iterable[RecordBatch], *, caught_up: bool = False) -> Chunk:
        """Records as an inlet hands them over."""
        settled: Any = Future()
        chunk = Chunk(self._session, settled, caught_up)
        for topic, partition, offset, arrived_ms, keys, values, headers in batches:
            count = len(values)
            chunk.topics += repeat(topic, count)
            chunk.partitions += repeat(partition, count)
            chunk.offsets += range(offset, offset + count)
            chunk.arrived_ms += repeat(arrived_ms, count)
            chunk.keys += keys
            chunk.values += values
            if headers and not chunk.headers:
                chunk.headers += repeat(None, len(chunk) - count)
            if headers or chunk.headers:
                chunk.headers += repeat(headers, count)
        return chunk

    def answer(self, chunk: Chunk) -> Publication:
        """As `decide`, of a chunk that is made already."""
        self._work.send(chunk)
        if not chunk.settled.done():
            raise RuntimeError(f"{self.name} waits for something else than its next chunk; it cannot be driven by hand")
        outcome = chunk.settled.result()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the agent's coroutine."""
        self._work.close()


class _Session:
    """As much of a session as agents and their transactions look at."""

    def __init__(self, partitions: int) -> None:
        self.own_numbers = list(range(partitions))
        self.hold = self.tenure = object()
        self.let_go_on: dict[str, Any] = {}


class _App:
    """As much of a Faust app as `attach` asks for."""

    def __init__(self) -> None:
        self._work: Callable[[AsyncIterator[Chunk]], Coroutine[Any, Chunk | None, None]]

    def channel(self, *, maxsize: int) -> None:
        """Chunks do not come by it."""

    def service(self, inlet: object) -> None:
        """The inlet is not started."""

    def agent(self, channel: object, *, name: str) -> Callable[[Any], Any]:
        del channel, name

        def keep(work: Any) -> Any:
            self._work = work
            return work

        return keep

    def started(self) -> Coroutine[Any, Chunk | None, None]:
        """The agent's coroutine, waiting for its first chunk."""
        work = self._work(_Handed())
        work.send(None)
        return work


class _Handed:
    """A stream of chunks: each is what the agent's coroutine is sent."""

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        return await _next()


@types.coroutine
def _next() -> Generator[None, Chunk, Chunk]:
    return (yield)
