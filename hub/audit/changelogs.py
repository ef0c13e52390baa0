"""Reads agents' changelogs back, with where each record lies, so that an audit can compare them with what agents published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from confluent_kafka import Message

from hub.audit.identity import Identities, Ids
from hub.core.cases.cases import Case
from hub.core.cases.statements import LinkedStatement, RouteRecord
from hub.core.cases.statements import route_misfit as route_misfit
from hub.core.dedup.digests import Digests, Longs
from hub.core.dedup.memory import unpack
from hub.core.tracking.state import TrackedCase, TrackRecord, Waiting
from hub.core.tracking.state import track_misfit as track_misfit
from hub.errors import RejectedRecordError
from hub.inspect.reading import OnRead, read_messages, spans
from hub.settings import Settings
from hub.stream.changelog.checkpoints import is_checkpoint
from hub.stream.changelog.state import ChangelogReader, as_it_is
from hub.topics import DEDUPLICATE_CHANGELOG, HOMES, ROUTE_CHANGELOG, TRACK_CHANGELOG

_R = TypeVar("_R")
CHANGELOGS = (DEDUPLICATE_CHANGELOG.name, ROUTE_CHANGELOG.name, TRACK_CHANGELOG.name)


@dataclass
class Keyed(Generic[_R]):
    """The last record of every key, by partition. What was deleted is not there."""

    partitions: dict[int, dict[str, _R]] = field(default_factory=lambda: defaultdict(dict))

    def put(self, partition: int, key: str, value: _R | None) -> None:
        if value is None:
            self.partitions[partition].pop(key, None)
        else:
            self.partitions[partition][key] = value

    def everywhere(self) -> tuple[dict[str, _R], list[str]]:
        """All records by key, and the keys that more than one partition has."""
        found: dict[str, _R] = {}
        several: list[str] = []
        for records in self.partitions.values():
            several += found.keys() & records.keys()
            found |= records
        return found, sorted(several)


@dataclass(frozen=True)
class RememberedRows:
    """What `deduplicate` remembers of statements and updates, oldest first: where each was seen (packed), its digest, and for the
    first revision of a reference which one (else -1: the digest is of reference and revision). Homes are not among them."""

    seen: Ids
    digests: Digests
    revisions: Longs
    whole: bool
    """Nothing of it has expired."""


@dataclass(frozen=True)
class Changelogs:
    """What agents would know if they were started now."""

    remembered: RememberedRows
    route: Keyed[RouteRecord]
    track: Keyed[TrackRecord]
    foreign: tuple[str, ...] = ()
    """Places of records that cannot be read: not the hub's own, or of another version. Its agents step over them."""

    @property
    def cases(self) -> tuple[dict[str, Case], list[str]]:
        """Cases by id, and the ids that more than one partition has."""
        records, several = self.route.everywhere()
        cases = {key: record for key, record in records.items() if isinstance(record, Case)}
        return cases, [key for key in several if key in cases]

    @property
    def statements(self) -> list[str]:
        """Keys of what is kept of linked reports."""
        records, _ = self.route.everywhere()
        return sorted(key for key, record in records.items() if isinstance(record, LinkedStatement))

    @property
    def tracked(self) -> tuple[dict[str, TrackedCase], dict[str, Waiting], list[str]]:
        """Cases by id, updates that wait by key, and the case ids that more than one partition has."""
        records, several = self.track.everywhere()
        cases = {key: record for key, record in records.items() if isinstance(record, TrackedCase)}
        waiting = {key: record for key, record in records.items() if isinstance(record, Waiting)}
        return cases, waiting, [key for key in several if key in cases]


def read_changelogs(settings: Settings, identities: Identities, on_progress: OnRead | None = None) -> Changelogs:
    """All that is committed. Raises FatalError if a changelog is missing, RetriableError if the broker cannot be read."""
    there = spans(settings, CHANGELOGS)
    gathering = ChangelogGathering(identities, len(settings.namespace))
    for messages in read_messages(settings, there, on_progress):
        for message in messages:
            gathering.take(message)
    whole = not any(span.begin for (topic, _), span in there.items() if topic == DEDUPLICATE_CHANGELOG.name)
    return gathering.changelogs(whole)


class ChangelogGathering:
    """Takes messages one by one. `cut`: how long the namespace before their topics' names is."""

    def __init__(self, identities: Identities, cut: int) -> None:
        self._identities, self._cut = identities, cut
        self._seen: list[Ids] = []
        self._digests: list[Digests] = []
        self._revisions: list[Longs] = []
        self._route: Keyed[RouteRecord] = Keyed()
        self._track: Keyed[TrackRecord] = Keyed()
        self._routed, self._tracked = (
            ChangelogReader(RouteRecord, route_misfit, as_it_is),
            ChangelogReader(TrackRecord, track_misfit, as_it_is),
        )
        self._foreign: list[str] = []

    def take(self, message: Message) -> None:
        topic, partition, key, value = message.topic()[self._cut :], message.partition(), message.key(), message.value()
        if topic != DEDUPLICATE_CHANGELOG.name and is_checkpoint(key):
            return
        try:
            if topic == DEDUPLICATE_CHANGELOG.name:
                self._remember(partition, value)
            elif topic == ROUTE_CHANGELOG.name:
                self._route.put(partition, *self._routed.read(key, value))
            else:
                self._track.put(partition, *self._tracked.read(key, value))
        except RejectedRecordError:
            self._foreign.append(f"{topic}[{partition}]@{message.offset()}")

    def _remember(self, partition: int, value: bytes | None) -> None:
        if value is None:
            return
        fresh = unpack(value)
        homes = [at for at, name in enumerate(fresh.names) if name == HOMES.name]
        for topics, offsets, digests, revisions in (
            (fresh.topics, fresh.offsets, fresh.refs, fresh.revisions),
            (fresh.more_topics, fresh.more_offsets, fresh.more_refs, np.full(len(fresh.more_refs), -1, np.int64)),
        ):
            said = np.flatnonzero(np.isin(topics, homes, invert=True))
            self._seen.append(self._identities.pack_named(fresh.names, topics[said], partition, offsets[said]))
            self._digests.append(digests[said])
            self._revisions.append(revisions[said])

    def changelogs(self, whole: bool) -> Changelogs:
        remembered = RememberedRows(
            _joined(self._seen, np.zeros(0, np.int64)),
            _joined(self._digests, np.zeros((0, 2), np.uint64)),
            _joined(self._revisions, np.zeros(0, np.int64)),
            whole,
        )
        return Changelogs(remembered, self._route, self._track, tuple(self._foreign))


def _joined(parts: Iterable[np.ndarray], none: np.ndarray) -> np.ndarray:
    return np.concatenate([none, *parts])
