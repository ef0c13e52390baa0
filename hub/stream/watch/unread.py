"""Watches for topics of sources and departments that have records and that nobody reads: nothing else would show it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

import mode
from confluent_kafka.admin import OffsetSpec

from hub.errors import HubError
from hub.metrics import INPUT_TOPICS, UNREAD_RECORDS
from hub.settings import Settings
from hub.stream.kafka.extents import offsets
from hub.stream.kafka.groups import group_offsets, places_read
from hub.stream.kafka.known import on_broker
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.reads import Reads
from hub.topics import inputs_in

log = logging.getLogger(__name__)
READER = "deduplicate"
"""The agent that reads what comes in."""
_EVERY_SECONDS = 15.0


def unread(settings: Settings, inputs: Collection[str], read: Collection[str]) -> dict[str, int]:
    """By topic, how many records lie there at most, of those topics of which none was ever read, or which are none of `read`.

    `inputs`: topics that the broker has. Raises RetriableError without an answer.
    """
    places = places_read(settings, sorted(inputs))
    committed = {
        (each.topic, each.partition): each.offset
        for each in group_offsets(settings, READER, places)
        if each.offset >= 0
    }
    begun = {topic for topic, _ in committed}
    doubtful = [place for place in places if place[0] not in begun or place[0][len(settings.namespace) :] not in read]
    lows = offsets(settings, doubtful, OffsetSpec.earliest(), "beginnings")
    highs = offsets(settings, doubtful, OffsetSpec.latest(), "ends")
    return records_behind(settings.namespace, lows, highs, committed)


def records_behind(
    namespace: str,
    lows: Mapping[PartitionPlace, int],
    highs: Mapping[PartitionPlace, int],
    committed: Mapping[PartitionPlace, int],
) -> dict[str, int]:
    """By topic, without the namespace, what lies behind the offset that was committed; all of it, where none was."""
    found: dict[str, int] = {}
    for place, high in highs.items():
        records = high - max(lows[place], committed.get(place, 0))
        if records > 0:
            topic = place[0][len(namespace) :]
            found[topic] = found.get(topic, 0) + records
    return found


class UnreadWatch(mode.Service):
    """Keeps the metrics up to date, and logs each such topic once. `paused`: topics that are not read on purpose,
    which have a metric of their own."""

    def __init__(self, settings: Settings, reads: Reads, paused: Callable[[], Collection[str]]) -> None:
        super().__init__()
        self._settings, self._reads, self._paused = settings, reads, paused
        self._topics = on_broker(settings, "unread")
        self._shown: set[str] = set()

    @mode.Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            try:
                await asyncio.to_thread(self._look)
            except HubError as error:
                log.warning("whether some topic is read by nobody cannot be told: %s", error)
            await self.sleep(_EVERY_SECONDS)

    def _look(self) -> None:
        inputs = inputs_in(self._topics())
        paused = self._paused()
        found = unread(self._settings, [topic for topic in inputs if topic not in paused], self._reads.topics)
        self.show(len(inputs), found)

    def show(self, inputs: int, unread_records: Mapping[str, int]) -> None:
        """Set the metrics: of so many topics, these are read by nobody."""
        INPUT_TOPICS.labels("unread").set(len(unread_records))
        INPUT_TOPICS.labels("read").set(inputs - len(unread_records))
        for topic in self._shown - unread_records.keys():
            UNREAD_RECORDS.remove(topic)
        for topic, records in unread_records.items():
            UNREAD_RECORDS.labels(topic).set(records)
        for topic in unread_records.keys() - self._shown:
            log.error(
                "%s has records and nobody reads it 无人读取; see `cityhub doctor` and ops/runbooks/topic-unread.md",
                topic,
            )
        self._shown = set(unread_records)
