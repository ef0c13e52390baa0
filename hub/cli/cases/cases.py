"""`cityhub cases`: the list of cases from the ledger, for a terminal, a spreadsheet or a machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from hub.cli.services.ledger import standing_line
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.words import CLOCK_NAMES, STATUS_NAMES, Words
from hub.escaping import shown, write_csv
from hub.millis import ms_of
from hub.policy import City, load_city
from hub.policy.campaigns import rows_of_campaign
from hub.screen import Screen, say, say_json
from hub.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.ledger.queries import CaseQuery

_SHOWN = 50
_WIDTH = 170
"""Where there is no terminal to ask."""
_EVERYTHING = 2**62
_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
_TIMES = ("due_at", "opened_at", "changed_at", "until_at", "ended_at")


@click.command()
@click.option("--department", multiple=True, help="Held 主办 or helped with 协办 by it.")
@click.option("--unit", multiple=True, help="Had by this unit 单位 of a department, or by one below it.")
@click.option(
    "--area", multiple=True, help="Code of an area 区域; where the city has divisions.yaml, with all that lies in it."
)
@click.option("--category", multiple=True, help="Code of a category 类别, with all under it: road has road.pothole.")
@click.option(
    "--state", type=click.Choice(["open", "over", "all"]), default="open", show_default=True, help="在办, 已结."
)
@click.option("--progress", help="What its department said last: accepted, paused, refused, ...")
@click.option("--outcome", "result", metavar="CODE", help="What it came to 办理结果, of the outcomes in steps.yaml.")
@click.option("--overdue/--in-time", default=None, help="Only what has a clock that ran out 超时, or has none.")
@click.option("--clock", help="With this clock 时限 running or overdue: accept, respond, resolve, ...")
@click.option("--campaign", metavar="NAME", help="Of this campaign 专项, by the row of deadlines.yaml that times it.")
@click.option("--due-before", type=_DAY, help="Whose next clock runs out before; local time of the city.")
@click.option("--since", type=_DAY, help="Opened 立案 at or after.")
@click.option("--until", type=_DAY, help="Opened before.")
@click.option("--ended-since", type=_DAY, help="Ended 办结 at or after.")
@click.option("--address", help="A part of the address 地址.")
@click.option("--report", metavar="SOURCE:REF", help="That has this report.")
@click.option("--limit", type=click.IntRange(1), help="So many at most.  [50 on a terminal, all in files]")
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out so many.")
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write a CSV file; - for stdout.",
)
@click.option("--xlsx", "xlsx_path", type=click.Path(dir_okay=False, path_type=Path), help="Write a workbook.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@with_settings
def cases(
    settings: Settings, limit: int | None, offset: int, csv_path: Path | None, xlsx_path: Path | None, as_json: bool,
    **filters: Any,
) -> None:  # fmt: skip
    """List cases 案件 from the ledger: what is overdue first, then what is due next. Never by a person.

    All filters must hold; of several values of one, any. `cityhub explain` tells the whole story of one.
    """
    if sum((csv_path is not None, xlsx_path is not None, as_json)) > 1:
        raise click.UsageError("one of --csv, --xlsx and --json")
    from hub.ledger import queries
    from hub.ledger.database import opened_ledger

    words = Words(load_city(settings.city))
    query = _query(filters, load_city(settings.city))
    with opened_ledger(settings) as database, database.transaction() as connection:
        if csv_path is None and xlsx_path is None:
            _list(connection, query, words, limit or (_EVERYTHING if as_json else _SHOWN), offset, as_json=as_json)
            return
        found = queries.cases(connection, query, limit or _EVERYTHING, offset)
        _write(csv_path, xlsx_path, queries.SHOWN_COLUMNS, (_cells(row, words) for row in found))


def list_open(settings: Settings, city: City, department: str, unit: str | None, limit: int, *, as_json: bool) -> None:
    """The open cases of a department, or of a unit of it and those below it, what is overdue or due first on top."""
    from hub.ledger.database import opened_ledger
    from hub.ledger.queries import CaseQuery

    units = () if unit is None or city.organisation is None else city.organisation.with_those_below(unit)
    query = CaseQuery(departments=(department,), units=units, state="open")
    with opened_ledger(settings) as database, database.transaction() as connection:
        _list(connection, query, Words(city), limit, 0, as_json=as_json)


def _list(connection: Connection, query: CaseQuery, words: Words, limit: int, offset: int, *, as_json: bool) -> None:
    from hub.ledger import queries

    rows = queries.cases(connection, query, limit, offset)
    if as_json:
        for row in rows:
            say_json(row | {name: words.iso(row[name]) for name in _TIMES})
        return
    shown_rows = list(rows)
    _show(shown_rows, words)
    total, overdue = queries.count(connection, query)
    say(f"{total:,} case{'s' * (total != 1)}, {overdue:,} overdue 超时, {len(shown_rows):,} shown")
    say(standing_line(*queries.last_standing(connection)))


def _query(filters: dict[str, Any], city: City) -> CaseQuery:
    from hub.ledger.queries import CaseQuery

    zone, by_codes, tree = ZoneInfo(city.time_zone), city.divisions is not None, city.organisation
    units = (
        filters["unit"] if tree is None else [each for unit in filters["unit"] for each in tree.with_those_below(unit)]
    )

    def instant(name: str) -> int | None:
        given: datetime | None = filters[name]
        return None if given is None else ms_of(given.replace(tzinfo=zone))

    source, _, ref = (filters["report"] or "").partition(":")
    return CaseQuery(
        departments=filters["department"], units=units, categories=filters["category"],
        areas=() if by_codes else filters["area"], areas_within=filters["area"] if by_codes else (),
        state=None if filters["state"] == "all" else filters["state"], progress=filters["progress"], result=filters["result"],
        overdue=filters["overdue"],
        clock=filters["clock"], clock_rows=rows_of_campaign(city, campaign) if (campaign := filters["campaign"]) else (),
        due_before_ms=instant("due_before"), opened_from_ms=instant("since"),
        opened_before_ms=instant("until"), ended_from_ms=instant("ended_since"), source=source or None, ref=ref or None,
        address=filters["address"],
    )  # fmt: skip


def _show(rows: list[dict[str, Any]], words: Words) -> None:
    table = Table(
        "case 案件", "due 到期", "clock 时限", "department 部门", "category 类别", "area 区域", "address 地址", "said 进展",
        "opened 立案",
        show_edge=False,
    )  # fmt: skip
    for row in rows:
        due = (
            words.local(row["due_at"])[:16] if row["state"] == "open" else f"ended {words.local(row['ended_at'])[:16]}"
        )
        late = row["overdue"]
        table.add_row(
            row["case_id"], Text(f"{due} overdue 超时" if late else due, "bold red" if late else ""),
            CLOCK_NAMES.get(row["due_clock"], row["due_clock"] or ""), _who(row, words),
            words.category(row["category"]), row["area"] or "-", row["address"] or "", _progress(row, words),
            words.local(row["opened_at"])[:16],
        )  # fmt: skip
    console = Screen()
    (console if console.is_terminal else Screen(width=_WIDTH)).print(table)


def _who(row: dict[str, Any], words: Words) -> str:
    name = words.department(row["department"])
    return f"{name}, {words.unit(row['unit'])}" if row["unit"] else name


def _progress(row: dict[str, Any], words: Words) -> str:
    """What was said last, and what the case came to."""
    said = STATUS_NAMES.get((row["progress"] or "").upper(), row["progress"] or "")
    if row["result"] is None:
        return said
    until = "" if row["until_at"] is None else f" until 至 {words.local(row['until_at'])[:10]}"
    return f"{said}: {words.outcome(row['result'])}{until}"


def _cells(row: dict[str, Any], words: Words) -> dict[str, Any]:
    """For a spreadsheet: times of the city, and texts on which nothing acts."""
    times = {name: None if row[name] is None else words.local(row[name]) for name in _TIMES}
    return {name: shown(value) if isinstance(value, str) else value for name, value in (row | times).items()}


def _write(
    csv_path: Path | None, xlsx_path: Path | None, columns: tuple[str, ...], rows: Iterator[dict[str, Any]]
) -> None:
    from hub.sdk.sinks.files.formats import as_csv, as_xlsx

    if csv_path is not None and str(csv_path) == "-":
        write_csv(sys.stdout, [columns])
        write_csv(sys.stdout, ([row[name] for name in columns] for row in rows))
    elif csv_path is not None:
        as_csv(csv_path, columns, rows)
    elif xlsx_path is not None:
        as_xlsx(xlsx_path, columns, rows)
