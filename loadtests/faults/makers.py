"""How each kind of fault is made. Each says what it did, for the timeline."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.broker.kafka import EmbeddedKafka
from hub.errors import FatalError, RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors
from hub.topics import CASES, DEADLINES, DEDUPLICATE_CHANGELOG, EVENTS, ROUTE_CHANGELOG, TRACK_CHANGELOG
from loadtests.faults.city import SimulatedCity
from loadtests.faults.crew import Crew
from loadtests.faults.plan import MOST_WORKERS, Fault
from loadtests.faults.supervised import Supervised

Facts = dict[str, Any]
WRITTEN = (EVENTS, CASES, DEADLINES, DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG)
_CATCH_TRIES = 12
_STUCK_SECONDS = 0.5
_BROKER_TRIES = 3
_ASK_SECONDS = 10.0
_JOINS = 0.75
"""Share of rebalances of two workers that make three: two or more are there most of the time."""


@dataclass
class Scene:
    """What faults are made to."""

    settings: Settings
    kafka: EmbeddedKafka
    crew: Crew
    city: SimulatedCity
    broker_away: threading.Event = field(default_factory=threading.Event)
    """Set while the broker is killed or stopped."""


def kill_worker(scene: Scene, fault: Fault) -> Facts:
    worker = scene.crew.choose(fault.target).worker
    worker.kill(fault.seconds)
    return {"victim": worker.name}


def pause_worker(scene: Scene, fault: Fault) -> Facts:
    worker = scene.crew.choose(fault.target).worker
    return {"victim": worker.name, "there": _paused(worker, fault.seconds)}


def pause_worker_long(scene: Scene, fault: Fault) -> Facts:
    """Somebody must be there to take over."""
    added = scene.crew.add() if len(scene.crew.members) == 1 else None
    return pause_worker(scene, fault) | ({"added": added} if added else {})


def expire_transaction(scene: Scene, fault: Fault) -> Facts:
    """Stop a worker within a transaction, and leave it so."""
    worker = scene.crew.choose(fault.target).worker
    caught = catch(scene.settings, worker, random.Random(fault.target))
    time.sleep(fault.seconds)
    worker.resume()
    return {"victim": worker.name, "caught": caught}


def catch(settings: Settings, worker: Supervised, rng: random.Random) -> list[tuple[str, int]]:
    """Stop a worker again and again until it is stopped within a transaction: where that began. Stopped in any case."""
    for _ in range(_CATCH_TRIES):
        if not worker.pause():
            time.sleep(1.0)
        elif caught := open_transactions(settings):
            return caught
        worker.resume()
        time.sleep(rng.uniform(0.05, 0.5))
    worker.pause()
    return []


def open_transactions(settings: Settings) -> list[tuple[str, int]]:
    """Partitions of the hub's topics where a transaction stays open, with the offset where it began.

    The others' come and go; what stands still for half a second is taken to be that of a process that stands still.
    """
    first = _unstable(settings)
    if not first:
        return []
    time.sleep(_STUCK_SECONDS)
    return sorted(set(first.items()) & set(_unstable(settings).items()))


def _unstable(settings: Settings) -> dict[str, int]:
    """Last stable offsets that lie before the end. Nothing if the broker does not answer."""
    client = AdminClient(client_config(settings, "faults"))
    places = [
        TopicPartition(settings.topic(topic.name), number) for topic in WRITTEN for number in range(settings.partitions)
    ]
    ends: list[dict[str, int]] = []
    for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED):
        wanted = {place: OffsetSpec.latest() for place in places}
        try:
            with kafka_errors("asking for open transactions"):
                answers = client.list_offsets(wanted, isolation_level=level, request_timeout=_ASK_SECONDS)
                ends.append({f"{at.topic}-{at.partition}": answer.result().offset for at, answer in answers.items()})
        except RetriableError:
            return {}
    stable, high = ends
    return {place: at for place, at in stable.items() if at < high[place]}


def kill_broker(scene: Scene, fault: Fault) -> Facts:
    began = time.monotonic()
    scene.broker_away.set()
    try:
        if scene.kafka.pid is not None:
            os.kill(scene.kafka.pid, signal.SIGKILL)
        time.sleep(fault.seconds)
        _start_again(scene.kafka)
    finally:
        scene.broker_away.clear()
    return {"away_seconds": round(time.monotonic() - began, 1)}


def _start_again(kafka: EmbeddedKafka) -> None:
    """On a machine that is very busy a start may take too long: then once more."""
    for left in reversed(range(_BROKER_TRIES)):
        try:
            kafka.stop()
            kafka.start()
            return
        except FatalError:
            if not left:
                raise


def mend(scene: Scene) -> None:
    """After an interrupt in the midst of a fault: everyone goes on, and there is a broker."""
    for member in scene.crew.members:
        member.worker.resume()
    if scene.kafka.pid is None:
        _start_again(scene.kafka)
    scene.broker_away.clear()


def pause_broker(scene: Scene, fault: Fault) -> Facts:
    pid = scene.kafka.pid
    if pid is None:
        return {"there": False}
    scene.broker_away.set()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(fault.seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
        scene.broker_away.clear()
    return {}


def full_disk(scene: Scene, fault: Fault) -> Facts:
    """Of a worker, which in half of the cases must also start on it, or of the connectors' cursors."""
    if fault.target >= 2 / 3:
        disk, who = scene.city.disk, "connectors"
    else:
        member = scene.crew.choose(fault.target * 1.5)
        disk, who = member.disk, member.worker.name
    disk.fill()
    restarted = False
    try:
        if fault.target < 1 / 3:
            member.worker.kill(0.0)
            restarted = True
        time.sleep(fault.seconds)
    finally:
        disk.clear()
    return {"victim": who, "restarted": restarted, "how": disk.how}


def rebalance(scene: Scene, fault: Fault) -> Facts:
    there = len(scene.crew.members)
    more = there == 1 or (there < MOST_WORKERS and fault.target < _JOINS)
    name = scene.crew.add() if more else scene.crew.remove(fault.target)
    return {"added" if more else "removed": name}


def kill_connector(scene: Scene, fault: Fault) -> Facts:
    connector = scene.city.choose(fault.target)
    connector.kill(fault.seconds)
    return {"victim": connector.name}


def _paused(process: Supervised, seconds: float) -> bool:
    there = process.pause()
    try:
        time.sleep(seconds)
    finally:
        process.resume()
    return there


MAKERS: dict[str, Callable[[Scene, Fault], Facts]] = {
    "kill-worker": kill_worker, "pause-worker": pause_worker, "pause-worker-long": pause_worker_long,
    "expire-transaction": expire_transaction, "kill-broker": kill_broker, "pause-broker": pause_broker,
    "full-disk": full_disk, "rebalance": rebalance, "kill-connector": kill_connector,
}  # fmt: skip
