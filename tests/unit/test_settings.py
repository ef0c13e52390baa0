"""What the hub is told: by the environment, by files that hold secrets, by options; and what it says of mistakes."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from hub.cli import main as command
from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.settings import Settings, SettingsError, variable

KEY = "a key that is long enough"


def told(env: dict[str, str], **overrides: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env, **overrides)
    return caught.value.problems


def test_options_come_before_the_environment_and_it_before_the_defaults() -> None:
    env = {"CITYHUB_PARTITIONS": "3", "CITYHUB_NAMESPACE": "env.", "CITYHUB_WEB_HOST": ""}
    settings = Settings.from_env(env, namespace="option.", city=None)
    assert (settings.partitions, settings.namespace, settings.web_host) == (3, "option.", "127.0.0.1")
    assert settings.city == Settings().city


def test_nothing_is_read_behind_anybodys_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYHUB_PARTITIONS", "3")
    assert Settings().partitions == Settings.from_env({}).partitions == 6
    assert Settings.from_env().partitions == 3


def test_all_mistakes_are_said_at_once_by_the_names_of_their_variables(tmp_path: Path) -> None:
    env = {
        "CITYHUB_PARTITIONS": "0",
        "CITYHUB_CLOCK": "moon",
        "CITYHUB_CONTROL_KEY_FILE": str(tmp_path / "none"),
        "CITYHUB_INSTANCE": "two words",
    }
    problems = told(env, web_port=70_000)
    assert sorted(problem.split(":")[0].split()[0] for problem in problems) == [
        "CITYHUB_CLOCK", "CITYHUB_CONTROL_KEY_FILE", "CITYHUB_INSTANCE", "CITYHUB_PARTITIONS", "CITYHUB_WEB_PORT",
    ]  # fmt: skip


def test_the_command_says_them_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITYHUB_PARTITIONS", "0")
    monkeypatch.setenv("CITYHUB_CONTROL_KEY", "too short")
    monkeypatch.setattr("sys.argv", ["cityhub", "topics"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "error: CITYHUB_PARTITIONS: Input should be greater than or equal to 1",
        "error: CITYHUB_CONTROL_KEY: give at least 16 characters",
    ]


def test_an_option_is_looked_at_as_the_environment_is() -> None:
    result = CliRunner().invoke(cli, ["worker", "--instance", "two words", "--web-port", "70000"])
    assert isinstance(result.exception, SettingsError)
    assert [problem.split(":")[0] for problem in result.exception.problems] == ["CITYHUB_INSTANCE", "CITYHUB_WEB_PORT"]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_may_stand_in_a_file(end: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes((KEY + end).encode())
    link = tmp_path / "link"
    link.symlink_to(file)  # as container platforms lay them
    for path in (file, link):
        assert Settings.from_env({"CITYHUB_CONTROL_KEY_FILE": str(path)}).control_secret == KEY


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff" * 20, "not UTF-8"),
        (b"x" * 70_000, "more than 65,536 bytes"),
        (b"short", "at least 16"),
    ],
)
def test_a_file_that_holds_no_secret_is_named_and_not_quoted(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    (problem,) = told({"CITYHUB_CONTROL_KEY_FILE": str(tmp_path / "key")})
    assert problem.startswith("CITYHUB_CONTROL_KEY")
    assert why in problem
    assert "short" not in problem
    assert "xxx" not in problem


def test_a_folder_a_device_and_a_pipe_are_no_secrets(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "pipe", tmp_path / "none"):
        (problem,) = told({"CITYHUB_CONTROL_KEY_FILE": str(path)})
        assert f"CITYHUB_CONTROL_KEY_FILE names {path}, which holds no secret: it is no regular file" == problem


def test_a_secret_given_twice_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    (problem,) = told({"CITYHUB_CONTROL_KEY_FILE": str(tmp_path / "key"), "CITYHUB_CONTROL_KEY": KEY})
    assert problem == "CITYHUB_CONTROL_KEY and CITYHUB_CONTROL_KEY_FILE are both set; keep one of the two"


def test_only_secrets_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("3")
    assert Settings.from_env({"CITYHUB_PARTITIONS_FILE": str(tmp_path / "n")}).partitions == 6
    assert Settings.secrets() == {
        "control_key",
        "kafka_key_password",
        "kafka_password",
        "ledger_password",
        "oidc_client_secret",
        "registry_password",
    }
    assert "CITYHUB_PARTITIONS_FILE" not in Settings.variables()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=9, max_size=40))
@example("hunter2hunter2hunter2")
@example("short-key")
def test_a_secret_is_shown_nowhere(secret: str) -> None:
    texts = []
    for make in (
        lambda: Settings.from_env({"CITYHUB_CONTROL_KEY": secret}),
        lambda: Settings(control_key=SecretStr(secret), partitions=0),
    ):
        try:
            settings = make()
            texts += [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
        except (SettingsError, ValidationError):
            texts.append(traceback.format_exc())
    assert not [text for text in texts if secret in text]


def test_a_child_gets_the_secret_once_however_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("CITYHUB_CONTROL_KEY_FILE", str(tmp_path / "key"))
    settings = Settings.from_env()
    environment = environment_of(settings)
    assert environment[variable("control_key")] == KEY
    assert "CITYHUB_CONTROL_KEY_FILE" not in environment
    assert Settings.from_env(environment) == settings


SCRAM = {
    "CITYHUB_KAFKA_SECURITY": "scram",
    "CITYHUB_KAFKA_USER": "worker",
    "CITYHUB_KAFKA_PASSWORD": "a password of it",
}


@pytest.mark.parametrize(
    ("env", "problems"),
    [
        ({"CITYHUB_KAFKA_PASSWORD": "x"}, ["CITYHUB_KAFKA_PASSWORD: it is of no use with CITYHUB_KAFKA_SECURITY=plaintext"]),
        ({"CITYHUB_KAFKA_CA": __file__}, ["CITYHUB_KAFKA_CA: it is of no use with CITYHUB_KAFKA_SECURITY=plaintext"]),
        ({"CITYHUB_KAFKA_SECURITY": "scram"}, ["CITYHUB_KAFKA_USER: ", "CITYHUB_KAFKA_PASSWORD: "]),
        ({**SCRAM, "CITYHUB_KAFKA_SECURITY": "oauth"}, ["CITYHUB_KAFKA_TOKEN_URL: CITYHUB_KAFKA_SECURITY=oauth needs it"]),
        (
            {**SCRAM, "CITYHUB_KAFKA_SECURITY": "oauth", "CITYHUB_KAFKA_TOKEN_URL": "http://login.example/"},
            ["CITYHUB_KAFKA_TOKEN_URL: a secret goes over https only"],
        ),
        ({**SCRAM, "CITYHUB_KAFKA_KEY": __file__}, ["CITYHUB_KAFKA_CERTIFICATE and CITYHUB_KAFKA_KEY: give both"]),
        ({**SCRAM, "CITYHUB_KAFKA_CA": "/nowhere.pem"}, ["CITYHUB_KAFKA_CA: Path does not point to a file"]),
        ({"CITYHUB_KAFKA_SECURITY": "sasl"}, ["CITYHUB_KAFKA_SECURITY: Input should be 'plaintext', "]),
        (
            {"CITYHUB_REGISTRY_URL": "http://registry.example:8081", "CITYHUB_REGISTRY_USER": "hub",
             "CITYHUB_REGISTRY_PASSWORD": "x"},
            ["CITYHUB_REGISTRY_URL: a password goes over https only"],
        ),
        ({"CITYHUB_REGISTRY_USER": "hub"}, ["CITYHUB_REGISTRY_USER and CITYHUB_REGISTRY_PASSWORD: give both"]),
    ],
)  # fmt: skip
def test_what_guards_a_wire_belongs_together(env: dict[str, str], problems: list[str]) -> None:
    said = told(env)
    assert len(said) == len(problems)
    for problem, expected in zip(said, problems, strict=True):
        assert problem.startswith(expected)
        assert "a password of it" not in problem


def test_a_secret_of_a_file_goes_with_its_security(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a password of it\n")
    env = {name: value for name, value in SCRAM.items() if not name.endswith("PASSWORD")}
    settings = Settings.from_env({**env, "CITYHUB_KAFKA_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings == Settings.from_env(SCRAM)
    assert Settings.from_env(environment_of(settings)) == settings


def test_an_embedded_kafka_asks_nobody() -> None:
    guarded = Settings.from_env({**SCRAM, "CITYHUB_NAMESPACE": "here."})
    open_ = guarded.on_this_machine("127.0.0.1:9")
    assert open_ == Settings(bootstrap_servers="127.0.0.1:9", namespace="here.")
