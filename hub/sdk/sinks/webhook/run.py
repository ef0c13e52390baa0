"""Carries a department's orders and receipts to its address: reads committed records, delivers, and commits what is done.

The topics are the queue, and the group's offset is how far it is emptied. What is not answered is tried again for days; what is
refused for good, or given up, becomes a dead letter. Several of one department share its partitions.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from hub.clock import wall_ms
from hub.errors import FatalError, Reason, RejectedRecordError, RetriableError
from hub.model.outputs import DeadLetter
from hub.sdk.sinks.webhook.client import Receiver
from hub.sdk.sinks.webhook.messages import message_of
from hub.sdk.sinks.webhook.outbox import Delivery, Gone, Later, Outbox, Place, Refused
from hub.settings import Settings
from hub.stream.codec import Codec
from hub.stream.dead_letters import fitted
from hub.stream.kafka import consumer_config, kafka_errors, missing, producer_config, translated
from hub.stream.unpacking import Steps, cannot_be_unpacked
from hub.topics import DEAD, dept_orders, dept_receipts

log = logging.getLogger(__name__)
_ROOM = 1000
_AT_ONCE = 100
_PARALLEL = 8
_TURN_SECONDS = 0.1
_COMMIT_SECONDS = 1.0
_FLUSH_SECONDS = 30.0
_ASK_SECONDS = 30.0


@dataclass
class Counts:
    """What came of it so far."""

    delivered: int = 0
    set_aside: int = 0
    tries: int = 0
    said: str | None = field(default=None)
    """Why nothing can be delivered now, once it was said."""


class WebhookRun:
    """One department's deliveries. Raises FatalError, also when the receiver is gone (410), and RetriableError without Kafka."""

    def __init__(
        self, settings: Settings, codec: Codec, department: str, receiver: Receiver, budget_seconds: float,
        stop: threading.Event | None = None, now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._settings, self._codec, self._receiver, self._now = settings, codec, receiver, now
        self._department, self._budget = department, budget_seconds
        self.stop = stop or threading.Event()
        self.counts = Counts()
        self._names = [settings.topic(topic(department).name) for topic in (dept_orders, dept_receipts)]
        self._what = f"{department}: reading {' and '.join(self._names)}"
        self._full = False
        self._source = f"/cityhub/{settings.namespace}dept/{department}"
        self._outbox = Outbox(budget_seconds)
        self._trying: dict[Future[None], Delivery] = {}
        self._committed: dict[Place, int] = {}
        self._next_commit = 0.0
        role = f"webhook.{department}"
        self._dead = Producer(producer_config(settings, role))
        self._consumer = Consumer(consumer_config(settings, role, f"{settings.namespace}{department}-webhook"))
        self._steps = Steps(settings, self._consumer)

    def begin_now(self) -> None:
        """Leave out what was written before, unless some of it was delivered already."""
        with kafka_errors(self._what):
            committed = self._consumer.committed(self._places(), timeout=_ASK_SECONDS)
            fresh = [place for place in committed if place.offset < 0]
            for place in fresh:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_ASK_SECONDS)[1]
            if fresh:
                self._consumer.commit(offsets=fresh, asynchronous=False)

    def _places(self) -> list[TopicPartition]:
        found = []
        for name in self._names:
            known = self._consumer.list_topics(name, _ASK_SECONDS).topics[name]
            if known.error is not None:
                raise missing(name)
            found += [TopicPartition(name, number) for number in known.partitions]
        return found

    def run(self) -> None:
        """Until `stop` is set."""
        with kafka_errors(self._what):
            self._places()
        self._consumer.subscribe(self._names, on_revoke=self._give_back, on_lost=self._forget)
        pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="webhook")
        try:
            while not self.stop.is_set():
                self._read()
                self._settle()
                for delivery in self._outbox.take_due(self._now(), _PARALLEL):
                    self._trying[pool.submit(self._receiver.deliver, delivery.id, delivery.body)] = delivery
                if self._now() >= self._next_commit:
                    self._commit()
        finally:
            pool.shutdown(wait=True)
            try:
                self._settle()
                self._commit()
            finally:
                self._consumer.close()

    def _read(self) -> None:
        self._hold(full=len(self._outbox) >= _ROOM)
        with kafka_errors(self._what):
            messages = self._consumer.consume(_AT_ONCE, _TURN_SECONDS)  # also when full: who does not ask is thrown out
        for message in messages:
            self._take(message)

    def _hold(self, *, full: bool) -> None:
        """Read no more while so many wait, and on when there is room."""
        if full != self._full:
            self._full = full
            with kafka_errors(self._what):
                (self._consumer.pause if full else self._consumer.resume)(self._consumer.assignment())

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if cannot_be_unpacked(error):
                self._steps.over(message)
                return
            self._complain(error)
            return
        place, value = Place(message.topic(), message.partition()), message.value()
        try:
            schema, record = self._codec.decode_one(value or b"")
            found = message_of(schema.subject, record, self._source)
        except RejectedRecordError:
            found = None  # not the hub's own, and so nobody's order
        if found is None:
            self._outbox.skip(place, message.offset())
            return
        self._outbox.add(Delivery(place, message.offset(), found.case, found.id, found.body, self._now()))

    def _complain(self, error: KafkaError) -> None:
        problem = translated(error, f"{self._department}: reading")
        if isinstance(problem, FatalError):
            raise problem
        log.warning("%s", problem)

    def _settle(self) -> None:
        """Take up what has come of the calls that are made."""
        for call in [call for call in self._trying if call.done()]:
            delivery = self._trying.pop(call)
            self.counts.tries += 1
            try:
                call.result()
            except Later as later:
                self._again(delivery, later)
            except Refused as refused:
                self._set_aside(delivery, str(refused))
            except Gone as gone:
                raise FatalError(
                    f"{self._department}: {gone}: the receiver at {self._receiver.place.host} is gone. Nothing is lost; "
                    "ask its owner, and start again with the address that holds now"
                ) from gone
            else:
                self._delivered(delivery)

    def _delivered(self, delivery: Delivery) -> None:
        self.counts.delivered += 1
        if self.counts.said is not None:
            log.warning("%s: the receiver takes what is sent again", self._department)
            self.counts.said = None
        self._outbox.delivered(delivery)

    def _again(self, delivery: Delivery, later: Later) -> None:
        if self._outbox.is_over(delivery, self._now()) and not later.everybody:
            self._set_aside(delivery, f"{later.why}, for {self._budget / 3600:g} hours")
            return
        wait = self._outbox.again(delivery, later, self._now())
        if later.everybody and self.counts.said is None:
            self.counts.said = later.why
            log.warning("%s: %s; tried again in %.0f s, and on; nothing is lost", self._department, later.why, wait)

    def _set_aside(self, delivery: Delivery, why: str) -> None:
        letter = DeadLetter(
            stage=f"webhook:{self._department}",
            reason=Reason.NO_RECEIVER,
            detail=f"{why} to {delivery.id}; deliver it by hand, and see with its receiver what it does not take",
            at=wall_ms(),
            key=delivery.case.encode(),
            value=delivery.body,
        )
        fits = fitted(letter.to_avro())
        failed: list[KafkaError] = []
        self._dead.produce(
            self._settings.topic(DEAD.name), self._codec.encode_one(DeadLetter.subject(), fits), fits["key"],
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )  # fmt: skip
        if self._dead.flush(_FLUSH_SECONDS) or failed:
            raise FatalError(
                f"{self._department}: {DEAD.name} did not take a dead letter; nothing is lost, start again"
            )
        log.warning("%s: set aside in %s: %s", self._department, DEAD.name, why)
        self.counts.set_aside += 1
        self._outbox.delivered(delivery)

    def _commit(self) -> None:
        """Say how far it has come; what cannot be said now is said later, or comes again."""
        self._next_commit = self._now() + _COMMIT_SECONDS
        done = {place: offset for place, offset in self._outbox.positions() if self._committed.get(place) != offset}
        if not done:
            return
        offsets = [TopicPartition(*place, offset) for place, offset in done.items()]
        try:
            with kafka_errors(f"{self._department}: committing how far it has come"):
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except RetriableError as error:
            log.warning("%s", error)
        else:
            self._committed |= done

    def _give_back(self, _consumer: Consumer, _places: list[TopicPartition]) -> None:
        """Partitions go to another: what is done is said before, what is not is delivered by whoever has them then."""
        self._commit()
        self._forget(_consumer, _places)

    def _forget(self, _consumer: Consumer, _places: list[TopicPartition]) -> None:
        self._outbox, self._full = Outbox(self._budget), False
        self._trying.clear()
        self._committed.clear()
