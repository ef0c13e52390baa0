"""Code that nothing calls: whatever a module of the hub defines is named somewhere else in the program, or it goes.

Tests are no callers. Only the name is looked for: who is called by a name that several have goes unseen.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hub.settings import ROOT
from ops.checks.words import ROOMS

SHIPPED = "hub/testing/"
"""What is there for tests, ours and those of others: they call it."""
CALLED_BY_OTHERS = {
    "do_GET": "http.server calls it",
    "do_POST": "http.server calls it",
    "emit": "logging calls it",
    "formatException": "logging calls it",
    "eof_received": "asyncio calls it",
    "settings_customise_sources": "pydantic-settings calls it",
    "downgrade": "Alembic calls it",
    "down_revision": "Alembic reads it",
    "format_commands": "click calls it",
    "list_commands": "click calls it",
    "on_start": "mode calls it",
    "on_stop": "mode calls it",
    "process_renderables": "rich calls it",
    "GAP_REASONS": "the page of what a gap may be called; a test holds the hub to it",
    "SHAPES": "all documents of GeoReport; the laws of tests go over them",
}
"""Names that nobody in the program calls, and why they are there."""
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN = frozenset(
    ("cached_property", "classmethod", "contextmanager", "override", "property", "staticmethod", "cache", "dataclass")
)
"""Decorators that hand nothing to anybody who might call."""
_WORD = re.compile(r"\w+")


def problems(root: Path = ROOT, rooms: tuple[str, ...] = ROOMS) -> Iterator[str]:
    """One line for each function, class, method and constant of the hub that nothing in `rooms` names."""
    trees = {path.relative_to(root): ast.parse(path.read_text("utf-8")) for path in _modules(root, rooms)}
    named = Counter(name for tree in trees.values() for name in _named(tree))
    for path, tree in trees.items():
        if path.parts[0] != "hub" or path.as_posix().startswith(SHIPPED):
            continue
        for line, name in _defined(tree):
            if not named[name] and name not in CALLED_BY_OTHERS and not name.startswith("__"):
                yield f"{path}:{line}: nothing calls {name!r}: delete it, or say in {Path(__file__).name} who does"


def _modules(root: Path, rooms: tuple[str, ...]) -> list[Path]:
    return sorted(path for room in rooms for path in (root / room).rglob("*.py"))


def _defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Functions and classes wherever they stand, but for those that a decorator hands on, and constants of the module."""
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTION, ast.ClassDef)) and all(map(_is_plain, node.decorator_list)):
            yield node.lineno, node.name
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((statement.lineno, each.id) for each in targets if isinstance(each, ast.Name))


def _is_plain(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] in _PLAIN


def _named(tree: ast.Module) -> Iterator[str]:
    """What a module reads, imports or has in a text that is no docstring, as `getattr` and the table of commands do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            yield from _WORD.findall(node.value) if _is_reference(node.value) else ()


def _is_reference(text: str) -> bool:
    """Words of a sentence are no calls."""
    return " " not in text
