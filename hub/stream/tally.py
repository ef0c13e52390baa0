"""What a chunk adds to an agent's metrics, counted if and when it commits."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from hub import metrics
from hub.clock import wall_ms
from hub.stream.chunk import Chunk
from hub.topics import source_of


class Tally:
    """Filled while the chunk is decided. Keeps nothing of the chunk itself: it lives on until the commit, and what refers to
    each other in a ring would stay until the collector comes by."""

    def __init__(self, agent: str, chunk: Chunk) -> None:
        self._agent = agent
        self._began = time.perf_counter()
        self.received = Counter(chunk.topics)
        self.outcomes: Counter[str] = Counter()
        self.rejected: list[int] = []
        """Rows that were set aside."""
        self.arrived_ms: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.counts: list[tuple[Any, float]] = []
        """Other metrics, and by how much each rises."""

    @property
    def accounted(self) -> int:
        """Number of records that have an outcome."""
        return self.outcomes.total() + len(self.rejected)

    def count(self) -> None:
        """Add the tally to the metrics, once the chunk has committed."""
        agent = self._agent
        metrics.TRANSACTIONS.labels(agent, "committed").inc()
        metrics.TRANSACTION_SECONDS.labels(agent).observe(time.perf_counter() - self._began)
        for topic, records in self.received.items():
            metrics.EVENTS_IN.labels(agent, source_of(topic)).inc(records)
        for outcome, records in self.outcomes.items():
            metrics.OUTCOMES.labels(agent, outcome).inc(records)
        metrics.OUTCOMES.labels(agent, "dead").inc(len(self.rejected))
        for counter, amount in self.counts:
            counter.inc(amount)
        if len(self.arrived_ms):
            metrics.LATENCY_SECONDS.observe(agent, (wall_ms() - self.arrived_ms) / 1000)
