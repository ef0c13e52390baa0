"""What the four systems say during the day: the simulator's files, read row by row by the connectors, each row at its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

from hub.errors import RejectedRecordError
from hub.millis import HOUR_MS
from hub.model.event import CaseEvent
from hub.policy import City
from hub.sdk.manifest import discover
from hub.sdk.publishing.dead_letters import dead_letter
from hub.sdk.sources.file.join import Input
from hub.simulator.files import SourceFiles, write_all
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from hub.simulator.truth import Statement, Truth
from hub.stream.letters.dead_letters import fitted
from hub.testing.memory import MemoryHub
from hub.testing.outcomes import Mapped, outcomes
from hub.topics import DEAD, city_events

_CONFLICT, _AHEAD, _ASTRAY, _RUBBISH = 0.01, 0.005, 0.02, 0.005
"""Shares of rows that come once more with other words, are dated ahead, lie in an added partition, are followed by rubbish."""
_UNCOUNTED = 20
"""One reference in so many is of a system that counts no revisions."""


class SentRow(NamedTuple):
    """A row of a system's file, when it was written, and what its connector makes of it."""

    sent_ms: int
    source: str
    row: Mapped


def rows(city: City, plan: Plan, folder: Path) -> list[SentRow]:
    """All rows of the day, in order of time."""
    said = list(statements(plan, scene_of(city)))
    with SourceFiles(folder) as files:
        write_all(said, files, Truth())
    found = [each for source in discover() for each in _of_source(source, files.path(source), said)]
    return sorted(found, key=lambda each: each.sent_ms)


def _of_source(source: str, file: Path, statements_of_day: list[Statement]) -> Iterator[SentRow]:
    reader = outcomes(discover()[source], Input(file=file, mapping="demo"))
    mine = (statement.sent_ms for statement in statements_of_day if statement.source == source)
    for sent_ms, row in zip(mine, reader, strict=True):
        yield SentRow(sent_ms, source, row)


@dataclass
class Systems:
    """Publishes rows as connectors do, and what goes wrong on the way to a hub."""

    hub: MemoryHub
    seed: int

    def say(self, sent: SentRow) -> None:
        if sent.row.rejection is not None:
            self._set_aside(sent, sent.row.rejection)
        if sent.row.event is not None:
            self._publish(sent.row.event)

    def _set_aside(self, sent: SentRow, rejection: RejectedRecordError) -> None:
        letter = fitted(dead_letter(sent.source, sent.row.item, rejection).to_avro())
        self.hub.send(DEAD.name, letter["key"], self.hub.codec.encode_one("cityhub.DeadLetter", letter))

    def _publish(self, event: CaseEvent) -> None:
        chance = Random(f"{self.seed}:{event.source}:{event.source_ref}:{event.revision}")
        if crc32(event.source_ref.encode()) % _UNCOUNTED == 0:
            event = event.model_copy(update={"revision_counted": False, "revision": 0})
        if chance.random() < _AHEAD:
            event = event.model_copy(update={"reported_at": event.reported_at + HOUR_MS})
        astray = self.hub.settings.partitions + 1
        self.hub.publish(event, partition=astray if chance.random() < _ASTRAY else None)
        if chance.random() < _CONFLICT:
            self.hub.publish(event.model_copy(update={"text": f"{event.text} And more."}))
        if chance.random() < _RUBBISH:
            self.hub.send(city_events(event.source).name, b"rubbish", chance.randbytes(40))
