"""The `connector` commands: list, check, new; run and what edges are doing stand beside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from hub.cli.connector.backfill import backfill_command
from hub.cli.connector.edges import pause, reset, resume, status
from hub.cli.connector.run import run_command
from hub.cli.connector.tested import as_dict, test_command, tier_in_words
from hub.cli.terminal.options import running_here
from hub.core.places.places import Places
from hub.core.places.point_faults import HINTS, PointFault
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import Screen, say_json
from hub.sdk.checking import CheckReport, check, check_source
from hub.sdk.contract import Context
from hub.sdk.errors import TransientError
from hub.sdk.manifest import CONNECTORS, discover, find_manifest
from hub.sdk.running.edges import load_edges
from hub.sdk.scaffold.folder import SCAFFOLD_KINDS, scaffold
from hub.sdk.sinks.served import SinkEdge, check_sink, load_sinks
from hub.settings import Settings

_out = Screen(soft_wrap=True)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
_path = click.Path(path_type=Path, dir_okay=False)
_SAMPLE = 200
_MOST_ATTEMPTS, _MOST_WAIT_SECONDS = 3, 30.0


class _HubCommand(click.Group):
    """Says a FatalError in one piece and ends with 1, wherever the group is mounted."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FatalError as error:
            raise click.ClickException(str(error)) from error


@click.group("connector", cls=_HubCommand)
def connector() -> None:
    """Connectors 接入: read departmental systems and publish their events."""


for each in (run_command, status, pause, resume, reset, backfill_command, test_command):
    connector.add_command(each)


@connector.command("list")
@_as_json
def list_command(as_json: bool) -> None:
    """The connectors there are, with their mappings, and the sinks of connectors.yaml."""
    manifests = discover()
    settings = running_here(Settings.from_env())
    sinks = load_sinks(settings) if settings.connectors else {}
    if as_json:
        said = {
            name: each.model_dump(mode="json") | {"tested": as_dict(each, settings)} for name, each in manifests.items()
        }
        say_json(said | {name: _takes(each) for name, each in sinks.items()})
        return
    for name, manifest in manifests.items():
        _out.print(
            Text(name, "bold"),
            f"{manifest.name.en} {manifest.name.zh} · tier 等级: {tier_in_words(manifest, settings)}",
        )
        for mapping, says in manifest.mappings.items():
            _out.print(f"  mapping {mapping}: {says}")
    for name, sink in sinks.items():
        takes, spec = ", ".join(sorted(sink.spec.streams)), sink.spec
        parties = {"departments": spec.departments, "sources": spec.sources}
        of = "".join(f" · {what}: {', '.join(each)}" for what, each in parties.items() if each)
        _out.print(Text(name, "bold"), f"sink 出口 of kind {spec.kind} · takes {takes}{of}")


def _takes(sink: SinkEdge) -> dict[str, Any]:
    spec = sink.spec
    return {
        "kind": spec.kind,
        "takes": sorted(spec.streams),
        "departments": list(spec.departments),
        "sources": list(spec.sources),
    }


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
    """Check a connector's manifest and mappings, and try a file: what is mapped, what is rejected and why.

    NAME is a connector, or an edge or sink of connectors.yaml: then its system is reached, and what an edge gives first is mapped.
    Nothing is published or delivered, and nothing is changed on either side.
    """
    if (said := _sink_says(name)) is not None and not file:
        say_json({"sink": name, "says": said}) if as_json else _out.print(f"{name}: {said}", markup=False)
        return
    report = _checked(name, mapping, file, join, limit)
    if as_json:
        say_json(report.as_dict())
    else:
        _show(report)
    if report.rejected:
        raise SystemExit(2)


def _sink_says(name: str) -> str | None:
    """What the system of a sink of connectors.yaml says; None if there is none of that name."""
    settings = running_here(Settings.from_env())
    sink = load_sinks(settings).get(name) if settings.connectors else None
    return None if sink is None else check_sink(sink, settings)


def _checked(name: str, mapping: str | None, file: Path | None, join: Path | None, limit: int | None) -> CheckReport:
    settings = running_here(Settings.from_env())
    edges = load_edges(settings) if settings.connectors and not file else {}
    if name not in edges:
        return check(
            find_manifest(name), mapping, file, join, limit, Places(load_city(settings.city)) if file else None
        )
    edge = edges[name]
    intake = edge.intake()
    source = edge.source(intake, Context(edge.connector, intake.outcome, intake.mapping))
    places = Places(load_city(settings.city))
    for attempt in range(_MOST_ATTEMPTS):
        try:
            return check_source(edge.manifest(), source, intake, mapping or edge.spec.mapping, limit or _SAMPLE, places)
        except TransientError as error:
            if attempt + 1 == _MOST_ATTEMPTS or not (error.asked and error.wait_seconds <= _MOST_WAIT_SECONDS):
                raise FatalError(f"{name} gives nothing now 暂不可读: {error}{_until_when(error)}") from error
            _out.print(f"{error}, and asks to wait {error.wait_seconds:g} s 请稍候", markup=False)
            time.sleep(error.wait_seconds)
    raise AssertionError("unreachable")


def _until_when(error: TransientError) -> str:
    return f"; it asks to wait {error.wait_seconds:,.0f} s" if error.asked else ""


@connector.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=CONNECTORS, show_default=True)
@click.option(
    "--kind", type=click.Choice(SCAFFOLD_KINDS), default="file", show_default=True, help="How its system is read."
)
def new_command(name: str, into: Path, kind: str) -> None:
    """Make a connector folder that works: manifest, mapping, a fixture, README. The contract suite finds it by itself."""
    folder = scaffold(name, into, kind)
    (fixture,) = (folder / "fixtures").iterdir()
    found = name in discover()
    known = "" if found else f"  first    `search: [{into}]` in the connectors.yaml that CITYHUB_CONNECTORS names\n"
    _out.print(f"{folder} is ready.\n{known}  try it   cityhub connector check {name} --file {fixture}")
    _out.print(
        f"  test it  cityhub connector test {name}\n  then edit manifest.yaml, mappings/demo.yaml and the fixture; "
        "README.md has what connectors.yaml may say of it"
    )


def _show(report: CheckReport) -> None:
    _out.print(Text(f"{report.manifest.domain} {report.manifest.name.en} {report.manifest.name.zh}", "bold"))
    for name, note in report.mappings.items():
        _out.print(f"  mapping {name}: {note}")
        personal = "; ".join(f"{column}: {kinds}" for column, kinds in report.personal[name].items())
        _out.print(f"    personal 涉及个人: {personal or 'nothing 无'}", markup=False)
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
