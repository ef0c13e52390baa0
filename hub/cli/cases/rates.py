"""`cityhub rates`: on-time, response, resolution, satisfaction and return rates by department and period."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.foreign import name_foreign
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.words import Words
from hub.core.figures.rates import ALL, RATE_NAMES, RATES
from hub.inspect.rates import PERIODS, period_of, read_rates
from hub.screen import Screen, say_json
from hub.settings import Settings

_WIDTH = 160
"""Where there is no terminal to ask."""


@click.command()
@click.option("--by", type=click.Choice(list(PERIODS)), default="month", show_default=True, help="Period 周期.")
@click.option("--department", metavar="ID", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="For machines: the rates and what they are made of.")
@with_settings
def rates(settings: Settings, by: str, department: str | None, as_json: bool) -> None:
    """Show the rates 三率、按时办结率、退单率 by department and period, from the topics.

    Open overdue cases count as late; what was withdrawn counts nowhere. How each rate is defined: hub/core/figures/rates.py.
    """
    from hub.policy import load_city

    city = load_city(settings.city)
    with progress_bar("Reading the topics") as on_progress:
        found, foreign = read_rates(settings, period_of(by, city.time_zone), on_progress)
    name_foreign(foreign)
    chosen = {key: counts for key, counts in sorted(found.items()) if department in (None, key[0])}
    if as_json:
        rows = [
            {"department": who, "period": period, **{name: getattr(counts, name) for name in RATES}, **asdict(counts)}
            for (who, period), counts in chosen.items()
        ]
        say_json(rows, indent=2)
        return
    words = Words(city)
    table = Table("department 部门", "period 周期", *RATE_NAMES.values(), "open overdue 逾期在办", show_edge=False)
    for (who, period), counts in chosen.items():
        name = "all 全部" if who == ALL else words.department(who)
        shares = [getattr(counts, rate) for rate in RATES]
        shown = ["-" if share is None else f"{share:.1%}" for share in shares]
        table.add_row(name, period, *shown, str(counts.overdue_open))
    console = Screen()
    if not console.is_terminal:
        console = Screen(width=_WIDTH)
    console.print(table)
