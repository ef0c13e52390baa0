"""`cityhub policy apply`: has the workers of a running hub read their policy folder anew, and says what each answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from hub.agents.live_policy import announcement
from hub.cli.policy.keeping import apply_retention, require_kept
from hub.cli.terminal.sending import Sender
from hub.control.answers import AnswerTally, Result, touched_by_all
from hub.control.members import Members
from hub.control.records import opened, sealed
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import say, say_json
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import consumer_config, kafka_errors
from hub.stream.kafka.headers import headers_of
from hub.topics import CONTROL, WORKERS, of_department
from hub.web.access.chain import AuditedAct
from hub.web.access.trail import note_command

_QUIET_SECONDS = 3.0
_PATIENCE_SECONDS = 10.0
_WORDS = {
    Result.APPLIED: "goes by 已生效 {}",
    Result.REFUSED: "stays with 未变更 {}",
    Result.CONTRADICTORY: "answers contradict each other 答复矛盾; somebody else writes to the control topic in its name",
    Result.UNCONFIRMED: "says that it has taken them, but does not go by them 未证实; see its log",
    Result.SILENT: "has not answered 未答复",
}


def apply(settings: Settings, agents: Collection[str], wait_seconds: float, as_json: bool) -> bool:
    """Announce the folder to the workers that hold the hub's work, and show what each answers. The topics of its departments are
    made first, where they are missing.

    True if there are some, and every one of them goes by the folder now. Raises FatalError, RetriableError or DeclarationError.
    """
    city = load_city(settings.city)
    request = announcement(city)
    tally = AnswerTally(request, Members(settings, agents).ask())
    if tally.complete:
        raise FatalError("no worker is in the hub's consumer groups; is one running with this Kafka and namespace?")
    require_kept(city, settings)
    asked = {"fingerprint": request.fingerprint, "request": request.id}
    note_command(settings, AuditedAct("policy.apply", city.version, None, asked))
    made = ensure_topics(settings, city.kept([topic for each in city.departments for topic in of_department(each)]))
    kept_otherwise = apply_retention(city, settings, agents)
    if not as_json:
        if made:
            say(f"made 新建主题: {', '.join(made)}")
        for drift in kept_otherwise:
            say(f"kept otherwise 保留期限已改: {drift}")
    topic, key = settings.topic(CONTROL.name), settings.control_secret
    consumer = Consumer(
        consumer_config(settings, "by-hand", f"{settings.namespace}policy-{uuid.uuid4().hex}")
        # no transaction that somebody leaves open may hold the answers back
        | {"isolation.level": "read_uncommitted"}
    )
    try:
        with kafka_errors("reading the control topic"):
            consumer.assign([_end(consumer, name) for name in (topic, settings.topic(WORKERS.name))])
        with Sender(settings) as sender:
            sender.send(CONTROL.name, None, *sealed(request, topic, key), partition=0)
        _count(consumer, tally, key, wait_seconds)
    finally:
        consumer.close()
    _show(tally, as_json)
    return tally.applied


def _end(consumer: Consumer, topic: str) -> TopicPartition:
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_PATIENCE_SECONDS)
    return TopicPartition(topic, 0, end)


def _count(consumer: Consumer, tally: AnswerTally, key: str | None, wait_seconds: float) -> None:
    """Until every worker has answered and nobody contradicts for a while, or time is up."""
    until = time.monotonic() + wait_seconds
    quiet = False
    while (now := time.monotonic()) < until:
        message = consumer.poll(min(0.2, until - now))
        if message is not None and message.error() is None:
            tally.add(opened(message.value(), headers_of(message), message.topic(), key))
        if tally.complete and not quiet:
            quiet, until = True, min(until, time.monotonic() + _QUIET_SECONDS)


def _show(tally: AnswerTally, as_json: bool) -> None:
    verdicts = tally.verdicts()
    if as_json:
        for document in (*(verdict._asdict() for verdict in verdicts), _ignored(tally) | touched_by_all(verdicts)):
            say_json(document)
        return
    for verdict in verdicts:
        mark = "✓" if verdict.result is Result.APPLIED else "✗"
        say(f"{mark} {verdict.instance}: {_WORDS[verdict.result].format(verdict.version)}")
        for line in verdict.lines:
            say(f"  {line}")
    counts = touched_by_all(verdicts)
    if counts["kept"] is not None:
        say(
            f"  open cases timed otherwise by these rules, which keep their own 沿用原规则的在办案件: {counts['kept']:,}"
        )
        say(f"  open cases with provisional due times that move 暂定时限改算的在办案件: {counts['moved']:,}")
    for instance, version in tally.waiting.items():
        say(f"! {instance} waits with {version} 等待中; its log and /readyz say what for", err=True)
    for why, records in sorted(tally.ignored.items()):
        say(f"! {records} not counted 未计入: {why}", err=True)
    if tally.strangers:
        say(f"  in the name of: {', '.join(tally.strangers)}", err=True)


def _ignored(tally: AnswerTally) -> dict[str, Any]:
    return {"ignored": dict(tally.ignored), "strangers": tally.strangers, "waiting": tally.waiting}
