"""Reads a worker's pages, /metrics above all, so that what is shown is what the hub says of itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from math import inf, isinf

import httpx2
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS = 2.0


class Metrics:
    """One scrape. Asking for what is not there gives 0 or nothing, as a counter is not shown before it counts."""

    def __init__(self, text: str = "", only: tuple[str, ...] = ()) -> None:
        """`only`: how the names begin that are read, where that is not all of them: most of a scrape is others'."""
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        if only:
            text = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(only))
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of `name` that carry these labels."""
        return sum(value for _, value in self._matching(name, labels))

    def by(self, label: str, name: str, **labels: str) -> Counter[str]:
        """The same, apart by `label`; without zeros."""
        found: Counter[str] = Counter()
        for has, value in self._matching(name, labels):
            found[has[label]] += int(value)
        return +found

    def values_of(self, label: str) -> list[str]:
        """What a label is in some sample, in order."""
        return sorted({has[label] for samples in self._samples.values() for has, _ in samples if label in has})

    def quantile(self, share: float, name: str, **labels: str) -> float | None:
        """Of a histogram, read off its buckets as Prometheus does; seconds. None before anything was observed."""
        buckets: Counter[float] = Counter()
        for has, value in self._matching(f"{name}_bucket", labels):
            buckets[float(has["le"])] += int(value)
        bounds = sorted(buckets)
        if not bounds or not buckets[bounds[-1]]:
            return None
        wanted, below, low = share * buckets[bounds[-1]], 0, 0.0
        for bound in bounds:
            if buckets[bound] >= wanted:
                within = buckets[bound] - below
                return low if isinf(bound) or not within else low + (bound - low) * (wanted - below) / within
            below, low = buckets[bound], bound
        return inf

    def _matching(self, name: str, labels: dict[str, str]) -> list[tuple[dict[str, str], float]]:
        return [(has, value) for has, value in self._samples[name] if labels.items() <= has.items()]


def scrape(url: str) -> Metrics | None:
    """The metrics at `url`, or None while nobody serves them."""
    body = fetch(url)
    return None if body is None else Metrics(body)


def fetch(url: str, seconds: float = _TIMEOUT_SECONDS) -> str | None:
    """The body of a good answer that comes within so many seconds, or None."""
    answer = ask(url, seconds)
    return answer.text if answer is not None and answer.is_success else None


def ask(url: str, seconds: float = _TIMEOUT_SECONDS) -> httpx2.Response | None:
    """What a page answers, whatever its status; None if nobody answers within so many seconds."""
    try:
        return _client().get(url, timeout=seconds)
    except httpx2.TransportError:
        return None


@cache
def _client() -> httpx2.Client:
    """Made once, as making one reads all certificates. It asks the worker itself, past any proxy, and keeps no connection open: a
    worker's port has few."""
    return httpx2.Client(trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
