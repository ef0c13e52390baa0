"""Who of a hub needs which rights at Kafka, and no more. Pure: `hub.stream.admin.acls` asks and tells the broker.

A role is a part that logs in: a source's connector, an agent, a department, who looks on (`web`, `ledger`), who operates. Topics
are named one by one, so that what was not granted is not there for whoever asks: a worker does not read the topic of a source that
was added since, and reads it once `cityhub acl --apply` has been said again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from hub import topics
from hub.settings import Settings
from hub.topics import city_events, city_replies, dept_orders, dept_receipts, dept_updates

WORKER, SINKS, WEB, LEDGER, OPERATOR = "worker", "sinks", "web", "ledger", "operator"


class Resource(StrEnum):
    """The kind of thing that a right is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTION = "transactional id"


class RightOperation(StrEnum):
    """What a right allows. READ and WRITE include DESCRIBE."""

    READ = "read"
    WRITE = "write"
    DESCRIBE = "describe"
    DESCRIBE_CONFIGS = "describe configs"
    CREATE = "create"
    ALTER = "alter"
    ALTER_CONFIGS = "alter configs"
    DELETE = "delete"


class Right(NamedTuple):
    """One operation on one resource; or, `prefixed`, on all whose names begin so. Names are those on the broker."""

    resource: Resource
    name: str
    operation: RightOperation
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.resource} {self.name}{'*' if self.prefixed else ''}"


_TOPIC_CARE = (
    RightOperation.READ, RightOperation.CREATE, RightOperation.ALTER, RightOperation.ALTER_CONFIGS, RightOperation.DESCRIBE_CONFIGS,
)  # fmt: skip
_OUTPUTS = {
    "deduplicate": (topics.EVENTS, topics.UPDATES, topics.REPEATS),
    "route": (topics.CASES, topics.HOMES),
    "track": (topics.DEADLINES, topics.CLOSURES),
}
_SEEN = (topics.EVENTS, topics.UPDATES, topics.CASES, topics.DEADLINES, topics.CLOSURES, topics.ERASURES)
"""Of the hub's own, what tells of cases. The dead letters are not among them: they hold what others sent, byte for byte."""
_ON_THE_SIDE = ("control.", "beats.", "sources-", "recovery-", "retention-", "unpacking-")
"""Groups under whose names a worker reads without being in one: librdkafka asks for their coordinator all the same."""


def roles(settings: Settings, sources: Collection[str], departments: Collection[str]) -> dict[str, frozenset[Right]]:
    """The rights of each role of a hub with these sources and departments."""
    named = _Named(settings.namespace, tuple(sources), tuple(departments))
    agents = {f"agent.{name}": frozenset(named.agent(name)) for name in topics.AGENT_CHANGELOGS}
    return {
        WORKER: frozenset[Right]().union(*agents.values()),
        **agents,
        **{f"connector.{source}": frozenset(named.connector(source)) for source in sources},
        **{f"department.{each}": frozenset(named.department(each)) for each in departments},
        **{f"webhook.{each}": frozenset(named.webhook(each)) for each in departments},
        SINKS: frozenset(named.sinks()),
        WEB: frozenset(named.web()),
        LEDGER: frozenset(named.ledger()),
        OPERATOR: frozenset(named.operator()),
    }


