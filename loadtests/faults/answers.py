"""The departments of the simulated city, as patient clients: orders in, updates back, whatever becomes of the broker."""

from __future__ import annotations

import logging
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from hub.errors import FatalError
from hub.settings import Settings
from hub.simulator.departments import UpdateDesk
from hub.simulator.simclock import SimulationClock
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.stream.kafka.client import client_config, flushed, producer_config
from hub.topics import dept_orders, dept_updates

log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 240.0


class PatientDepartments:
    """All departments in one thread. Reads committed orders, answers on the simulation's time through an idempotent producer.

    A broker that is away is waited for. `stop` says what is due and returns when all of it is acknowledged; it raises
    FatalError if something was refused for good.
    """

    def __init__(self, settings: Settings, departments: tuple[str, ...], clock: SimulationClock, seed: int) -> None:
        self.sent = 0
        self._settings, self._clock = settings, clock
        self._topics = [settings.topic(dept_orders(name).name) for name in departments]
        self._desk = UpdateDesk(seed)
        self._codec = Codec(make_registry(settings))
        self._failed: KafkaError | None = None
        self._producer = Producer(producer_config(settings, "departments") | {"error_cb": _ignore})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="departments", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        left = flushed(self._producer, _FLUSH_SECONDS)
        if self._failed is not None or left:
            cause = self._failed.str() if self._failed is not None else f"{left} unsent after {_FLUSH_SECONDS:.0f} s"
            raise FatalError(f"departments' updates could not be published: {cause}; look at the broker's log")

    def _run(self) -> None:
        config = client_config(self._settings, "departments") | {
            "error_cb": _ignore,
            "group.id": f"{self._settings.namespace}departments",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
        consumer = Consumer(config)
        consumer.subscribe(self._topics)
        try:
            while not self._stopping.is_set():
                for message in consumer.consume(1000, _POLL_SECONDS):
                    self._take(message)
                self._say()
            self._say()
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._desk.take(self._codec.decode_one(message.value())[1])
        elif error.fatal():
            raise KafkaException(error)
        else:
            log.info("departments wait: %s", error.str())

    def _say(self) -> None:
        for answer in self._desk.due(self._clock.now_ms()):
            topic = dept_updates(answer.department)
            value = self._codec.encode_one(topic.subject or "", answer.update())
            name = self._settings.topic(topic.name)
            self._producer.produce(name, value, answer.case_id.encode(), on_delivery=self._delivered)
            self.sent += 1
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        self._failed = self._failed or error


def _ignore(_error: KafkaError) -> None:
    """librdkafka tries again by itself; what it cannot mend is told with the delivery."""
