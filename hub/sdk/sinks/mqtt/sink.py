"""Deliveries as messages at QoS 1: a CloudEvent each, taken when the broker says so, and when somebody is there to hear it."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from hub.sdk.errors import TransientError
from hub.sdk.sink_contract import Answer, Delivery, DeliveryBatch, Later, Never, Sink, SinkContext
from hub.sdk.sinks.webhook.messages import CONTENT_TYPE, cloud_event
from hub.sdk.sources.mqtt.config import Connection
from hub.sdk.sources.mqtt.session import MqttSession, Published

_FIELDS = ("stream", "party", "kind", "case")
_MOST_TOPIC_BYTES = 1000


class MqttSettings(Connection):
    """One broker."""

    topic: str = Field(
        "cityhub/{stream}/{party}",
        description="of each delivery: {stream} orders, {party} the department or source, {kind} assign, {case}",
    )
    retain: bool = Field(False, description="true: the broker hands the last of each topic to who subscribes later")
    needs_hearer: bool = Field(
        True, description="what nobody is subscribed to waits, where the broker says so (protocol 5); false: it is gone"
    )

    @field_validator("topic")
    @classmethod
    def _is_one(cls, value: str) -> str:
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
        except ValueError:
            names = [""]
        if not value or any(name not in _FIELDS for name in names) or any(sign in value for sign in "+#\0"):
            raise ValueError(f"write a topic without + and #, with {{{'}, {'.join(_FIELDS)}}} where they belong")
        return value


class MqttSink(Sink):
    """Deliveries of different cases are on their way together; an answer is the broker's own for each."""

    Config = MqttSettings
    batch: ClassVar[int] = 50

    def __init__(self, config: Any, context: SinkContext) -> None:
        super().__init__(config, context)
        self._session = MqttSession(config, config.client_id)

    def check(self) -> str:
        """Under another name, so that a sink at work is not put out."""
        session = MqttSession(self.config, f"{self.config.client_id}-check")
        try:
            session.open()
            return f"the broker at {self.config.host}:{self.config.port} lets {self.config.client_id} in"
        finally:
            session.close()

    def connect(self) -> None:
        self._session.open()

    def write(self, batch: DeliveryBatch) -> Sequence[Answer]:
        answers: list[Answer] = [self._unfit(each) for each in batch.deliveries]
        fit = [index for index, answer in enumerate(answers) if answer is None]
        self._stand()
        messages = [self._message(batch.deliveries[index]) for index in fit]
        try:
            published = self._session.publish(messages, CONTENT_TYPE, retain=self.config.retain)
        except TransientError:
            self._session.close()
            raise
        for index, said in zip(fit, published, strict=True):
            answers[index] = self._answer(said)
        return answers

    def close(self) -> None:
        self._session.close()

    def _stand(self) -> None:
        """A connection on which nothing was said for long is gone, and nobody's loss. Raises TransientError."""
        try:
            self._session.turn(0)
        except TransientError:
            self._session.open()

    def _unfit(self, delivery: Delivery) -> Answer:
        topic, payload = self._message(delivery)
        if not topic or len(topic.encode()) > _MOST_TOPIC_BYTES:
            return Never("its topic would be empty, or too long")
        most = self._session.max_bytes
        if most is not None and len(payload) + _MOST_TOPIC_BYTES > most:
            return Never(f"the message has {len(payload):,} bytes, and the broker takes {most:,}")
        return None

    def _message(self, delivery: Delivery) -> tuple[str, bytes]:
        values = {"stream": str(delivery.stream), "party": delivery.party, "kind": delivery.kind, "case": delivery.case}
        topic = self.config.topic.format_map({name: _level(text) for name, text in values.items()})
        return topic, cloud_event(delivery, self.context.namespace)

    def _answer(self, published: Published) -> Answer:
        if published is Published.TAKEN or (published is Published.UNHEARD and not self.config.needs_hearer):
            return None
        if published is Published.UNHEARD:
            return Later("nobody is subscribed to its topic")
        if published is Published.LATER:
            return Later("the broker takes no more now")
        return Never("the broker does not take it: its topic or what it holds")


def _level(text: str) -> str:
    """As one level of a topic."""
    return "".join(f"%{ord(sign):02X}" if sign in "/+#%\0" else sign for sign in text)
