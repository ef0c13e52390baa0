"""The lint of words can fail: it sees a banned name wherever it may stand, and a name with two meanings."""

from pathlib import Path

import pytest

from hub.settings import ROOT
from ops.checks import words

_PAGE = "| word |\n|---|\n| `at` | `at_ms` |\n| `held` | `ledger` |\n| `said` | `text` |\n"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """The root of a small tree with a page of words, a schema and an empty hub."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "words.md").write_text(_PAGE, "utf-8")
    (tmp_path / "schemas" / "Case").mkdir(parents=True)
    (tmp_path / "schemas" / "Case" / "v1.avsc").write_text(
        '{"type": "record", "name": "Case", "fields": [{"name": "held", "type": "string"},'
        ' {"name": "kind", "type": {"type": "enum", "name": "Word", "symbols": ["SAID"]}}]}',
        "utf-8",
    )
    (tmp_path / "hub").mkdir()
    return tmp_path


def _problems(root: Path, **modules: str) -> list[str]:
    for name, text in modules.items():
        (root / "hub" / f"{name}.py").write_text(text, "utf-8")
    return list(words.problems(root, ("hub",)))


def test_the_code_keeps_to_its_words() -> None:
    assert list(words.problems()) == []


def test_the_page_names_the_words() -> None:
    assert {"at", "each", "few", "found", "held", "known", "more", "one", "said", "told"} <= words.banned_words(ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "def f(held): ...",
        "def f(*, held): ...",
        "def f(*held): ...",
        "async def f(**held): ...",
        "def f():\n    def g(held): ...",
        "def held(): ...",
        "class Held: ...",
        "HELD = 1",
        "HELD, OTHER = 1, 2",
        "class C:\n    held: int",
        "class C:\n    held = 1",
        "class C:\n    def held(self): ...",
        "class C:\n    def f(self):\n        self.held = 1",
        "class C:\n    def f(self):\n        self.held, self.x = 1, 2",
        "class C:\n    def f(self):\n        self.held += 1",
        "class Other:\n    held: int",
    ],
)
def test_a_name_that_names_nothing_is_found(hub: Path, text: str) -> None:
    (problem,) = _problems(hub, one=text)
    assert problem.startswith("hub/one.py:")
    assert "'held'" in problem.lower()
    assert "names nothing" in problem


@pytest.mark.parametrize(
    "text",
    [
        "def f(held_ms):\n    held = held_ms\n    return [held for held in held]",
        "class Case:\n    held: str",
        "class Word:\n    SAID = 'SAID'",
        "class C:\n    def f(self):\n        return self.held",
    ],
)
def test_local_and_published_names_are_let_be(hub: Path, text: str) -> None:
    assert _problems(hub, one=text) == []


def test_a_name_with_two_meanings_is_found(hub: Path) -> None:
    (problem,) = _problems(hub, a="class Thing: ...", b="def Thing(): ...")
    assert problem.startswith("hub/b.py:1:")
    assert "hub/a.py:1" in problem


@pytest.mark.parametrize("text", ["THING = 1", "THING: int = 1", "class THING: ...", "THING, _ = 1, 2"])
def test_a_constant_with_two_meanings_is_found(hub: Path, text: str) -> None:
    (problem,) = _problems(hub, a="THING = 1", b=text)
    assert problem.startswith("hub/b.py:1:")
    assert "'THING'" in problem


def test_what_people_declared_keeps_its_names(hub: Path) -> None:
    assert _problems(hub, a="class Sweep:\n    at: int") == []


def test_commands_private_names_and_methods_may_stand_twice(hub: Path) -> None:
    text = (
        "log = 1\n@group.command('list')\ndef list_all(): ...\ndef _help(): ...\nclass {name}:\n    def run(self): ..."
    )
    assert _problems(hub, a=text.format(name="A"), b=text.format(name="B")) == []


def test_an_exception_that_nothing_needs_is_found(hub: Path) -> None:
    (problem,) = _problems(hub, a="def main(): ...")
    assert "take it out" in problem


def test_a_page_without_words_is_found(hub: Path) -> None:
    (hub / "docs" / "words.md").write_text("# Words\n", "utf-8")
    assert any("no table" in problem for problem in _problems(hub))
