"""A hub as a test sees it, whether it is in memory or a worker on Kafka. No tests of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from hub.audit.run import audit_with_state
from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.inspect.reading import read_messages, spans
from hub.model.event import CaseEvent, EventKind, Urgency
from hub.model.update import Update, status_and_step
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub
from hub.topics import AGENT_CHANGELOGS, city_events, dept_updates
from tests.integration.small_hub import SmallHub, free_port, kill, ready, running_hub, wait_for

HOUR_MS = 3_600_000
PARTITIONS = 2
CITY = load_city(ROOT / "ops" / "cities" / "demo")
_PATIENCE = 5


class AnyHub(Protocol):
    """A running hub of the demo city, by the time of day."""

    @property
    def now_ms(self) -> int: ...

    def publish(self, *records: CaseEvent | Update) -> None: ...
    def send(self, topic: str, key: bytes, value: bytes) -> None: ...
    def records(self, topic: str) -> list[Mapping[str, Any]]:
        """What is committed, decoded, in order within each partition."""
        ...

    def until(self, what: Callable[[], bool], why: str) -> None:
        """Let the hub work and time pass until `what` is true."""
        ...

    def restart(self) -> None:
        """Another worker in its place, which knows only what is in the topics."""
        ...

    def interrupted(self, *records: CaseEvent) -> None:
        """Publish, and have its worker gone when something of it is decided and not committed; another takes over."""
        ...

    def rebalanced(self, *records: CaseEvent) -> None:
        """Publish, and have its partitions taken away at such a moment; they come back."""
        ...

    def proves_good(self) -> None:
        """Every record that came in has one outcome, and the state agrees with what was published."""
        ...


class InMemory:
    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self.publish, self.send, self.records, self.restart = hub.publish, hub.send, hub.records, hub.restart

    @property
    def now_ms(self) -> int:
        return self._hub.clock.now_ms

    def until(self, what: Callable[[], bool], why: str) -> None:
        for _ in range(_PATIENCE):
            self._hub.settle()
            if what():
                return
        raise AssertionError(f"not so: {why}")

    def interrupted(self, *records: CaseEvent) -> None:
        self.publish(*records)
        for agent in AGENT_CHANGELOGS:
            self._hub.crash(agent)
            self._hub.turn(agent)

    rebalanced = interrupted

    def proves_good(self) -> None:
        account, state = self._hub.audit()
        assert account.good, account.findings
        assert state.good, state.findings


class OnKafka:
    def __init__(self, hub: SmallHub) -> None:
        self._hub = hub
        self.send, self.restart = hub.send, hub.restart

    @property
    def now_ms(self) -> int:
        return wall_ms()

    def publish(self, *records: CaseEvent | Update) -> None:
        with Sender(self._hub.settings) as sender:
            for record in records:
                value = self._hub.codec.encode_one(record.subject(), record.to_avro())
                if isinstance(record, Update):
                    sender.send(dept_updates(record.department).name, record.case_id.encode(), value)
                else:
                    sender.send(city_events(record.source).name, record.source_ref.encode(), value)

    def records(self, topic: str) -> list[Mapping[str, Any]]:
        found = [
            message
            for batch in read_messages(self._hub.settings, spans(self._hub.settings, [topic]))
            for message in batch
        ]
        found.sort(key=lambda message: (message.partition(), message.offset()))
        return [self._hub.codec.decode_one(message.value())[1] for message in found]

    def until(self, what: Callable[[], bool], why: str) -> None:
        wait_for(what, why)

    def interrupted(self, *records: CaseEvent) -> None:
        self._begin(records)
        kill(self._hub.worker.pid)
        self._hub.restart()

    def rebalanced(self, *records: CaseEvent) -> None:
        self._begin(records)
        settings = self._hub.settings.changed(instance="another", web_port=free_port())
        worker = self._hub.another(settings)
        try:
            wait_for(lambda: ready(settings), "the other worker has its part")
        finally:
            worker.stop()

    def _begin(self, records: Sequence[CaseEvent]) -> None:
        """The worker is at work on these, somewhere between two commits."""
        before = len(self.records("hub.cases"))
        self.publish(*records)
        wait_for(lambda: len(self.records("hub.cases")) > before, "the first of it is decided")

    def proves_good(self) -> None:
        hub = self._hub
        hub.settle(lambda report: report.good)
        _, state = audit_with_state(hub.settings, hub.sources, hub.departments)
        assert getattr(state, "good", False), state


@contextmanager
def hub_in_memory() -> Iterator[InMemory]:
    with MemoryHub(CITY, wall_ms(), partitions=PARTITIONS, chunk_records=50) as hub:
        yield InMemory(hub)


@contextmanager
def hub_on_kafka(bootstrap: str, namespace: str, folder: Path) -> Iterator[OnKafka]:
    with running_hub(bootstrap, namespace, folder) as hub:
        wait_for(lambda: ready(hub.settings), "the worker serves")
        yield OnKafka(hub)


def report(reported_ms: int, **changes: Any) -> CaseEvent:
    """A burst water main in the area of `water_supply`."""
    fields = {
        "source": "hotline", "source_ref": "H1", "revision": 0, "kind": EventKind.OPENED, "reported_at": reported_ms,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": {"lat": 34.02, "lon": 114.515},
        "title": "Water main burst 爆管", "text": "Water on the road.", "channel": "phone",
    } | changes  # fmt: skip
    return CaseEvent.model_validate(fields)


def update(case: str, word: str, at_ms: int, department: str = "water_supply") -> Update:
    """What a department says; the id is the word."""
    status, step = status_and_step(word)
    return Update(
        update_id=word, department=department, case_id=case, status=status, step=step, at=at_ms, note="So it is. 如此。"
    )
