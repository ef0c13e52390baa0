"""The check of code that nothing calls can fail, and sees every way to be called."""

from pathlib import Path

import pytest

from ops.checks import callers


def _problems(root: Path, **modules: str) -> list[str]:
    (root / "hub" / "testing").mkdir(parents=True)
    for name, text in modules.items():
        (root / "hub" / f"{name.replace('__', '/')}.py").write_text(text, "utf-8")
    return list(callers.problems(root, ("hub",)))


def test_everything_in_the_hub_is_called() -> None:
    assert list(callers.problems()) == []


@pytest.mark.parametrize(
    "text",
    [
        "def lonely(): ...",
        "async def lonely(): ...",
        "class lonely: ...",
        "lonely = 1",
        "lonely: int = 1",
        "class _C:\n    def lonely(self): ...\n_C()",
        "class _C:\n    @property\n    def lonely(self): ...\n_C()",
        "class _C:\n    @classmethod\n    def lonely(cls): ...\n_C()",
        "def lonely():\n    '''`lonely` does nothing.'''",
        "def lonely(): ...\nlonely_too = 'calls lonely'\nlonely_too",
    ],
)
def test_what_nothing_calls_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    (problem,) = _problems(tmp_path, some=text)
    assert problem.startswith("hub/some.py:")
    assert "nothing calls 'lonely'" in problem


@pytest.mark.parametrize(
    "call",
    [
        "lonely()",
        "some.lonely",
        "from some import lonely",
        "from some import lonely as other",
        "getattr(some, 'lonely')",
        "'some:lonely'",
    ],
)
def test_each_way_to_be_called_counts(tmp_path: Path, call: str) -> None:
    assert _problems(tmp_path, some="def lonely(): ...", other=call) == []


def test_what_a_decorator_hands_on_and_what_is_for_tests_need_no_caller(tmp_path: Path) -> None:
    handed_on = "import click\n@click.command()\ndef lonely(): ..."
    assert _problems(tmp_path, some=handed_on, testing__more="def lonely_too(): ...") == []


@pytest.mark.parametrize("name", callers.CALLED_BY_OTHERS)
def test_who_is_excused_is_there(name: str) -> None:
    assert any(name in path.read_text("utf-8") for path in (callers.ROOT / "hub").rglob("*.py"))
