"""What comes in is answered when Kafka has it; what Kafka does not answer is told to call again, and nothing piles up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from hub.settings import Settings
from hub.web import intake
from hub.web.intake import KafkaIntake, NotTakenError, Outgoing
from tests.processes import wait_until

Delivered = Callable[[KafkaError | None, Any], None]
_RECORD = Outgoing("dept.roads.updates", b"C", b"value")


class FakeProducer:
    """Takes records and answers as the test says: `error` None acknowledges, `is_silent` never does."""

    made: list[FakeProducer]
    is_silent = False
    error: KafkaError | None = None

    def __init__(self, config: dict[str, Any]) -> None:
        del config
        self.topics: list[str] = []
        self._lock = threading.Lock()
        self._open: list[tuple[Delivered, KafkaError | None, bool]] = []
        type(self).made.append(self)

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Delivered, headers: object) -> None:
        del value, key, headers
        with self._lock:  # how it will be answered is fixed now, whenever the other thread looks
            self.topics.append(topic)
            self._open.append((on_delivery, self.error, self.is_silent))

    def poll(self, seconds: float) -> None:
        time.sleep(seconds)
        with self._lock:
            answered = [each for each in self._open if not (each[2] and self.is_silent)]
            self._open = [each for each in self._open if each not in answered]
        for delivered, error, _ in answered:
            delivered(error, None)

    def purge(self) -> None:
        with self._lock:
            answered, self._open = self._open, []
        for delivered, _, _ in answered:
            delivered(KafkaError(KafkaError._PURGE_QUEUE), None)

    def __len__(self) -> int:
        return len(self._open)


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> type[FakeProducer]:
    fake = type("_Fake", (FakeProducer,), {"made": []})
    monkeypatch.setattr(intake, "Producer", fake)
    monkeypatch.setattr(intake, "producer_config", lambda *_: {})
    monkeypatch.setattr(intake, "_POLL_SECONDS", 0.01)
    return fake


@pytest.fixture
def running(producer: type[FakeProducer]) -> Iterator[KafkaIntake]:
    del producer
    found = KafkaIntake(Settings(namespace="n."))
    found.start()
    yield found
    found.stop()


def put(running: KafkaIntake, count: int = 1) -> None:
    asyncio.run(running.put([_RECORD] * count))


def test_it_comes_back_when_all_is_acknowledged(running: KafkaIntake, producer: type[FakeProducer]) -> None:
    put(running, 3)
    assert producer.made[0].topics == ["n.dept.roads.updates"] * 3


def test_what_kafka_refuses_is_not_taken(running: KafkaIntake, producer: type[FakeProducer]) -> None:
    producer.error = KafkaError(KafkaError._MSG_TIMED_OUT)
    with pytest.raises(NotTakenError):
        put(running)
    producer.error = None
    put(running)
    assert len(producer.made) == 1


def test_who_waits_too_long_calls_again_and_others_do_not_wait(
    running: KafkaIntake, producer: type[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ANSWER_SECONDS", 0.05)
    producer.is_silent = True
    with pytest.raises(NotTakenError):
        put(running)
    with pytest.raises(NotTakenError):
        put(running)
    assert len(producer.made[0].topics) == 1, "while the first waits, nothing more is given to Kafka"
    producer.is_silent = False
    monkeypatch.setattr(intake, "ANSWER_SECONDS", 60.0)
    put(running)


def test_nothing_piles_up(running: KafkaIntake, producer: type[FakeProducer], monkeypatch: pytest.MonkeyPatch) -> None:
    producer.is_silent = True
    monkeypatch.setattr(intake, "_MOST_RECORDS", 5)
    with pytest.raises(NotTakenError):
        put(running, 10)
    assert len(producer.made[0].topics) == 5


def test_a_producer_that_is_over_is_replaced(
    running: KafkaIntake, producer: type[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(self: FakeProducer, seconds: float) -> None:
        monkeypatch.setattr(producer, "poll", FakeProducer.poll)
        raise KafkaException(KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "made up", fatal=True))

    producer.is_silent = True
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(put, running)
        wait_until(lambda: producer.made[0].topics, "it was given to Kafka", 60)
        monkeypatch.setattr(producer, "poll", over)
        with pytest.raises(NotTakenError):
            waiting.result()
    producer.is_silent = False
    wait_until(lambda: len(producer.made) == 2, "another takes its place", 60)
    put(running)
    assert producer.made[1].topics == ["n.dept.roads.updates"]
