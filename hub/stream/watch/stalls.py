"""Places that are read no more though the broker has more of them: seen once after two kills of a broker, and known of librdkafka
(confluentinc/librdkafka#5153). Its own word on where a place ends then stands still as well, so the broker is asked.

And agents that wait for partitions though nobody is in their group: seen after a broker was killed and started again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import OffsetSpec

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import SessionLostError
from hub.stream.kafka.extents import offsets
from hub.stream.kafka.groups import group_members
from hub.stream.numbers import PartitionPlace

log = logging.getLogger(__name__)
AFTER_SECONDS = 30.0
"""A broker that was only just started, and a transaction that ends in order, take less."""
BUSY_SECONDS = 150.0
"""The same where an agent has others to read, so that this place may only have to wait its turn."""
_TIMEOUT_SECONDS = 5.0


class Stalls:
    """Of one agent. Not thread-safe: it belongs to the thread that reads."""

    def __init__(self, settings: Settings, agent: str) -> None:
        self._settings = settings
        self._agent = agent
        self._looked = 0.0
        self._since: dict[PartitionPlace, tuple[int, float]] = {}
        self._empty_looks = 0

    def look(self, now: float, stands: Mapping[PartitionPlace, int], *, idle: bool) -> None:
        """Raises SessionLostError if the agent is to begin anew, with a new consumer.

        `stands`: the places that are read, and the offset that each is read from next. The broker is asked every AFTER_SECONDS, at
        first that long after the start; blocks for some seconds at most.
        """
        if not self._is_due(now):
            return
        try:
            ends = offsets(
                self._settings,
                stands,
                OffsetSpec.latest(),
                "readable ends",
                IsolationLevel.READ_COMMITTED,
                _TIMEOUT_SECONDS,
            )
        except RetriableError as error:
            log.info("%s: cannot tell whether all is read: %s", self._agent, error)
            return
        waiting = {place: offset for place, offset in stands.items() if ends[place] > offset}
        self._since = {place: self._first(now, place, offset) for place, offset in waiting.items()}
        limit = AFTER_SECONDS if idle else BUSY_SECONDS
        for (topic, number), (offset, since) in self._since.items():
            if now - since >= limit:
                raise SessionLostError(
                    f"{self._agent}: nothing came of {topic}[{number}] for {now - since:.0f} s, though it can be read from "
                    f"{offset} to {ends[topic, number]}"
                )

    def look_without_partitions(self, now: float) -> None:
        """The same for an agent that was given none, if the broker says twice that nobody is in its group."""
        if not self._is_due(now):
            return
        try:
            members = group_members(self._settings, self._agent)
        except RetriableError as error:
            log.info("%s: cannot tell whether it is in its group: %s", self._agent, error)
            return
        self._empty_looks = 0 if members else self._empty_looks + 1
        if self._empty_looks > 1:
            raise SessionLostError(f"{self._agent}: waits for partitions, and nobody is in its group")

    def _is_due(self, now: float) -> bool:
        if now - self._looked < AFTER_SECONDS:
            return False
        is_first, self._looked = not self._looked, now
        return not is_first

    def _first(self, now: float, place: PartitionPlace, offset: int) -> tuple[int, float]:
        before = self._since.get(place)
        return before if before is not None and before[0] == offset else (offset, now)
