"""schemas/personal.json and the table in docs/privacy.md, made from the marks in hub/model: `python -m ops.checks.personal` writes
both, `ops.checks` compares, and finds every text of every schema that nobody has marked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.model.marks import all_marks
from hub.model.personal import Personal
from hub.settings import ROOT

REGISTRY = ROOT / "schemas" / "personal.json"
PAGE = ROOT / "docs" / "privacy.md"
_BEGIN, _END = "<!-- made by `python -m ops.checks.personal` -->\n", "<!-- end -->"
Marks = dict[str, dict[str, Personal]]


def registry(marks: Marks) -> str:
    """What stands beside the schemas: of each record each text, and each other field that may be personal."""
    return json.dumps(marks, indent=2) + "\n"


def table(marks: Marks) -> str:
    """What may be personal, by record and kind."""
    rows = ["| record | kind | fields |", "|---|---|---|"]
    for record, fields in marks.items():
        by_kind = {kind: [f"`{path}`" for path, mark in fields.items() if mark is kind] for kind in Personal}
        del by_kind[Personal.NONE]
        rows += [f"| `{record}` | {kind} | {', '.join(paths)} |" for kind, paths in by_kind.items() if paths]
        if not any(by_kind.values()):
            rows.append(f"| `{record}` | none | |")
    return "\n".join(rows) + "\n"


def page(marks: Marks) -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    return before + _BEGIN + table(marks) + _END + rest.partition(_END)[2]


def texts(schema: Any, path: str, named: dict[str, Any]) -> Iterator[str]:
    """The paths of all texts and bytes in an Avro schema, as hub.model.marks has them."""
    if isinstance(schema, str):
        schema = named.get(schema.removeprefix("cityhub."), schema)
    if schema in ("string", "bytes"):
        yield path
    elif isinstance(schema, list):
        for branch in schema:
            yield from texts(branch, path, named)
    elif isinstance(schema, dict):
        kind = schema["type"]
        if kind == "record":
            named[schema["name"]] = schema
            for field in schema["fields"]:
                yield from texts(field["type"], f"{path}.{field['name']}" if path else field["name"], named)
        elif kind == "array":
            yield from texts(schema["items"], f"{path}[]", named)
        elif kind == "map":
            yield from texts(schema["values"], f"{path}{{}}", named)
        else:
            yield from texts(kind, path, named) if kind != "enum" else ()


def problems() -> Iterator[str]:
    """What is not marked, and what is not as the marks say."""
    try:
        marks = all_marks()
    except ValueError as error:
        yield f"hub/model: {error}"
        return
    yield from unmarked(ROOT / "schemas", marks)
    if not REGISTRY.is_file() or REGISTRY.read_text("utf-8") != registry(marks):
        yield f"{REGISTRY.relative_to(ROOT)} is not what hub/model says; run `python -m ops.checks.personal`"
    if not PAGE.is_file() or PAGE.read_text("utf-8") != page(marks):
        yield f"{PAGE.relative_to(ROOT)} is not what hub/model says; run `python -m ops.checks.personal`"


def unmarked(folder: Path, marks: Marks) -> Iterator[str]:
    """Texts of any version of a schema of which nobody says whether they can be personal."""
    for file in sorted(folder.glob("*/v*.avsc")):
        known = marks.get(file.parent.name, {})
        for path in texts(json.loads(file.read_text("utf-8")), "", {}):
            if path not in known:
                yield f"{file.relative_to(folder.parent)}: {path} does not say whether it can be personal; mark it in hub/model"


if __name__ == "__main__":
    found = all_marks()
    REGISTRY.write_text(registry(found), "utf-8")
    PAGE.write_text(page(found), "utf-8")
