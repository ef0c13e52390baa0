"""A Kafka of several nodes on loopback, from the jars of the embedded one: for tests and drills of what a cluster does.

Everything has as many replicas as there are nodes, and one of them may be missing (min.insync.replicas).
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from hub.bounds import INT
from hub.broker.kafka import EmbeddedKafka
from hub.broker.settings import Member, Ports
from hub.broker.storage import free_port, new_cluster_id
from hub.errors import FatalError

CLIENTS, BROKERS, CONTROLLERS = "PLAINTEXT", "INTERNAL", "CONTROLLER"
"""Listeners of a node: for clients, for the other brokers, for the other controllers."""
_HOST = "127.0.0.1"
_INTERNAL_PARTITIONS = 8
_ASK_SECONDS = 2.0
_GONE_SECONDS = 120.0

Advertise = Callable[[int, str, int], int]
"""Given a node, one of its listeners and its port: the port that others are told, as of a proxy before it."""


class KafkaCluster:
    """Nodes 1 to `size`. `start` returns when all of them serve; on the same folder it goes on with the same data and ports.

    A node is killed, stopped in order or stopped in its tracks by its number, and started again by `restart`. What goes wrong
    is a FatalError with the end of that node's log. Faults come from one thread at a time.
    """

    def __init__(
        self,
        folder: Path,
        size: int = 3,
        *,
        heap_mb: int = 256,
        start_timeout_seconds: float = 180,
        advertise: Advertise = lambda _node, _listener, port: port,
    ) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._paused: set[int] = set()
        cluster_id, ports = _kept(folder, size)
        told = {node: [advertise(node, name, port) for name, port in named.items()] for node, named in ports.items()}
        voters = ",".join(f"{node}@{_HOST}:{controller}" for node, (_, _, controller) in told.items())
        self.bootstrap_servers = ",".join(f"{_HOST}:{client}" for client, _, _ in told.values())
        self.nodes = {
            node: EmbeddedKafka(
                folder / f"node-{node}",
                heap_mb=heap_mb,
                start_timeout_seconds=start_timeout_seconds,
                stop_timeout_seconds=30,
                member=Member(
                    node,
                    cluster_id,
                    Ports(named[CLIENTS], named[CONTROLLERS]),
                    _settings(named, told[node], voters, size),
                ),
            )
            for node, named in ports.items()
        }

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        try:
            self.restart(list(self.nodes))
        except BaseException:
            self.stop()
            raise
        return self

    def restart(self, nodes: Sequence[int]) -> None:
        """Start these, which are down, and return when they serve. More than half of all must be there with them."""
        self.begin(nodes)
        self.await_ready(nodes)

    def begin(self, nodes: Sequence[int]) -> None:
        """Start these, which are down, without waiting until they serve."""
        with self._lock, ThreadPoolExecutor(len(nodes)) as pool:
            for node in nodes:
                self.nodes[node].stop()
            list(pool.map(lambda node: self.nodes[node].begin(), nodes))

    def await_ready(self, nodes: Sequence[int]) -> None:
        """Return when these, which have begun, serve."""
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(lambda node: self.nodes[node].await_ready(), nodes))

    def stop(self) -> None:
        """All of them, by force: a node that ends in order waits for the others, and its data is safe either way."""
        with self._lock:
            for node in self.nodes:
                self.kill(node)
            for one in self.nodes.values():
                one.stop()

    def end(self, node: int) -> None:
        """In order: its partitions are given to others first."""
        with self._lock:
            self.resume(node)
            self.nodes[node].stop()

    def kill(self, node: int) -> None:
        """Kill -9. Returns when it is gone."""
        if self._signal(node, signal.SIGKILL):
            self.nodes[node].wait(_GONE_SECONDS)
        self._paused.discard(node)

    def pause(self, node: int) -> None:
        """SIGSTOP: its connections stay open and nothing is answered."""
        if self._signal(node, signal.SIGSTOP):
            self._paused.add(node)

    def resume(self, node: int) -> None:
        if node in self._paused:
            self._signal(node, signal.SIGCONT)
            self._paused.discard(node)

    @property
    def alive(self) -> list[int]:
        """Nodes whose processes are there, stopped in their tracks or not."""
        return [number for number, node in self.nodes.items() if node.pid is not None]

    def _signal(self, node: int, number: signal.Signals) -> bool:
        pid = self.nodes[node].pid
        if pid is None:
            return False
        os.kill(pid, number)
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # -- who leads ------------------------------------------------------------------------------------------------------

    def leader(self, topic: str, partition: int) -> int | None:
        """The node that leads a partition; None if nobody does, or nobody answers."""
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0, "error_cb": lambda _: None})
        try:
            found = client.list_topics(topic, timeout=_ASK_SECONDS).topics[topic].partitions.get(partition)
        except KafkaException:
            return None
        return found.leader if found is not None and found.leader in self.nodes else None

    def coordinator_of_transactions(self, transactional_id: str) -> int | None:
        """The node that coordinates a producer's transactions."""
        return self.leader("__transaction_state", _internal_partition(transactional_id))

    def coordinator_of_group(self, group: str) -> int | None:
        """The node that coordinates a consumer group."""
        return self.leader("__consumer_offsets", _internal_partition(group))


