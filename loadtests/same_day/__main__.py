"""`python -m loadtests.same_day`: record the day, or compare two records of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hub.audit.report import Finding
from hub.clock import ClockKind
from hub.testing.memory import MemoryHub
from loadtests.same_day.day import Day, play, records
from loadtests.same_day.recorded import by_topic, differences, digest, lines, load


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Play the day and record it here.")
@click.option(
    "--compare", nargs=2, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Two records of the day."
)
@click.option("--seed", type=int, default=Day.seed, show_default=True, help="The same seed gives the same day.")
@click.option("--rate", type=click.IntRange(1), default=Day.rate, show_default=True, help="Rows in 24 hours, about.")
def main(out: Path | None, compare: tuple[Path, Path] | None, seed: int, rate: int) -> None:
    """Prove that a change to the code changes no record: play one simulated day in two checkouts and compare.

    \b
        before$ python -m loadtests.same_day --out before.jsonl
        after$  python -m loadtests.same_day --out after.jsonl
        after$  python -m loadtests.same_day --compare before.jsonl after.jsonl

    The day has everything in it that a case can go through, by the wall clock and by the data clock. Every record of every topic
    and changelog is compared with its place, time of arrival, key and value. Ends with 1 if they are not all the same, or if the
    audit of a played day finds anything.
    """
    if (out is None) == (compare is None):
        raise click.UsageError("give --out FILE to play the day, or --compare FILE FILE")
    if out is not None:
        with _quietly():
            _record(out, Day(seed, rate))
    if compare is not None:
        _compare(*compare)


@contextmanager
def _quietly() -> Iterator[None]:
    """Much of what is said in the day is to be refused, and the hub would say so each time."""
    log = logging.getLogger("hub")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _record(out: Path, day: Day) -> None:
    found: list[str] = []
    faults: list[Finding] = []

    def look(hub: MemoryHub) -> None:
        found.extend(lines(hub.settings.clock, records(hub)))
        account, state = hub.audit()
        faults.extend(each for each in (*account.findings, *state.findings) if each.count)

    for clock in ClockKind:
        play(day, clock, look)
    out.write_text("".join(f"{line}\n" for line in found), "utf-8")
    for (clock_name, topic), recorded in by_topic(found).items():
        click.echo(f"{clock_name:5} {topic:40} {len(recorded):8,}  {digest(recorded)[:16]}")
    click.echo(f"{len(found):,} records, {digest(found)}")
    for fault in faults:
        click.echo(f"the audit found {fault.count:,} {fault.what}: {', '.join(fault.first)}", err=True)
    sys.exit(1 if faults else 0)


def _compare(first: Path, second: Path) -> None:
    one, other = load(first), load(second)
    found = list(differences(one, other))
    for each in found:
        click.echo(
            f"{' '.join(each.topic)}: {each.counts[0]:,} and {each.counts[1]:,} records; the first that differs:"
        )
        click.echo(f"  {each.first or 'is missing'}\n  {each.second or 'is missing'}")
    total = sum(map(len, other.values()))
    click.echo(
        f"{len(found)} of {len({*one, *other})} topics differ" if found else f"all {total:,} records are the same"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
