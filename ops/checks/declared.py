"""The metrics there are: those hub/metrics.py declares, with their labels, and those every Python process has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from hub import metrics

_SUFFIXES = {"counter": ("_total", "_created"), "histogram": ("_bucket", "_sum", "_count")}
_SCRAPE_LABELS = frozenset({"job", "instance"})


def collectors() -> Iterator[Any]:
    """The hub's own, in the order of their declaration."""
    for value in vars(metrics).values():
        if isinstance(value, MetricWrapperBase | metrics.BatchHistogram):
            yield value


def labels_of(collector: Any) -> tuple[str, ...]:
    """The label names of one of `collectors`."""
    if isinstance(collector, metrics.BatchHistogram):
        return (collector._label,)
    return tuple(collector._labelnames)  # prometheus-client has no public way to ask


def hub_series() -> dict[str, frozenset[str]]:
    """Series name, as Prometheus stores it, to its labels."""
    found = {}
    for collector in collectors():
        for family in collector.collect():
            labels = frozenset(labels_of(collector)) | _SCRAPE_LABELS
            for suffix in _SUFFIXES.get(family.type, ("",)):
                found[family.name + suffix] = labels | {"le"} if suffix == "_bucket" else labels
    return found


def process_series() -> dict[str, frozenset[str]]:
    """Series that prometheus-client and Prometheus add by themselves."""
    names = {
        sample.name
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith(("process_", "python_"))
    }
    return dict.fromkeys({*names, "up"}, _SCRAPE_LABELS)