class _Named(NamedTuple):
    """Makes the rights of each role within one namespace."""

    namespace: str
    sources: tuple[str, ...]
    departments: tuple[str, ...]

    def agent(self, agent: str) -> Iterator[Right]:
        """The rights of a worker with this agent. It sees that all topics are there, hears the other workers, and
        commits in its own name."""
        reads = [*topics.agent_topics(self.sources, self.departments)[agent]]
        changelog = topics.AGENT_CHANGELOGS[agent].name
        yield from self._topics(self._all(), RightOperation.DESCRIBE, RightOperation.DESCRIBE_CONFIGS)
        yield from self._topics([*reads, changelog, topics.SOURCES.name], RightOperation.READ)
        yield from self._topics([topics.WORKERS.name, topics.CONTROL.name], RightOperation.READ, RightOperation.WRITE)
        yield from self._topics([changelog, topics.DEAD.name, *self._outputs(agent)], RightOperation.WRITE)
        for group in (agent, f"{agent}.alive"):
            yield self._right(Resource.GROUP, group, RightOperation.READ)
        for other in topics.AGENT_CHANGELOGS:
            yield self._right(Resource.GROUP, other, RightOperation.DESCRIBE)
        yield from self._groups(_ON_THE_SIDE)
        yield self._right(Resource.TRANSACTION, f"{agent}.", RightOperation.WRITE, prefixed=True)

    def _outputs(self, agent: str) -> list[str]:
        found = [topic.name for topic in _OUTPUTS[agent]]
        if agent == "deduplicate":
            # a record in a wrong partition is written to its own; a source with too many bad ones is paused
            found += [*self._inputs(), topics.SOURCES.name]
        else:
            found += [city_replies(each).name for each in self.sources]
            found += [dept_orders(each).name for each in self.departments]
        if agent != "route":
            found += [dept_receipts(each).name for each in self.departments]
        return found

    def connector(self, source: str) -> Iterator[Right]:
        """The rights of a source's connector: to write what its system says, and to set aside what cannot be used."""
        yield from self._topics([city_events(source).name, topics.DEAD.name], RightOperation.WRITE)
        yield from self._topics([city_replies(source).name], RightOperation.READ)
        yield from self._groups([f"{source}-"], RightOperation.READ)

    def department(self, department: str) -> Iterator[Right]:
        """The rights of a department: to read its orders and receipts, in groups whose names begin with its own, and
        to write its updates."""
        yield from self._topics([dept_orders(department).name, dept_receipts(department).name], RightOperation.READ)
        yield from self._topics([dept_updates(department).name], RightOperation.WRITE)
        yield from self._groups([f"{department}-"], RightOperation.READ)
        yield from self._groups(["dept-watch-", "unpacking-"])

    def webhook(self, department: str) -> Iterator[Right]:
        """It carries what a department is told to its address and what it says back, and sets aside what cannot be used. A sink of
        connectors.yaml whose name begins with the department's does with it, and an edge that reads its updates."""
        yield from self._topics([dept_orders(department).name, dept_receipts(department).name], RightOperation.READ)
        yield from self._topics([dept_updates(department).name, topics.DEAD.name], RightOperation.WRITE)
        yield self._right(Resource.GROUP, f"{department}-webhook", RightOperation.READ)
        yield from self._groups([f"sink-{department}"], RightOperation.READ)
        yield from self._groups(["unpacking-"])

    def sinks(self) -> Iterator[Right]:
        """It carries whatever the hub says to systems of others, and sets aside what is not taken there."""
        yield from self._topics([topics.CASES.name, topics.DEADLINES.name, *self._outward()], RightOperation.READ)
        yield from self._topics([topics.DEAD.name], RightOperation.WRITE)
        yield from self._groups(["sink-"], RightOperation.READ)
        yield from self._groups(["unpacking-"])

    def web(self) -> Iterator[Right]:
        """It looks at cases, clocks and who is told what, and passes on what departments and apps say by HTTP."""
        own = [city_events(each).name for each in self.sources if each == topics.OWN_SOURCE]
        yield from self._topics([topic.name for topic in _SEEN] + self._outward(), RightOperation.READ)
        yield from self._topics(own, RightOperation.READ, RightOperation.WRITE)
        yield from self._topics([dept_updates(each).name for each in self.departments], RightOperation.WRITE)
        yield from self._groups(["inspect-", "unpacking-", "web-"])

    def ledger(self) -> Iterator[Right]:
        """It writes down what it reads of cases, clocks, who is told what, and dead letters, and says nothing. Of sources it asks
        when something came last."""
        own = [topic.name for topic in (topics.CASES, topics.DEADLINES, topics.DEAD, topics.ERASURES)]
        yield from self._topics(own + self._outward(), RightOperation.READ)
        yield from self._topics([city_events(each).name for each in self.sources], RightOperation.DESCRIBE)
        yield from self._groups(["inspect-", "ledger-", "unpacking-"])

    def operator(self) -> Iterator[Right]:
        """Makes topics and looks after them, reads all, says new rules, lets sources go on, sends dead letters again."""
        yield from self._topics(self._all(), *_TOPIC_CARE)
        yield from self._topics(
            [topics.CONTROL.name, topics.SOURCES.name, topics.ERASURES.name, *self._inputs()], RightOperation.WRITE
        )
        for agent in topics.AGENT_CHANGELOGS:
            yield self._right(Resource.GROUP, agent, RightOperation.READ)
        yield from self._groups(["inspect-", "unpacking-", "recovery-", "sources-", "policy-", "dept-watch-"])
        for operation in (RightOperation.CREATE, RightOperation.WRITE, RightOperation.DELETE):
            yield self._right(Resource.TOPIC, "doctor-", operation, prefixed=True)

    def _inputs(self) -> list[str]:
        """The topics by which sources and departments say something."""
        return [city_events(each).name for each in self.sources] + [
            dept_updates(each).name for each in self.departments
        ]

    def _outward(self) -> list[str]:
        """The topics by which sources and departments are told something."""
        told = [topic(each).name for each in self.departments for topic in (dept_orders, dept_receipts)]
        return [city_replies(each).name for each in self.sources] + told

    def _all(self) -> list[str]:
        return [topic.name for topic in topics.all_topics(self.sources, self.departments)]

    def _topics(self, names: Iterable[str], *operations: RightOperation) -> Iterator[Right]:
        for name in names:
            for operation in operations:
                yield self._right(Resource.TOPIC, name, operation)

    def _groups(self, prefixes: Iterable[str], operation: RightOperation = RightOperation.DESCRIBE) -> Iterator[Right]:
        for prefix in prefixes:
            yield self._right(Resource.GROUP, prefix, operation, prefixed=True)

    def _right(self, resource: Resource, name: str, operation: RightOperation, *, prefixed: bool = False) -> Right:
        return Right(resource, self.namespace + name, operation, prefixed)
