"""The contenders: how each is started, on what, and what it promises. Settings come from the scenario and are reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.broker.java import find_java
from hub.broker.storage import free_port
from hub.errors import FatalError
from hub.settings import ROOT
from loadtests import environments
from loadtests.job.work import newest
from loadtests.peers.given import Given

_JAVA_HEAP = "-Xmx2g"


@dataclass(frozen=True)
class Start:
    """A command with its environment."""

    argv: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Contender:
    """One entry of the comparison."""

    title: str
    guarantee: str
    state: str
    start: Callable[[Given, Path], Start]
    versions: Callable[[], dict[str, str]]
    passes_through: bool = False
    """Writes what it reads, unchanged: the ceiling."""


def environment_for(given: Given, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with what the runner tells, and none of the user's own settings of the hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CITYHUB_", "LOAD_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **given.to_env(), **(extra or {})}


def _python(module: str, requirements: str | None = None) -> Callable[[Given, Path], Start]:
    def start(given: Given, folder: Path) -> Start:
        del folder
        python = environments.python_of(requirements) if requirements else Path(sys.executable)
        return Start([str(python), "-m", module], environment_for(given))

    return start


def _bytewax(given: Given, folder: Path) -> Start:
    python = environments.python_of("bytewax")
    recovery = folder / "recovery"
    recovery.mkdir(parents=True, exist_ok=True)
    workers = str(given.settings.get("workers", 1))
    snapshot = str(given.settings.get("snapshot_seconds", 10))
    run = f'"{python}" -m bytewax.run loadtests.peers.bytewax_flow:flow -r "{recovery}" -s {snapshot} -b 0 -w {workers}'
    init = f'"{python}" -m bytewax.recovery "{recovery}" {given.settings.get("recovery_partitions", 1)}'
    return Start(["/bin/sh", "-c", f"{init} && exec {run}"], environment_for(given))


def _kafka_streams(given: Given, folder: Path) -> Start:
    del folder
    jars = environments.jar_of("kafka_streams")
    extra = {f"LOAD_OPTION_{name.upper()}": str(value) for name, value in given.settings.items()}
    extra |= {f"LOAD_SCHEMA_{record.upper()}": str(newest(record)[0]) for record in ("CaseEvent", "Order")}
    heap = f"-Xmx{given.settings['heap']}" if "heap" in given.settings else _JAVA_HEAP
    argv = [str(find_java()), heap, "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*"]
    return Start([*argv, "cityhub.load.Orders"], environment_for(given, extra))


def _hub(given: Given, folder: Path) -> Start:
    extra = {f"CITYHUB_{name.upper()}": str(value) for name, value in given.settings.items()}
    fixed = {
        "CITYHUB_BOOTSTRAP_SERVERS": given.bootstrap,
        "CITYHUB_PARTITIONS": "12",
        "CITYHUB_CITY": str(given.job.with_name("city")),
        "CITYHUB_STATE_DIR": str(folder),
        "CITYHUB_WEB_PORT": str(free_port()),
        "CITYHUB_DEDUP_WINDOW_DAYS": "1",
    }
    return Start([sys.executable, "-m", "loadtests.hub_job.worker"], environment_for(given, fixed | extra))


def _own(*names: str) -> Callable[[], dict[str, str]]:
    def versions() -> dict[str, str]:
        from importlib.metadata import version

        return {name: version(name) for name in names}

    return versions


def _of(requirements: str, *names: str) -> Callable[[], dict[str, str]]:
    def versions() -> dict[str, str]:
        found = environments.versions_of(environments.python_of(requirements))
        return {name: found.get(name, "?") for name in names}

    return versions


def _of_jars() -> dict[str, str]:
    found: dict[str, str] = {}
    for jar in environments.jar_of("kafka_streams").glob("*.jar"):
        name, _, version = jar.stem.rpartition("-")
        if name in ("kafka-streams", "kafka-clients", "rocksdbjni", "avro"):
            found[name] = version
    return found


CONTENDERS: dict[str, Contender] = {
    "hub": Contender(
        "CityHub", "exactly once", "in memory, changelog in Kafka, one day",
        _hub, _own("confluent-kafka", "pyruhvro", "pyarrow", "faust-streaming"),
    ),
    "bare": Contender(
        "confluent-kafka, no work (ceiling)", "exactly once", "none",
        _python("loadtests.peers.bare"), _own("confluent-kafka"), passes_through=True,
    ),
    "faust": Contender(
        "Faust, stock agent and table", "at least once", "table in memory, changelog in Kafka, unbounded",
        _python("loadtests.peers.faust_table", "faust"),
        _of("faust", "faust-streaming", "aiokafka", "fastavro", "uvloop"),
    ),
    "quix": Contender(
        "Quix Streams", "exactly once", "RocksDB, changelog in Kafka, unbounded",
        _python("loadtests.peers.quix", "quix"), _of("quix", "quixstreams", "confluent-kafka", "fastavro"),
    ),
    "bytewax": Contender(
        "Bytewax", "state exactly once, output at least once", "in memory, SQLite recovery store, unbounded",
        _bytewax, _of("bytewax", "bytewax", "confluent-kafka", "fastavro"),
    ),
    "kafka_streams": Contender(
        "Kafka Streams (JVM)", "exactly once (v2)", "as its settings say, changelog in Kafka",
        _kafka_streams, _of_jars,
    ),
}  # fmt: skip


def contender(name: str) -> Contender:
    """Raises FatalError if there is none of that name."""
    if name not in CONTENDERS:
        raise FatalError(f"no contender is called {name}; known: {', '.join(CONTENDERS)}")
    return CONTENDERS[name]


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as a report shows them."""
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "defaults"
