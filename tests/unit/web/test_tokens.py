"""Tokens by hand: shown once, kept as digests, refused when revoked."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli.main import cli
from hub.errors import FatalError
from hub.settings import ROOT
from hub.web.open311.config import load_open311
from hub.web.tokens import Scope, TokenKind, Tokens
from tests.unit.web.front import CITY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))
    return tmp_path / "web"


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["web", "token", *arguments], catch_exceptions=True)


def test_a_token_lets_in_until_it_is_revoked(folder: Path) -> None:
    text = typed("new", "roads").stdout.strip()
    tokens = Tokens(folder / "tokens.json")
    token = tokens.holder(text, TokenKind.DEPARTMENT)
    assert token is not None
    assert (token.holder, token.scopes) == ("roads", (Scope.READ, Scope.WRITE))
    assert tokens.holder(text, TokenKind.OPEN311) is None
    assert tokens.holder(text + "x", TokenKind.DEPARTMENT) is None
    assert tokens.holder(text.partition(".")[0], TokenKind.DEPARTMENT) is None
    file = folder / "tokens.json"
    assert text.partition(".")[2] not in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (listed,) = json.loads(typed("list", "--json").stdout)
    assert "digest" not in listed
    assert typed("revoke", listed["id"]).exit_code == 0
    assert Tokens(file).holder(text, TokenKind.DEPARTMENT) is None
    assert json.loads(typed("list", "--json").stdout)[0]["revoked_ms"] is not None


@pytest.mark.parametrize(
    "arguments",
    [["new", "nobody"], ["new", "nobody", "--source"], ["new", "../x", "--open311"], ["revoke", "cityhub_0"]],
)
def test_what_cannot_be_is_said(folder: Path, arguments: list[str]) -> None:
    result = typed(*arguments)
    assert isinstance(result.exception, FatalError)
    assert not folder.exists()


def test_who_may_only_look(folder: Path) -> None:
    typed("new", "walker", "--open311", "--read-only")
    (token,) = Tokens(folder / "tokens.json").all()
    assert (token.kind, token.scopes) == (TokenKind.OPEN311, (Scope.READ,))


@pytest.mark.parametrize("content", [b"", b"{}", b"[{}]", b"\xff"])
def test_a_file_that_is_none_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokens.json").write_bytes(content)
    with pytest.raises(FatalError, match=r"tokens\.json"):
        Tokens(tmp_path / "tokens.json").holder("cityhub_0.x", TokenKind.DEPARTMENT)


def test_the_example_of_the_docs_is_a_file_of_open311(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "open311.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "open311.yaml").write_text(example, encoding="utf-8")
    found = load_open311(tmp_path / "open311.yaml", CITY)
    assert found.publish == ("description",)
    assert [each.required for each in found.services["road.pothole"].attributes] == [True]
