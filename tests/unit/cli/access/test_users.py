"""`cityhub user`, `session` and `audit` by hand."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli.access.first import announce_first_user
from hub.cli.main import cli
from hub.errors import FatalError
from hub.settings import Settings
from hub.web.access.accounts import Role, User
from hub.web.access.chain import AuditedAct
from hub.web.access.file import AccessFile, access_path, first_password_path, opened_file
from hub.web.access.first import make_first_user
from hub.web.access.passwords import Passwords
from hub.web.access.sessions import Sessions
from hub.web.access.trail import note_command
from hub.web.access.users import Users
from tests.unit.web.access.cheap import CHEAP


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("hub.web.access.passwords.PasswordHasher", lambda: CHEAP)
    return Settings(state_dir=tmp_path)


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], catch_exceptions=True)


def test_users_come_change_and_go(settings: Settings) -> None:
    typed("user", "add", "root", "--role", "operator")
    password = typed("user", "add", "li", "--role", "department", "--department", "roads").stdout.strip()
    with opened_file(settings) as file:
        local = Users(file).find("li")
        assert local is not None
        assert Passwords().is_right(password, local.password)
        assert local.must_change
        Sessions(file).begin(local.user, "127.0.0.1")
    assert [row["name"] for row in json.loads(typed("session", "list", "--json").stdout)] == ["li"]
    assert typed("user", "role", "li", "--role", "viewer").exit_code == 0
    assert typed("user", "disable", "li").exit_code == 0
    assert json.loads(typed("session", "list", "--json").stdout) == []
    listed = {row["name"]: row for row in json.loads(typed("user", "list", "--json").stdout)}
    assert (listed["li"]["roles"], listed["li"]["department"], listed["li"]["disabled"]) == (["viewer"], None, True)
    assert password not in typed("audit", "export").stdout
    assert "argon2" not in typed("audit", "export").stdout + typed("user", "list", "--json").stdout
    assert typed("user", "password", "li").stdout.strip() != password
    assert typed("user", "enable", "li").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "add", "Li", "--role", "viewer"],
        ["user", "add", "li", "--role", "department"],
        ["user", "add", "li", "--role", "viewer", "--department", "roads"],
        ["user", "add", "li", "--role", "department", "--department", "nobody"],
        ["user", "disable", "nobody"],
        ["user", "password", "nobody"],
        ["user", "role", "nobody", "--role", "viewer"],
        ["session", "revoke", "nothing"],
    ],
)
def test_what_cannot_be_is_said(arguments: list[str]) -> None:
    assert isinstance(typed(*arguments).exception, FatalError)


def test_the_first_user_is_made_once_and_the_password_lies_in_a_file_of_the_owner_alone(settings: Settings) -> None:
    path = first_password_path(access_path(settings))
    with opened_file(settings) as file:
        users = Users(file)
        made = make_first_user(users, path)
        assert made is not None
        assert (made.user, made.must_change) == (User("admin", frozenset({Role.OPERATOR})), True)
        assert Passwords().is_right(path.read_text().strip(), made.password)
        assert make_first_user(users, path) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(access_path(settings).stat().st_mode) == 0o600


def test_what_operators_do_is_exported_and_verified_without_the_hub(settings: Settings, tmp_path: Path) -> None:
    note_command(settings, AuditedAct("source.resume", "city.police.events", {"paused": True}, {"paused": False}))
    exported = tmp_path / "trail.jsonl"
    said = typed("audit", "export", "--output", str(exported))
    head = said.stderr.split()[-1]
    note_command(settings, AuditedAct("policy.apply", "demo-2"))
    assert typed("audit", "verify", str(exported), "--head", head).exit_code == 0
    typed("audit", "export", "--output", str(exported))
    access_path(settings).unlink()
    assert typed("audit", "verify", str(exported), "--head", head).exit_code == 0
    exported.write_text(exported.read_text("utf-8").replace("police", "street"), "utf-8")
    assert isinstance(typed("audit", "verify", str(exported)).exception, FatalError)
    exported.write_bytes(b"\xff\n")
    assert isinstance(typed("audit", "verify", str(exported)).exception, FatalError)


def test_who_writes_the_file_behind_its_back_is_found(settings: Settings) -> None:
    note_command(settings, AuditedAct("a", "1"), AuditedAct("b", "2"), AuditedAct("c", "3"))
    file = AccessFile(access_path(settings))
    with file.writing() as connection:
        connection.execute("drop trigger trail_as_it_was")
        connection.execute("update trail set who = 'nobody' where number = 3")
    file.close()
    assert isinstance(typed("audit", "export").exception, FatalError)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_first_password_is_said_once_to_a_terminal_and_in_no_log(
    settings: Settings, is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    path = first_password_path(access_path(settings))
    announce_first_user(settings)
    text = capsys.readouterr().err
    assert ("stands in" in text) is path.exists() is not is_terminal
    with opened_file(settings) as file:
        local = Users(file).find("admin")
        assert local is not None
        word = text.splitlines()[0].split(": ")[-1] if is_terminal else path.read_text("utf-8").strip()
        assert Passwords().is_right(word, local.password)
        assert is_terminal or word not in text
        announce_first_user(settings)
        assert capsys.readouterr().err == ""
        Users(file).set_password("admin", CHEAP.hash("another"), "a test", must_change=False)
    assert not path.exists(), "at once, and not at the next start"
    announce_first_user(settings)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00" + b"x" * 100])
def test_a_file_that_is_none_is_said(settings: Settings, content: bytes) -> None:
    access_path(settings).parent.mkdir()
    access_path(settings).write_bytes(content)
    assert isinstance(typed("user", "list").exception, FatalError)
