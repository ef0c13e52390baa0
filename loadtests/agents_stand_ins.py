"""What stands around the agents while they are measured alone: app, session, broker, departments, time of day and stopwatch."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pyarrow.compute as pc

from hub.agents.context import Hub
from hub.model.update import Update, UpdateStatus
from hub.stream.chunk import Chunk
from hub.stream.codec import Codec
from hub.stream.outlet import Transaction
from hub.stream.partitioning import partition_of
from hub.topics import dept_updates
from loadtests.job.events import number_of
from loadtests.peers.given import PARTITIONS

STEPS = ("decode", "encode", "changelog", "rest")
_CODEC = {"decode_many": "decode", "nested_bodies": "decode", "encode_columns": "encode", "encode_before": "encode"}


class TimeOfDay:
    """In place of the module `time` where the hub asks for the wall's (hub/clock.py)."""

    def __init__(self, start_ms: int) -> None:
        self._ns = start_ms * 1_000_000

    def time_ns(self) -> int:
        return self._ns

    @property
    def now_ms(self) -> int:
        return self._ns // 1_000_000

    def pass_seconds(self, seconds: float) -> None:
        self._ns += int(seconds * 1e9)


class Stopwatch:
    """CPU seconds of this process by agent and step. What is not in a named step is the rest."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self.agent = ""
        self._named = 0.0

    def on_codec(self, codec: Codec) -> Codec:
        """The same codec, timed."""
        for name, step in _CODEC.items():
            setattr(codec, name, self._around(step, getattr(codec, name)))
        return codec

    @contextmanager
    def on_changelogs(self) -> Iterator[None]:
        timed = self._around("changelog", Transaction._remember)
        with mock.patch.object(Transaction, "_remember", lambda tx: timed(tx)):
            yield

    def _around(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return work(*args, **kwargs)
            finally:
                spent = time.process_time() - began
                self.seconds[self.agent, step] += spent
                self._named += spent

        return timed

    @contextmanager
    def on_agent(self, agent: str) -> Iterator[None]:
        self.agent, self._named, began = agent, 0.0, time.process_time()
        yield
        self.seconds[agent, "rest"] += time.process_time() - began - self._named


class Records(NamedTuple):
    """Of one partition of a topic, in order; with the offset of the first."""

    topic: str
    partition: int
    offset: int
    keys: list[bytes]
    values: list[bytes]


class Log:
    """In place of the broker: keeps of each partition what the agents have yet to read, and counts what was published."""

    def __init__(self, reads: dict[str, list[str]]) -> None:
        self._reader = {topic: agent for agent, names in reads.items() for topic in names}
        self._queues: dict[str, deque[Records]] = {agent: deque() for agent in reads}
        self.waiting: Counter[str] = Counter()
        self.published: Counter[str] = Counter()
        self._ends: Counter[tuple[str, int]] = Counter()
        self._partitions: dict[bytes, int] = {}

    def pending(self) -> bool:
        return any(self.waiting.values())

    def append(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        self.published[topic] += len(values)
        reader = self._reader.get(topic)
        if reader is None:
            return
        parts: dict[int, tuple[list[bytes], list[bytes]]] = defaultdict(lambda: ([], []))
        for key, value in zip(keys, values, strict=True):
            of_partition = parts[self._partition(key)]
            of_partition[0].append(key)
            of_partition[1].append(value)
        for partition, (its_keys, its_values) in sorted(parts.items()):
            offset = self._ends[topic, partition]
            self._ends[topic, partition] += len(its_values)
            self._queues[reader].append(Records(topic, partition, offset, its_keys, its_values))
        self.waiting[reader] += len(values)

    def take_in(self, outputs: Iterable[Any], orders: Callable[[Sequence[bytes]], None]) -> None:
        """Outputs of a transaction. Departments read their orders; changelogs, which have partitions, go nowhere."""
        for topic, partition, messages in outputs:
            if partition is not None:
                continue
            keys = [key.encode() if isinstance(key, str) else key for key in (message["key"] for message in messages)]
            values = [message["value"] for message in messages]
            if topic.endswith(".orders"):
                orders(values)
            self.append(topic, keys, values)

    def read(self, agent: str, limit: int) -> list[Records]:
        """The next records of an agent, by partitions as a consumer gives them."""
        queue, found = self._queues[agent], []
        left = limit
        while queue and left:
            one = queue.popleft()
            if len(one.values) > left:
                rest = Records(one.topic, one.partition, one.offset + left, one.keys[left:], one.values[left:])
                queue.appendleft(rest)
                one = one._replace(keys=one.keys[:left], values=one.values[:left])
            found.append(one)
            left -= len(one.values)
        self.waiting[agent] -= limit - left
        return found

    def _partition(self, key: bytes) -> int:
        found = self._partitions.get(key)
        if found is None:
            found = self._partitions[key] = partition_of(key, PARTITIONS)
        return found


class _Session:
    """Holds every partition, always the same way."""

    def __init__(self) -> None:
        self.held = list(range(PARTITIONS))
        self.hold = object()
        self.let_go_on: dict[str, Any] = {}


class _App:
    """Takes the agent's coroutine and gives it a channel."""

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


