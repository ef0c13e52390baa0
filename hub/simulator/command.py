"""`cityhub simulate`: the files of a simulated city's four systems, for trying a connector without a hub."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hub.errors import HubError
from hub.millis import DAY_MS, ms_of
from hub.policy.city import City
from hub.policy.loader import load_city
from hub.screen import Screen
from hub.settings import Settings
from hub.simulator.files import SourceFiles, write_all, write_live, write_truth
from hub.simulator.generate import Plan, statements
from hub.simulator.rhythm import NOMINAL_RATE
from hub.simulator.scene import scene_of
from hub.simulator.simclock import SimulationClock
from hub.simulator.truth import Statement, Truth

START_TIME = "2026-03-02T06:00"
"""A Monday morning of the city's own time."""


def start_ms(city: City, start: str) -> int:
    """`start` (ISO 8601, local to the city unless it has an offset) in ms. Raises ValueError."""
    moment = datetime.fromisoformat(start)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(city.time_zone))
    return ms_of(moment)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--city", type=click.Path(path_type=Path), help="Policy folder of the city to simulate.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--start", default=START_TIME, show_default=True, help="First instant, local time of the city.")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--rate", type=click.IntRange(1), default=NOMINAL_RATE, show_default=True, help="Rows a day, about.")
@click.option("--live", is_flag=True, help="Let the files grow as time goes by, instead of writing them at once.")
@click.option(
    "--speed", type=click.FloatRange(0, min_open=True), help="Live, this many times faster; 1440: a day a minute."
)
def simulate(
    out: Path, city: Path | None, seed: int, start: str, days: float, rate: int, live: bool, speed: float | None
) -> None:
    """Write the files of a simulated city's four systems: police, hotline, petition, citymgmt.

    模拟一座城市四个业务系统的数据文件，用于试运行连接器。

    For a department that wants to try its connector: the files are in the formats that connectors/*/README.md describe,
    with daily rhythm, bursts, exact repeats, follow-ups out of order, and rows that no connector can read. truth.json
    says what a hub should make of them. With --live, rows appear at their time; <file>.done follows the last one:

    \b
        cityhub simulate --out day --live --speed 600 &
        cityhub connector run police --file day/police.csv --follow
    """
    try:
        loaded = load_city(Settings.from_env(city=city).city)
        plan = Plan(start_ms(loaded, start), seed, days, rate)
        scene = scene_of(loaded)
        out.mkdir(parents=True, exist_ok=True)
    except (HubError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    console, truth = Screen(stderr=True), Truth()
    with _progress(console) as progress, _truth_beside(out, truth), SourceFiles(out) as files:
        task = progress.add_task("simulate", total=plan.days)

        def on_row(statement: Statement) -> None:
            progress.update(task, completed=(statement.sent_ms - plan.start_ms) / DAY_MS)

        if live or speed:
            clock = SimulationClock(plan.start_ms, speed or 1.0)
            write_live(statements(plan, scene), files, truth, clock, _sleep, on_row)
        else:
            write_all(statements(plan, scene), files, truth, on_row)
        progress.update(task, completed=plan.days)
    console.print(f"{sum(truth.rows.values()):,} rows of {len(truth.rows)} systems in {out}, the truth in truth.json")


@contextmanager
def _truth_beside(out: Path, truth: Truth) -> Iterator[None]:
    """Also after Ctrl-C the truth is that of what was written."""
    try:
        yield
    finally:
        write_truth(out, truth)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
