"""Whoever follows a page finds the files that it names: each path is there, and each bare name lies beside one."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [
    *(ROOT / page for page in ("README.md", "CONTRIBUTING.md")),
    *(ROOT / folder / "README.md" for folder in ("hub/backtest", "loadtests", "schemas")),
    *(
        page
        for folder in ("docs", "docs/operations", "ops/contracts", "ops/runbooks")
        for page in sorted((ROOT / folder).glob("*.md"))
    ),
]
_ROOMS = ("connectors", "docs", "hub", "loadtests", "ops", "schemas", "tests")
_PATH = re.compile(rf"(?<![\w/.-])(?<!\]\()(?:{'|'.join(_ROOMS)})/[\w./*<>{{}},-]*")
_BARE = re.compile(r"`(\w+\.py)`")
_FOLDER = re.compile(r"`(\w+)/`")
"""Beside the page."""
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_MODULE = re.compile(r"python -m ((?:hub|loadtests|ops)[\w.]*)")
_PRIVATE = re.compile(r"`(_[A-Za-z]\w*)`")
_ONES_OWN = re.compile(r"firebrigade|<Record>|<room>|<file>")
"""What a reader makes, not what is there."""
_OF_A_CONNECTOR = frozenset(("source.py", "sink.py", "client.py", "bench.py"))


def problems(text: str, folder: Path = ROOT) -> Iterator[str]:
    """One line for each thing that a page in `folder` names and that is not there."""
    for module in _MODULE.findall(text):
        if importlib.util.find_spec(module.rstrip(".")) is None:
            yield f"module {module}"
    for link in _LINK.findall(text):
        if not (folder / link).exists():
            yield f"link {link}"
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:\d+\.|-|\|) )", text):
        yield from _paths(part, text, folder)


def _paths(part: str, page: str, beside: Path) -> Iterator[str]:
    named = [path.rstrip(".,") for path in _PATH.findall(part) if not _ONES_OWN.search(path)]
    yield from (f"path {path}" for path in named if not _is_there(path))
    folders = {folder for path in _PATH.findall(page) for folder in _folders(path.rstrip(".,"))}
    folders |= {beside / name for name in _FOLDER.findall(page)}
    for name in _BARE.findall(part):
        if name not in _OF_A_CONNECTOR and not any((folder / name).is_file() for folder in folders):
            yield f"file {name}, beside no path of the page"
    named_files = [ROOT / path for path in named] + [
        folder / name for folder in folders for name in _BARE.findall(part)
    ]
    texts = [file.read_text("utf-8") for file in named_files if file.is_file()]
    for name in _PRIVATE.findall(part):
        if texts and not any(re.search(rf"\b{name}\b", text) for text in texts):
            yield f"name {name}, in no file that is named with it"


def _is_there(path: str) -> bool:
    wanted = re.sub(r"<[^>]*>|{[^}]*}|(?<=adr/\d{4})$", "*", path).rstrip("/")
    return any(ROOT.glob(wanted)) if "*" in wanted else (ROOT / wanted).exists()


def _folders(path: str) -> Iterator[Path]:
    """The folder of a path, and those within it if it is one."""
    place = ROOT / re.sub(r"[*<].*", "", path)
    yield place if place.is_dir() else place.parent
    if place.is_dir():
        yield from (inner for inner in place.iterdir() if inner.is_dir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    assert list(problems(page.read_text("utf-8"), page.parent)) == []


@pytest.mark.parametrize(
    "text",
    [
        "see `hub/core/tracking/nowhere.py`",
        "see `tests/unit/*/test_nowhere.py`",
        "in `hub/core/tracking/state.py` and `nowhere.py`",
        "[more](docs/nowhere.md)",
        "`python -m ops.checks.nowhere`",
        "`_NOWHERE` in `hub/core/tracking/tracker.py`",
    ],
)
def test_what_is_not_there_is_found(text: str) -> None:
    assert len(list(problems(text))) == 1


def test_what_is_there_is_not_found() -> None:
    assert (
        list(
            problems(
                "`hub/core/tracking/state.py` with `tracker.py`, `hub/units/`, [it](README.md), ops/adr/0001, `_QUICK`"
            )
        )
        == []
    )
