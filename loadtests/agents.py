"""All three agents as they are, without Kafka and Faust: what one event with its whole life costs, by agent and step.

A life is the event, its case and order, the department's answer, what becomes of that, and at last its being forgotten. Records go
from agent to agent by topic and partition as a broker would hand them over, in full chunks; that, the departments and the
checks are outside of what is timed.
"""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hub import topics
from hub.agents import deduplicate
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.agents.route import agent as route
from hub.agents.track import agent as track
from hub.cli.services.worker import tune_memory
from hub.declared.document import read_yaml
from hub.errors import FatalError
from hub.policy import load_city
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.memory import MemoryAgent, MemoryBroker, SetClock
from loadtests.agents_stand_ins import STEPS, Departments, Stopwatch
from loadtests.job.city import write_city
from loadtests.job.events import BASE_MS, SOURCES, Block, Events, source_of
from loadtests.job.rules import Rules, make_rules
from loadtests.peers.given import PARTITIONS
from loadtests.scenario import Agents

AGENTS = (deduplicate.NAME, route.NAME, track.NAME)


def agents(scenario: Agents, say: Callable[[str], None]) -> dict[str, Any]:
    """Rows: a size of chunk with its rate and the microseconds an event of each agent and step. Raises FatalError if an event
    has no order, or two, or if an answer is lost."""
    tune_memory()
    rules = make_rules(scenario.seed)
    rows = []
    with tempfile.TemporaryDirectory(prefix="cityhub-load-") as folder:
        city = write_city(rules, Path(folder) / "city")
        if scenario.needs is not None:
            _give_purpose(city, scenario.needs)
        for size in scenario.chunk_records:
            rounds = [Round(scenario, rules, city, size).all() for _ in range(scenario.rounds)]
            found = _rows(size, rounds)
            rows += found
            whole = found[-1]
            say(f"chunks of {size:,}: {whole['µs']:.1f} µs an event, {whole['events/CPU s']:,.0f} events a CPU second")
    return {
        "rows": rows,
        "note": f"{scenario.records:,} records a round, one in twenty an exact repeat, made at {scenario.rate:,.0f} a second; "
        f"{scenario.answers:.0%} of the cases are resolved by their department, and cases that are over are forgotten after "
        f"{scenario.settings.get('closed_case_days', 'the usual number of')} days. One process, one thread, no broker; median of "
        f"{scenario.rounds} rounds. Microseconds of CPU time an event (repeats are not counted as events, but paid for), with all "
        "that comes of it. `decode` and `encode` are Avro, `changelog` the state's records; `rest` is what is decided, and making "
        "columns of it. Every event had exactly one order (ASSIGN or LINK), every answer one closure.",
    }


def _give_purpose(city: Path, needs: Sequence[str]) -> None:
    """To all departments of a policy folder."""
    departments = city / "departments.yaml"
    declared = read_yaml(departments)
    rows = [row | {"purpose": "measured"} for row in declared["departments"]]
    departments.write_text(json.dumps({"departments": rows}, ensure_ascii=False), "utf-8")
    purpose = {"name": {"en": "Measured", "zh": "测量"}, "needs": list(needs)}
    (city / "privacy.yaml").write_text(json.dumps({"purposes": {"measured": purpose}}, ensure_ascii=False), "utf-8")


def _rows(size: int, rounds: list[dict[tuple[str, str], float]]) -> list[dict[str, Any]]:
    """One for each agent, and one for all of them. Medians of microseconds an event."""
    rows = []
    for label, members in [*((name, (name,)) for name in AGENTS), ("all three", AGENTS)]:
        steps = {
            step: statistics.median(sum(spent[agent, step] for agent in members) for spent in rounds) for step in STEPS
        }
        whole = statistics.median(sum(spent[agent, step] for agent in members for step in STEPS) for spent in rounds)
        rows.append({"chunk": size, "agent": label, "µs": whole, "events/CPU s": 1e6 / whole, **steps})
    return rows


class Round:
    """One round from the first event to the last thing that came of it."""

    def __init__(self, scenario: Agents, rules: Rules, city: Path, size: int, *, keep: bool = False) -> None:
        self._scenario, self._size = scenario, size
        self.events = Events(rules, scenario.seed)
        self._clock = SetClock(BASE_MS)
        self._watch = Stopwatch()
        settings = Settings.from_env(
            {f"CITYHUB_{name.upper()}": str(value) for name, value in scenario.settings.items()},
            partitions=PARTITIONS, city=city,
        )  # fmt: skip
        codec = Codec(FileRegistry())
        loaded = load_city(city)
        self._departments = Departments(Codec(FileRegistry()), scenario.answers, self._clock)
        hub = Hub(settings, LivePolicy(loaded), self._watch.on_codec(codec), SOURCES)
        declared, reads = topics.all_topics(SOURCES, hub.departments), topics.agent_topics(SOURCES, hub.departments)
        self.broker = MemoryBroker(declared, PARTITIONS, reads, lambda: self._clock.now_ms, keep=keep)
        self._agents = [MemoryAgent(name, hub) for name in AGENTS]

    def all(self) -> dict[tuple[str, str], float]:
        """Microseconds an event, by agent and step."""
        with self._clock.everywhere(), self._watch.on_changelogs():
            gc.collect()
            self._all()
        self._check()
        fresh = self.events.truth().orders
        return {(agent, step): self._watch.seconds[agent, step] / fresh * 1e6 for agent in AGENTS for step in STEPS}

    def _all(self) -> None:
        left, unread = self._scenario.records, self.broker.unread
        while left or any(unread.values()):
            if left and unread[deduplicate.NAME] < self._size:
                count = min(left, self._size)
                left -= count
                self._send(self.events.make(count, self._clock.now_ms))
                self._clock.pass_seconds(count / self._scenario.rate)
            for agent in self._agents:
                while unread[agent.name] >= self._size or (not left and unread[agent.name]):
                    self._turn(agent)
            for topic, keys, values in self._departments.answers():
                self.broker.append(topic, keys, values)

    def _turn(self, agent: MemoryAgent) -> None:
        batches = self.broker.read(agent.name, self._size)
        chunk = agent.chunk(batches)
        with self._watch.on_agent(agent.name):
            publication = agent.answer(chunk)
        publication.committed()
        self.broker.commit(agent.name, batches, publication.outputs)
        for topic, _, messages, _ in publication.outputs:
            if topic.endswith(".orders"):
                self._departments.read([message["value"] for message in messages])

    def _send(self, block: Block) -> None:
        by_source: dict[str, tuple[list[bytes], list[bytes]]] = defaultdict(lambda: ([], []))
        for key, value in zip(block.keys, block.values, strict=True):
            keys, values = by_source[source_of(key)]
            keys.append(key)
            values.append(value)
        for source, (keys, values) in by_source.items():
            self.broker.append(topics.city_events(source).name, keys, values)

    def _check(self) -> None:
        departments, published = self._departments, self.broker.published
        expected = self.events.truth().orders
        wrong: Sequence[tuple[str, int, int]] = (
            ("orders of distinct events", expected, departments.distinct),
            ("orders ASSIGN or LINK", expected, departments.ordered),
            ("dead letters", 0, published[topics.DEAD.name]),
            ("closures of the cases answered", departments.answered, published[topics.CLOSURES.name]),
            ("changes of cases", expected + departments.answered, published[topics.CASES.name]),
        )
        for what, wanted, found in wrong:
            if wanted != found:
                raise FatalError(f"{self._scenario.name}: {found:,} {what}, and there should be {wanted:,}")
