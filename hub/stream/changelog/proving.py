"""Proves from outside that the agents' changelogs have what was committed with their offsets, and accepts a loss that
is known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.changelog.checkpoints import LOSS_ACCEPTED, CommitMark
from hub.stream.changelog.positions import Positions
from hub.stream.changelog.recovery import recover
from hub.stream.changelog.state import StateChange
from hub.stream.kafka.client import consumer_config, translated
from hub.stream.kafka.extents import extents
from hub.stream.kafka.groups import group_offsets, places_read
from hub.stream.numbers import PartitionPlace, number_of
from hub.topics import Topic

_TIMEOUT_SECONDS = 30.0


@dataclass
class _NoState:
    """A state that remembers nothing: only the checkpoints of its changelog are looked at."""

    changelog: Topic
    window_ms: int

    def load(self, partition: int, key: bytes | None, value: bytes | None) -> None: ...
    def loaded(self, partition: int) -> None: ...
    def drop(self, partition: int) -> None: ...
    def changes(self) -> Iterator[StateChange]:
        return iter(())

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def wasteful(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True)
class StateProof:
    """What was found about the state of one partition of an agent."""

    agent: str
    partition: int
    commit: int
    """Number of the last commit that the changelog names; 0 if it names none."""
    fault: str | None
    """What was expected and what was found, if the agent would refuse this state; else None."""


def prove(
    settings: Settings, agent: str, reads: Sequence[str], changelog: Topic, window_ms: int
) -> Iterator[StateProof]:
    """Read an agent's changelog whole and judge it as the agent itself would.

    `reads`: the agent's topics; `window_ms`: how long a changelog is needed that is not compacted. Raises RetriableError if the
    broker cannot be read.
    """
    committed = group_offsets(settings, agent, places_read(settings, reads))
    numbers = range(settings.partitions)
    trails = recover(settings, _NoState(changelog, window_ms), numbers, lambda: None)
    positions = Positions(
        agent, settings.namespace, settings.partitions, compacted=changelog.compacted, window_ms=window_ms
    )
    positions.judge(committed, trails, wall_ms())
    for number in numbers:
        last = trails[number].last
        yield StateProof(agent, number, last.sequence if last is not None else 0, positions.refused.get(number))


def accept_loss(settings: Settings, agent: str, reads: Sequence[str], partitions: Collection[int]) -> None:
    """Have the agent go on, in these partitions, with what their changelogs have. Nobody may be in its group.

    Raises FatalError if somebody is.
    """
    chosen = [
        place for place in places_read(settings, reads) if number_of(place[1], settings.partitions) in set(partitions)
    ]
    committed = group_offsets(settings, agent, chosen)
    lows = {place: extent.low for place, extent in extents(settings, chosen).items()}
    accepted = [_accepted(each, lows) for each in committed]
    group = f"{settings.namespace}{agent}"
    consumer = Consumer(consumer_config(settings, "state", group))
    try:
        for place in consumer.commit(offsets=accepted, asynchronous=False):
            if place.error is not None:
                raise KafkaException(place.error)
    except KafkaException as error:
        if error.args[0].code() in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION):
            raise FatalError(f"workers are in the group {group}: stop them all, then accept the loss") from error
        raise translated(error.args[0], f"accepting the loss in {group}") from error
    finally:
        consumer.close()


def _accepted(place: TopicPartition, lows: Mapping[PartitionPlace, int]) -> TopicPartition:
    mark = CommitMark.read(place.metadata)
    offset = place.offset if place.offset >= 0 else lows[place.topic, place.partition]
    return TopicPartition(
        place.topic, place.partition, offset, str(CommitMark(LOSS_ACCEPTED, mark.sequence, wall_ms()))
    )
