"""The `connector` commands: list, check, run, new."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from hub.core.places.places import Places
from hub.core.places.point_faults import HINTS, PointFault
from hub.errors import FatalError
from hub.escaping import to_json
from hub.policy import load_city
from hub.screen import Screen, say, say_json
from hub.sdk.at_limit import Way
from hub.sdk.checking import Report, check
from hub.sdk.manifest import CONNECTORS, discover, find
from hub.sdk.pacing import Anchor
from hub.sdk.runner import Options, Summary, run_source
from hub.sdk.scaffold import scaffold
from hub.sdk.sources.file.join import Input
from hub.serving import PageServer, metrics_page
from hub.settings import Settings

_out = Screen(soft_wrap=True)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
_path = click.Path(path_type=Path, dir_okay=False)


class _HubCommand(click.Group):
    """Says a FatalError in one piece and ends with 1, wherever the group is mounted."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FatalError as error:
            raise click.ClickException(str(error)) from error


@click.group("connector", cls=_HubCommand)
def connector() -> None:
    """Connectors 接入: read departmental systems' files and publish their events."""


@connector.command("list")
@_as_json
def list_command(as_json: bool) -> None:
    """The connectors there are, with their mappings."""
    manifests = discover()
    if as_json:
        say_json({name: each.model_dump(mode="json") for name, each in manifests.items()})
        return
    table = Table("connector 接入", "system 系统", "quality", "mapping", "reads")
    for name, manifest in manifests.items():
        label = f"{manifest.name.en} {manifest.name.zh}"
        for index, (mapping, says) in enumerate(manifest.mappings.items()):
            table.add_row(*((name, label, manifest.quality) if not index else ("", "", "")), mapping, says)
    _out.print(table)


@connector.command("check")
@click.argument("name")
@click.option("--mapping", help="Mapping to try; without it all are checked, and the default reads the file.")
@click.option("--file", "file", type=_path, help="Map this file without publishing anything.")
@click.option("--join", "join", type=_path, help="Second file, where the mapping takes columns from one.")
@click.option("--limit", type=click.IntRange(1), help="Rows to try at most.")
@_as_json
def check_command(
    name: str, mapping: str | None, file: Path | None, join: Path | None, limit: int | None, as_json: bool
) -> None:
    """Check a connector's manifest and mappings, and try a file: what is mapped, what is rejected and why."""
    places = Places(load_city(Settings.from_env().city)) if file else None
    report = check(find(name), mapping, file, join, limit, places)
    if as_json:
        say_json(report.as_dict())
    else:
        _show(report)
    if report.rejected:
        raise SystemExit(2)


@connector.command("run")
@click.argument("name")
@click.option(
    "--file", "files", type=_path, multiple=True, required=True, help="File to read; several are merged by time."
)
@click.option("--mapping", "mappings", multiple=True, help="Mapping of each --file, in the same order.")
@click.option(
    "--join", "joins", type=_path, multiple=True, help="Second file of each mapping that takes one, in the same order."
)
@click.option("--follow", is_flag=True, help="Wait for more at the end, until <file>.done exists or Ctrl-C.")
@click.option("--speed", type=float, help="Pace by report time: 1 original, 3600 an hour a second. Default: at once.")
@click.option("--anchor", help="ISO_TIME=UNIX_SECONDS: this instant of the data is that instant of the wall.")
@click.option(
    "--cursor-dir", type=click.Path(path_type=Path, file_okay=False), help="Where to remember how far it came."
)
@click.option(
    "--max-rejects", default=1000, show_default=True, type=click.IntRange(1), help="Rejects in a row that stop it."
)
@click.option("--go-on", "way", flag_value="go-on", help="At its limit of rejects: go on behind the rows set aside.")
@click.option(
    "--again", "way", flag_value="again", help="At its limit: read these rows once more, the mapping is mended."
)
@click.option(
    "--last-line-whole",
    is_flag=True,
    help="Take a last line without a line end too: nobody writes to the file any more.",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics on this port.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Where they are served.")
@click.option("--bootstrap-servers", help="Kafka to use. [env: CITYHUB_BOOTSTRAP_SERVERS]")
@click.option("--namespace", help="Prefix of all topics. [env: CITYHUB_NAMESPACE]")
@_as_json
def run_command(
    name: str,
    files: tuple[Path, ...],
    mappings: tuple[str, ...],
    joins: tuple[Path, ...],
    follow: bool,
    speed: float | None,
    anchor: str | None,
    cursor_dir: Path | None,
    max_rejects: int,
    way: str | None,
    last_line_whole: bool,
    metrics_port: int | None,
    metrics_host: str,
    bootstrap_servers: str | None,
    namespace: str | None,
    as_json: bool,
) -> None:
    """Read files and publish their events; goes on where it stopped the last time."""
    manifest = find(name)
    settings = Settings.from_env(bootstrap_servers=bootstrap_servers, namespace=namespace)
    options = Options(
        follow=follow,
        speed=speed,
        anchor=Anchor.parse(anchor) if anchor else None,
        cursor_dir=cursor_dir,
        max_rejects_in_a_row=max_rejects,
        at_limit=Way(way) if way else None,
        show_progress=not as_json,
        last_line_whole=last_line_whole,
        stop=_stop_on_signals(),
    )
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    inputs = paired(files, mappings, joins, needs_join=_needs_join(name))
    with nullcontext() if metrics_port is None else PageServer({"/metrics": metrics_page}, metrics_host, metrics_port):
        summary = run_source(manifest, inputs, settings, options)
    say(to_json(as_dict(summary)) if as_json else describe(summary, files))


@connector.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=CONNECTORS, show_default=True)
def new_command(name: str, into: Path) -> None:
    """Make a connector folder that works: manifest, mapping, a fixture, README. The contract suite finds it by itself."""
    folder = scaffold(name, into)
    _out.print(
        f"{folder} is ready.\n  try it   cityhub connector check {name} --file {folder / 'fixtures' / 'demo.csv'}"
    )
    _out.print(
        f"  test it  pytest tests/contract/test_connectors.py -k {name}\n  then edit mappings/demo.yaml for your own columns"
    )


