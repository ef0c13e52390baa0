"""The memory of what was seen: bytes a key, how long it takes to read back from Kafka, and how fast it is when full."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from confluent_kafka import Producer

from hub.clock import wall_ms
from hub.core.dedup.admission import Arrivals, admit
from hub.core.dedup.memory import SeenState
from hub.millis import DAY_MS
from hub.settings import Settings
from hub.stream.changelog.recovery import recover
from hub.topics import DEDUPLICATE_CHANGELOG, MAX_DEAD_LETTER_BYTES, Topic
from loadtests.peers.given import PARTITIONS
from loadtests.scenario import Dedup
from loadtests.stage import Stage

_WINDOW_MS = DAY_MS
_NOW_MS = 1_772_409_600_000
_TOPIC = "load.events"


@dataclass
class _Cost:
    written_bytes: int = 0
    cpu_seconds: float = 0.0


def dedup(here: Stage, scenario: Dedup) -> dict[str, Any]:
    """Rows by number of keys."""
    rows = [_row(here, scenario, keys, scenario.chunk_records) for keys in scenario.keys]
    first = rows[0]["keys/CPU s when full"]
    many = list(rows)
    if scenario.quiet_keys is not None:
        rows.append(_row(here, scenario, scenario.quiet_keys, PARTITIONS))
    for row in rows:
        row["of the first row's"] = row["keys/CPU s when full"] / first
    points = {
        name: [(row["keys"], row[name]) for row in many]
        for name in ("recovery s", "bytes/key, arrays", "changelog bytes/key")
    }
    return {
        "rows": rows,
        "series": {
            "recovery": _series("recovery s", points),
            "state": _series("bytes/key, arrays", points),
            "changelog": _series("changelog bytes/key", points),
        },
        "note": f"Keys of 20 characters in {PARTITIONS} partitions, one changelog record a chunk and partition; in chunks of "
        f"{PARTITIONS} that is one key a record, as a quiet city writes them. `arrays` is what the tables take, `RSS` what the "
        f"process grew by; `full` is the speed of sifting {scenario.probe_records:,} new keys and remembering them, on top of "
        "what is there.",
    }


def _series(name: str, points: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    return {"x": "keys remembered", "y": name, "log": True, "lines": {name: points[name]}}


def _row(here: Stage, scenario: Dedup, keys: int, chunk_records: int) -> dict[str, Any]:
    settings = Settings.from_env(
        {}, bootstrap_servers=here.cluster.bootstrap, namespace=f"d{uuid.uuid4().hex[:6]}.", partitions=12
    )
    changelog = Topic(f"dedup{keys}.{chunk_records}", "none", None)
    topic = settings.topic(changelog.name)
    here.cluster.create(topic, {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)})
    task = here.progress.add_task(f"{keys:,} keys", total=keys)
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "compression.type": "lz4",
            "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        }
    )
    state, cost = SeenState(_WINDOW_MS, DEDUPLICATE_CHANGELOG, wall_ms), _Cost()
    for start in _starts(keys, chunk_records):
        for partition, value in _take(state, start, min(chunk_records, keys - start), cost):
            producer.produce(topic, value, partition=partition)
            cost.written_bytes += len(value)
        producer.poll(0)
        here.progress.update(task, completed=start)
    producer.flush(120)
    del state
    gc.collect()
    resident = psutil.Process().memory_info().rss
    found = SeenState(_WINDOW_MS, DEDUPLICATE_CHANGELOG, wall_ms)
    found.changelog = changelog
    began = time.monotonic()
    recover(settings, found, list(range(PARTITIONS)), lambda: None)
    seconds = time.monotonic() - began
    grown = psutil.Process().memory_info().rss - resident
    assert len(found) == keys, f"{len(found)} of {keys} keys came back"
    size = found.nbytes
    probe = _Cost()
    for start in _starts(scenario.probe_records, scenario.chunk_records):
        list(_take(found, keys + start, min(scenario.chunk_records, scenario.probe_records - start), probe))
    here.progress.remove_task(task)
    here.cluster.delete([topic])
    row = {
        "keys": keys,
        "chunk": chunk_records,
        "bytes/key, arrays": size / keys,
        "bytes/key, RSS": grown / keys,
        "changelog bytes/key": cost.written_bytes / keys,
        "recovery s": seconds,
        "keys/CPU s when full": scenario.probe_records / probe.cpu_seconds,
    }
    here.say(
        f"{keys:>12,} keys in chunks of {chunk_records:,}: {size / keys:.1f} bytes a key, read back in {seconds:.1f} s"
    )
    return row


def _starts(total: int, size: int) -> range:
    return range(0, total, size)


def _take(state: SeenState[Topic], start: int, count: int, cost: _Cost) -> Iterator[tuple[int, bytes]]:
    """Sift and remember keys `start` to `start + count`; gives the changelog's records."""
    numbers = np.arange(start, start + count)
    refs = pa.array([f"HL{number:018d}" for number in numbers.tolist()])
    began = time.process_time()
    arrivals = Arrivals(
        topics=[_TOPIC],
        topic=np.zeros(count, np.int64),
        partition=numbers * 7919 % PARTITIONS,
        offset=numbers // PARTITIONS,
        source=pa.repeat(pa.scalar("hotline"), count),
        ref=refs,
        revision=np.zeros(count, np.int64),
        content=np.ones(count, np.uint32),
        place=pa.nulls(count, pa.string()),
    )
    admission = admit(arrivals, state.seen, _NOW_MS)
    state.stage(admission.fresh)
    changes = list(state.changes())
    state.commit()
    cost.cpu_seconds += time.process_time() - began
    for partition, _, value in changes:
        assert value is not None
        yield partition, value
