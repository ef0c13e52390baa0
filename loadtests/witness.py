"""Reads every department's orders as a department would, committed records only, and notes when each came."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyruhvro
from confluent_kafka import Consumer, KafkaError

from hub.errors import FatalError
from loadtests.job.events import number_of
from loadtests.job.work import HEADER_BYTES, newest

_FIRSTS = ("ASSIGN", "LINK")


class Witness:
    """Latencies by event, from its report (the instant it was sent) to the moment its first order could be read."""

    def __init__(self, bootstrap: str, topics: list[str]) -> None:
        self._schema = newest("Order")[1].read_text("utf-8")
        self._times = np.zeros(1 << 20, np.uint8)
        self._latencies: list[np.ndarray] = []
        self._arrived: list[np.ndarray] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"witness.{time.time_ns()}",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "queued.max.messages.kbytes": 65_536,
            }
        )
        self._consumer.subscribe(topics)
        self.orders = 0

    def look(self, wait_seconds: float) -> list[dict[str, Any]]:
        """Take what has come, or wait for some. Gives the cases newly assigned: case_id and department."""
        messages = self._consumer.consume(5000, wait_seconds)
        now_ms = time.time() * 1000
        values = []
        for message in messages:
            error = message.error()
            if error is None:
                values.append(message.value()[HEADER_BYTES:])
            elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():
                raise FatalError(f"orders cannot be read: {error.str()}")
        if not values:
            return []
        batch = pyruhvro.deserialize_array(values, self._schema)
        kinds: list[str] = batch.column("kind").to_pylist()
        event = batch.column("event")
        refs = event.field("source_ref").to_pylist()
        reported = event.field("reported_at").cast("int64").to_pylist()
        rows = [row for row, kind in enumerate(kinds) if kind in _FIRSTS]
        self.orders += len(rows)
        self._note(np.array([number_of(refs[row].encode()) for row in rows], np.int64))
        self._latencies.append(now_ms - np.array([reported[row] for row in rows], np.float64))
        self._arrived.append(np.full(len(rows), now_ms))
        ids, departments = batch.column("case_id").to_pylist(), batch.column("department").to_pylist()
        return [{"case_id": ids[row], "department": departments[row]} for row in rows if kinds[row] == "ASSIGN"]

    def close(self) -> None:
        self._consumer.close()

    @property
    def distinct(self) -> int:
        return int(np.count_nonzero(self._times))

    @property
    def doubled(self) -> int:
        """Events with more than one first order."""
        return int((self._times > 1).sum())

    def latencies_ms(self, since_ms: float = 0.0) -> np.ndarray:
        """Of the orders that came since then."""
        if not self._latencies:
            return np.zeros(0)
        return np.concatenate(self._latencies)[np.concatenate(self._arrived) >= since_ms]

    def by_slice(self, began_ms: float, slice_seconds: float, percent: float) -> list[tuple[float, float]]:
        """A percentile of the latencies, ms, of the orders that came in each slice of time; seconds at its end."""
        if not self._latencies:
            return []
        arrived, latency = np.concatenate(self._arrived), np.concatenate(self._latencies)
        number = ((arrived - began_ms) / 1000 // slice_seconds).astype(np.int64)
        return [
            (float(at + 1) * slice_seconds, float(np.percentile(latency[number == at], percent)))
            for at in np.unique(number)
        ]

    def gaps(self) -> list[tuple[float, float]]:
        """When orders came, ms, and how long none had come before, seconds; largest first."""
        times = np.unique(np.concatenate(self._arrived)) if self._arrived else np.zeros(0)
        apart = np.diff(times) / 1000
        return [(float(times[at + 1]), float(apart[at])) for at in np.argsort(-apart)[:5]]

    def _note(self, numbers: np.ndarray) -> None:
        if len(numbers) and numbers.max() >= len(self._times):
            self._times = np.concatenate([self._times, np.zeros(max(len(self._times), int(numbers.max())), np.uint8)])
        np.add.at(self._times, numbers, 1)
