"""`cityhub learn`: a policy folder drafted from history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.policy.backtest import event_files, table, time_of
from hub.cli.terminal.bars import progress_bar
from hub.screen import Screen, say_json

if TYPE_CHECKING:
    from hub.learn.layers import AreaLayer

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--events", required=True, multiple=True, type=_FILE, help="File of reports; may be given several times.")
@click.option(
    "--mapping",
    multiple=True,
    metavar="M",
    help="How to read the file: a YAML file, or a known mapping by name; one for all files, or one for each.  [what fits]",
)
@click.option("--truth", type=_FILE, help="What became of the reports; the mapping's `truth` names its columns.")
@click.option(
    "--areas", multiple=True, metavar="GEOJSON[:PROPERTY]", help="Area polygons; the first are the main ones."
)
@click.option("--until", metavar="DATE", help="Learn only from what was known before then, local time of the city.")
@click.option("--source", help="Whose the reports are, where the mapping does not say.  [the connector's, or hotline]")
@click.option("--name", help="The city's id.  [the folder's name]")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the draft.")
@click.option("--json", "as_json", is_flag=True, help="For machines: the report as one JSON object.")
def learn(
    events: tuple[Path, ...],
    mapping: tuple[str, ...],
    truth: Path | None,
    areas: tuple[str, ...],
    until: str | None,
    source: str | None,
    name: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Draft a policy folder from history 由历史起草规则: categories, departments, routes, clocks, calendars and linking rules.

    Every row comes with its support and confidence, for a person to review; `cityhub backtest` judges the whole.
    """
    from hub.learn import run

    files = event_files(events, mapping, (), source)
    zone = files[0].chosen.mapping.time_zone
    layers = [layer_of(each) for each in areas]
    until_ms = time_of("--until", until, zone)
    report = run.learn(files, truth, layers, out, progress_bar, until_ms=until_ms, city_id=name)
    if as_json:
        say_json(report, indent=2)
        return
    console = Screen()
    console.print(table(f"draft 起草: {out}", ("", "rows"), ((k, f"{v:,}") for k, v in report["rows"].items())))
    for note in report["notes"]:
        console.print(f"- {note}", highlight=False)
    console.print(f"Read {out / 'README.md'}, then judge it: cityhub backtest --city {out} ...", highlight=False)


def layer_of(text: str) -> AreaLayer:
    """A polygon file, after which the property that is the areas' code may stand. Raises click.BadParameter, FatalError."""
    from hub.learn.layers import read_layer

    path, colon, code = text.rpartition(":")
    if Path(text).is_file():
        return read_layer(Path(text))
    if colon and Path(path).is_file():
        return read_layer(Path(path), code)
    raise click.BadParameter(f"there is no file {text}", param_hint="--areas")
