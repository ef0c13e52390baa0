"""The source of messages: sensors and one-key alarms (一键求助) that speak MQTT. A message is acknowledged when Kafka has it."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from paho.mqtt.client import MQTTMessage

from hub.clock import wall_ms
from hub.errors import Reason, RejectedRecordError
from hub.metrics import MESSAGES
from hub.millis import datetime_of
from hub.sdk.contract import Batch, Context, Item, Position, Source
from hub.sdk.errors import TransientError
from hub.sdk.mapping.columns import text_of
from hub.sdk.sources.bodies import call_statements
from hub.sdk.sources.mqtt.config import MqttConfig, TopicSpec
from hub.sdk.sources.mqtt.damping import Damper, SiftedMessages
from hub.sdk.sources.mqtt.session import MqttSession
from hub.sdk.sources.mqtt.topics import TopicFilter

_MOST_TOPICS = 100_000
_WAITING_UNSAID = 5
"""So many may wait for their damping where the broker does not say how many it sends unacknowledged (3.1.1: often 20)."""
_TURN_SECONDS = 0.2
_SAMPLE_SECONDS = 2.0


@dataclass(eq=False)
class _Delivery:
    """One message as the broker sent it. `connection`: in which; acknowledged once its `open` items are done. `digest`: of topic
    and payload, None if that is empty."""

    mid: int
    topic: str
    digest: bytes | None
    connection: int
    open: int = 1


class _Said(NamedTuple):
    """An item with the message that it is of. `thing` and `state` where it may flap."""

    item: Item
    of: _Delivery
    thing: str = ""
    state: str = ""


class MqttSource(Source):
    """The broker remembers what was not acknowledged, by the client's id, also while nobody is there; nothing is kept here.

    What comes again over a new connection though Kafka has it is acknowledged and not published twice, and so is a retained message
    that was heard before. After a restart of this process the hub knows both as repeats, by reference and revision.
    """

    Config: ClassVar[type[MqttConfig]] = MqttConfig
    remembers = True
    awaited = True
    adds = ("mqtt.", "topic.")

    def __init__(self, config: MqttConfig, context: Context) -> None:
        super().__init__(config, context)
        self._session = MqttSession(config, config.client_id)
        self._topics: list[tuple[TopicSpec, TopicFilter]] = [(each, each.parsed) for each in config.topics]
        damping = config.damping
        most = config.window // 2 if config.protocol == "5" else _WAITING_UNSAID
        self._damper: Damper[_Said] | None = Damper(damping.seconds, most) if damping else None
        self._taken: deque[tuple[Batch, list[_Delivery]]] = deque()
        self._kept: dict[int, bytes | None] = {}
        """What Kafka has and the broker may not know: by the message's id, which the broker gives anew once it knows."""
        self._latest: dict[str, bytes] = {}
        """By topic, what Kafka has of it, to know it when it comes as a retained message."""
        self._connections = 0
        self._messages = 0
        self._said_unkept = False

    @property
    def system(self) -> str:
        return f"mqtt://{self.config.host}:{self.config.port} as {self.config.client_id}"

    @property
    def reads(self) -> frozenset[str]:
        damping = self.config.damping
        return frozenset() if damping is None else frozenset((damping.state, *damping.by))

    def check(self) -> str:
        """Under another name, so that an edge at work keeps its session; and what is heard is nobody's loss."""
        session = self._aside()
        session.close()
        topics = ", ".join(each.wire for _, each in self._topics)
        return f"the broker at {self.config.host}:{self.config.port} lets {topics} be heard at QoS 1"

    def sample(self, limit: int) -> Iterator[Item]:
        """What comes within two seconds, retained messages first; the session of the edge does not see it."""
        session, until = self._aside(), time.monotonic() + _SAMPLE_SECONDS
        try:
            while limit > 0 and (left := until - time.monotonic()) > 0:
                session.turn(min(left, _TURN_SECONDS))
                while limit > 0 and (message := session.next()) is not None:
                    for said in self._said(message, self._delivery(message))[:limit]:
                        limit -= 1
                        yield said.item
        finally:
            session.close()

    def connect(self, position: Position | None) -> None:
        self.close()
        self._connections += 1
        config = self.config
        self._session.open(keep_days=config.session_days, window=config.window)
        if not self._session.resumed:
            self._kept.clear()  # it counts anew
            self.context.say(
                f"the broker at {config.host}:{config.port} knows no session of {config.client_id}: it is new, or what came since "
                "it was lost is lost, but for retained messages"
            )
        self._session.subscribe(each.wire for _, each in self._topics)

    def read(self, timeout_seconds: float) -> Batch:
        until = time.monotonic() + timeout_seconds
        found = self._due()
        while not found and not self.context.stop.is_set() and (left := until - time.monotonic()) > 0:
            self._session.turn(min(left, _TURN_SECONDS))
            found = self._due() + self._heard()
        with suppress(TransientError):  # the next reading says so; what was heard is in hand
            while found and len(found) < self.context.batch_items:
                self._session.turn(0)  # what is there already
                if not (more := self._heard()):
                    break
                found += more
        return self._batch(found)

    def ack(self, batch: Batch) -> None:
        while batch.items and self._taken:
            each, deliveries = self._taken.popleft()
            for delivery in deliveries:
                self._done(delivery)
            if each is batch:
                return

    def close(self) -> None:
        self._session.close()
        if self._damper is not None:
            self._damper.drop(passed_too=bool(self._taken))  # the broker has what waits, and what was not acknowledged
        self._taken.clear()

    # -- from messages to items ------------------------------------------------------------------------------------------------

    def _batch(self, messages: list[_Said]) -> Batch:
        batch = Batch([each.item for each in messages])
        if messages:
            self._taken.append((batch, [each.of for each in messages]))
        return batch

    def _heard(self) -> list[_Said]:
        """What goes on of the messages that have arrived."""
        found: list[_Said] = []
        while (message := self._session.next()) is not None:
            delivery = self._delivery(message)
            if self._is_known(message, delivery):
                self._acknowledge(delivery)
                continue
            for said in self._said(message, delivery):
                found += self._damped(said)
        return found

    def _is_known(self, message: MQTTMessage, delivery: _Delivery) -> bool:
        """Whether Kafka has it, or there is nothing in it."""
        if message.qos:
            if message.dup and self._kept.get(delivery.mid, b"") == delivery.digest:
                return self._counted("repeated")
            self._kept.pop(delivery.mid, None)
        else:
            self._say_unkept()
        if delivery.digest is None:
            return self._counted("empty")  # so a retained message is taken away
        if message.retain and self._latest.get(message.topic) == delivery.digest:
            return self._counted("retained")
        self._counted("new")
        return False

    def _said(self, message: MQTTMessage, delivery: _Delivery) -> list[_Said]:
        self._messages += 1
        topic, fields = self._filter_of(message.topic)
        name = topic.filter if topic else "a topic not asked for"
        of, mapping = f"MQTT {name} message {self._messages}", topic.mapping if topic else None
        payload = bytes(message.payload)
        if len(payload) > self.config.max_payload_bytes:
            return [_Said(_too_long(payload, self.config.max_payload_bytes, of, mapping), delivery)]
        own = {f"topic.{name}": text for name, text in fields.items()} | {
            "mqtt.topic": message.topic,
            "mqtt.retained": bool(message.retain),
            "mqtt.received_at": datetime_of(wall_ms()).isoformat(timespec="milliseconds"),
        }
        found = []
        for number, said in enumerate(call_statements({"content-type": _content_type(message)}, payload), 1):
            if not isinstance(said, dict):
                found.append(_Said(Item(None, of, number, said.raw, mapping, said.fault, unit="event"), delivery))
                continue
            item = Item({**said, **own}, of, number, mapping=mapping, unit="event")
            found.append(_Said(item, delivery, *self._thing(item)))
        delivery.open = len(found)
        if not found:
            self._acknowledge(delivery)  # an empty list
        return found

    def _filter_of(self, topic: str) -> tuple[TopicSpec | None, dict[str, str]]:
        for declared, parsed in self._topics:
            if (fields := parsed.fields(topic)) is not None:
                return declared, fields
        return None, {}

    def _thing(self, item: Item) -> tuple[str, str]:
        damping, values = self.config.damping, item.values or {}
        if damping is None:
            return "", ""
        names = damping.by or ("mqtt.topic",)
        return "\0".join(text_of(values.get(name)) for name in names), text_of(values.get(damping.state))

    # -- flapping --------------------------------------------------------------------------------------------------------------

    def _damped(self, message: _Said) -> list[_Said]:
        if self._damper is None or not message.state:
            return [message]
        return self._after(self._damper.hear(message.thing, message.state, message, time.monotonic()))

    def _due(self) -> list[_Said]:
        return self._after(self._damper.due(time.monotonic())) if self._damper is not None else []

    def _after(self, heard: SiftedMessages[_Said]) -> list[_Said]:
        for each in heard.damped:
            self._counted("damped")
            self._done(each.of)
        return heard.passed

    # -- acknowledgements ------------------------------------------------------------------------------------------------------

    def _delivery(self, message: MQTTMessage) -> _Delivery:
        digest = hashlib.sha256(message.topic.encode() + b"\0" + message.payload).digest()[:16]
        return _Delivery(
            message.mid if message.qos else 0, message.topic, digest if message.payload else None, self._connections
        )

    def _done(self, delivery: _Delivery) -> None:
        """One item of it is done."""
        delivery.open -= 1
        if delivery.open == 0:
            self._acknowledge(delivery)

    def _acknowledge(self, delivery: _Delivery) -> None:
        """XXX: never over another connection than it came by: its id may stand for another message there."""
        if delivery.digest is None:
            self._latest.pop(delivery.topic, None)
        elif len(self._latest) < _MOST_TOPICS or delivery.topic in self._latest:
            self._latest[delivery.topic] = delivery.digest
        if delivery.mid:
            self._kept[delivery.mid] = delivery.digest
            if delivery.connection == self._connections:
                self._session.acknowledge(delivery.mid)

    def _counted(self, result: str) -> bool:
        MESSAGES.labels(self.context.domain, result).inc()
        return True

    def _say_unkept(self) -> None:
        if not self._said_unkept:
            self._said_unkept = True
            self.context.say(
                "messages come at QoS 0: the broker keeps none of them while this edge is away; send at QoS 1"
            )

    def _aside(self) -> MqttSession:
        session = MqttSession(self.config, f"{self.config.client_id}-check")
        try:
            session.open()
            session.subscribe(each.wire for _, each in self._topics)
        except BaseException:
            session.close()
            raise
        return session


def _too_long(payload: bytes, most: int, of: str, mapping: str | None) -> Item:
    fault = RejectedRecordError(Reason.TOO_LARGE, f"the message has {len(payload):,} bytes; at most {most:,} are read")
    return Item(
        None, of, 1, payload[:most], mapping, fault, len(payload), hashlib.sha256(payload).hexdigest(), unit="event"
    )


def _content_type(message: MQTTMessage) -> str:
    """Of protocol 5, where the sender says it."""
    return str(getattr(message.properties, "ContentType", "") or "")
