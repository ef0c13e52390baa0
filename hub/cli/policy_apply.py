"""`cityhub policy apply`: has the workers of a running hub read their policy folder anew, and says what each answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from hub.agents.live_policy import announcement
from hub.cli.sending import Sender
from hub.control.answers import Result, Tally, Verdict
from hub.control.members import members
from hub.control.records import opened, sealed
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import say, say_json
from hub.settings import Settings
from hub.stream.kafka import consumer_config, kafka_errors
from hub.topics import CONTROL

_QUIET_SECONDS = 3.0
_WORDS = {
    Result.APPLIED: "goes by 已生效 {}",
    Result.REFUSED: "stays with 未变更 {}",
    Result.CONTRADICTORY: "answers contradict each other 答复矛盾; somebody else writes to the control topic in its name",
    Result.SILENT: "has not answered 未答复",
}


def apply(settings: Settings, agents: Collection[str], wait_seconds: float, as_json: bool) -> bool:
    """Announce the folder to the workers that hold the hub's work, and show what each answers.

    True if there are some, and every one of them goes by the folder now. Raises FatalError, RetriableError or PolicyError.
    """
    request = announcement(load_city(settings.city))
    tally = Tally(request, members(settings, agents))
    topic, key = settings.topic(CONTROL.name), settings.control_secret
    consumer = Consumer(consumer_config(settings, "by-hand", f"{settings.namespace}policy-{uuid.uuid4().hex}"))
    try:
        with kafka_errors("reading the control topic"):
            consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
            consumer.poll(1.0)  # its position is known before anything is said
        with Sender(settings) as sender:
            sender.send(CONTROL.name, None, *sealed(request, topic, key))
        _count(consumer, tally, topic, key, wait_seconds)
    finally:
        consumer.close()
    verdicts = tally.verdicts()
    if not verdicts:
        raise FatalError(
            "no worker is in the hub's consumer groups; is one running with this Kafka and namespace? It will not hear it later"
        )
    _show(verdicts, tally, as_json)
    return tally.applied


def _count(consumer: Consumer, tally: Tally, topic: str, key: str | None, wait_seconds: float) -> None:
    """Until every worker has answered and nobody contradicts for a while, or time is up."""
    until = time.monotonic() + wait_seconds
    quiet = False
    while (now := time.monotonic()) < until:
        message = consumer.poll(min(0.2, until - now))
        if message is not None and message.error() is None:
            tally.add(opened(message.value(), message.headers(), topic, key))
        if tally.complete and not quiet:
            quiet, until = True, min(until, time.monotonic() + _QUIET_SECONDS)


def _show(verdicts: list[Verdict], tally: Tally, as_json: bool) -> None:
    if as_json:
        for document in (*(verdict._asdict() for verdict in verdicts), _ignored(tally)):
            say_json(document)
        return
    for verdict in verdicts:
        mark = "✓" if verdict.result is Result.APPLIED else "✗"
        say(f"{mark} {verdict.instance}: {_WORDS[verdict.result].format(verdict.version)}")
        for line in verdict.lines:
            say(f"  {line}")
    for why, records in sorted(tally.ignored.items()):
        say(f"! {records} not counted 未计入: {why}", err=True)
    if tally.strangers:
        say(f"  in the name of: {', '.join(tally.strangers)}", err=True)


def _ignored(tally: Tally) -> dict[str, Any]:
    return {"ignored": dict(tally.ignored), "strangers": tally.strangers}
