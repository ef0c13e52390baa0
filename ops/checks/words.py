"""The words of docs/words.md in the code: no name in a public place is a word that names nothing, and none means two things."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hub.settings import ROOT

ROOMS = ("hub", "connectors", "loadtests", "ops")
"""Where names are looked at. A public name is defined once in all of the hub."""
DECLARED = {
    ("AlsoSpec", "each"): "mappings declare it",
    ("UpdateSpec", "at"): "mappings declare it",
    ("QueryPosition", "at"): "it lies in files of positions",
    ("Sweep", "at"): "it lies in files of positions",
}
"""Attributes, by class, that keep a name that names nothing, and why: files that are not ours to change have them."""
_PAGE, _SCHEMAS = Path("docs/words.md"), Path("schemas")
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Name(NamedTuple):
    """A name where it is defined. `owner`: the class that it belongs to, if it is an attribute."""

    file: Path
    line: int
    kind: str
    name: str
    owner: str = ""


def problems(root: Path = ROOT, rooms: tuple[str, ...] = ROOMS) -> Iterator[str]:
    """One line for each name that should be another."""
    banned = banned_words(root)
    if not banned:
        yield f"{_PAGE} has no table of words that name nothing: `| `word` | instead |`"
    let_be = _published(root / _SCHEMAS) | DECLARED.keys()
    for room in rooms:
        for path in _modules(root, room):
            for each in names_of(path, root):
                if each.name.lower() in banned and (each.owner, each.name) not in let_be:
                    yield f"{each.file}:{each.line}: the {each.kind} {each.name!r} names nothing; {_PAGE} says what to write"
    yield from _second_meanings(root, rooms)


def banned_words(root: Path = ROOT) -> frozenset[str]:
    """The words of the page's table that are put between backticks."""
    return frozenset(_ROW.findall((root / _PAGE).read_text("utf-8")))


def names_of(path: Path, root: Path = ROOT) -> Iterator[Name]:
    """What a module defines in public places: names of its own, attributes of its classes, and parameters of all its functions."""
    tree, file = ast.parse(path.read_text("utf-8")), path.relative_to(root)
    for statement, name in _module_level(tree):
        yield Name(file, statement.lineno, "name", name)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (Name(file, line, "attribute", name, node.name) for line, name in _attributes(node))
        elif isinstance(node, _FUNCTION):
            parameters = (
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            )
            yield from (Name(file, each.lineno, "parameter", each.arg) for each in parameters if each is not None)


def _attributes(definition: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """Fields, methods, and what methods set in `self`."""
    for node in definition.body:
        if isinstance(node, _FUNCTION):
            yield node.lineno, node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from ((node.lineno, name) for name in _targets(node))
    for inner in ast.walk(definition):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and ast.unparse(inner.value) == "self":
            yield inner.lineno, inner.attr


def _module_level(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in tree.body:
        if isinstance(node, (*_FUNCTION, ast.ClassDef)):
            yield node, node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from ((node, name) for name in _targets(node))


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = (each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target]))
    return [each.id for each in names if isinstance(each, ast.Name)]


# -- one meaning -----------------------------------------------------------------------------------------------------------

SEVERAL = {
    "attach": "hub.agents.modules finds it by this name in the module of every agent",
    "NAME": "what an agent is called, in the module of every agent",
    "main": "what `python -m` and the script of the package begin with",
    "log": "the logger of a module, named for it",
    "revision": "Alembic finds it by this name in every step of the ledger",
    "down_revision": "as `revision`",
    "upgrade": "as `revision`",
}
"""Names that may be defined more than once, and why. A click command is named for what people type."""


def _second_meanings(root: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """Functions, classes, constants and aliases of the hub that are not its module's own (`_name`)."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in (path for room in rooms if room.startswith("hub") for path in _modules(root, room)):
        for node, name in _module_level(ast.parse(path.read_text("utf-8"))):
            if not name.startswith("_") and not _is_command(node):
                places[name].append(f"{path.relative_to(root)}:{node.lineno}")
    for name, where in sorted(places.items()):
        if len(where) > 1 and name not in SEVERAL:
            yield f"{where[-1]}: {name!r} is defined in {', '.join(where[:-1])} too; a name means one thing"
        if len(where) == 1 and name in SEVERAL:
            yield f"{where[0]}: {name!r} may stand more than once, by ops/checks/words.py, and does not: take it out there"


def _is_command(node: ast.stmt) -> bool:
    decorators = node.decorator_list if isinstance(node, (*_FUNCTION, ast.ClassDef)) else []
    calls = (each.func for each in decorators if isinstance(each, ast.Call))
    return any(isinstance(each, ast.Attribute) and each.attr in ("command", "group") for each in calls)


def _modules(root: Path, room: str) -> list[Path]:
    return sorted((root / room).rglob("*.py"))


@cache
def _published(folder: Path) -> frozenset[tuple[str, str]]:
    """Record and field, or enum and symbol, of every published schema: receivers know them by these names."""
    found: set[tuple[str, str]] = set()
    for path in folder.rglob("*.avsc"):
        _collect(json.loads(path.read_text("utf-8")), found)
    return frozenset(found)


def _collect(schema: object, names: set[tuple[str, str]]) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "record":
            names.update((schema["name"], field["name"]) for field in schema["fields"])
        elif schema.get("type") == "enum":
            names.update((schema["name"], symbol) for symbol in schema["symbols"])
        for value in schema.values():
            _collect(value, names)
    elif isinstance(schema, list):
        for value in schema:
            _collect(value, names)