def paired(
    files: tuple[Path, ...], mappings: tuple[str, ...], joins: tuple[Path, ...], *, needs_join: Any = None
) -> list[Input]:
    """Files with their mappings; joins go, in order, to the mappings that take one (to each file, if as many are given).

    Raises FatalError if the numbers do not fit.
    """
    if mappings and len(mappings) != len(files):
        raise FatalError(
            f"{len(files)} --file but {len(mappings)} --mapping; give one mapping for each file, in the same order"
        )
    chosen: list[str | None] = list(mappings) or [None] * len(files)
    takers = [index for index, name in enumerate(chosen) if needs_join is None or needs_join(name)]
    if len(joins) > len(takers):
        raise FatalError(f"{len(joins)} --join, but only {len(takers)} of the mappings take a second file")
    if joins and len(joins) < len(takers):
        required = [index for index in takers if needs_join is None or needs_join(chosen[index]) == "required"]
        takers = required if len(required) == len(joins) else takers[: len(joins)]
    join_of = dict(zip(takers, joins, strict=False))
    return [
        Input(file=file, mapping=mapping, join=join_of.get(index))
        for index, (file, mapping) in enumerate(zip(files, chosen, strict=True))
    ]


def _needs_join(name: str) -> Any:
    from hub.sdk.mapping.mapping import load_mapping

    manifest = find(name)

    def needs(mapping: str | None) -> str | None:
        join = load_mapping(manifest.mapping_path(mapping)).join
        return None if join is None else "required" if join.required else "optional"

    return needs


def as_dict(summary: Summary) -> dict[str, Any]:
    return {
        "source": summary.source,
        "rows": summary.rows,
        "published": summary.published,
        "filtered": summary.filtered,
        "rejected": dict(summary.rejected),
        "rows_before": summary.rows_before,
        "stopped": summary.stopped,
        "unfinished": summary.unfinished,
        "seconds": round(summary.seconds, 3),
    }


def describe(summary: Summary, files: tuple[Path, ...]) -> str:
    """A run in one or two lines."""
    left = f"; {summary.unfinished}" if summary.unfinished else ""
    if summary.empty:
        return f"empty file: 0 rows ({', '.join(file.name for file in files)}){left}"
    parts = [f"{summary.source}: {summary.rows:,} rows, {summary.published:,} published"]
    if summary.filtered:
        parts.append(f"{summary.filtered:,} left out by the mapping")
    if summary.rejected:
        why = ", ".join(f"{count:,} {reason}" for reason, count in summary.rejected.most_common())
        parts.append(f"{summary.rejected.total():,} set aside as dead letters ({why})")
    if summary.rows_before:
        parts.append(f"{summary.rows_before:,} were done before")
    rate = f" in {summary.seconds:.1f} s, {summary.rows / summary.seconds:,.0f} a second" if summary.seconds > 0 else ""
    return (
        ", ".join(parts)
        + rate
        + left
        + ("; stopped before the end, the next run goes on here" if summary.stopped else "")
    )


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)
    return stop


def _show(report: Report) -> None:
    _out.print(Text(f"{report.manifest.domain} {report.manifest.name.en} {report.manifest.name.zh}", "bold"))
    for name, note in report.mappings.items():
        _out.print(f"  mapping {name}: {note}")
    if report.file is None:
        return
    _out.print(
        f"{report.file}: {report.rows:,} rows, {report.events:,} events, "
        f"{report.filtered:,} left out, {report.rejected.total():,} rejected\n  read as 读作: {report.read_as}",
        markup=False,
    )
    table = Table("field 字段", "filled", "distinct", "example")
    for field, filled in report.fields.items():
        table.add_row(field, f"{filled.rows:,}", filled.distinct_text, filled.example)
    _out.print(table)
    for said, (count, line) in report.reasons.items():
        _out.print(f"  {count:,} × {said} (first at line {line})", markup=False)
    for why, count in report.points.most_common():
        _out.print(f"  {count:,} points 坐标 in no area of the city: {why}, {HINTS[PointFault(why)]}", markup=False)
    if report.unfinished_line is not None:
        _out.print(
            f"  the last line ({report.unfinished_line}) has no line end 末行未完: a run leaves it for the next, as it may still "
            "be written; if the file never gets one, run with --last-line-whole",
            markup=False,
        )
