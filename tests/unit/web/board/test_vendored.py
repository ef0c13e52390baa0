"""What the board's pages use of others is what was locked, with its licence, and comes from nowhere else."""

from __future__ import annotations

import re

import pytest

from hub.errors import FatalError
from hub.web.board.names import STATIC
from ops.checks import vendored
from ops.checks.npm import NpmPackage, require_digest


def test_every_file_is_what_the_lock_says() -> None:
    assert vendored.problems() == []


def test_each_package_is_pinned_and_has_its_licence() -> None:
    for name, locked in vendored.lock().items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", locked["version"]), name
        assert locked["integrity"].startswith("sha512-"), name
        assert locked["licence"], name
        assert "LICENSE" in locked["files"], name


def test_a_changed_file_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = vendored.lock()
    locked["htm"]["files"]["standalone.mjs"] = "0" * 64
    monkeypatch.setattr(vendored, "lock", lambda: locked)
    assert len(vendored.problems()) == 1


def test_a_package_with_another_digest_is_refused() -> None:
    with pytest.raises(FatalError, match="not what was locked"):
        require_digest(NpmPackage("htm", "3.1.1", "sha512-AAAA"), b"other")


def test_our_own_files_ask_nobody_else() -> None:
    for path in STATIC.glob("*.*"):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text("utf-8")), path.name
