"""The comparison: every contender in turn, on one broker and the same data, in rotating order over the rounds."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import asdict
from typing import Any, Literal

from hub.errors import FatalError
from loadtests import measure
from loadtests.contenders import contender
from loadtests.job.events import Truth
from loadtests.scenario import Compare, Entry
from loadtests.stage import Stage


def compare(here: Stage, scenario: Compare) -> dict[str, Any]:
    """Runs all of it. What fails is reported as failed, with the reason; the others go on."""
    data: dict[Literal["full", "short"], tuple[str, int]] = {
        "full": ("load.events", scenario.records),
        "short": ("load.events.short", scenario.short_records),
    }
    truths: dict[Literal["full", "short"], Truth] = {
        size: here.fill(topic, scenario.seed, records)
        for size, (topic, records) in data.items()
        if any(entry.records == size for entry in scenario.contenders)
    }
    size = next(iter(truths))
    warm_up = Entry(contender="bare", label="warm-up", records=size)
    _one(here, scenario, warm_up, data[size][0], truths[size], 0)  # the broker's JVM compiles what is hot too
    runs: dict[str, list[dict[str, Any]]] = {entry.label: [] for entry in scenario.contenders}
    for number in range(scenario.rounds):
        turn = number * len(scenario.contenders) // scenario.rounds
        for entry in (*scenario.contenders[turn:], *scenario.contenders[:turn]):
            topic = data[entry.records][0]
            runs[entry.label].append(_one(here, scenario, entry, topic, truths[entry.records], number + 1))
    entries = [_summary(entry, runs[entry.label]) for entry in scenario.contenders]
    return {"entries": entries, "ratios": _ratios(entries)}


def _one(here: Stage, scenario: Compare, entry: Entry, topic: str, truth: Truth, number: int) -> dict[str, Any]:
    given = here.given(entry.label, topic, dict(entry.settings))
    folder = given.state.parent
    task = here.progress.add_task(f"{entry.label}, round {number} of {scenario.rounds}", total=1.0)
    try:
        result = measure.run(
            here.cluster, contender(entry.contender), given, entry.label, here.rules, truth, folder, here.kafka.pid,
            lambda share: here.progress.update(task, completed=share), scenario.stall_seconds,
        )  # fmt: skip
    except FatalError as error:
        here.say(f"{entry.label:24} failed: {error}")
        return {"failed": str(error)}
    finally:
        here.progress.remove_task(task)
        here.cluster.delete(here.cluster.topics_named(given.run))
        shutil.rmtree(given.state, ignore_errors=True)
    here.say(_line(result))
    return asdict(result) | {"cpu_microseconds": result.cpu_microseconds, "verdict": result.verdict.as_json()}


def _line(result: measure.Result) -> str:
    verdict = result.verdict
    if result.rate is None:
        return (
            f"{result.label:24} does not count: {verdict.missing} missing, {verdict.doubled} doubled, {verdict.wrong} wrong"
            f" ({verdict.first_wrong})"
        )
    return (
        f"{result.label:24} {result.rate:>10,.0f} records/s  {result.cpu_microseconds:>7.2f} µs CPU a record"
        f"  {result.peak_rss_bytes / 2**20:>6,.0f} MiB  first commit after {result.start_seconds:.1f} s"
    )


def _summary(entry: Entry, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """An entry with the median of its good runs; one bad run is enough for it to have no rate."""
    known = contender(entry.contender)
    good = [run for run in runs if run.get("rate")]
    whole = len(good) == len(runs)
    middle: dict[str, Any] = {
        name: statistics.median(run[name] for run in good if run[name] is not None) if whole and good[0][name] else None
        for name in ("rate", "late_rate", "cpu_microseconds", "peak_rss_bytes", "start_seconds", "broker_cpu_seconds")
    }
    return {
        "label": entry.label,
        "main": entry.main,
        "contender": known.title,
        "guarantee": known.guarantee,
        "state": known.state,
        "settings": dict(entry.settings),
        "versions": known.versions(),
        "ceiling": known.passes_through,
        **middle,
        "runs": runs,
    }


def _ratios(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The hub's rate divided by each other's, and likewise what a record costs in CPU (theirs by the hub's)."""
    hub = next((entry for entry in entries if entry["label"] == "hub"), None)
    if hub is None or not hub["rate"]:
        return []
    return [
        {
            "against": entry["label"],
            "main": entry["main"],
            "rate": hub["rate"] / entry["rate"],
            "late_rate": hub["late_rate"] / entry["late_rate"] if hub["late_rate"] and entry["late_rate"] else None,
            "cpu": entry["cpu_microseconds"] / hub["cpu_microseconds"],
        }
        for entry in entries
        if entry is not hub and entry["rate"]
    ]
