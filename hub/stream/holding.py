"""What a session holds: numbers of partitions with their state, as it was committed with the offsets that the group knows.

What a rebalance takes away is kept in memory until it is known whether it comes back, and whether anybody committed in between.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping

from confluent_kafka import Consumer, TopicPartition

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.metrics import STATE_REFUSED
from hub.settings import Settings
from hub.stream.changelog.checkpoints import Trail
from hub.stream.changelog.claims import still_claimed
from hub.stream.changelog.positions import Positions
from hub.stream.changelog.recovery import recover
from hub.stream.changelog.state import AgentState
from hub.stream.kafka.client import kafka_errors
from hub.stream.kafka.extents import extents_reaching
from hub.stream.numbers import PartitionPlace, places_of
from hub.stream.writing.writer import GIVE_UP_SECONDS

log = logging.getLogger(__name__)


class Holding:
    """The numbers that one session holds; used in that session's thread. `alive` is called while state is read back,
    and raises if that is to end."""

    def __init__(
        self, settings: Settings, agent: str, state: AgentState, positions: Positions, alive: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._agent = agent
        self._state = state
        self._positions = positions
        self._alive = alive
        self.numbers: list[int] = []
        """The numbers held now, without those whose state is refused."""
        self.claim = ""
        """The name of this hold, written beside each offset that it commits; its first commit writes it beside the
        offsets of all that is held."""
        self._kept: set[int] = set()
        """Numbers that a rebalance took away, with all that was decided of them committed: their state stays in
        memory, as they may come back."""

    @property
    def taken_away(self) -> frozenset[int]:
        """Numbers that a rebalance took away, and of which it is not known yet whether they come back."""
        return frozenset(self._kept)

    def places(self, counts: Mapping[str, int]) -> set[PartitionPlace]:
        """Every partition to be read by who holds these numbers. `counts`: how many partitions each topic has."""
        return set(places_of(self.numbers, counts, self._settings.partitions))

    def committed(self, consumer: Consumer, places: Iterable[PartitionPlace]) -> list[TopicPartition]:
        """What the group has committed of these places, by its own member. Raises RetriableError or FatalError."""
        asked = [TopicPartition(*place) for place in places]
        with kafka_errors(f"{self._agent}: asking for committed offsets"):
            return list(consumer.committed(asked, timeout=GIVE_UP_SECONDS)) if asked else []

    def claim_anew(self, committed: Iterable[TopicPartition]) -> set[int]:
        """Begin another hold. Returns the numbers whose state in memory is still what was committed, with these offsets."""
        as_they_were = self._keep(still_claimed(committed, self.claim, self._settings.partitions))
        self.claim = uuid.uuid4().hex
        self._positions.refused.clear()
        return as_they_were

    def _keep(self, claimed: set[int]) -> set[int]:
        """Drop the state of what was taken away, but for the numbers that are claimed still. Returns those whose
        state stays."""
        kept, self._kept = self._kept & claimed, self._kept - claimed
        self.forget()
        if kept and self._state.wasteful():
            self._kept, kept = kept, set()
            self.forget()
        return kept

    def recover(
        self, committed: list[TopicPartition], as_they_were: Collection[int], counts: Mapping[str, int]
    ) -> None:
        """Read back the state that was committed with these offsets, but for the numbers that are as they were, and
        read on behind it.

        `counts`: how many partitions each topic has. Raises FatalError if nothing is left to be held, and
        RetriableError if the broker cannot be read.
        """
        others = [number for number in self.numbers if number not in as_they_were]
        for number in others:
            self._state.drop(number)
        trails = recover(self._settings, self._state, others, self._alive) if others else {}
        self._positions.let_go()
        self._positions.judge(committed, trails, wall_ms())
        self._refuse()
        places = self.places(counts)
        self.go_on([place for place in committed if (place.topic, place.partition) in places], trails)

    def go_on(self, committed: Iterable[TopicPartition], trails: Mapping[int, Trail] | None = None) -> None:
        """Take up these places where the group's offsets and the changelogs say, as far as the broker has what lies
        there."""
        self._positions.go_on(
            list(committed), trails or {}, lambda wanted: extents_reaching(self._settings, wanted, self._alive)
        )

    def _refuse(self) -> None:
        """Decide nothing of the numbers whose state is not what was committed; the others are served. Raises
        FatalError if no number is left."""
        refused = {number: self._refusal(number, fault) for number, fault in self._positions.refused.items()}
        STATE_REFUSED.labels(self._agent).set(len(refused))
        for number in set(self.numbers) & refused.keys():
            self.numbers.remove(number)
            self._state.drop(number)
            log.error("%s", refused[number])
        if refused and not self.numbers:
            raise FatalError(next(iter(refused.values())))

    def _refusal(self, number: int, fault: str) -> str:
        topic = self._settings.topic(self._state.changelog.name)
        return (
            f"{self._agent}: partition {number} is refused, and nothing of it decided: the state in {topic}[{number}] is not what "
            f"was committed with its offsets: {fault}. Restore the topic as it was; or stop the workers and accept the loss with "
            f"`cityhub state --accept-loss {self._agent}:{number}`, see ops/runbooks/state-refused.md"
        )

    def let_go(self) -> None:
        """Take note that the numbers are taken away. Their state is kept until `claim_anew` or `forget`."""
        self._kept.update(self.numbers)
        self.numbers = []

    def forget(self) -> None:
        """Drop the state of what was taken away."""
        for number in self._kept:
            self._state.drop(number)
        self._kept.clear()
