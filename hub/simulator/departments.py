"""The simulated departments as clients of the hub: orders in, updates back, on the simulation's time."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from hub.errors import FatalError, HubError
from hub.settings import Settings
from hub.simulator.answers import UNKNOWN_CASE, PlannedUpdate, answers_to
from hub.simulator.simclock import SimulationClock
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.stream.kafka.client import IN_FLIGHT, client_config, flushed, served
from hub.topics import dept_orders, dept_updates

_POLL_SECONDS = 0.1


Script = Callable[[Mapping[str, Any]], list[PlannedUpdate] | None]


def _nothing(_order: Mapping[str, Any]) -> None:
    return None


class UpdateSink(Protocol):
    """Where updates go. `send` may be called many times between two `flush`; it must not block for long."""

    def send(self, answer: PlannedUpdate) -> None: ...

    def flush(self) -> None: ...


class UpdateDesk:
    """What the departments still have to say, by when. One thread at a time."""

    def __init__(self, seed: int, script: Script = _nothing) -> None:
        """`script`: what is said of a case that is told beforehand, whoever holds it; None of all others."""
        self._seed, self._script = seed, script
        self._due: list[tuple[int, int, PlannedUpdate]] = []
        self._count = 0
        self._held: dict[str, str] = {}
        """Department by case: who was last asked. Empty once it was withdrawn."""

    def __len__(self) -> int:
        return len(self._due)

    def take(self, order: dict[str, Any]) -> None:
        """Note an order. A withdrawn or reassigned case is not worked on by whoever had it."""
        case_id, department = order["case_id"], order["department"]
        told = self._script(order)
        if told is not None:
            self._note(told)
            return
        if order["kind"] == "WITHDRAW" and self._held.get(case_id) == department:
            self._held[case_id] = ""
        if order["kind"] == "ASSIGN":
            self._held[case_id] = department
        self._note(answers_to(self._seed, order))

    def _note(self, answers: Iterable[PlannedUpdate]) -> None:
        for answer in answers:
            heapq.heappush(self._due, (answer.at_ms, self._count, answer))
            self._count += 1

    def due(self, now_ms: int) -> list[PlannedUpdate]:
        """The answers whose time has come, in order, of cases still held; twice what is sent twice."""
        out: list[PlannedUpdate] = []
        while self._due and self._due[0][0] <= now_ms:
            answer = heapq.heappop(self._due)[-1]
            if self._held.get(answer.case_id, answer.department) == answer.department:
                out.extend([answer] * answer.times)
        return out


class KafkaSink:
    """Publishes updates, keyed by case. Raises FatalError when Kafka refuses one for good."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._failed: KafkaError | None = None
        self._producer = Producer(
            client_config(settings, "simulated-departments")
            | {
                "enable.idempotence": True,
                IN_FLIGHT: 1,  # as producer_config says
                "partitioner": "murmur2_random",
                "linger.ms": 5,
            }
        )

    def send(self, answer: PlannedUpdate) -> None:
        topic = dept_updates(answer.department)
        value = self._codec.encode_one(topic.subject or "", answer.update())
        self._producer.produce(
            self._settings.topic(topic.name), value, answer.case_id.encode(), on_delivery=self._delivered
        )
        served(self._producer, 0)

    def flush(self) -> None:
        left = flushed(self._producer, 30)
        if self._failed is not None or left:
            cause = self._failed.str() if self._failed is not None else f"{left} still unsent after 30 s"
            raise FatalError(f"updates could not be published to {self._settings.bootstrap_servers}: {cause}")

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        self._failed = self._failed or error


class Departments:
    """All departments of a city, in one thread: `start`, and `stop` to end it after everything due was said.

    `error` is what ended the thread, if it did not end in order.
    """

    def __init__(
        self,
        settings: Settings,
        departments: Sequence[str],
        clock: SimulationClock,
        seed: int,
        script: Script = _nothing,
    ) -> None:
        self.sent: Counter[str] = Counter()
        """Updates published, by department."""
        self.orders: Counter[str] = Counter()
        """Orders read, by department."""
        self.repeats = 0
        """How many of them were sent a second time."""
        self.strays = 0
        """How many, second times aside, are about a case that does not exist."""
        self.error: Exception | None = None
        self._settings = settings
        self._topics = [settings.topic(dept_orders(department).name) for department in departments]
        self._clock = clock
        self._desk = UpdateDesk(seed, script)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="departments", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say what is due by now and end. Raises what went wrong in the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        codec = Codec(make_registry(self._settings))
        try:
            consumer = self._consumer()
            try:
                self._serve(consumer, codec, KafkaSink(self._settings, codec))
            finally:
                consumer.close()
        except (HubError, KafkaException, ValueError) as error:
            self.error = error

    def _consumer(self) -> Consumer:
        consumer = Consumer(
            client_config(self._settings, "simulated-departments")
            | {
                "group.id": f"{self._settings.namespace}simulated-departments",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": True,
                "isolation.level": "read_committed",
            }
        )
        consumer.subscribe(self._topics)
        return consumer

    def _serve(self, consumer: Consumer, codec: Codec, sink: UpdateSink) -> None:
        while not self._stopping.is_set():
            for message in consumer.consume(1000, _POLL_SECONDS):
                if message.error():
                    raise KafkaException(message.error())
                order = codec.decode_one(message.value())[1]
                self.orders[order["department"]] += 1
                self._desk.take(order)
            self._say(sink)
        self._say(sink)

    def _say(self, sink: UpdateSink) -> None:
        due = self._desk.due(self._clock.now_ms())
        said: set[str] = set()
        for answer in due:
            sink.send(answer)
            self.sent[answer.department] += 1
            self.repeats += answer.update_id in said
            self.strays += answer.case_id == UNKNOWN_CASE and answer.update_id not in said
            said.add(answer.update_id)
        if due:
            sink.flush()
