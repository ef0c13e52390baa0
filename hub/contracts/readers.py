"""Who in the hub reads a field, found in the code itself: a reader's modules are followed by their imports, and looked through for
its name. A common name is named too often; one that is written out is never missed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hub import topics
from hub.model.admitted import DeadLetter
from hub.model.event import CaseEvent
from hub.model.outputs import CaseChange, DeadlineEvent, Erasure, Order, Receipt, Reply
from hub.sdk.streams import SUBJECTS
from hub.settings import ROOT

_ROOMS = (
    "hub.agents",
    "hub.core",
    "hub.ledger",
    "hub.web.read",
    "hub.web.open311",
    "hub.sdk.sinks",
    "hub.audit",
    "hub.inspect",
)
"""Where a field is used. Elsewhere it is declared, or carried without a look at it."""


class FieldReader(NamedTuple):
    """A part of the hub: where its code begins, and what it reads."""

    name: str
    modules: tuple[str, ...]
    subjects: frozenset[str]


def readers() -> list[FieldReader]:
    """Agents, the web, the ledger, what sinks make rows of, and who looks on."""
    all_subjects = frozenset(each.subject for each in topics.all_topics(["id"], ["id"]) if each.subject)
    web = frozenset(each.subject() for each in (CaseEvent, CaseChange, DeadlineEvent, Order, Receipt, Reply, Erasure))
    ledger = web - {CaseEvent.subject()} | {DeadLetter.subject()}
    begin = {
        "deduplicate": ("hub.agents.deduplicate",), "route": ("hub.agents.route.agent",), "track": ("hub.agents.track.agent",),
    }  # fmt: skip
    names = topics.agent_topics(["id"], ["id"])
    agents = [
        FieldReader(f"agent {agent}", begin[agent], frozenset(filter(None, map(topics.subject_of, names[agent]))))
        for agent in begin
    ]
    return [
        *agents,
        FieldReader("web", ("hub.web.read.records", "hub.web.open311.shown"), web),
        FieldReader("ledger", ("hub.ledger.reading",), ledger),
        FieldReader(
            "sinks", ("hub.sdk.sinks.rows", "hub.sdk.sinks.records", "hub.sdk.sinks.open311.sink"), frozenset(SUBJECTS)
        ),
        FieldReader("reconcile", ("hub.audit.run",), all_subjects),
        FieldReader("explain", ("hub.inspect.story",), all_subjects),
    ]


def uses(field: str, modules: Iterable[str]) -> list[str]:
    """The places `file:line` at which these modules, and what they import, name a field."""
    found = []
    for module in sorted(_closure(tuple(modules))):
        if module.startswith(_ROOMS) and (lines := _names(module).get(field)):
            found.append(f"{_path(module).relative_to(ROOT)}:{lines}")
    return found


@cache
def _closure(modules: tuple[str, ...]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen and module.startswith(_ROOMS):
            seen.add(module)
            waiting += _imports(module)
    return frozenset(seen)


def _imports(module: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if _path(name).is_file()]


@cache
def _names(module: str) -> Mapping[str, int]:
    """Every text, attribute and keyword that is an identifier, with the first line that has it."""
    found: dict[str, int] = {}
    for node in ast.walk(_tree(module)):
        for name in _named(node):
            for part in name.split("."):  # paths of columns: "event.source_ref"
                line = getattr(node, "lineno", 0)
                found[part] = min(found.get(part, line), line)
    return found


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
        return [node.value]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return [node.arg] if isinstance(node, ast.keyword) and node.arg else []


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_text("utf-8"))


def _path(module: str) -> Path:
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
