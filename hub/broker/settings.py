"""The text of the broker's server.properties and log4j2.properties, and its JVM options."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hub.broker.guarded.secure import Guard

NODE_ID = 1
SHORT_LIVED = "CITYHUB_BROKER_SHORT_LIVED"
"""A variable of the environment. Set where brokers live for minutes, as in tests: each takes a third less of the processor then."""
_COMPILED_QUICKLY = "-XX:TieredStopAtLevel=1"


class Ports(NamedTuple):
    """The loopback ports of one broker: for clients, and of its own controller."""

    client: int
    controller: int


@dataclass(frozen=True)
class Member:
    """A node's part in a cluster. Without one it is a cluster by itself."""

    node_id: int
    cluster_id: str
    ports: Ports
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of server.properties, what differs from a node by itself."""


def server_properties(log_dir: Path, ports: Ports, member: Member | None = None, guard: Guard | None = None) -> str:
    """A node that is broker and controller, made for quick starts and small memory; by itself, not for replication."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@127.0.0.1:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{ports.client},CONTROLLER://127.0.0.1:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.client}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "message.max.bytes": 16 * 2**20,
        "replica.fetch.max.bytes": 16 * 2**20,
        # One replica of everything, and few partitions of Kafka's own topics: each is made on the first start.
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Groups form at once, and tests may notice a dead member soon.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "group.consumer.min.session.timeout.ms": 1000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        # After a kill -9 the node is let in again when its former session is over, by default after 9 s.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # The default of 128 MiB is taken from the heap at the start.
        "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    }
    if member is not None:
        settings |= {"node.id": member.node_id, **member.settings}
    if guard is not None:
        settings |= guard.properties(ports.client, ports.controller)
    return "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items())


LOG4J2 = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.authorizer.name=kafka.authorizer.logger
logger.authorizer.level=info
"""
"""Warnings, and whom the broker refused what."""


def broker_options(heap_mb: int, log4j2: Path, *, short_lived: bool = False) -> list[str]:
    """Serial collection: as quick to start as G1, and fewer threads beside the hub's on a small machine. One that lives for minutes
    (`short_lived`, or the environment says so) is gone before it is worth compiling its code well."""
    return [
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        *([_COMPILED_QUICKLY] if short_lived or os.environ.get(SHORT_LIVED) else []),
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        *log_options(log4j2),
    ]


def tool_options(log4j2: Path) -> list[str]:
    """For a program that runs for a second: its code is not worth compiling well."""
    return ["-Xmx128m", "-XX:+UseSerialGC", _COMPILED_QUICKLY, *log_options(log4j2)]


def log_options(log4j2: Path) -> list[str]:
    return [f"-Dlog4j2.configurationFile={log4j2.as_uri()}"]


def java_environment() -> dict[str, str]:
    """Ours, but without what would change the JVM's options, and so that any path can be named."""
    dropped = {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"}
    return {key: value for key, value in os.environ.items() if key not in dropped} | {"LC_ALL": "C.UTF-8"}


def _escaped(value: object) -> str:
    # Java reads properties as Latin-1, with a backslash as the start of an escape.
    units = str(value).replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
