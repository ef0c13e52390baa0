"""Structs of many fields are built by keyword: a field that is added in the middle, or two of one type that are swapped, would be
found by nobody else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hub.settings import ROOT

AT_MOST = 6
"""So many values may stand without their names."""


def structs(trees: list[ast.Module]) -> set[str]:
    """The names of all structs, named tuples and data classes."""
    kinds = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {
        kind.name
        for kind in kinds
        if any("Struct" in base or "NamedTuple" in base for base in map(ast.unparse, kind.bases))
        or any("dataclass" in decorator for decorator in map(ast.unparse, kind.decorator_list))
    }


def by_order(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """Where a struct is built of more values than that, or of a column or row whose order nobody sees."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        spread = any(isinstance(each, ast.Starred) for each in call.args)
        first = ast.unparse(call.args[0]) if name in ("map", "starmap", "itertools.starmap") and call.args else ""
        if first in names or (name.removesuffix("._make") in names and (name.endswith("._make") or spread)):
            yield f"line {call.lineno}: {first or name} of rows"
        elif name in names and len(call.args) > AT_MOST:
            yield f"line {call.lineno}: {name} of {len(call.args)} values"


def test_the_core_builds_them_so() -> None:
    files = {path: ast.parse(path.read_text("utf-8")) for path in (ROOT / "hub" / "core").rglob("*.py")}
    names = structs(list(files.values()))
    assert {"Case", "TrackedCase", "Change", "Sighting", "ClockState", "Term"} <= names
    found = [f"{path.relative_to(ROOT)}, {what}" for path, tree in files.items() for what in by_order(tree, names)]
    assert found == []


def test_it_would_be_found() -> None:
    code = "\n".join(
        (
            "Case(1, 2, 3, 4, 5, 6, 7)",
            "map(Case, rows)",
            "Case(*row)",
            "Case._make(row)",
            "Case(1, 2)",
            "Case(a=1, **row)",
            "map(other, rows)",
        )
    )
    assert [each.split(":")[0] for each in by_order(ast.parse(code), {"Case"})] == [
        "line 1", "line 2", "line 3", "line 4",
    ]  # fmt: skip