def _internal_partition(name: str) -> int:
    """Where Kafka keeps what it knows of a transactional id or a group: Java's hash of the name, by its own topic's partitions."""
    value = 0
    units = name.encode("utf-16-be")
    for at in range(0, len(units), 2):
        value = (31 * value + int.from_bytes(units[at : at + 2])) & 0xFFFF_FFFF
    signed = value - (1 << 32) if value > INT.most else value
    return abs(signed) % _INTERNAL_PARTITIONS


def _kept(folder: Path, size: int) -> tuple[str, dict[int, dict[str, int]]]:
    """The cluster's id and its nodes' ports by listener: of the last start on this folder, or new ones."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cluster.json"
    if file.exists():
        kept = json.loads(file.read_text("utf-8"))
        if len(kept["ports"]) != size:
            raise FatalError(f"{folder} holds a cluster of {len(kept['ports'])} nodes, not {size}: use another folder.")
        return kept["id"], {int(node): ports for node, ports in kept["ports"].items()}
    taken: set[int] = set()
    found = {
        node: {name: _fresh_port(taken) for name in (CLIENTS, BROKERS, CONTROLLERS)} for node in range(1, size + 1)
    }
    cluster_id = new_cluster_id()
    file.write_text(json.dumps({"id": cluster_id, "ports": found}), "utf-8")
    return cluster_id, found


def _fresh_port(taken: set[int]) -> int:
    port = free_port()
    while port in taken:
        port = free_port()
    taken.add(port)
    return port


def _settings(own: dict[str, int], advertised: Collection[int], voters: str, size: int) -> dict[str, object]:
    client, internal, _ = advertised
    safe = max(1, size - 1)
    return {
        "controller.quorum.voters": voters,
        "listeners": ",".join(f"{name}://{_HOST}:{port}" for name, port in own.items()),
        "advertised.listeners": f"{CLIENTS}://{_HOST}:{client},{BROKERS}://{_HOST}:{internal}",
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in own),
        "inter.broker.listener.name": BROKERS,
        "default.replication.factor": size,
        "min.insync.replicas": safe,
        "offsets.topic.replication.factor": size,
        "offsets.topic.num.partitions": _INTERNAL_PARTITIONS,
        "transaction.state.log.replication.factor": size,
        "transaction.state.log.min.isr": safe,
        "transaction.state.log.num.partitions": _INTERNAL_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": size,
        "share.coordinator.state.topic.min.isr": safe,
        # a follower that is back is let in soon, and who has died is noticed soon
        "replica.lag.time.max.ms": 10_000,
        "leader.imbalance.check.interval.seconds": 5,
    }
