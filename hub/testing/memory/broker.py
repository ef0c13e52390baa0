"""Topics in memory, with partitions, offsets and times of arrival as a broker gives them."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from hub.errors import FatalError
from hub.stream.kafka.headers import Headers
from hub.stream.writing.partitioning import partition_of, partitions_of
from hub.stream.writing.writer import Output
from hub.topics import Topic

_FEW = 8
"""So many keys are placed faster one by one than as a column."""
RecordKey = str | bytes | None


class CommittedRecord(NamedTuple):
    """A committed record."""

    topic: str
    partition: int
    offset: int
    arrived_ms: int
    key: bytes | None
    value: bytes | None


class RecordBatch(NamedTuple):
    """Records of one partition that follow each other; `offset` is that of the first."""

    topic: str
    partition: int
    offset: int
    arrived_ms: int
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Headers = None
    """Of each of them."""

    def first(self, count: int) -> RecordBatch:
        return self._replace(keys=self.keys[:count], values=self.values[:count])

    def after(self, count: int) -> RecordBatch:
        return self._replace(offset=self.offset + count, keys=self.keys[count:], values=self.values[count:])

    def records(self) -> Iterator[CommittedRecord]:
        for index, (key, value) in enumerate(zip(self.keys, self.values, strict=True)):
            yield CommittedRecord(self.topic, self.partition, self.offset + index, self.arrived_ms, key, value)


class MemoryBroker:
    """Keeps what was published, and for each agent what it has yet to read.

    What an agent publishes is there when it commits, together with how far it has read, and not before. Agents read records in
    the order in which they were committed. Nothing expires and nothing is compacted.
    """

    def __init__(
        self,
        topics: Iterable[Topic],
        partitions: int,
        reads: Mapping[str, Sequence[str]],
        now_ms: Callable[[], int],
        *,
        keep: bool = True,
    ) -> None:
        """`partitions`: of topics that do not say how many they have. `reads`: by agent, the names of topics. Without `keep` a
        record is forgotten when its agent has read it, or at once if none reads it."""
        self._topics = {topic.name: topic for topic in topics}
        self._partitions = partitions
        self._reader = {name: agent for agent, names in reads.items() for name in names}
        self._unread: dict[str, deque[RecordBatch]] = {agent: deque() for agent in reads}
        self._now_ms = now_ms
        self._kept: dict[str, list[RecordBatch]] | None = defaultdict(list) if keep else None
        self.ends: Counter[tuple[str, int]] = Counter()
        """The offset after the last record, by topic and partition."""
        self.published: Counter[str] = Counter()
        """Records by topic."""
        self.unread: Counter[str] = Counter()
        """Records by the agent that has yet to read them."""
        self.positions: dict[str, dict[tuple[str, int], int]] = {agent: {} for agent in reads}
        """By agent: the next offset to read of each topic and partition, as committed."""
        self.paused: dict[str, str] = {}
        """Topics that are not read, with the reason."""

    def make(self, topics: Iterable[Topic]) -> None:
        """Have these topics too."""
        self._topics |= {topic.name: topic for topic in topics}

    @property
    def names(self) -> Collection[str]:
        """Of all topics."""
        return self._topics.keys()

    def read_by(self, agent: str, topics: Iterable[str]) -> None:
        """Have an agent read these topics, each from its beginning if nobody has read it before."""
        for topic in topics:
            if self._reader.get(topic) is None:
                self._reader[topic] = agent
                for batch in (self._kept or {}).get(topic, ()):
                    self._unread[agent].append(batch)
                    self.unread[agent] += len(batch.values)

    # -- writing -------------------------------------------------------------------------------------------------------

    def append(
        self,
        topic: str,
        keys: Sequence[RecordKey],
        values: Sequence[bytes | None],
        partition: int | None = None,
        headers: Headers = None,
    ) -> None:
        """Publish to a partition, also to one that an administrator has added; None: each where its key belongs. `headers`: of
        each of them.

        Raises FatalError if there is no such topic, or if it does not take a record so large.
        """
        self._check(topic, keys, values)
        self.published[topic] += len(values)
        if self._kept is None and topic not in self._reader:
            return
        raw = [key.encode() if isinstance(key, str) else key for key in keys]
        for number, indexes in self._placed(topic, raw, partition):
            self._add(topic, number, [raw[at] for at in indexes], [values[at] for at in indexes], headers)

    def _check(self, topic: str, keys: Sequence[RecordKey], values: Sequence[bytes | None]) -> None:
        declared = self._topics.get(topic)
        if declared is None:
            raise FatalError(f"there is no topic {topic} here: its source or department is none of this hub")
        largest = max((len(value or b"") + len(key or b"") for key, value in zip(keys, values, strict=True)), default=0)
        if largest > declared.max_bytes:
            raise FatalError(f"{topic} takes records of {declared.max_bytes:,} bytes, and one has {largest:,}")

    def _placed(
        self, topic: str, keys: Sequence[bytes | None], partition: int | None
    ) -> Iterable[tuple[int, Sequence[int]]]:
        """Partitions with the indexes of what goes there. A record without key goes to the first."""
        count = self._topics[topic].partitions or self._partitions
        if partition is not None or count == 1:
            return [(partition or 0, range(len(keys)))]
        found: dict[int, list[int]] = defaultdict(list)
        for index, place in enumerate(_places(keys, count)):
            found[place].append(index)
        return sorted(found.items())

    def _add(
        self,
        topic: str,
        partition: int,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Headers,
    ) -> None:
        batch = RecordBatch(topic, partition, self.ends[topic, partition], self._now_ms(), keys, values, headers)
        self.ends[topic, partition] += len(values)
        if self._kept is not None:
            self._kept[topic].append(batch)
        if topic in self._reader and topic not in self.paused:
            self._unread[self._reader[topic]].append(batch)
            self.unread[self._reader[topic]] += len(values)

    # -- an agent's reading --------------------------------------------------------------------------------------------

    def read(self, agent: str, limit: int) -> list[RecordBatch]:
        """The next records of an agent, up to so many. They are the next until it commits them."""
        found, left = list[RecordBatch](), limit
        for batch in self._unread[agent]:
            if left <= 0:
                break
            found.append(batch.first(left) if len(batch.values) > left else batch)
            left -= len(found[-1].values)
        return found

    def commit(self, agent: str, read: Iterable[RecordBatch], outputs: Iterable[Output]) -> None:
        """What an agent has read last is read, and what came of it is there."""
        for batch in read:
            unread = self._unread[agent]
            count = len(batch.values)
            if count < len(unread[0].values):
                unread[0] = unread[0].after(count)
            else:
                unread.popleft()
            self.unread[agent] -= count
            self.positions[agent][batch.topic, batch.partition] = batch.offset + count
        for topic, partition, messages, headed in outputs:
            for some in [[message] for message in messages] if headed else [messages]:
                keys, values = [message["key"] for message in some], [message["value"] for message in some]
                self.append(topic, keys, values, partition, some[0].get("headers") if headed else None)

    def pause(self, why: Mapping[str, str]) -> None:
        """Hand out no more of these topics, which are given with the reason."""
        self.paused |= why
        for agent, unread in self._unread.items():
            left = [batch for batch in unread if batch.topic not in self.paused]
            self._unread[agent] = deque(left)
            self.unread[agent] = sum(len(batch.values) for batch in left)

    # -- looking -------------------------------------------------------------------------------------------------------

    def records(self, topic: str) -> list[CommittedRecord]:
        """All that was published to a topic, in order; nothing if the broker does not keep it."""
        return [record for batch in self.kept(topic) for record in batch.records()]

    def kept(self, topic: str) -> Sequence[RecordBatch]:
        """The same as it was published, with headers."""
        return (self._kept or {}).get(topic, ())


def _places(keys: Sequence[bytes | None], count: int) -> Iterable[int]:
    if len(keys) <= _FEW or None in keys:
        return [0 if key is None else partition_of(key, count) for key in keys]
    places: list[int] = partitions_of(pa.array(keys, pa.binary()), count).tolist()
    return places
