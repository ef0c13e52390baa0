"""Text of others acts on nothing, wherever it leaves, and nobody prints past the one module that sees to it."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from hub.escaping import csv_cell, escape_logs, shown, to_json, without_login, write_csv
from hub.screen import Screen, say, say_json

HUB = Path(__file__).parents[2] / "hub"
HOSTILE = "[/red]\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.\u2066\u200b\r\nFORGED \ud800"
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_ACTING = {"Cc", "Cs", "Zl", "Zp"}


def acts(text: str, allowed: str = "") -> set[str]:
    found = {
        char for char in text if unicodedata.category(char) in _ACTING or unicodedata.bidirectional(char) in _TURNING
    }
    return found - set(allowed)


@given(st.text() | st.text(st.sampled_from(HOSTILE + "城A👩‍🚒")))
def test_what_is_shown_is_one_line_and_acts_on_nothing(text: str) -> None:
    assert not acts(shown(text))
    assert not acts(shown(text, keep="\n"), "\n")
    assert shown(shown(text)) == shown(text)


@pytest.mark.parametrize("text", ["东岭区 East Hill", "👩‍🚒 ça va", "می‌خواهم", "[/red] {x} \\n", ""])
def test_what_people_write_stays(text: str) -> None:
    assert shown(text) == text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.text(st.sampled_from(HOSTILE)),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=3),
)


@given(values, st.sampled_from([None, 2]))
def test_json_reads_back_and_acts_on_nothing(value: object, indent: int | None) -> None:
    text = to_json(value, indent=indent)
    assert json.loads(text) == value
    assert not acts(text, "\n")


@given(st.text(st.sampled_from("=+-@\t\r\n1.5e%x＝ '\"")) | st.text() | st.integers() | st.floats(allow_nan=False))
def test_no_cell_is_a_formula_and_numbers_stay(value: str | float) -> None:
    cell = csv_cell(value)
    if isinstance(value, str) and cell != value:
        assert cell == f"'{value}"
    try:
        float(str(cell))
    except ValueError:
        assert str(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}


def test_a_formula_stands_quoted_in_a_file() -> None:
    out = io.StringIO(newline="")
    write_csv(out, [("=HYPERLINK(1)", "-71.06", -1, "@SUM", "+86 10", "12 %", "\t=1")])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [
        "'=HYPERLINK(1)", "-71.06", "-1", "'@SUM", "'+86 10", "12 %", "'\t=1",
    ]  # fmt: skip


def test_whatever_is_printed_is_escaped_and_no_markup() -> None:
    out = io.StringIO()
    screen = Screen(file=out, width=400)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    tree = Tree(Text(HOSTILE, "bold"))
    tree.add(Text(HOSTILE))
    for each in (HOSTILE, table, tree, Panel(HOSTILE, title=Text(HOSTILE)), Text.assemble((HOSTILE, "red"), HOSTILE)):
        screen.print(each)
    assert not acts(out.getvalue(), "\n")
    assert out.getvalue().count("[/red]") >= 7


def test_lines_and_documents_too(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say_json({"title": HOSTILE})
    line, document = capsys.readouterr().out.splitlines()
    assert not acts(line + document)
    assert json.loads(document) == {"title": HOSTILE}


def test_a_title_with_a_line_end_forges_no_log_line() -> None:
    out = io.StringIO()
    handler, log, factory = logging.StreamHandler(out), logging.getLogger("test.hostile"), logging.getLogRecordFactory()
    log.addHandler(handler)
    try:
        escape_logs()
        log.warning("rejected %s", HOSTILE)
    finally:
        logging.setLogRecordFactory(factory)
        log.removeHandler(handler)
    assert out.getvalue().count("\n") == 1
    assert not acts(out.getvalue(), "\n")


_PAST = {"click.echo", "click.secho", "csv.writer", "csv.DictWriter", "rich.print", "Console", "print"}
_EXEMPT = {
    "escaping.py": "is the module", "screen.py": "is the module",
    "sdk/sources/file/formats/csv_rows.py": "writes a row's own bytes again, for its dead letter",
    "sdk/sources/file/formats/sheet.py": "gives a sheet out as text that is read again",
    "simulator/formats.py": "writes a source's file, for a connector to read",
    "testing/files.py": "writes a source's file, for a connector to read",
}  # fmt: skip


def past_the_module(tree: ast.AST) -> list[str]:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [name for each in calls if (name := ast.unparse(each)) in _PAST]


def test_nobody_prints_past_it() -> None:
    found = {
        str(path.relative_to(HUB)): calls
        for path in HUB.rglob("*.py")
        if (calls := past_the_module(ast.parse(path.read_text("utf-8"))))
    }
    assert found.keys() - _EXEMPT.keys() == set(), f"print by hub/screen.py, write CSV by hub/escaping.py: {found}"


def test_the_check_can_fail() -> None:
    assert past_the_module(ast.parse("import click\nclick.echo(x)\nConsole().print(y)")) == ["click.echo", "Console"]


@pytest.mark.parametrize(
    ("url", "shown_as"),
    [
        ("https://user:word@registry:8081/path", "https://registry:8081/path"),
        ("https://user@registry", "https://registry"),
        ("http://u:p@w@registry", "http://registry"),
        ("https://registry:8081/a@b?c=d@e", "https://registry:8081/a@b?c=d@e"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_an_address_is_shown_without_its_login(url: str, shown_as: str) -> None:
    assert without_login(url) == shown_as
