"""`cityhub policy apply`: has the workers of a running hub read their policy folder anew, and says what each answers."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import click
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from hub.agents.live_policy import APPLIED, REFUSED, announcement, parsed
from hub.cli.sending import Sender
from hub.errors import FatalError
from hub.policy import load_city
from hub.settings import Settings
from hub.stream.kafka import consumer_config, kafka_errors
from hub.topics import CONTROL

_QUIET_SECONDS = 3.0
"""After the first answer: how long others may take."""


def apply(settings: Settings, wait_seconds: float, as_json: bool) -> bool:
    """Announce the folder and show the answers. True if some worker answered and none refused. Raises FatalError."""
    city = load_city(settings.city)
    consumer = Consumer(consumer_config(settings, "by-hand", f"{settings.namespace}policy-{uuid.uuid4().hex}"))
    try:
        with kafka_errors("reading the control topic"):
            consumer.assign([TopicPartition(settings.topic(CONTROL.name), 0, OFFSET_END)])
            consumer.poll(1.0)  # its position is known before anything is said
        with Sender(settings) as sender:
            sender.send(CONTROL.name, None, announcement(city))
        answers = list(_answers(consumer, wait_seconds))
    finally:
        consumer.close()
    if not answers:
        raise FatalError(
            f"no worker answered within {wait_seconds:g} s; is one running with this Kafka and namespace? It will not hear it later"
        )
    for told in answers:
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
            continue
        good = told["kind"] == APPLIED
        click.echo(
            f"{'✓' if good else '✗'} {told['instance']}: {'goes by 已生效' if good else 'stays with 未变更'} {told['version']}"
        )
        for line in told["lines"]:
            click.echo(f"  {line}")
    return all(told["kind"] == APPLIED for told in answers)


def _answers(consumer: Consumer, wait_seconds: float) -> Iterator[dict[str, Any]]:
    until = time.monotonic() + wait_seconds
    while (now := time.monotonic()) < until:
        message = consumer.poll(min(0.2, until - now))
        if message is None or message.error() is not None:
            continue
        told = parsed(message.value() or b"")
        if told.get("kind") in (APPLIED, REFUSED):
            until = min(until, time.monotonic() + _QUIET_SECONDS)
            yield told