class Line:
    """One agent between the log and itself."""

    def __init__(self, name: str, agent: Any, hub: Hub, log: Log, watch: Stopwatch) -> None:
        self.name = name
        self._log, self._watch = log, watch
        app = _App()
        self._chunks: asyncio.Queue[Chunk] = agent.attach(app, hub).channel
        assert app.work is not None
        self._work = app.work
        self._task: asyncio.Task[None] | None = None
        self._session = _Session()

    async def chunk(self, limit: int, now_ms: int) -> list[Any]:
        """Have the agent answer the next records; gives the outputs of its transaction."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._work(self._endless()))
        chunk = Chunk(self._session, asyncio.get_running_loop().create_future(), caught_up=False)  # type: ignore[arg-type]
        for records in self._log.read(self.name, limit):
            count = len(records.values)
            chunk.topics += repeat(records.topic, count)
            chunk.partitions += repeat(records.partition, count)
            chunk.offsets += range(records.offset, records.offset + count)
            chunk.keys += records.keys
            chunk.values += records.values
        chunk.arrived_ms = [now_ms] * len(chunk)
        with self._watch.on_agent(self.name):
            await self._chunks.put(chunk)
            outcome = await chunk.settled
        if isinstance(outcome, BaseException):
            raise outcome
        outcome.committed()
        return outcome.outputs

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _endless(self) -> AsyncIterator[Chunk]:
        while True:
            yield await self._chunks.get()


class Departments:
    """Read the orders, count which events they are of, and resolve a share of those that are dispatched to them."""

    def __init__(self, codec: Codec, share: float, now: TimeOfDay) -> None:
        self._codec, self._share, self._now = codec, share, now
        self._draw = np.random.default_rng(1)
        self._seen: set[int] = set()
        self._assigned: dict[str, list[str]] = defaultdict(list)
        self.ordered = self.answered = 0

    @property
    def distinct(self) -> int:
        """Events of which an order was read."""
        return len(self._seen)

    def read(self, values: Sequence[bytes]) -> None:
        batch = self._codec.decode_many("cityhub.Order", values).batch
        kind = batch.column("kind")
        first = batch.filter(pc.is_in(kind.cast("string"), pc.cast(["ASSIGN", "LINK"], "string")))
        refs = first.column("event").field("source_ref").to_pylist()
        self.ordered += len(refs)
        self._seen.update(number_of(ref.encode()) for ref in refs)
        kinds, departments, cases = (first.column(name).to_pylist() for name in ("kind", "department", "case_id"))
        chosen = self._draw.random(len(refs)) < self._share
        for kind_, department, case, answers in zip(kinds, departments, cases, chosen.tolist(), strict=True):
            if kind_ == "ASSIGN" and answers:
                self._assigned[department].append(case)

    def answers(self) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
        """Of each department that has any: topic, keys and values."""
        one = Update(
            update_id="-", department="none", case_id="-", status=UpdateStatus.RESOLVED, at=self._now.now_ms,
            note="Put right. 已处理完毕。",
        ).to_avro()  # fmt: skip
        for department, cases in self._assigned.items():
            columns = {name: [value] * len(cases) for name, value in one.items()} | {
                "update_id": [f"U-{case}" for case in cases],
                "department": [department] * len(cases),
                "case_id": cases,
            }
            self.answered += len(cases)
            values = self._codec.encode_columns("cityhub.Update", columns)
            yield dept_updates(department).name, [case.encode() for case in cases], values
        self._assigned.clear()
