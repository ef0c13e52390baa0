"""Counts what a session has yet to read: by what its consumer knows and, for what it does not read, by what the
broker says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import Consumer, TopicPartition

from hub.metrics import LAG
from hub.stream.kafka.client import kafka_errors
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.lag import lag_records, left_records

_EVERY_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0
_UNKNOWN = -1


class Backlog:
    """The backlog of one agent, in a hub of `numbers` partitions. Not thread-safe: it belongs to the thread that
    reads."""

    def __init__(self, agent: str, numbers: int, consumer: Consumer) -> None:
        self._agent = agent
        self._numbers = numbers
        self._consumer = consumer
        self._eofs: dict[PartitionPlace, int] = {}
        self._passed: dict[PartitionPlace, int] = {}
        self._unread_highs: dict[PartitionPlace, int] = {}
        self._counted = 0.0
        self.records: int | None = None
        """Committed records that are not read, of all partitions held; None while none is held or nothing was counted."""

    def is_due(self, now: float, *, idle: bool) -> bool:
        """True once a second, and at once where an agent has something in hand that was not counted yet."""
        return now - self._counted >= _EVERY_SECONDS or not (idle or self.records)

    def reached_end(self, place: PartitionPlace, offset: int) -> None:
        """The consumer has read a partition up to its end, which lies behind the markers of transactions."""
        self._eofs[place] = offset

    def read_anew(self) -> None:
        """Forget the ends met so far, because the consumer starts again."""
        self._eofs.clear()
        self._passed.clear()

    def all_is_committed(self) -> None:
        """Take note that nothing was read that is not committed: between that and the ends met so far lie markers, if anything."""
        self._passed = dict(self._eofs)

    def forget(self, places: Iterable[PartitionPlace]) -> None:
        """Forget where these places end, until the broker is asked again, which is due at once."""
        self._unread_highs = dict.fromkeys(places, _UNKNOWN)
        self._counted = 0.0

    def let_go(self, partitions: Iterable[int]) -> None:
        """Stop counting these partitions: another worker holds them now."""
        for partition in partitions:
            LAG.labels(self._agent, partition).set(0)
        self.records = None

    def ask_for(self, places: Iterable[PartitionPlace]) -> None:
        """Learn where partitions end that the consumer does not read. Blocks; raises RetriableError."""
        with kafka_errors(f"{self._agent}: asking for the end of what is paused"):
            self._unread_highs = {
                place: self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_SECONDS)[1]
                for place in places
            }

    def count(
        self,
        now: float,
        own_numbers: Collection[int],
        ends: Mapping[PartitionPlace, int],
        reading: Mapping[PartitionPlace, int],
    ) -> bool:
        """Set the metric and `records`. True if nothing is left of what is read.

        `ends`: the next offset of each place, as committed. `reading`: those of them that are read.
        """
        self._counted = now
        highs = self._unread_highs | {
            place: self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)[1] for place in reading
        }
        left = left_records(ends, highs, self._eofs)
        behind = lag_records(own_numbers, left, self._numbers)
        self.records = sum(behind.values())
        for partition, records in behind.items():
            LAG.labels(self._agent, partition).set(records)
        return not any(left[place] for place in reading)

    def stands(self, reading: Mapping[PartitionPlace, int]) -> dict[PartitionPlace, int]:
        """How far each of these places is read: as committed, or further over the markers at its end."""
        return {place: max(end, self._eofs.get(place, 0)) for place, end in reading.items()}

    def past_markers(self, ends: Mapping[PartitionPlace, int]) -> dict[PartitionPlace, int]:
        """Ends of places that lie behind what was committed, `ends`, where nothing but markers of transactions lies between."""
        return {place: end for place, end in self._passed.items() if end > ends.get(place, end)}
