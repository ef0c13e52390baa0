"""How each kind of fault is made to the cluster. Each says what it did, for the timeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub.settings import Settings
from hub.testing.cluster import BROKERS, CLIENTS, CONTROLLERS, KafkaCluster
from hub.topics import CASES, DEADLINES, DEDUPLICATE_CHANGELOG, EVENTS, ROUTE_CHANGELOG, TRACK_CHANGELOG, UPDATES
from loadtests.faults.brokers.proxies import Cut, Proxies
from loadtests.faults.crew import AGENTS, Crew
from loadtests.faults.plan import Fault

Facts = dict[str, Any]
WRITTEN = (EVENTS, UPDATES, CASES, DEADLINES, DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG)
_GROUPS = 0.3
"""Share of faults to a coordinator that hit the group's, the others that of transactions."""


@dataclass
class Scene:
    """What faults are made to. `starting` nodes are not waited for, until another is to be killed."""

    settings: Settings
    cluster: KafkaCluster
    proxies: Proxies
    crew: Crew
    starting: set[int] = field(default_factory=set)

    def settle(self) -> None:
        """Wait until all nodes serve. Raises FatalError if one does not."""
        if self.starting:
            self.cluster.await_ready(sorted(self.starting))
            self.starting.clear()

    def mend(self) -> None:
        """Everybody is there and hears everybody."""
        self.proxies.heal()
        for node in self.cluster.nodes:
            self.cluster.resume(node)
        for member in self.crew.members:
            member.worker.resume()
        down = [node for node in self.cluster.nodes if node not in self.cluster.alive]
        if down:
            self.cluster.begin(down)
            self.starting.update(down)
        self.settle()


def coordinator(scene: Scene, draw: Random) -> tuple[int, str]:
    """A node that coordinates something of an agent, and what."""
    agent = draw.choice(AGENTS)
    if draw.random() < _GROUPS:
        node = scene.cluster.coordinator_of_group(f"{scene.settings.namespace}{agent}")
        return node or _any(scene, draw), f"group of {agent}"
    names = [member.worker.name for member in scene.crew.members]
    name = f"{scene.settings.namespace}{agent}.{draw.choice(names)}"
    return scene.cluster.coordinator_of_transactions(name) or _any(scene, draw), f"transactions of {agent}"


def leader(scene: Scene, draw: Random) -> tuple[int, str]:
    """A node that leads a partition which agents write to, and which."""
    topic, partition = draw.choice(WRITTEN).name, draw.randrange(scene.settings.partitions)
    node = scene.cluster.leader(scene.settings.topic(topic), partition)
    return node or _any(scene, draw), f"{topic}[{partition}]"


def _any(scene: Scene, draw: Random) -> int:
    return draw.choice(list(scene.cluster.nodes))


Choice = Callable[[Scene, Random], tuple[int, str]]


def either(scene: Scene, draw: Random) -> tuple[int, str]:
    return draw.choice((coordinator, leader))(scene, draw)


def kill(choose: Choice) -> Callable[[Scene, Fault], Facts]:
    def make(scene: Scene, fault: Fault) -> Facts:
        scene.settle()
        node, why = choose(scene, Random(fault.target))
        _kill(scene, [node], fault.seconds)
        return {"node": node, "why": why}

    return make


def kill_some(count: int) -> Callable[[Scene, Fault], Facts]:
    def make(scene: Scene, fault: Fault) -> Facts:
        scene.settle()
        nodes = Random(fault.target).sample(list(scene.cluster.nodes), count)
        _kill(scene, nodes, fault.seconds)
        scene.settle()
        return {"nodes": nodes}

    return make


def _kill(scene: Scene, nodes: list[int], down_seconds: float) -> None:
    for node in nodes:
        scene.cluster.kill(node)
    time.sleep(down_seconds)
    scene.cluster.begin(nodes)
    scene.starting.update(nodes)


def roll(scene: Scene, fault: Fault) -> Facts:
    scene.settle()
    order = Random(fault.target).sample(list(scene.cluster.nodes), len(scene.cluster.nodes))
    for node in order:
        scene.cluster.end(node)
        scene.cluster.restart([node])
    return {"nodes": order}


def pause(choose: Choice) -> Callable[[Scene, Fault], Facts]:
    def make(scene: Scene, fault: Fault) -> Facts:
        node, why = choose(scene, Random(fault.target))
        scene.cluster.pause(node)
        try:
            time.sleep(fault.seconds)
        finally:
            scene.cluster.resume(node)
        return {"node": node, "why": why}

    return make


def cut(*listeners: str) -> Callable[[Scene, Fault], Facts]:
    def make(scene: Scene, fault: Fault) -> Facts:
        draw = Random(fault.target)
        node, why = either(scene, draw)
        how = draw.choice(list(Cut))
        for listener in listeners:
            scene.proxies.cut(node, listener, how)
        try:
            time.sleep(fault.seconds)
        finally:
            scene.proxies.heal()
        return {"node": node, "why": why, "how": str(how)}

    return make


def kill_worker(scene: Scene, fault: Fault) -> Facts:
    worker = scene.crew.choose(fault.target).worker
    worker.kill(fault.seconds)
    return {"victim": worker.name}


def pause_worker(scene: Scene, fault: Fault) -> Facts:
    worker = scene.crew.choose(fault.target).worker
    worker.pause()
    try:
        time.sleep(fault.seconds)
    finally:
        worker.resume()
    return {"victim": worker.name}


MAKERS: dict[str, Callable[[Scene, Fault], Facts]] = {
    "kill-coordinator": kill(coordinator), "kill-leader": kill(leader), "kill-two": kill_some(2), "kill-all": kill_some(3),
    "roll": roll, "pause-coordinator": pause(coordinator), "pause-leader": pause(leader), "cut-clients": cut(CLIENTS),
    "cut-brokers": cut(BROKERS), "cut-controllers": cut(CONTROLLERS), "isolate": cut(CLIENTS, BROKERS, CONTROLLERS),
    "kill-worker": kill_worker, "pause-worker": pause_worker,
}  # fmt: skip
