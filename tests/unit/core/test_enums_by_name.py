"""What an enum names is compared by the enum: a symbol that is renamed, or misspelt, would be found by nobody in a text."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from enum import Enum
from types import ModuleType

import hub.model.event
import hub.model.outputs
import hub.model.update
from hub.settings import ROOT

MODULES: tuple[ModuleType, ...] = (hub.model.event, hub.model.outputs, hub.model.update)


def symbols() -> frozenset[str]:
    """Every value of every enum of the records."""
    kinds = (kind for module in MODULES for _, kind in inspect.getmembers(module, inspect.isclass))
    return frozenset(str(each.value) for kind in kinds if issubclass(kind, Enum) for each in kind)


def by_text(tree: ast.AST, names: frozenset[str]) -> Iterator[str]:
    """Where one of these is compared, looked for or matched as a text."""
    for node in ast.walk(tree):
        parts = [*node.comparators, node.left] if isinstance(node, ast.Compare) else []
        parts += [node.value] if isinstance(node, ast.MatchValue) else []
        texts = (inner for part in parts for inner in ast.walk(part) if isinstance(inner, ast.Constant))
        yield from (f"line {text.lineno}: {text.value}" for text in texts if text.value in names)


def test_the_core_and_the_agents_compare_by_enums() -> None:
    files = (path for room in ("core", "agents") for path in sorted((ROOT / "hub" / room).rglob("*.py")))
    found = [
        f"{path.relative_to(ROOT)}, {what}"
        for path in files
        for what in by_text(ast.parse(path.read_text("utf-8")), symbols())
    ]
    assert found == []


def test_it_would_be_found() -> None:
    code = """
if status == "SATISFIED" or "CLOSED" in kinds or kind in ("OPENED", "other"):
    pass
match kind:
    case "WITHDRAW":
        pass
if status == UpdateStep.SATISFIED or name == "police":
    pass
"""
    assert [each.rpartition(" ")[2] for each in by_text(ast.parse(code), symbols())] == [
        "SATISFIED",
        "CLOSED",
        "OPENED",
        "WITHDRAW",
    ]
