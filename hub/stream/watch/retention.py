"""Tells how long it is until Kafka may delete what an agent has not read yet."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import mode
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import OffsetSpec

from hub.clock import wall_ms
from hub.errors import HubError
from hub.metrics import RETENTION_MARGIN_SECONDS, RETENTION_SECONDS
from hub.settings import Settings
from hub.stream.admin.topic_settings import deleting, retentions
from hub.stream.kafka.client import consumer_config
from hub.stream.kafka.extents import offsets
from hub.stream.kafka.groups import group_offsets, places_read
from hub.stream.numbers import PartitionPlace
from hub.stream.reading.reads import Reads
from hub.topics import AGENT_CHANGELOGS

log = logging.getLogger(__name__)
_EVERY_SECONDS = 60.0
_GIVE_UP_SECONDS = 20.0


class Margin(NamedTuple):
    """Of one topic, the retention, and how much of it is left for the oldest record that the agent has not read. If
    that is negative, the record may be gone at any moment."""

    left_seconds: float
    retention_seconds: float


def margins(settings: Settings, agent: str, topics: Sequence[str]) -> dict[str, Margin]:
    """The margin of each topic, by its name without the namespace; topics that are kept for ever have none. Raises
    RetriableError without a broker."""
    places = places_read(settings, topics)
    kept_ms = retentions(settings, {topic for topic, _ in places})
    oldest_ms = first_times(settings, _unread(settings, agent, [place for place in places if place[0] in kept_ms]))
    now_ms, cut = wall_ms(), len(settings.namespace)
    found = {}
    for topic, retention_ms in kept_ms.items():
        times = [at_ms for (name, _), at_ms in oldest_ms.items() if name == topic]
        left_ms = min([at_ms + retention_ms - now_ms for at_ms in times], default=retention_ms)
        found[topic[cut:]] = Margin(left_ms / 1000, retention_ms / 1000)
    return found


def state_margins(settings: Settings, agent: str) -> dict[str, Margin]:
    """0 for the agent's changelog, by its name without the namespace, if it is to be compacted and somebody has set it to delete
    what is old: all of it is needed. Else nothing. Raises as `margins`."""
    changelog = AGENT_CHANGELOGS.get(agent)
    if changelog is None or not changelog.compacted:
        return {}
    kept_ms = deleting(settings, {settings.topic(changelog.name)}).values()
    return {changelog.name: Margin(0.0, min(kept_ms) / 1000)} if kept_ms else {}


def _unread(settings: Settings, agent: str, places: Sequence[PartitionPlace]) -> dict[PartitionPlace, int]:
    """The next offset to read of each place that has something to read."""
    lows = offsets(settings, places, OffsetSpec.earliest(), "beginnings")
    highs = offsets(settings, places, OffsetSpec.latest(), "ends")
    next_ones = {(each.topic, each.partition): each.offset for each in group_offsets(settings, agent, places)}
    starts = {place: max(lows[place], next_ones[place]) for place in places}
    return {place: start for place, start in starts.items() if start < highs[place]}


def first_times(settings: Settings, starts: Mapping[PartitionPlace, int]) -> dict[PartitionPlace, int]:
    """When the first record at or behind each offset was written, UTC ms. A place with nothing but markers has none."""
    if not starts:
        return {}
    # whatever lies there waits to be deleted, also what is not committed yet; a batch of each place is enough
    config: dict[str, Any] = {"isolation.level": "read_uncommitted", "enable.partition.eof": True}
    group = f"{settings.namespace}retention-{uuid.uuid4().hex}"
    consumer = Consumer(consumer_config(settings, "retention", group) | config)
    found: dict[PartitionPlace, int] = {}
    waiting, until = set(starts), time.monotonic() + _GIVE_UP_SECONDS
    try:
        consumer.assign([TopicPartition(*place, start) for place, start in starts.items()])
        while waiting and time.monotonic() < until:
            for message in consumer.consume(len(waiting), 0.2):
                place, error = (message.topic(), message.partition()), message.error()
                if error is None:
                    found.setdefault(place, message.timestamp()[1])
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(place)
    finally:
        consumer.close()
    return found


class RetentionWatch(mode.Service):
    """Keeps the metrics up to date for these agents and the topics that they read, whether they read at all, stand
    still or are paused."""

    def __init__(self, settings: Settings, reads: Mapping[str, Reads]) -> None:
        super().__init__()
        self._settings = settings
        self._reads = dict(reads)
        self._shown: dict[str, set[str]] = defaultdict(set)

    @mode.Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            for agent, reads in self._reads.items():
                try:
                    self._show(agent, await asyncio.to_thread(self._margins, agent, reads.topics))
                except HubError as error:
                    log.warning("%s: how long unread records are kept cannot be told: %s", agent, error)
            await self.sleep(_EVERY_SECONDS)

    def _margins(self, agent: str, topics: Sequence[str]) -> dict[str, Margin]:
        return margins(self._settings, agent, topics) | state_margins(self._settings, agent)

    def _show(self, agent: str, margins: Mapping[str, Margin]) -> None:
        for topic in self._shown[agent] - margins.keys():  # kept for ever by now: what was said before holds no more
            RETENTION_MARGIN_SECONDS.remove(agent, topic)
        self._shown[agent] = set(margins)
        for topic, margin in margins.items():
            RETENTION_MARGIN_SECONDS.labels(agent, topic).set(margin.left_seconds)
            RETENTION_SECONDS.labels(topic).set(margin.retention_seconds)
