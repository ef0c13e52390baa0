"""The core alone: framed events in, framed orders and changelog records out, on one core, with no broker and no Faust."""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from hub.clock import wall_ms
from hub.core.dedup.admission import admit
from hub.core.dedup.memory import SeenState
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.policy import load_city
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.topics import DEDUPLICATE_CHANGELOG
from loadtests.hub_job.work import OrderWork
from loadtests.job.check import Checker, Verdict
from loadtests.job.city import write_city
from loadtests.job.events import BASE_MS, Block, Events, Truth
from loadtests.job.rules import Rules, make_rules
from loadtests.peers.given import PARTITIONS
from loadtests.scenario import Core


def core_alone(scenario: Core, say: Callable[[str], None]) -> dict[str, Any]:
    """Rows: a size of chunk with its rate and the microseconds an event of each step. Raises FatalError if orders are wrong."""
    rules = make_rules(scenario.seed)
    events = Events(rules, scenario.seed)
    say(f"making {scenario.records:,} events")
    blocks = list(events.blocks(scenario.records))
    gc.collect()
    gc.freeze()  # the data are the test's, and the collector need not look at them again and again
    rows = []
    with _one_core(), tempfile.TemporaryDirectory(prefix="cityhub-load-") as folder:
        city = write_city(rules, Path(folder) / "city")
        for size in scenario.chunk_records:
            rounds = [_round(city, rules, events.truth(), blocks, size) for _ in range(scenario.rounds)]
            rate = statistics.median(scenario.records / sum(steps.values()) for steps in rounds)
            budget = {
                f"{step} µs": statistics.median(steps[step] for steps in rounds) / scenario.records * 1e6
                for step in rounds[0]
            }
            rows.append({"chunk": size, "events/CPU s": rate, **budget})
            say(f"chunks of {size:,}: {rate:,.0f} events a CPU second")
    return {
        "rows": rows,
        "note": f"{scenario.records:,} events in memory, one core (affinity), median of {scenario.rounds} rounds; every order was "
        "checked. CPU time, which on one quiet core is the time of day. Steps are microseconds an event: `decode` from framed "
        "Avro to columns, `dedup` with lookup, `orders` routes, due times and encoding, `remember` the state's changelog "
        "records and its own update.",
    }


def _round(city: Path, rules: Rules, truth: Truth, blocks: list[Block], size: int) -> dict[str, float]:
    codec = Codec(FileRegistry())
    work, state = OrderWork(load_city(city), codec), SeenState(DAY_MS, DEDUPLICATE_CHANGELOG, wall_ms)
    checker = Checker(rules, truth)
    spent: dict[str, float] = defaultdict(float)
    for values, partitions, offsets in _chunks(blocks, size):
        marks = [time.process_time()]
        decoded = codec.decode_many("cityhub.CaseEvent", values)
        marks.append(time.process_time())
        admission = admit(work.arrivals("load.events", partitions, offsets, values, decoded), state.seen, BASE_MS)
        marks.append(time.process_time())
        case_ids, orders = work.orders(decoded, admission.first)
        marks.append(time.process_time())
        state.stage(admission.fresh)
        written = list(state.changes())
        state.commit()
        marks.append(time.process_time())
        for step, start, end in zip(("decode", "dedup", "orders", "remember"), marks, marks[1:], strict=False):
            spent[step] += end - start
        if not written and orders:
            raise FatalError("the state wrote no changelog")
        checker.add([case_id.encode() for case_id in case_ids], orders)
    _must_be_good(checker.verdict())
    return dict(spent)


def _must_be_good(verdict: Verdict) -> None:
    if not verdict.good:
        raise FatalError(
            f"the core's orders are not right: {verdict.missing} missing, {verdict.doubled} doubled, {verdict.wrong} wrong "
            f"({verdict.first_wrong})"
        )


def _chunks(blocks: list[Block], size: int) -> Iterator[tuple[list[bytes | None], list[int], list[int]]]:
    """As a consumer would hand them over: a key always in the same partition, offsets counting up in each."""
    keys = [key for block in blocks for key in block.keys]
    values = [value for block in blocks for value in block.values]
    ends = [0] * PARTITIONS
    for start in range(0, len(values), size):
        partitions = [int(key[-3:]) % PARTITIONS for key in keys[start : start + size]]
        offsets = []
        for partition in partitions:
            offsets.append(ends[partition])
            ends[partition] += 1
        yield list(values[start : start + size]), partitions, offsets


@contextmanager
def _one_core() -> Iterator[None]:
    threads, cores = pa.cpu_count(), None
    pa.set_cpu_count(1)
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        pa.set_cpu_count(threads)
        if cores is not None:
            os.sched_setaffinity(0, cores)
