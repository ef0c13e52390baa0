"""`cityhub ledger`: keep the ledger 台账, make it anew, and say how it stands."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.options import with_settings
from hub.clock import iso, wall_ms
from hub.logs import log_from
from hub.screen import say, say_json
from hub.serving import Page, PageServer, json_page, metrics_page
from hub.settings import Settings
from hub.signals import ended_by_signals

if TYPE_CHECKING:
    from hub.ledger.keeping import Keeper


@click.group()
def ledger() -> None:
    """The ledger 台账: all cases with their clocks, orders and replies in SQL, for people and their tools (docs/ledger.md)."""


@ledger.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Serve /metrics, /healthz and /readyz on this port of loopback."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of that port.")
@with_settings
def run(settings: Settings, port: int | None, host: str) -> None:
    """Keep it level with the topics until Ctrl-C. A process of its own: agents never wait for it."""
    from hub.cli.process.files import watch_files
    from hub.ledger.keeping import Keeper

    log_from("INFO")
    watch_files(settings)
    with ended_by_signals(), Keeper(settings) as keeper:
        pages = {
            "/metrics": metrics_page,
            "/healthz": lambda: json_page({"status": "ok"}),
            "/readyz": lambda: _ready(keeper),
        }
        with nullcontext() if port is None else PageServer(pages, host, port) as server:
            where = "" if server is None else f"   http://{host}:{server.port}/readyz"
            say(f"ledger 台账 {keeper.database.shown}{where}", err=True)
            keeper.run()


def _ready(keeper: Keeper) -> Page:
    standing, seconds = keeper.standing, keeper.seconds_behind
    facts = {} if standing is None or seconds is None else {"behind": standing.behind, "seconds": round(seconds, 1)}
    return json_page({"status": "ready" if keeper.is_ready else "behind"} | facts, 200 if keeper.is_ready else 503)


@ledger.command()
@with_settings
def rebuild(settings: Settings) -> None:
    """Make all that comes from the topics anew 重建. What was erased stays erased.

    `cityhub ledger run` may go on meanwhile. Lists are short until it is done, and say so.
    """
    from hub.ledger.keeping import Keeper

    log_from("INFO")
    began = time.monotonic()
    with ended_by_signals(), Keeper(settings) as keeper, progress_bar("Rebuilding the ledger 重建台账") as on_progress:
        records = keeper.rebuild(on_progress)
        seconds = time.monotonic() - began
        say(
            f"{records:,} records in {seconds:,.1f} s ({records / max(seconds, 1e-3):,.0f} a second): {keeper.database.shown}"
        )


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON object.")
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Where it lies, how many cases it has, and how far it is behind the topics."""
    from hub.ledger import queries
    from hub.ledger.database import opened_ledger

    with opened_ledger(settings) as database, database.transaction() as connection:
        level_ms, behind = queries.last_standing(connection)
        total, overdue = queries.count(connection, queries.CaseQuery(state="open"))
        everything = queries.count(connection, queries.CaseQuery())[0]
        gone = queries.records_gone(connection)
        where = database.shown
    facts = {
        "ledger": where, "level_at": iso(level_ms or None), "behind": behind, "cases": everything, "open": total,
        "overdue": overdue, "gone": gone, "age_seconds": round((wall_ms() - level_ms) / 1000, 1) if level_ms else None,
    }  # fmt: skip
    if as_json:
        say_json(facts, indent=2)
        return
    say(f"ledger 台账      {where}")
    say(f"cases 案件       {everything:,}, of which open 在办 {total:,}, overdue 超时 {overdue:,}")
    say(standing_line(level_ms, behind))
    if gone:
        say(f"gone 未读已删      at most {gone:,} records were deleted before it read them: see ops/runbooks/gaps.md")


def standing_line(level_ms: int, behind: int | None) -> str:
    """How new it is, in a sentence."""
    if behind is None or (not level_ms and not behind):
        return "as of 截至        it has not read the topics yet: is `cityhub ledger run` running?"
    if not level_ms:
        return f"as of 截至        it is being filled, and lacks {behind:,} records"
    seconds = (wall_ms() - level_ms) / 1000
    late = f"; it lacks {behind:,} records" if behind else ""
    stale = ". Is `cityhub ledger run` running?" if seconds > 30 else ""
    return f"as of 截至        {iso(level_ms)}, {seconds:,.0f} s ago{late}{stale}"
