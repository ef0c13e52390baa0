"""Memory of workers and connectors over a run, apart for when the broker was away: does it stay bounded?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median
from typing import Any

from loadtests.faults.supervised import Supervised

_MIB = 2**20


class Memory:
    """Samples of resident memory by role, largest process of each."""

    def __init__(self) -> None:
        self._samples: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)

    def look(self, seconds: float, processes: Iterable[Supervised], *, broker_away: bool) -> None:
        largest: dict[str, int] = defaultdict(int)
        for process in processes:
            largest[process.role] = max(largest[process.role], process.rss())
        for role, size in largest.items():
            if size:
                self._samples[role].append((seconds, size / _MIB, broker_away))

    def as_dict(self) -> dict[str, Any]:
        """By role, MiB: the peak, the peak while the broker was away, medians of the second and of the last quarter."""
        return {role: _summary(samples) for role, samples in self._samples.items()}


def _summary(samples: list[tuple[float, float, bool]]) -> dict[str, float]:
    sizes = [size for _, size, _ in samples]
    quarter = max(1, len(sizes) // 4)
    return {
        "peak_mib": round(max(sizes), 1),
        "peak_broker_away_mib": round(max((size for _, size, away in samples if away), default=0.0), 1),
        "second_quarter_mib": round(median(sizes[quarter : 2 * quarter] or sizes), 1),
        "last_quarter_mib": round(median(sizes[-quarter:]), 1),
    }
