"""The job by one, two and more workers of the hub, on the same data."""

from __future__ import annotations

from functools import partial
from typing import Any

from rich.progress import TaskID

from hub.errors import FatalError
from loadtests import measure
from loadtests.contenders import contender
from loadtests.scenario import Scaling
from loadtests.stage import Stage

_EVENTS = "load.events"
_STEADY_FROM = 0.3


def scaling(here: Stage, scenario: Scaling) -> dict[str, Any]:
    """Rows by number of workers. Raises FatalError if an output is not right."""
    truth = here.fill(_EVENTS, scenario.seed, scenario.records)
    rows = []
    for workers in scenario.workers:
        given = here.given(f"scaling{workers}", _EVENTS, dict(scenario.settings))
        task = here.progress.add_task(f"{workers} worker(s)", total=1.0)
        result = measure.run(
            here.cluster, contender("hub"), given, f"{workers} workers", here.rules, truth, given.state.parent, here.kafka.pid,
            partial(_show, here, task), scenario.stall_seconds, workers,
        )  # fmt: skip
        here.progress.remove_task(task)
        here.cluster.delete(here.cluster.topics_named(given.run))
        if result.rate is None:
            raise FatalError(
                f"{workers} workers: the output is not right: {result.verdict.first_wrong or result.verdict}"
            )
        rows.append(
            {
                "workers": workers,
                "records/s": result.rate,
                "records/s once all had joined": measure.rate_from(result.progress, _STEADY_FROM, result.records),
                "CPU µs/record": result.cpu_microseconds,
                "peak RSS MiB, all": result.peak_rss_bytes / 2**20,
            }
        )
        here.say(f"{workers} worker(s): {result.rate:,.0f} records/s")
    return {
        "rows": rows,
        "note": f"{scenario.records:,} events in a topic of 12 partitions; broker and workers share this machine's cores, so past "
        "their number this shows what sharing the work costs, not what more machines would bring.",
    }


def _show(here: Stage, task: TaskID, share: float) -> None:
    here.progress.update(task, completed=share)
