"""`cityhub bulletin`."""

from __future__ import annotations

import logging
import time as clock
from contextlib import suppress
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import click

from hub.cli.terminal.options import with_settings
from hub.clock import wall_ms
from hub.errors import FatalError, RetriableError
from hub.escaping import write_csv
from hub.logs import log_from
from hub.millis import datetime_of
from hub.policy import City, load_city
from hub.screen import say
from hub.settings import Settings
from hub.signals import ended_by_signals

if TYPE_CHECKING:
    from hub.cli.bulletin.days import DueBulletin

log = logging.getLogger(__name__)
_LOOK_SECONDS = 20.0
_PATIENCE_SECONDS = 1800.0
"""So long the bulletin of a morning waits for a ledger that is not level yet; then it is made, and says so."""


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Of this day of the city.  [yesterday]")
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="Of this month.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder of the files.  [this one]"
)
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--at", "morning", type=click.DateTime(["%H:%M"]), metavar="HH:MM",
    help="Stay, and make yesterday's each day at this time of the city, the month's on its first; what was missed is made up for.",
)  # fmt: skip
@with_settings
def bulletin(
    settings: Settings, day: datetime | None, month: datetime | None, out: Path, language: str, morning: datetime | None
) -> None:
    """Make the daily bulletin 每日通报 or the figures of a month 月报 from the ledger: HTML to read and print, and CSV.

    What came, what ended and how, what ran out and what is left, by department, area and category, beside the period before. Counts
    alone. It says as of when the ledger is, and if that is not behind the end of the period.
    """
    from hub.cli.bulletin.days import DueBulletin, yesterdays

    if sum(each is not None for each in (day, month, morning)) > 1:
        raise click.UsageError("one of --day, --month and --at")
    if morning is not None:
        log_from("INFO")
        with ended_by_signals():
            _stay(settings, out, language, morning.time())
        return
    today = _now(load_city(settings.city)).date()
    wanted = yesterdays(today)
    if day is not None:
        wanted = DueBulletin("day", day.date())
    if month is not None:
        wanted = DueBulletin("month", month.date())
    if wanted.first > today:
        raise FatalError(f"{wanted.name} has not begun")
    made = make(settings, wanted, out, language)
    for path in made.paths:
        say(path)
    if not made.is_level:
        say("the ledger has not been level since then 台账尚未追平: is `cityhub ledger run` running?", err=True)


class MadeBulletin(NamedTuple):
    """The files of one, and whether the ledger was level behind the end of its period."""

    paths: tuple[Path, ...]
    is_level: bool


def _now(city: City) -> datetime:
    return datetime_of(wall_ms(), ZoneInfo(city.time_zone))


def make(settings: Settings, wanted: DueBulletin, out: Path, language: str) -> MadeBulletin:
    """Raises FatalError where there is no ledger, or the files cannot be written."""
    from hub.cli.bulletin.page import Bulletin, bulletin_page, bulletin_rows
    from hub.ledger.database import opened_ledger
    from hub.ledger.figures import figures
    from hub.ledger.queries import last_standing

    city = load_city(settings.city)
    zone = ZoneInfo(city.time_zone)
    with opened_ledger(settings) as database, database.transaction() as connection:
        level_ms, _ = last_standing(connection)
        now, before = (figures(connection, each.period(zone)) for each in (wanted, wanted.before()))
    found = Bulletin(city, wanted.kind, now, before, level_ms)
    page, sheet = (out / f"bulletin-{wanted.name}.{kind}" for kind in ("html", "csv"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _whole(sheet).open("w", encoding="utf-8-sig", newline="") as file:  # spreadsheets know it by its mark
            write_csv(file, bulletin_rows(found, language))
        _whole(sheet).replace(sheet)
        _whole(page).write_text(bulletin_page(found, language), "utf-8")
        _whole(page).replace(page)
    except OSError as error:
        raise FatalError(f"{out} does not take the bulletin: {error.strerror}") from None
    return MadeBulletin((page, sheet), found.is_level)


def _whole(path: Path) -> Path:
    """Where it is written before it has its name: whoever looks sees the old one or the new one."""
    return path.with_name(f".{path.name}.new")


def _stay(settings: Settings, out: Path, language: str, morning_time: time) -> None:
    from hub.cli.bulletin.days import due_bulletins, next_morning

    while True:
        city = load_city(settings.city)
        now = _now(city)
        for wanted in due_bulletins(now, morning_time):
            if not (out / f"bulletin-{wanted.name}.html").exists():
                _make_when_level(settings, wanted, out, language)
        until = next_morning(_now(city), morning_time).timestamp()
        log.info("the next bulletin is due at %s", datetime.fromtimestamp(until, ZoneInfo(city.time_zone)).isoformat())
        while clock.time() < until:
            clock.sleep(min(_LOOK_SECONDS, max(0.0, until - clock.time())))


def _make_when_level(settings: Settings, wanted: DueBulletin, out: Path, language: str) -> None:
    """Wait a while for a ledger that is still behind; then make it as it is."""
    began = clock.monotonic()
    while True:
        with suppress(RetriableError):
            made = make(settings, wanted, out, language)
            if made.is_level or clock.monotonic() - began > _PATIENCE_SECONDS:
                log.log(
                    logging.INFO if made.is_level else logging.WARNING, "%s made%s", made.paths[0], _REST[made.is_level]
                )
                return
        clock.sleep(_LOOK_SECONDS)


_REST = {True: "", False: ", from a ledger that has not been level since: is `cityhub ledger run` running?"}
