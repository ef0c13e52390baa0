"""What all agents of a process share: settings, the city's rules, the codec, who sends and who receives."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property

from hub.agents.live_policy import LivePolicy
from hub.clock import Clock, ClockKind, DataClock
from hub.control.clocks import CheckedClock
from hub.core.deadlines.rules import RESOLVE
from hub.model.personal import Personal
from hub.policy.city import City
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.gate import Gate
from hub.stream.kafka.known import KnownTopics
from hub.stream.reading.reads import InputReads
from hub.topics import Topic, all_topics, city_replies, dept_orders, dept_receipts, dept_updates

_NO_KINDS: frozenset[Personal] = frozenset()
_NOWHERE = Topic("", "none", None)


@dataclass(frozen=True)
class Hub:
    """For the life of the process; of it only the rules change."""

    settings: Settings
    policy: LivePolicy
    codec: Codec
    sources: tuple[str, ...]
    """Connectors that are here. Others are read too, as soon as their topics are there."""
    known_topics: KnownTopics | None = None
    """Topics that there are; None: those of the sources and of the rules, and no others."""
    gate: Gate = field(default_factory=Gate)
    wall: CheckedClock = field(default_factory=CheckedClock)
    """The time of day, for whatever must not happen too early."""
    process: str = field(default_factory=lambda: uuid.uuid4().hex)
    """A name for this run of this worker: `settings.instance` names whatever run comes after it too."""

    @cached_property
    def topics(self) -> KnownTopics:
        """All that this hub writes or reads."""
        return self.known_topics or KnownTopics(topic.name for topic in all_topics(self.sources, self.departments))

    @property
    def departments(self) -> Collection[str]:
        """Those that any rules had by which this worker has gone."""
        return self.policy.departments

    def knows(self, department: str) -> bool:
        """Whether there is such a department: by the rules, or by its topics, where other workers took newer rules a moment ago."""
        return department in self.departments or _topic(dept_updates, department).name in self.topics

    def inputs(self) -> InputReads:
        """All that sources and departments say, as they come."""
        return InputReads(self.sources, lambda: self.departments)

    def orders(self, department: str) -> Topic:
        """Where a department is told what to do. If there is no such department, a topic that is not there."""
        return _topic(dept_orders, department)

    def replies(self, source: str) -> Topic:
        """Where a source is answered. If there is no such source, a topic that is not there."""
        return _topic(city_replies, source)

    def receipts(self, department: str) -> Topic:
        """Where a department is told what became of its updates. If there is no such department, a topic that is not there."""
        return _topic(dept_receipts, department)

    def withheld(self, department: str) -> frozenset[Personal]:
        """What of a report this department is not told. Of one that the rules have no longer those count that had it last."""
        if department in self.city.departments:
            return self.city.withheld.get(department, _NO_KINDS)
        last = next((city for city in reversed(self.policy.cities) if department in city.departments), self.city)
        return last.withheld.get(department, _NO_KINDS)

    @property
    def withholds(self) -> bool:
        """Whether any department needs less than everything, by any rules that this worker has gone by."""
        return any(city.withheld for city in self.policy.cities)

    def label(self, department: str) -> str:
        """A department as metrics name it: their labels are bounded by policy, what a record names is not."""
        return department if department in self.departments else "unknown"

    def source_label(self, source: str) -> str:
        """The same for a source."""
        return source if source in self.sources else "unknown"

    def clock_label(self, clock: str) -> str:
        """The same for a clock. One that only older rules have counts as unknown too."""
        return clock if clock == RESOLVE or any(row.clock == clock for row in self.city.deadlines) else "unknown"

    @property
    def city(self) -> City:
        """The latest rules."""
        return self.policy.latest

    def clock(self) -> Clock:
        """What cases are timed by: the time of day, or the data's own where history is replayed."""
        return DataClock() if self.settings.clock is ClockKind.DATA else self.wall


def _topic(make: Callable[[str], Topic], name: str) -> Topic:
    try:
        return make(name)
    except ValueError:  # nobody can be called so
        return _NOWHERE
