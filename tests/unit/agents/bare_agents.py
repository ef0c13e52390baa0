"""One agent of the demo city that takes whatever chunk it is handed, records that no broker would hand it included. No tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.clock import wall_ms
from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.memory import MemoryAgent, MemoryBroker, RecordBatch
from hub.topics import AGENT_CHANGELOGS, DEAD, all_topics

PARTITION = 0
CITY = load_city(ROOT / "ops" / "cities" / "demo")
SOURCES = ("police", "hotline", "petition", "citymgmt")
Record = tuple[str, bytes | None, bytes | None]
"""Topic, key, value."""
Outputs = dict[str, list[tuple[Any, bytes]]]
"""Keys and values by topic."""


class BareAgent(MemoryAgent):
    """Each chunk that it decides counts as committed."""

    def __init__(self, name: str) -> None:
        settings = Settings(partitions=1, dead_letter_ratio=1.0, dead_letter_run=10**9)
        self.codec = Codec(FileRegistry())
        super().__init__(name, Hub(settings, LivePolicy(CITY), self.codec, SOURCES))
        self.broker = MemoryBroker(all_topics(SOURCES, CITY.departments), 1, {}, wall_ms)
        self._offset = 0

    @property
    def changelog(self) -> list[tuple[bytes | None, bytes | None]]:
        return [(record.key, record.value) for record in self.broker.records(AGENT_CHANGELOGS[self.name].name)]

    def take(self, records: Sequence[Record], *, caught_up: bool = False) -> Outputs:
        """What comes of a chunk. Raises what the agent would end its worker with, or a broker would not take."""
        batches = [
            RecordBatch(topic, PARTITION, self._offset + at, wall_ms(), [key], [value])
            for at, (topic, key, value) in enumerate(records)
        ]
        self._offset += len(records)
        publication = self.decide(batches, caught_up=caught_up)
        self.broker.commit(self.name, (), publication.outputs)
        publication.committed()
        found: Outputs = defaultdict(list)
        for topic, _, messages, _ in publication.outputs:
            if topic != AGENT_CHANGELOGS[self.name].name:
                found[topic] += [(message["key"], message["value"]) for message in messages]
        return found

    def letters(self, outputs: Outputs) -> list[dict[str, Any]]:
        """The dead letters among what came of a chunk."""
        return [self.codec.decode_one(value)[1] for _, value in outputs.get(DEAD.name, ())]
