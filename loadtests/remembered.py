"""`python -m loadtests.remembered`: what a remembered case takes, in memory and in its changelog, in `route` and in `track`.

Cases of one report each, all over the demo city, open and then resolved by their departments. What is measured is an agent that
knows nothing but its changelog, as after a start: what Python allocates for it (tracemalloc), and what Kafka has of it once the
changelog is compacted.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Iterator

import click

from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update, UpdateStatus
from hub.policy import load_city
from hub.settings import Settings
from hub.testing.memory import MemoryHub

NOW_MS = 1_790_000_000_000
_AGENTS = ("route", "track")
_TEXT = "Since this morning water runs over the whole street, from the corner to number 12. 今早起整条街有积水，一直到十二号门前。"
_MINUTE_MS = 60_000


@click.command()
@click.option("--cases", type=click.IntRange(100), default=5_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def main(cases: int, seed: int) -> None:
    """Say what a case takes that an agent remembers: bytes in memory, bytes in its changelog, microseconds to read it back."""
    city = load_city(Settings().city)
    with MemoryHub(city, NOW_MS, sources=["hotline"]) as hub:
        hub.publish(*_reports(random.Random(seed), cases, [area.code for area in city.areas]))
        hub.run()
        _say(hub, "open")
        for status in (UpdateStatus.ACCEPTED, UpdateStatus.RESOLVED):
            hub.clock.now_ms += _MINUTE_MS
            hub.publish(*_updates(hub, status))
            hub.run()
        _say(hub, "resolved")


def _reports(random: random.Random, count: int, areas: list[str]) -> Iterator[CaseEvent]:
    for number in range(count):
        yield CaseEvent(
            source="hotline", source_ref=f"R-{number}", revision=0, kind=EventKind.OPENED, reported_at=NOW_MS,
            category="other.unclear", urgency=Urgency.ROUTINE, title="Water on the street 道路积水", text=_TEXT, channel="phone",
            place=Place(code=random.choice(areas), address=f"Lantern Street {number}"),
        )  # fmt: skip


def _updates(hub: MemoryHub, status: UpdateStatus) -> Iterator[Update]:
    for change in hub.records("hub.cases", change="OPENED"):
        case, department = change["case_id"], change["department"]
        yield Update(
            update_id=f"{status}-{case}", department=department, case_id=case, status=status, at=hub.clock.now_ms,
            note="Pumped out; the drain is free again.",
        )  # fmt: skip


def _say(hub: MemoryHub, state: str) -> None:
    for agent in _AGENTS:
        kept = {each.key: each.value for each in hub.changelog(agent)}
        records = [len(key or b"") + len(value) for key, value in kept.items() if value]
        began = time.perf_counter()
        hub.restart(agent)
        seconds = time.perf_counter() - began
        click.echo(
            f"{agent:6} {len(records):7,} records, {state:8}  {_allocated(hub, agent) / len(records):7,.0f} bytes each in memory, "
            f"{sum(records) / len(records):5,.0f} in the changelog, {seconds / len(records) * 1e6:5,.0f} µs to read back"
        )


def _allocated(hub: MemoryHub, agent: str) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        hub.restart(agent)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
