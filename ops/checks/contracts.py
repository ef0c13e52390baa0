"""The AsyncAPI documents keep to the published schema, their references lead somewhere, and nothing that was released is gone.

`python -m ops.checks.contracts` writes what is released from now on, which a release does, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hub.contracts.asyncapi import SUMMARIES, KafkaServer, department_document, whole_document
from hub.contracts.changes import removals
from hub.contracts.meanings import MEANINGS, PUBLIC, RECORD_NAMES
from hub.contracts.words import chinese
from hub.settings import ROOT
from hub.stream.avro.registry import FileRegistry
from ops.checks.json_schema import Draft7Validator, best_match

PUBLISHED = ROOT / "ops" / "contracts" / "schema" / "asyncapi-3.0.0.json"
"""As published; see the README beside it."""
RELEASED = ROOT / "ops" / "contracts" / "released"
DEPARTMENT = "any"
"""The department whose document stands for those of all: they differ in its id alone."""


def documents() -> dict[str, Any]:
    """What this program promises in any city, by name."""
    schemas = FileRegistry().all()
    return {
        "hub": whole_document("CityHub", schemas, KafkaServer(), {}),
        "department": department_document("CityHub: a department 部门", DEPARTMENT, schemas, KafkaServer()),
    }


def problems() -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    made = documents()
    for name, document in made.items():
        wrong = [*faults(document), *dangling(document)]
        yield from (f"contract {name}: {problem}" for problem in wrong)
    yield from taken_away(made)
    yield from unnamed(made["hub"])


def unnamed(document: Any) -> Iterator[str]:
    """What has no words for people yet."""
    for name in document["channels"].keys() - SUMMARIES.keys():
        yield f"hub/contracts/asyncapi.py: SUMMARIES says nothing of {name}"
    for field in sorted(_fields(document)):
        if not chinese(field):
            yield f"hub/contracts/words.py: the field {field!r} has no Chinese word"
    messages = document["components"]["messages"]
    for name in messages.keys() - RECORD_NAMES.keys():
        yield f"hub/contracts/meanings.py: RECORD_NAMES has no Chinese name for {name}"
    said = {place for name in PUBLIC for place in _places(messages[name]["payload"]["schema"])}
    for place in sorted(said - MEANINGS.keys()):
        yield f"hub/contracts/meanings.py: what {place} means is said in English alone"
    for place in sorted(MEANINGS.keys() - said):
        yield f"hub/contracts/meanings.py: {place} is no public record or field"


def _places(declared: Any) -> Iterator[str]:
    """Every record and every field of one within a schema, as meanings name them."""
    if isinstance(declared, list):
        for branch in declared:
            yield from _places(branch)
    elif isinstance(declared, dict):
        if declared.get("type") == "record":
            yield declared["name"]
            yield from (f"{declared['name']}.{field['name']}" for field in declared["fields"])
            yield from _places([field["type"] for field in declared["fields"]])
        yield from _places([declared.get("items"), declared.get("values")])


def _fields(node: Any) -> set[str]:
    """The names of all fields of all records."""
    if isinstance(node, list):
        return {name for part in node for name in _fields(part)}
    if not isinstance(node, dict):
        return set()
    own = {field["name"] for field in node.get("fields", ())}
    return own.union(*(_fields(part) for part in node.values()))


def taken_away(made: dict[str, Any], released: Path = RELEASED) -> Iterator[str]:
    """What was released, and is not promised any more."""
    for name, document in made.items():
        path = released / f"{name}.json"
        if not path.is_file():
            yield f"contract {name}: no release has one; `python -m ops.checks.contracts` writes {path.name}"
            continue
        gone = removals(json.loads(path.read_text("utf-8")), document)
        yield from (f"contract {name}: {place}: it was released, and others hold to it; put it back" for place in gone)


def faults(document: Any) -> Iterator[str]:
    """Where a document is none of AsyncAPI 3.0. Of what fits in no way, the way that comes nearest."""
    for error in _validator().iter_errors(document):
        nearest = best_match([error]) or error
        yield f"{'/'.join(map(str, nearest.absolute_path)) or 'the document'}: {nearest.message[:200]}"


def dangling(document: Any) -> Iterator[str]:
    """References that lead nowhere, of which the published schema says nothing."""
    for reference in _references(document):
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part.get(name) if isinstance(part, dict) else None
        if part is None:
            yield f"{reference} leads nowhere"


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(json.loads(PUBLISHED.read_text("utf-8")))


if __name__ == "__main__":
    RELEASED.mkdir(exist_ok=True)
    for released_name, released_document in documents().items():
        text = json.dumps(released_document, indent=1, ensure_ascii=False) + "\n"
        (RELEASED / f"{released_name}.json").write_text(text, "utf-8")
