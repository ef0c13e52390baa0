"""`cityhub rates`: how departments do, by the rates of hub/core/figures/rates.py, and how matters came out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click
from rich.table import Table

from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.foreign import name_foreign
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.words import Words
from hub.core.figures.outcomes import OutcomeTable
from hub.core.figures.rates import ALL, RATE_NAMES, RATES
from hub.inspect.rates import GROUPS, PERIODS, period_of, read_rates
from hub.screen import Screen, say_json
from hub.settings import Settings

_WIDTH = 200
"""Where there is no terminal to ask."""


@click.command()
@click.option("--by", type=click.Choice(list(PERIODS)), default="month", show_default=True, help="Period 周期.")
@click.option(
    "--of",
    type=click.Choice(GROUPS),
    default="department",
    show_default=True,
    help="部门、类别、区域或下属单位: whose rates.",
)
@click.option("--department", "only", metavar="ID", help="Only this one; of categories, areas or units, this code.")
@click.option(
    "--outcomes", "by_outcome", is_flag=True, help="How matters came out 办理结果, by the outcomes in steps.yaml."
)
@click.option("--json", "as_json", is_flag=True, help="For machines: the rates and what they are made of.")
@with_settings
def rates(settings: Settings, by: str, of: str, only: str | None, by_outcome: bool, as_json: bool) -> None:
    """Show the rates 三率、按时办结率、办结率、退单率、处置率、化解率 by department and period, from the topics.

    Open overdue cases count as late; what was withdrawn counts nowhere. How each rate is defined: hub/core/figures/rates.py.
    """
    from hub.policy import load_city

    city = load_city(settings.city)
    with progress_bar("Reading the topics") as on_progress:
        found = read_rates(settings, city, period_of(by, city.time_zone), of, on_progress)
    name_foreign(found.foreign)
    words = Words(city)
    if by_outcome:
        _show_outcomes(found.outcomes, only, of, words, as_json=as_json)
        return
    chosen = {key: counts for key, counts in sorted(found.rates.items()) if only in (None, key[0])}
    if as_json:
        rows = [
            {of: who, "period": period, **{name: getattr(counts, name) for name in RATES}, **asdict(counts)}
            for (who, period), counts in chosen.items()
        ]
        say_json(rows, indent=2)
        return
    table = Table(_TITLES[of], "period 周期", *RATE_NAMES.values(), "open overdue 逾期在办", show_edge=False)
    for (who, period), counts in chosen.items():
        name = _name(who, of, words)
        shares = [getattr(counts, rate) for rate in RATES]
        shown = ["-" if share is None else f"{share:.1%}" for share in shares]
        table.add_row(name, period, *shown, str(counts.overdue_open))
    _print(table)


_TITLES = {"department": "department 部门", "category": "category 类别", "area": "area 区域", "unit": "unit 单位"}


def _name(who: str, of: str, words: Words) -> str:
    if who == ALL:
        return "all 全部"
    return {"department": words.department, "category": words.category, "area": words.area, "unit": words.unit}[of](who)


def _show_outcomes(outcomes: OutcomeTable, only: str | None, of: str, words: Words, *, as_json: bool) -> None:
    chosen = {key: counts for key, counts in sorted(outcomes.items()) if only in (None, key[0])}
    sums: Counter[tuple[str, str]] = Counter()
    for (who, period, _), counts in chosen.items():
        sums[who, period] += counts.cases
    if as_json:
        rows = [
            {of: who, "period": period, "outcome": code, "share": counts.cases / sums[who, period],
             "satisfaction_rate": counts.satisfaction_rate, **asdict(counts)}
            for (who, period, code), counts in chosen.items()
        ]  # fmt: skip
        say_json(rows, indent=2)
        return
    table = Table(
        _TITLES[of], "period 周期", "outcome 办理结果", "cases 件数", "share 占比", "satisfied 满意", show_edge=False
    )
    for (who, period, code), counts in chosen.items():
        satisfied = counts.satisfaction_rate
        table.add_row(
            _name(who, of, words), period, words.outcome(code), f"{counts.cases:,}",
            f"{counts.cases / sums[who, period]:.1%}", "-" if satisfied is None else f"{satisfied:.1%}",
        )  # fmt: skip
    _print(table)


def _print(table: Table) -> None:
    console = Screen()
    (console if console.is_terminal else Screen(width=_WIDTH)).print(table)
