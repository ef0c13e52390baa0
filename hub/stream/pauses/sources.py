"""Knows which sources an agent reads: hub.sources says who is paused, so that every worker knows of every pause and
its end."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.clock import wall_ms
from hub.metrics import SOURCE_PAUSED
from hub.settings import Settings
from hub.signing import signature
from hub.stream.numbers import PartitionPlace
from hub.stream.pauses.limits import LetGoOn
from hub.stream.pauses.source_log import SourceLog
from hub.stream.pauses.standings import Standing, Standings
from hub.stream.reading.reads import Reads
from hub.topics import SOURCES, is_own

_MOST_BATCHES = 20
log = logging.getLogger(__name__)


class Sources:
    """The sources among the topics of one agent. Topics that the hub itself writes are never paused: rubbish that somebody else
    writes there is set aside record by record. Raises FatalError if hub.sources is missing, RetriableError if it cannot be read.
    """

    def __init__(self, settings: Settings, agent: str, reads: Reads) -> None:
        self._agent = agent
        self._instance = settings.instance
        self._name = settings.topic
        self._secret = settings.control_secret
        self._reads = reads
        self._log = SourceLog(settings, agent) if self._topics else None
        self._batches: Counter[str] = Counter()
        """How many batches could not be unpacked, by topic."""
        self.standings = Standings() if self._log is None else self._log.standings

    @property
    def _topics(self) -> list[str]:
        return [topic for topic in self._reads.topics if not is_own(topic)]

    @property
    def paused(self) -> dict[str, Standing]:
        """The sources that are paused, by topic without the namespace."""
        paused = self.standings.paused
        topics = set(self._topics) if paused else set()
        return {topic: each for topic, each in paused.items() if topic in topics}

    def read_of(self, places: Mapping[PartitionPlace, int]) -> dict[PartitionPlace, int]:
        """Those of these places that are read, with their offsets: all whose sources are not paused."""
        paused = {self._name(topic) for topic in self.paused}
        return {place: end for place, end in places.items() if place[0] not in paused}

    def let_go_on(self, ends: Mapping[PartitionPlace, int], logs: Mapping[str, str]) -> dict[str, LetGoOn]:
        """By topic, the sources that were paused once, with what of `ends`, the next offsets to read, was known to be bad then.
        `logs`: the ids of the topics, by name on the broker."""
        return {
            topic: LetGoOn(each.at_ms, self._unread(topic, each, ends, logs))
            for topic, each in self.standings.let_go_on.items()
        }

    def to_skip(self, ends: Mapping[PartitionPlace, int], logs: Mapping[str, str]) -> dict[PartitionPlace, int]:
        """For each place of which an operator wants something left out, the offset behind it. `logs`: as above."""
        return {
            (self._name(topic), partition): end
            for topic, each in self.standings.let_go_on.items()
            if each.skip
            for partition, end in self._unread(topic, each, ends, logs).items()
        }

    def _unread(
        self, topic: str, standing: Standing, ends: Mapping[PartitionPlace, int], logs: Mapping[str, str]
    ) -> dict[int, int]:
        name = self._name(topic)
        through = standing.through_in(logs.get(name, ""))
        return {number: end for number, end in through.items() if ends.get((name, number), end) < end}

    def catch_up(self, alive: Callable[[], None]) -> None:
        """Read hub.sources to its end. Blocks; calls `alive` while it reads."""
        if self._log is not None:
            before = self.paused
            self._log.catch_up(alive)
            self._say(before)

    def look(self) -> bool:
        """Read on. True if hub.sources has anything new."""
        if self._log is None:
            return False
        before = self.paused
        changed = self._log.read()
        self._say(before)
        return changed

    def stepped_over(self, topic: str, partition: int, begin: int, logs: Mapping[str, str]) -> bool:
        """Count a batch that could not be unpacked. Whether its source is to be paused: each costs seconds, and all others wait.
        One that was known when the source was let go on does not count."""
        known = self.standings.let_go_on.get(topic)
        through = {} if known is None else known.through_in(logs.get(self._name(topic), ""))
        if topic in self._topics and begin >= through.get(partition, 0):
            self._batches[topic] += 1
        return bool(self.with_too_many_batches())

    def with_too_many_batches(self) -> dict[str, str]:
        """The sources with too many batches that could not be unpacked, by topic, with the reason for the pause."""
        why = f"{_MOST_BATCHES} batches could not be unpacked"
        return {topic: why for topic, batches in self._batches.items() if batches >= _MOST_BATCHES}

    def to_pause(self, why: Mapping[str, str], alive: Callable[[], None]) -> list[tuple[bytes, bytes]]:
        """Key and value of what is to be written, and then taken, to pause these topics. Blocks; calls `alive` while it reads.

        Nothing of a topic of which somebody has said anything since it was judged: another worker has paused it too, or a person
        has let it go on, with what is bad there, and that word is not to be taken back by one that is older.
        """
        judged = {topic: self.standings.get(topic) for topic in why}
        self.catch_up(alive)
        now = wall_ms()
        for topic in why:
            del self._batches[topic]
        return [
            (topic.encode(), Standing(paused=True, at_ms=now, by=self._instance, why=reason).encode())
            for topic, reason in why.items()
            if self.standings.get(topic) == judged[topic]
        ]

    def signed(self, records: Iterable[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
        """Messages for hub.sources of these keys and values; signed, if the hub has a key."""
        name, secret = self._name(SOURCES.name), self._secret
        return [
            {"key": key, "value": value, "headers": signature(value, secret, name, key.decode())}
            for key, value in records
        ]

    def take(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Take note of records that were just written to hub.sources."""
        before = self.paused
        for key, value in records:
            self.standings.take(key, value)
        self._say(before)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _say(self, before: Mapping[str, Standing]) -> None:
        paused = self.paused
        for topic in self._topics:
            SOURCE_PAUSED.labels(topic).set(topic in paused)
        for topic in before.keys() - paused.keys():
            log.warning("%s: %s is read again", self._agent, topic)
        for topic in paused.keys() - before.keys():
            log.error(
                "%s: %s is paused, everybody else goes on: %s. Nothing is lost; see `cityhub source list`",
                self._agent, topic, paused[topic].why,
            )  # fmt: skip
