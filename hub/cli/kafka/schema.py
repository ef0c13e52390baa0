"""`cityhub schema`: what a change of a schema would mean, before it is made."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import fastavro

from hub.cli.terminal.options import with_settings
from hub.declared.texts import parse_json, read_text
from hub.errors import FatalError
from hub.policy import City
from hub.screen import say, say_json
from hub.settings import Settings

_MOST_PLACES = 4
_OF_ROWS = ("sql", "files")
"""Kinds of sinks that make rows of columns; the others hand on all of a record."""


@click.group()
def schema() -> None:
    """Schemas of the hub's records 模式."""


@schema.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_settings
def impact(settings: Settings, file: Path, as_json: bool) -> None:
    """What changes if FILE, a schema that is to be (.avsc), becomes the next version of its subject, and who reads what changes.

    Agents and other parts of the hub by the code that names the field, sinks by connectors.yaml, departments by their purpose
    (privacy.yaml) and by `reads` in departments.yaml: one that says nothing there is taken to read all it is told. Exits with 1 if
    a version that is there could not be read by it, or could not read it.
    """
    from hub.contracts.impact import broken, changed_fields, holders
    from hub.policy import load_city
    from hub.stream.avro.registry import FileRegistry

    declared = _read(file)
    registry = FileRegistry()
    subject = f"{declared.get('namespace', 'cityhub')}.{declared['name']}"
    now = registry.latest(subject).declared
    versions = {each.version: each.declared for each in registry.versions(subject)}
    newest = {each.subject: registry.latest(each.subject).declared for each in registry.all()}
    wrong = broken(declared, versions)
    affected = holders(declared["name"], newest)
    city = load_city(settings.city)
    rows = [
        {
            "field": each.path, "change": each.what, "hub": dict(_parts(each.name, affected)),
            "sinks": sorted(_sinks(settings, affected, each.name)),
            "departments": list(_departments(city, each.name, affected)),
        }
        for each in changed_fields(now, declared)
    ]  # fmt: skip
    report = {
        "subject": subject, "also_in": [each for each in affected if each != subject], "changes": rows,
        "cannot_read": wrong.cannot_read, "cannot_be_read_by": wrong.cannot_be_read_by,
    }  # fmt: skip
    say_json(report, indent=2) if as_json else _print(report)
    sys.exit(1 if wrong else 0)


def _read(file: Path) -> dict[str, Any]:
    try:
        declared = parse_json(read_text(file))
        fastavro.parse_schema(json.loads(json.dumps(declared)))
    except (OSError, ValueError, TypeError, KeyError, fastavro.schema.SchemaParseException) as error:
        raise FatalError(f"{file} is no Avro schema ({error})") from None
    if not isinstance(declared, dict) or declared.get("type") != "record":
        raise FatalError(f"{file} is no schema of a record")
    return declared


def _parts(field: str, affected: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The parts of the hub that read one of the subjects and name the field, with the places."""
    from hub.contracts.readers import readers, uses

    for reader in readers():
        if reader.subjects & set(affected) and (places := uses(field, reader.modules)):
            yield reader.name, places


def _sinks(settings: Settings, affected: Iterable[str], field: str) -> Iterator[str]:
    """The sinks of connectors.yaml that take one of the subjects: those that make rows, if the field is a column of theirs."""
    from hub.sdk.edges_file import read_edges_file
    from hub.sdk.sinks.rows import STREAM_COLUMNS
    from hub.sdk.streams import SUBJECTS

    if settings.connectors is None:
        return
    streams = {SUBJECTS[subject] for subject in affected if subject in SUBJECTS}
    for name, sink in read_edges_file(settings.connectors)[0].sinks.items():
        taken = sink.streams & streams
        if sink.kind in _OF_ROWS:
            taken = frozenset(stream for stream in taken if field in STREAM_COLUMNS[stream])
        if taken:
            yield name


def _departments(city: City, field: str, affected: Iterable[str]) -> Iterator[str]:
    """Those that are told of the field by their purpose (privacy.yaml), and have not said that they read others only."""
    from hub.model.marks import personal_fields
    from hub.model.outputs import Order, Receipt

    records = [record for record in (Order, Receipt) if record.subject() in affected]
    marks = {mark for record in records for path, mark in personal_fields(record).items() if _last(path) == field}
    for name, department in city.departments.items():
        is_told = not marks or bool(marks - city.withheld.get(name, frozenset()))
        if records and is_told and (not department.reads or field in map(_last, department.reads)):
            yield name


def _last(path: str) -> str:
    return path.rpartition(".")[2].rstrip("[]{}")


def _print(report: dict[str, Any]) -> None:
    say(report["subject"] + (f", and within 也在 {', '.join(report['also_in'])}" if report["also_in"] else ""))
    if not report["changes"]:
        say("nothing changes 无变更")
    for row in report["changes"]:
        say(f"{row['field']} {row['change']}")
        for name, places in row["hub"].items():
            say(f"    {name}: {_some(places)}")
        say(f"    sinks 出口: {', '.join(row['sinks']) or '-'}")
        say(f"    departments 部门: {', '.join(row['departments']) or '-'}")
    for key, text in (
        ("cannot_read", "could not read what v{} wrote"),
        ("cannot_be_read_by", "could not be read by v{}"),
    ):
        for version, why in report[key].items():
            say(f"✗ it {text.format(version)}: {'; '.join(why)}", err=True)


def _some(places: list[str]) -> str:
    more = len(places) - _MOST_PLACES
    return ", ".join(places[:_MOST_PLACES]) + (f" and {more} more" if more > 0 else "")
