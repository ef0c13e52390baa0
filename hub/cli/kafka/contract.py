"""`cityhub contract`: what the hub promises those who read and write its topics, as AsyncAPI documents and pages."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from hub.cli.terminal.options import with_settings
from hub.declared.texts import parse_json, read_text
from hub.errors import FatalError
from hub.escaping import to_json, without_login
from hub.screen import say, say_json, say_lines
from hub.settings import Security, Settings


@click.group()
def contract() -> None:
    """Contracts 约定: AsyncAPI 3.0 documents, made from topics and schemas, for the whole hub and for each department."""


@contract.command()
@click.argument("department", required=False)
@click.option("--page", "as_page", is_flag=True, help="For people: an HTML page in English and Chinese.")
@with_settings
def show(settings: Settings, department: str | None, as_page: bool) -> None:
    """Print a document: the hub's, or that of DEPARTMENT's client."""
    from hub.contracts.page import page

    documents = _documents(settings)
    if (name := department or "hub") not in documents:
        raise FatalError(f"there is no department {name!r}; there are {', '.join(sorted(documents.keys() - {'hub'}))}")
    if as_page:
        say_lines(page(documents[name]))
    else:
        say_json(documents[name], indent=2)


@contract.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@with_settings
def write(settings: Settings, folder: Path) -> None:
    """Write all documents and pages into FOLDER, to be put where departments find them."""
    from hub.contracts.page import page

    folder.mkdir(parents=True, exist_ok=True)
    documents = _documents(settings)
    for name, document in documents.items():
        (folder / f"{name}.asyncapi.json").write_text(to_json(document, indent=2) + "\n", "utf-8")
        (folder / f"{name}.html").write_text(page(document), "utf-8")
    say(f"{len(documents)} documents and their pages are in {folder}")


@contract.command()
@click.argument("before", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def changes(before: Path, after: Path) -> None:
    """What the document AFTER says that BEFORE does not, and what it takes away: then it exits with 1."""
    from hub.contracts.changes import additions, removals

    old, new = _read(before), _read(after)
    gone = removals(old, new)
    for place in gone:
        say(f"- {place}")
    for place in additions(old, new):
        say(f"+ {place}")
    say(f"{len(gone)} taken away 移除" if gone else "nothing is taken away 无移除", err=True)
    sys.exit(1 if gone else 0)


def _documents(settings: Settings) -> dict[str, Any]:
    """By department, and `hub` for the whole."""
    from hub.contracts.asyncapi import CityTerms, KafkaServer, department_document, whole_document
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.avro.registry import FileRegistry

    city, schemas = load_city(settings.city), FileRegistry().all()
    title = f"CityHub: {city.name.en} {city.name.zh}"
    registry = without_login(settings.registry_url) if settings.registry_url else None
    is_guarded = settings.kafka_security is not Security.PLAINTEXT
    server = KafkaServer(settings.bootstrap_servers, is_guarded, registry, settings.namespace)
    kept_days = city.privacy.retention
    parameters: dict[str, Iterable[str]] = {"source": discover(), "department": city.departments}
    found = {"hub": whole_document(title, schemas, server, parameters, CityTerms(kept_days))}
    for department, named in city.departments.items():
        found[department] = department_document(
            f"{title}, {named.name.en} {named.name.zh}", department, schemas, server,
            CityTerms(kept_days, city.withheld.get(department, frozenset())),
        )  # fmt: skip
    return found


def _read(path: Path) -> Any:
    try:
        return parse_json(read_text(path))
    except (OSError, ValueError) as error:
        raise FatalError(f"{path} is no JSON document ({error})") from None
