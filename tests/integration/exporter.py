"""A process that serves every metric of hub.metrics with made-up values that move; started by test_prometheus.py.

A process of its own, because the registry belongs to the whole process.
"""

import itertools
import sys
import time

import numpy as np
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from hub import metrics
from hub.core.figures.rates import COUNTS
from ops.checks.declared import collectors, labels_of

VALUES = {
    "agent": ("deduplicate", "route", "track"),
    "department": ("roads", "water"),
    "source": ("police", "hotline"),
    "result": ("committed", "aborted"),
    "partition": ("0", "1"),
    "count": COUNTS,
}
"""Values by label; another label has one, its own name."""
AT_REST = {
    metrics.UNACCOUNTED: 0.0,
    metrics.READY: 1.0,
    metrics.SOURCE_PAUSED: 0.0,
    metrics.CLOCK_HELD: 0.0,
    metrics.OTHER_RULES_WORKERS: 0.0,
    metrics.SAME_NAME_WORKERS: 0.0,
    metrics.STATE_REFUSED: 0.0,
    metrics.EDGE_STATE: 1.0,
    metrics.EDGE_OWNER: 1.0,
    metrics.UNREAD_RECORDS: 0.0,
    metrics.SOURCE_SILENT: 1.0,
    metrics.SOURCE_KNOWN_DAYS: 1.0,
    metrics.DEPARTMENT_SILENT: 1.0,
    metrics.DEPARTMENT_KNOWN_DAYS: 1.0,
    metrics.CERTIFICATE_EXPIRES: 1e10,
    metrics.DISK_FREE: 0.5,
}
STILL = (metrics.GAPS, metrics.UNREADABLE_STATE)
"""Counters that count nothing where all is well."""


def move(step: int) -> None:
    """What goes in comes out, whatever the labels, so that the account is even."""
    for collector in collectors():
        if collector in (metrics.EVENTS_IN, metrics.OUTCOMES):
            continue
        names = labels_of(collector)
        for values in itertools.product(*(VALUES.get(name, (name,)) for name in names)):
            if isinstance(collector, metrics.BatchHistogram):
                collector.observe(values[0], np.array([0.04, 0.4, 4.0]))
                continue
            child = collector.labels(*values) if names else collector
            if isinstance(collector, Counter):
                child.inc(0 if collector in STILL else 1 if collector is metrics.RATE_COUNTS_TAKEN_BACK else 2)
            elif isinstance(collector, Histogram):
                child.observe(0.03)
            elif collector is metrics.PROGRESS_TIMESTAMP:
                child.set_to_current_time()
            elif isinstance(collector, Gauge):
                child.set(AT_REST.get(collector, float(step)))
    for agent in VALUES["agent"]:
        metrics.EVENTS_IN.labels(agent, "police").inc(3)
        metrics.OUTCOMES.labels(agent, "admitted").inc(3)


if __name__ == "__main__":
    move(1)
    server, _ = start_http_server(0, "127.0.0.1")
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    for step in itertools.count(2):
        time.sleep(0.2)
        move(step)
