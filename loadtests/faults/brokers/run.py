"""One round: topics of its own, two workers, a feed; faults one after the other; rest; the proof; all of it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import client_config
from hub.testing.cluster import KafkaCluster
from hub.topics import all_topics
from loadtests.faults.brokers.feed import Feed
from loadtests.faults.brokers.makers import MAKERS, Scene
from loadtests.faults.brokers.prove import Proof, differing, look
from loadtests.faults.brokers.proxies import Proxies
from loadtests.faults.crew import Crew
from loadtests.faults.fencing import Fencing, check_fencing
from loadtests.faults.plan import Fault
from loadtests.faults.prove import CHANGELOGS
from loadtests.faults.timeline import Timeline
from loadtests.job.city import write_city
from loadtests.job.rules import make_rules

PARTITIONS = 3
_FIRST_SECONDS = 180.0
_REPLICAS_SECONDS = 60.0
_SESSION_MS, _TRANSACTION_MS = 10_000, 20_000
OnProgress = Callable[[str, int], None]
"""Called with what is going on and how many faults of the round are made."""


@dataclass(frozen=True)
class Outcome:
    """A round that came to its end."""

    number: int
    made: int
    seconds: float
    proof: Proof
    facts: dict[str, Any]

    @property
    def good(self) -> bool:
        return self.proof.good

    def as_dict(self) -> dict[str, Any]:
        head = {"round": self.number, "good": self.good, "faults": self.made, "seconds": round(self.seconds, 1)}
        return head | self.facts | {"proof": self.proof.as_dict()}


class Ground:
    """The cluster and the city, for all rounds of a run. Ended by `close`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.rules = make_rules(seed)
        self.city = write_city(self.rules, folder / "city")
        self._stack = ExitStack()
        try:
            self.proxies = self._stack.enter_context(Proxies())
            cluster = KafkaCluster(folder / "cluster", advertise=self.proxies.before, start_timeout_seconds=300)
            self.cluster = self._stack.enter_context(cluster)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stack.close()


def play(ground: Ground, number: int, wanted: list[Fault], *, rate: float, on_progress: OnProgress) -> Outcome:
    """Raises FatalError if the hub does not come to rest, or a broker does not start; KeyboardInterrupt ends it unproved."""
    folder = ground.folder / f"round-{number:04d}"
    timeline = Timeline(folder / "timeline.jsonl")
    settings = settings_for(ground, number, folder)
    departments, sources = list(load_city(settings.city).departments), list(discover())
    with ExitStack() as stack:
        on_progress("starting 启动", 0)
        ensure_topics(settings, all_topics(sources, departments))
        crew = Crew(settings, folder)
        stack.callback(crew.close)
        scene = Scene(settings, ground.cluster, ground.proxies, crew)
        stack.callback(scene.mend)
        with keeping_up(crew):
            feed = stack.enter_context(Feed(settings, ground.rules, departments, rate, ground.seed * 10_000 + number))
            crew.await_work(0.0, _FIRST_SECONDS)
            timeline.note("at work")
            for fault in wanted:
                on_progress(fault.kind, fault.number - 1)
                began = timeline.seconds
                facts = MAKERS[fault.kind](scene, fault)
                timeline.note(fault.kind, number=fault.number, began=began, lasts=round(fault.seconds, 2), **facts)
                time.sleep(fault.wait_seconds)
            on_progress("coming to rest 收尾", len(wanted))
            scene.mend()
            feed.finish()
            crew.drain()
            on_progress("proof 对账", len(wanted))
            first = look(settings, sources, departments)
            timeline.note("proved", good=first.good)
            on_progress("everything again 重发", len(wanted))
            sent = sum(feed.sent.values())
            feed.again()
            crew.drain()
            again = look(settings, sources, departments)
        timeline.note("proved again", good=again.good)
        proof = Proof(first, again, feed.fresh, sent, *_logs(ground, settings.namespace))
        facts = {
            "records_in": sent,
            "assignments": crew.rebalances(),
            "ends": [dict(one.worker.ends) for one in crew.members],
        }
    if proof.good:
        forget(ground, settings, sources, departments)
    return Outcome(number, len(wanted), timeline.seconds, proof, facts)


def settings_for(ground: Ground, number: int, folder: Path) -> Settings:
    """The hub's: small chunks, so that many transactions meet a fault, and short timeouts: but starting brokers take all of a
    small machine for seconds, and who is lost then did not meet a fault."""
    return Settings(
        bootstrap_servers=ground.cluster.bootstrap_servers,
        namespace=f"r{number:04d}.",
        city=ground.city,
        partitions=PARTITIONS,
        replication_factor=len(ground.cluster.nodes),
        chunk_records=200,
        session_timeout_ms=_SESSION_MS,
        transaction_timeout_ms=_TRANSACTION_MS,
        state_dir=folder / "state",
        instance="w0",
    )


@contextmanager
def keeping_up(crew: Crew) -> Iterator[None]:
    """A thread that starts again what is gone."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            crew.keep_up()

    thread = threading.Thread(target=work, name="supervisor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _logs(ground: Ground, namespace: str) -> tuple[dict[int, Fencing], tuple[str, ...]]:
    """What the brokers' own logs say, once their replicas are equal or have had the time for it."""
    folders = {number: node.logs for number, node in ground.cluster.nodes.items()}
    until = time.monotonic() + _REPLICAS_SECONDS
    while (odd := differing(folders.values(), namespace)) and time.monotonic() < until:
        time.sleep(1.0)
    return {node: check_fencing(folder, namespace, CHANGELOGS) for node, folder in folders.items()}, odd


def forget(ground: Ground, settings: Settings, sources: list[str], departments: list[str]) -> None:
    """Delete a round's topics: hundreds of partitions would slow down every start of a broker."""
    client = AdminClient(client_config(settings, "admin"))
    names = [settings.topic(topic.name) for topic in all_topics(sources, departments)]
    for deleted in client.delete_topics(names, operation_timeout=30.0).values():
        deleted.result()
