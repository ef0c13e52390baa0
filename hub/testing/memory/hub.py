"""A whole hub for a test: what goes in, having the agents do their work, letting time pass, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hub import topics
from hub.agents.context import Hub
from hub.agents.live_policy import POLICY_REFUSED, LivePolicy
from hub.agents.modules import AGENTS
from hub.agents.track.agent import NAME as TRACK
from hub.agents.track.waiting import PATIENCE_MS
from hub.agents.view import open_cases
from hub.audit.checks.rebuilt import StateReport
from hub.audit.report import AuditReport
from hub.control.clocks import CheckedClock
from hub.errors import FatalError
from hub.model.event import CaseEvent
from hub.model.update import Update
from hub.policy import City
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.changelog.state import AgentState
from hub.stream.kafka.known import KnownTopics
from hub.stream.pauses.limits import TooManyRejectsError
from hub.testing.memory.agent import MemoryAgent
from hub.testing.memory.audited import audited
from hub.testing.memory.broker import CommittedRecord, MemoryBroker
from hub.testing.memory.clock import SetClock
from hub.topics import Topic

_SETTLED_MS = 2 * PATIENCE_MS
"""After this nothing is waited for any more."""


class MemoryHub:
    """The agents of a hub as they are, without Kafka: for tests of a connector, of a department's system, of a city's rules.

        with MemoryHub(load_city(folder), now_ms) as hub:
            hub.publish(event)
            hub.run()
            (order,) = hub.records("dept.roads.orders")
            hub.publish(Update(case_id=order["case_id"], ...))
            hub.settle(now_ms + DAY_MS)
            hub.records("hub.deadlines", kind="BREACHED")

    Times are milliseconds since 1970 UTC. Nothing happens by itself: records wait until `run`, and time stands still until
    `settle` or until `clock.now_ms` is set. While the block runs, `hub.clock` tells that time to all of the process.
    """

    def __init__(
        self,
        city: City,
        now_ms: int,
        *,
        sources: Sequence[str] | None = None,
        wall: CheckedClock | None = None,
        **settings: Any,
    ) -> None:
        """`sources`: who reports; None: the connectors that are there. `wall`: in place of a clock that agrees with the broker's.
        `settings`: fields of hub.settings.Settings; of partitions there is one unless it says otherwise."""
        self.clock = SetClock(now_ms)
        self.codec = Codec(_registry())
        self.settings = Settings(**{"partitions": 1, "namespace": "", "instance": "memory", **settings})
        self.sources = tuple(sources) if sources is not None else _connectors()
        self.broker = MemoryBroker(
            topics.all_topics(self.sources, city.departments),
            self.settings.partitions,
            topics.agent_topics(self.sources, city.departments),
            lambda: self.clock.now_ms,
        )
        known = KnownTopics(self.broker.names, lambda: self.broker.names, count().__next__)
        self._hub = Hub(self.settings, LivePolicy(city, known), self.codec, self.sources, known)
        if wall is not None:
            self._hub = replace(self._hub, wall=wall)
        self._agents: dict[str, MemoryAgent] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.clock.everywhere())
        self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for agent in self._agents.values():
            agent.close()
        self._open.close()

    # -- in ------------------------------------------------------------------------------------------------------------

    def publish(
        self, *records: CaseEvent | Update, partition: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Statements as connectors publish them, updates as departments do: to the topic of who speaks, by key unless
        `partition` is given. `headers`: of each, such as a back-fill's.

        Raises FatalError if who speaks is no source or department of this hub.
        """
        for record in records:
            if isinstance(record, Update):
                topic, key = topics.dept_updates(record.department).name, record.case_id
            else:
                topic, key = topics.city_events(record.source).name, record.source_ref
            value = self.codec.encode_one(record.subject(), record.to_avro())
            told = [(name, text.encode()) for name, text in (headers or {}).items()]
            self.broker.append(topic, [key.encode()], [value], partition, told or None)

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """Whatever anybody might write into a topic. Raises FatalError if there is no such topic."""
        self.broker.append(topic, [key], [value], partition)

    # -- what happens --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Have the agents decide until none has anything to read."""
        self._look()
        while any(self.turn(name) for name in AGENTS):
            pass

    def turn(self, agent: str, at_most: int | None = None) -> bool:
        """One transaction of an agent, over all that waits for it or `at_most` so many records. False if none waits.

        A source with too many rejects is paused instead, and nobody else: its topic is in `paused`.
        """
        if not self.broker.unread[agent]:
            return False
        try:
            self._transaction(agent, at_most or self.settings.chunk_records)
        except TooManyRejectsError as error:
            self.broker.pause(error.why)
        return True

    def settle(self, until_ms: int | None = None) -> None:
        """Run, let time pass until then, or until nothing is waited for any more, and run again."""
        self.run()
        self.clock.now_ms = self.clock.now_ms + _SETTLED_MS if until_ms is None else until_ms
        for _ in range(2):  # what runs out may start another clock
            self._transaction(TRACK, 0)
            self.run()

    def reload(self, folder: Path) -> list[str]:
        """Have the agents go by this policy folder from their next chunk on; what changes, in words.

        Raises FatalError, with all reasons, if it may not follow the rules in force.
        """
        outcome, lines = self._hub.policy.reload(
            folder, None, open_cases(agent.view for agent in self._agents.values())
        )
        if outcome == POLICY_REFUSED:
            raise FatalError("; ".join(lines))
        return lines

    def make(self, *made: Topic) -> None:
        """Have these topics too, as whoever administers Kafka makes them. A new source's are read from the next `run` on, a new
        department's once `reload` has given rules that name it."""
        self.broker.make(made)
        self.sources += tuple(
            source for topic in made if (source := topics.source_in(topic.name)) and source not in self.sources
        )

    def _look(self) -> None:
        for name, agent in self._agents.items():
            agent.view.inlet.reads.look(self.broker.names)
            self.broker.read_by(name, agent.topics)

    @property
    def departments(self) -> Sequence[str]:
        """Of all rules that this hub has gone by."""
        return tuple(self._hub.departments)

    def restart(self, *names: str) -> None:
        """Put other agents in the place of these, or of all: they know only what is in their changelogs."""
        for name in names or AGENTS:
            if name in self._agents:
                self._agents[name].close()
            self._agents[name] = MemoryAgent(name, self._hub)
            self._agents[name].take_up(self.changelog(name))

    def crash(self, agent: str) -> None:
        """An agent decides what waits for it and dies before it commits; another takes its place. Nobody sees what it decided."""
        self._agents[agent].decide(self.broker.read(agent, self.settings.chunk_records))
        self.restart(agent)

    def _transaction(self, agent: str, limit: int) -> None:
        batches = self.broker.read(agent, limit)
        publication = self._agents[agent].decide(batches, caught_up=not batches)
        self.broker.commit(agent, batches, publication.outputs)
        publication.committed()

    # -- out -----------------------------------------------------------------------------------------------------------

    def records(self, topic: str, **wanted: Any) -> list[Mapping[str, Any]]:
        """What is in a topic, decoded, in order; times in ms. With names and values, only what has these."""
        found = (self.codec.decode_one(record.value or b"")[1] for record in self.broker.records(topic))
        return [each for each in found if all(each[name] == value for name, value in wanted.items())]

    def orders(self, **wanted: Any) -> list[Mapping[str, Any]]:
        """Of all departments, one after the other."""
        return [each for name in self.departments for each in self.records(topics.dept_orders(name).name, **wanted)]

    def replies(self, **wanted: Any) -> list[Mapping[str, Any]]:
        """To all sources, one after the other."""
        return [each for name in self.sources for each in self.records(topics.city_replies(name).name, **wanted)]

    def receipts(self, **wanted: Any) -> list[Mapping[str, Any]]:
        """Of all departments, one after the other."""
        return [each for name in self.departments for each in self.records(topics.dept_receipts(name).name, **wanted)]

    def changelog(self, agent: str) -> list[CommittedRecord]:
        """What an agent has written of its state, oldest first."""
        return self.broker.records(topics.AGENT_CHANGELOGS[agent].name)

    def audit(self) -> tuple[AuditReport, StateReport]:
        """The account taken from the topics, and what the changelogs say beside it; as `cityhub reconcile` would have it."""
        return audited(self.broker, self.settings, self.sources, self.departments)

    def state(self, agent: str) -> AgentState:
        """An agent's memory, to look at."""
        return self._agents[agent].state

    @property
    def paused(self) -> Mapping[str, str]:
        """Topics of sources and departments that are read no more because too much was rejected, with the reason."""
        return self.broker.paused


@cache
def _registry() -> FileRegistry:
    """Read once: making a hub is cheap, so that a test may make hundreds."""
    return FileRegistry()


@cache
def _connectors() -> tuple[str, ...]:
    return tuple(discover())
