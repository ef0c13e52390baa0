"""`cityhub backtest`: a city's history under its policy, without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from hub.cli.terminal.bars import progress_bar
from hub.errors import FatalError, RejectedRecordError
from hub.screen import Screen, say_json

if TYPE_CHECKING:
    from hub.backtest.intake import EventFile
    from hub.backtest.run import Backtest

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--city", required=True, type=_FOLDER, help="Policy folder to judge.")
@click.option("--events", required=True, multiple=True, type=_FILE, help="File of reports; may be given several times.")
@click.option(
    "--mapping",
    multiple=True,
    metavar="M",
    help="How to read the file: a YAML file, or a known mapping by name; one for all files, or one for each.  [what fits]",
)
@click.option(
    "--join", multiple=True, type=_FILE, help="Second file, for mappings that join one; one for each --events."
)
@click.option("--source", help="Whose the reports are, where the mapping does not say.  [the connector's, or hotline]")
@click.option("--truth", type=_FILE, help="What the city decided itself; the mapping's `truth` names its columns.")
@click.option("--updates", type=_FILE, help="What became of the reports: CSV with source_ref, at, status.")
@click.option("--against", type=_FOLDER, help="Another policy folder: shows what --city does otherwise.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option("--from", "from_", metavar="DATE", help="Judge reports made from then on (all are run).")
@click.option("--until", metavar="DATE", help="Judge reports made before then (all are run).")
@click.option(
    "--now", metavar="TIME", help="When open cases are judged.  [the truth's snapshot, or the latest time known]"
)
@click.option("--source-due", is_flag=True, help="The source's own due time counts before the policy's.")
@click.option("--json", "as_json", is_flag=True, help="For machines: the report as one JSON object.")
def backtest(
    city: Path,
    events: tuple[Path, ...],
    mapping: tuple[str, ...],
    join: tuple[Path, ...],
    source: str | None,
    truth: Path | None,
    updates: Path | None,
    against: Path | None,
    out: Path,
    from_: str | None,
    until: str | None,
    now: str | None,
    source_due: bool,
    as_json: bool,
) -> None:
    """Run history through the hub's own rules 历史回测: links, departments, due times and breaches, without a broker.

    Writes decisions.csv (one row a report), rejects.csv, marked.csv, report.json and summary.md to --out. Times without
    an offset are local to the city.
    """
    from hub.backtest import output, run
    from hub.policy import load_city

    rules = load_city(city)
    other = load_city(against) if against else None
    options = run.Options(
        source_due=source_due,
        now_ms=time_of("--now", now, rules.time_zone),
        from_ms=time_of("--from", from_, rules.time_zone),
        until_ms=time_of("--until", until, rules.time_zone),
    )
    files = event_files(events, mapping, join, source)
    history = run.read_history(files, rules.time_zone, progress_bar, truth=truth, updates=updates)
    found = run.backtest(rules, history, options, progress_bar, other)
    report = output.write_backtest(found, out)
    if as_json:
        say_json(report, indent=2)
    else:
        show(found, out)


def event_files(
    events: tuple[Path, ...], mapping: tuple[str, ...], join: tuple[Path, ...] = (), source: str | None = None
) -> list[EventFile]:
    """Each file with its mapping. Raises FatalError if their numbers do not fit or a mapping is not known."""
    from dataclasses import replace

    from hub.backtest.intake import EventFile
    from hub.backtest.mappings import find_mapping

    if len(mapping) not in (0, 1, len(events)):
        raise FatalError(
            f"{len(mapping)} mappings for {len(events)} files; give one --mapping for all, or one for each"
        )
    if len(join) not in (0, len(events)):
        raise FatalError(f"{len(join)} second files for {len(events)} files; give one --join for each --events")
    files = []
    for number, path in enumerate(events):
        chosen = find_mapping((mapping[number] if len(mapping) > 1 else mapping[0]) if mapping else None, path)
        if source:
            chosen = replace(chosen, source=source)
        files.append(EventFile(path, chosen, join[number] if join else None))
    return files


def time_of(option: str, text: str | None, time_zone: str) -> int | None:
    """A time from the command line, in ms. Raises click.BadParameter."""
    from hub.sdk.mapping.times import parse_time

    if text is None:
        return None
    try:
        return parse_time(text, ["iso", "ymd"], ZoneInfo(time_zone))
    except RejectedRecordError:
        raise click.BadParameter(
            f"{text!r} is not a time; write e.g. 2026-07-01 or 2026-07-01T08:30", param_hint=option
        ) from None


def show(result: Backtest, out: Path) -> None:
    """The summary, on the terminal."""
    from hub.backtest import summary

    report, console = result.as_dict(), Screen()
    console.print(
        table(f"{report['city']}: back-test 历史回测", ("", "count"), summary.counts(report)), highlight=False
    )
    if report["scores"] is not None:
        rows = summary.scores(report)
        console.print(table("against the truth 与实况比对", ("", "score", "of"), rows), highlight=False)
    if result.against is not None:
        title = f"{report['city']} against 对照 {report['against']['city']}"
        console.print(table(title, ("", "reports"), summary.changes(report)), highlight=False)
    header = ("department 部门", "cases 案件", "reports 来报", "breaches 超时")
    console.print(table("load 承办量", header, list(summary.loads(report))[:20]), highlight=False)
    console.print(f"{out / 'decisions.csv'}, summary.md, report.json, rejects.csv, marked.csv", highlight=False)


def table(title: str, header: tuple[str, ...], rows: object) -> Table:
    """Text to the left, numbers to the right."""
    made = Table(title=title, title_justify="left", show_edge=False)
    for number, name in enumerate(header):
        made.add_column(name, justify="right" if number else "left")
    for row in rows:  # type: ignore[attr-defined]
        made.add_row(*row)
    return made
