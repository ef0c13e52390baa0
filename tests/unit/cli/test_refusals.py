"""What a command refuses it says in a sentence, which acts on no terminal, and it waits for nothing that is no file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli.kafka.acl import _make_passwords
from hub.cli.main import cli
from hub.errors import FatalError
from hub.screen import say_lines

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e"


def typed(*arguments: str, stdin: str | bytes | None = None) -> tuple[int, str]:
    """Code and output, with the error that `main` says."""
    result = CliRunner().invoke(cli, arguments, input=stdin)
    if isinstance(result.exception, FatalError):
        with CliRunner().isolation() as (out, _, _):
            say_lines(f"error: {result.exception}")
        return 1, result.output + out.getvalue().decode()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "arguments",
    [
        (f"--{HOSTILE}",), ("explain", f"--{HOSTILE}"), ("connector", "check", HOSTILE),
        ("connector", "check", "hotline", "--file", HOSTILE), ("audit", "verify", HOSTILE), ("connector", "run", HOSTILE),
    ],
)  # fmt: skip
def test_what_is_refused_acts_on_nothing(arguments: tuple[str, ...]) -> None:
    code, said = typed(*arguments)
    assert code in (1, 2)
    assert not {char for char in said if unicodedata.category(char) in {"Cc", "Cf"}} - {"\n"}
    assert "owned" in said or arguments[:2] == ("connector", "run")


def test_columns_of_a_file_act_on_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"case_enquiry_id,{HOSTILE}\n1,2\n", encoding="utf-8")
    code, said = typed("connector", "check", "hotline", "--mapping", "boston311", "--file", str(tmp_path / "rows.csv"))
    assert code == 1
    assert not {char for char in said if unicodedata.category(char) in {"Cc", "Cf"}} - {"\n"}


@pytest.mark.parametrize("command", [["audit", "verify"], ["restore", "--dry-run"]])
def test_pipes_and_devices_are_refused_by_name(command: list[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((str(tmp_path / "pipe"), "a named pipe"), ("/dev/zero", "a device"), (str(tmp_path), "a ")):
        code, said = typed(*command, path)
        assert code in (1, 2)
        assert kind in said


@pytest.mark.parametrize("line", ["[" * 200_000, "x" * 5_000_000, "[[" * 300_000, '{"number":' + "9" * 5_000 + "}"])
def test_a_trail_of_rubbish_is_refused_at_its_line(line: str, tmp_path: Path) -> None:
    (tmp_path / "trail").write_text(line)
    for code, said in (typed("audit", "verify", str(tmp_path / "trail")), typed("audit", "verify", stdin=line)):
        assert code == 1
        assert "line 1: is" in said


class _Acls:
    """Kafka's part of it."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}

    def without_password(self, users: Collection[str]) -> list[str]:
        return sorted(users)

    def set_password(self, user: str, password: str) -> None:
        self.passwords[user] = password


def test_a_password_is_read_from_a_file_alone(tmp_path: Path) -> None:
    acls: Any = _Acls()
    (tmp_path / "reader.password").write_text("secret\n")
    _make_passwords(acls, ["reader"], tmp_path)
    assert acls.passwords == {"reader": "secret"}
    os.mkfifo(tmp_path / "worker.password")
    with pytest.raises(FatalError, match="holds no password: it is no regular file"):
        _make_passwords(acls, ["worker"], tmp_path)
