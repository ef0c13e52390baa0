"""What a runbook quotes is what is said: by the hub in its logs and answers, by a panel's title, or by a program named here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hub.settings import ROOT
from ops.checks import queries

RUNBOOKS = ROOT / "ops" / "runbooks"
_QUOTED = re.compile(r'"([^"\n]*)"')
_CODE = re.compile(r"`[^`]*`")
_FORMATS = re.compile(r"%(?:[-+,.\d]*[sdfgr])")
_STANDS_FOR_SOME = re.compile(r"\b[NMnm]\b|…")
_ANY = "\0"
OTHERS = {
    "No space left on device": "the operating system",
    "notify retry canceled": "Alertmanager",
    "Notify attempt failed": "Alertmanager",
    "Rule health": "Prometheus' pages",
}


@cache
def _said() -> frozenset[str]:
    """Every text of the hub, with a mark where something is put in."""
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "hub").rglob("*.py"))
    texts = (_FORMATS.sub(_ANY, text) for tree in trees for node in ast.walk(tree) for text in _texts(node))
    return frozenset(texts) | {panel["title"] for panel in queries.panels()}


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else _ANY for part in node.values)


def _unsaid(page: str) -> list[str]:
    """What it quotes and nobody says. One word is no text: it is the value of a label, and `ops.checks` looks at those."""
    quoted = {each for each in _QUOTED.findall(_CODE.sub("", page)) if " " in each} - OTHERS.keys()
    return sorted(each for each in quoted if not any(_STANDS_FOR_SOME.sub(_ANY, each) in text for text in _said()))


@pytest.mark.parametrize("page", sorted(path.name for path in RUNBOOKS.glob("*.md")))
def test_what_a_runbook_quotes_is_said(page: str) -> None:
    assert _unsaid((RUNBOOKS / page).read_text("utf-8")) == []


def test_what_nobody_says_is_found() -> None:
    assert _unsaid('The log says "all is lost today", "state of …: n records read" and "Rule health".') == [
        "all is lost today"
    ]


def test_each_text_of_another_program_is_quoted_somewhere() -> None:
    pages = "".join(path.read_text("utf-8") for path in Path(RUNBOOKS).glob("*.md"))
    assert [each for each in OTHERS if f'"{each}"' not in pages] == []
