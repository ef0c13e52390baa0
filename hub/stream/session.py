"""One session of an inlet: a transactional producer, a place in the agent's group, a consumer that reads, and the state of what
it holds.

What blocks runs in the inlet's one thread. Rebalance callbacks run inside `fill`: no transaction is open then, as `commit` begins
and ends its own, and the agent decides nothing, as it does so while the thread is idle or commits. Commits read ahead meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.clock import wall_ms
from hub.errors import FatalError, RetriableError
from hub.metrics import READY, RECOVERY_SECONDS, STATE_RECORDS
from hub.settings import Settings
from hub.stream.changelog.positions import Positions, with_checkpoints
from hub.stream.changelog.state import AgentState
from hub.stream.changelog.whole import WholeCommits
from hub.stream.holding import Holding
from hub.stream.kafka.client import SessionLostError, agent_config, kafka_errors, missing, translated
from hub.stream.kafka.unpacking import end_of_batch
from hub.stream.letters.gap_letters import GapLetters
from hub.stream.membership import Membership
from hub.stream.numbers import PartitionPlace
from hub.stream.pauses.limits import LetGoOn
from hub.stream.pauses.sources import Sources
from hub.stream.pauses.standings import Standing
from hub.stream.publication import Publication
from hub.stream.reading.backlog import Backlog
from hub.stream.reading.inputs import Inputs
from hub.stream.reading.reader import Reader
from hub.stream.reading.reads import Reads
from hub.stream.watch.alive import SignOfLife
from hub.stream.watch.progress import answered, asks, progressed
from hub.stream.watch.stalls import Stalls
from hub.stream.writing.writer import Output, TransactionWriter
from hub.topics import SOURCES

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_LOOK_EVERY_SECONDS = 5.0
_REST_SECONDS = 5.0


class Session:
    """The membership of one agent in its group. Creating it joins the group. Every call raises FatalError,
    RetriableError or SessionLostError."""

    def __init__(
        self,
        settings: Settings,
        agent: str,
        reads: Reads,
        state: AgentState,
        thread: Executor,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._agent = agent
        self._inputs = Inputs(settings, agent, reads, state.changelog.name)
        self._sources = Sources(settings, agent, reads)
        self._state = state
        self._thread = thread
        self._stopping = stopping
        changelog = state.changelog
        self._positions = Positions(
            agent, settings.namespace, settings.partitions, compacted=changelog.compacted, window_ms=state.window_ms
        )
        self._letters = GapLetters(settings, agent)
        self._alive = SignOfLife(settings, agent, settings.topic(changelog.name))
        self._membership: Any = None
        self._looked = self._worked = 0.0
        self.stale = False
        """True once what is to be read is no longer what is read: then `read_anew` is to be called."""
        self._holding = Holding(settings, agent, state, self._positions, self._recovering)
        self._whole = WholeCommits()
        self.hold = object()
        """This hold on the partitions: another object after each rebalance, and after going back to the last commit."""
        self.tenure = object()
        """Another object once numbers came or went, or somebody else has read of them in between."""
        self.pending: Publication | None = None
        """What is decided and not being written yet. A rebalance has it written first."""
        self._writer = TransactionWriter(settings, agent, settings.topic(changelog.name))
        self._consumer = Consumer(agent_config(settings, agent))
        self._backlog = Backlog(agent, settings.partitions, self._consumer)
        self._reader = Reader(agent, self._consumer, self._backlog)
        self._stalls = Stalls(settings, agent)
        # The group shares out the numbers, for which the changelog stands: nobody adds partitions to it unnoticed, and who holds a
        # number reads all that counts to it (`places_of`). Topics with more partitions would be shared unevenly.
        self._group = Membership(
            settings, agent, settings.topic(changelog.name), self._on_assign, self._on_revoke, self._on_lost
        )

    async def call(self, blocking: Callable[..., _T], *args: Any) -> _T:
        """Run one of the methods below in the inlet's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, blocking, *args)

    def write_pending(self) -> asyncio.Task[None] | None:
        """Begin to commit what is pending, if anything is. Only one may be under way."""
        publication, self.pending = self.pending, None
        return None if publication is None else asyncio.create_task(self.publish(publication))

    async def publish(self, publication: Publication) -> None:
        """Commit a publication, and wake whoever waits for it."""
        await self.call(self.commit, publication.outputs, publication.ends)
        publication.committed()

    # -- reading ---------------------------------------------------------------------------------------------------

    def fill(self, limit: int, wait_seconds: float) -> bool:
        """Fetch up to `limit` records, waiting at most `wait_seconds`. True if there are enough for a chunk."""
        if (message := self._group.heed()) is not None:
            self._complain(message.error(), message.topic())
        self._mend()
        if self._positions.gaps or (self._membership is not None and self._whole.is_due()):
            self.commit((), {})
        ready = self._reader.ready
        for message in self._reader.receive(limit - len(ready), wait_seconds):
            self._complain(message.error(), message.topic())
        self._observe(idle=not ready)
        return len(ready) >= limit or ready.is_full

    def take(self) -> list[Message]:
        """Take the records that are ready. Does not block."""
        messages = self._reader.take()
        if messages:
            self._worked = time.monotonic()
        return messages

    def _complain(self, error: KafkaError, topic: str | None) -> None:
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            if topic == self._settings.topic(self._state.changelog.name):
                raise missing(topic)
            self._look(thoroughly=True)
        if error.fatal():
            raise translated(error, f"{self._agent}: reading {topic}")
        log.warning("%s: %s: %s", self._agent, topic, error.str())

    def _observe(self, *, idle: bool) -> None:
        """Report lag and progress. An idle agent makes progress only if the broker says that there is nothing to
        read.

        An agent that has something in hand reports it at once, and until that is committed, however long it takes.
        """
        now = time.monotonic()
        if not self._backlog.is_due(now, idle=idle):
            return
        if self._membership is not None:
            self._look(thoroughly=now - self._looked >= _LOOK_EVERY_SECONDS)
        ends = self._positions.ends
        reading = self._sources.read_of(ends)
        at_rest = self._backlog.count(now, self.own_numbers, ends, reading)
        if idle and self._membership is not None:
            self._alive.ask(at_rest=at_rest)
            if at_rest and self.pending is None:
                self._rest(now)
        if self._membership is None:
            self._stalls.look_without_partitions(now)
        else:
            self._stalls.look(now, self._backlog.stands(reading), idle=idle and self.pending is None)

    def _look(self, *, thoroughly: bool) -> None:
        """Look whether a source was paused or resumed; if `thoroughly`, also whether a topic has new partitions or was
        made anew: what is not read of it would never say so, nor would one that has grown beyond where it is read."""
        try:
            self.stale |= self._sources.look()
            if thoroughly:
                self._looked = time.monotonic()
                self.stale |= self._inputs.look()
                ends = self._positions.ends
                self._backlog.ask_for(ends.keys() - self._sources.read_of(ends).keys())
        except RetriableError as error:
            log.warning("%s", error)

    def look_soon(self) -> None:
        """Have the next observation look thoroughly. May be called from any thread."""
        self._looked = 0.0

    def _rest(self, now: float) -> None:
        """Commit past the markers of transactions, once an agent has had nothing to read for some time. No reader
        sees markers, and once retention takes them they must not look like records that were never read."""
        past = self._backlog.past_markers(self._positions.ends)
        if past and self._whole.claimed and now - self._worked > _REST_SECONDS:
            self.commit((), {})

    def _recovering(self) -> None:
        if self._stopping.is_set():
            raise SessionLostError(f"{self._agent}: told to stop before its state was read back")
        self.progressed()

    def progressed(self) -> None:
        progressed(self._agent)

    # -- rebalances --------------------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Recover what was not held before, then start where the group's committed offsets say.

        The offsets are asked for first, and only stable ones are answered: no transaction that could still commit for these
        partitions is open after that, so the changelog read next is all there is.
        """
        self._membership = consumer.consumer_group_metadata()
        before = self._holding.taken_away
        self._holding.numbers = sorted(
            place.partition for place in assigned if place.partition < self._settings.partitions
        )
        READY.labels(self._agent).set(0)
        started = time.monotonic()
        self._inputs.look()
        self.stale = False
        committed = self._holding.committed(consumer, self._holding.places(self._inputs.counts))
        self._sources.catch_up(self._recovering)
        as_they_were = self._holding.claim_anew(committed)
        if not before == set(self.own_numbers) == as_they_were:
            self.tenure = object()
        self._whole.begin()
        self._writer.not_alone()
        self._take_up(committed, as_they_were)
        RECOVERY_SECONDS.labels(self._agent).set(time.monotonic() - started)
        STATE_RECORDS.labels(self._agent).set(len(self._state))
        READY.labels(self._agent).set(1)
        self.progressed()
        log.info("%s: holds partitions %s, kept %s", self._agent, self.own_numbers, sorted(as_they_were))

    def _take_up(self, committed: list[TopicPartition], as_they_were: Collection[int] = frozenset()) -> None:
        """Have the state that was committed with these offsets, and read on from there."""
        self.hold, self.pending = object(), None
        self._holding.recover(committed, as_they_were, self._inputs.counts)
        self._read_on()

    def _read_on(self) -> None:
        """Assign the partitions, each from the offset of the last commit."""
        self._reader.forget()
        self._backlog.forget(self._positions.ends)
        self._looked = 0.0  # at once, not what was seen before
        self._leave_out()
        self._reader.read_from(self._sources.read_of(self._positions.starts()))

    def _leave_out(self) -> None:
        """Pass over what an operator wants left out of a source that was paused. The next commit writes it down as a gap."""
        for place, end in self._sources.to_skip(self._positions.ends, self._positions.logs).items():
            self._positions.pass_over(place, end, "an operator let the source go on without what lay there")

    def _mend(self) -> None:
        """Read on where reading halted and can go on, once all that was read before it is committed."""
        if not self._reader.halted or self._membership is None:
            return
        starts = self._reader.reached(self._sources.read_of(self._positions.starts()))
        ripe = self._reader.ripe(starts, self._positions.ends)
        if ripe:
            displaced = ripe & self._reader.displaced
            self._reader.displaced -= displaced
            self._holding.go_on(self._positions.displaced(displaced))
            for place in ripe & self._reader.packed.keys():
                self._step_over(place)
            again = starts | {place: self._positions.starts()[place] for place in ripe}
            self._reader.read_from(self._sources.read_of(again))

    def _step_over(self, place: PartitionPlace) -> None:
        begin, topic = self._reader.packed[place], place[0][len(self._settings.namespace) :]
        self._positions.step_over(place, begin, end_of_batch(self._settings, place, begin, self._recovering))
        del self._reader.packed[place]
        self.stale |= self._sources.stepped_over(topic, place[1], begin, self._positions.logs)

    def read_anew(self) -> None:
        """Begin to read what is to be read now, from the last commit on. All that is decided must be committed."""
        self.stale = False
        if self._membership is None:
            return
        if too_many := self._sources.with_too_many_batches():
            self.pause(too_many)
            return
        wanted = self._holding.places(self._inputs.counts)
        self._positions.keep(wanted)
        anew = self._positions.made_anew(self._inputs.logs)
        fresh = self._holding.committed(self._consumer, wanted - self._positions.ends.keys() | anew)
        self._holding.go_on(fresh)
        self._whole.claimed = False
        self._read_on()

    def pause(self, why: Mapping[str, str]) -> None:
        """Stop reading these sources, by topic, until somebody lets them go on: for good, and for all workers. All that is decided
        must be committed."""
        if said := self._sources.to_pause(why, self.progressed):
            self.commit([Output(self._settings.topic(SOURCES.name), 0, self._sources.signed(said), headed=True)], {})
            self._sources.take(said)
        self.read_anew()

    @property
    def own_numbers(self) -> list[int]:
        """Partition numbers that are held, without those whose state is refused."""
        return self._holding.numbers

    @property
    def behind(self) -> int | None:
        """Committed records that are not read; None while nothing is held."""
        return self._backlog.records

    @property
    def paused(self) -> dict[str, Standing]:
        """Sources that are paused, by topic, and why."""
        return self._sources.paused

    @property
    def let_go_on(self) -> dict[str, LetGoOn]:
        """Sources that were paused and resumed, by topic, with the bad records that were known then."""
        return self._sources.let_go_on(self._positions.ends, self._positions.logs)

    def rewind(self) -> None:
        """After a commit that failed: go back to the last one, whichever that was. What was decided since is forgotten, and its
        records are read again.

        The producer is renewed first: from then on the broker knows what became of the transaction, and nothing can change it.
        """
        if self._membership is None:
            raise SessionLostError(f"{self._agent}: the partitions were taken away")
        self._writer.renew()
        with kafka_errors(f"{self._agent}: going back to the last commit"):
            self._take_up(self._holding.committed(self._consumer, self._positions.ends))

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        """Commit what is decided while the partitions are still held here. Range assignment takes all or nothing, and most of
        them come back: their state is kept until that is known."""
        try:
            publication, self.pending = self.pending, None
            if publication is not None:
                self.commit(publication.outputs, publication.ends)
                publication.committed()
        except (RetriableError, FatalError):
            self._on_lost(consumer, revoked)
            raise
        self._reader.stop()
        self._let_go()

    def _on_lost(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        """The group gave the partitions to others, perhaps long ago: drop everything undecided."""
        del consumer, lost
        self.pending = None
        self._reader.stop()
        self._let_go()
        self._holding.forget()

    def _let_go(self) -> None:
        self._reader.forget()
        READY.labels(self._agent).set(0)
        self._backlog.let_go(self.own_numbers)
        self._holding.let_go()
        self._positions.let_go()
        self._membership = None

    # -- writing -----------------------------------------------------------------------------------------------------

    def commit(self, outputs: Iterable[Output], ends: dict[tuple[str, int], int]) -> None:
        """Publish, write the changelog and commit offsets, all or nothing.

        Raises AbortableError if it failed, perhaps without having heard that it did not; `rewind` finds out.

        `ends` maps topic (without namespace) and partition to the next offset to read. A tick has none, but still sends where
        it stands, because that is what proves to the broker that these partitions are still held here.
        """
        if self._membership is None:
            raise SessionLostError(f"{self._agent}: the partitions were taken away before the chunk was done")
        outputs, changelog = list(outputs), self._settings.topic(self._state.changelog.name)
        whole = not self._whole.claimed or self._whole.is_due()
        plan = self._positions.plan(
            self._backlog.past_markers(self._positions.ends)
            | {(self._settings.topic(topic), partition): end for (topic, partition), end in ends.items()},
            {output.partition for output in outputs if output.topic == changelog and output.partition is not None},
            self._holding.claim,
            wall_ms(),
            whole=whole,
        )
        outputs = with_checkpoints(outputs, changelog, plan.checkpoints, compacted=self._state.changelog.compacted)
        outputs += self._letters.outputs(list(self._positions.gaps.values()))
        asks(self._agent)
        meanwhile = partial(self._reader.read_ahead, self._settings.chunk_records) if ends else None
        self._writer.write(outputs, plan.offsets, self._membership, meanwhile)
        answered(self._agent)
        self._letters.count(self._positions.committed(plan))
        if ends:
            self._reader.committed()
        self._whole.committed(whole=whole)

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self.pending = None
        self._writer.close()
        self._sources.close()
        self._alive.close()
        try:
            self._group.close()
        finally:
            self._let_go()
            self._holding.forget()
            self._reader.close()
