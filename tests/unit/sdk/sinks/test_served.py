"""Sinks in connectors.yaml: what they take, mistakes with their lines, and where they are seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.connector.command import connector
from hub.errors import FatalError
from hub.sdk.running.status import Board, EdgeState
from hub.sdk.sinks.served import load_sinks
from hub.sdk.sinks.webhook.sink import WebhookSink
from hub.sdk.streams import SinkSpec, Stream
from hub.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
YAML = """
sinks:
  roads-orders:
    kind: webhook
    departments: roads
    settings: {url: "https://roads.example.org/hook", secret: "env:HOOK_SECRET"}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("CITYHUB_CONNECTORS", str(tmp_path / "connectors.yaml"))
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "connectors.yaml").write_text(YAML, "utf-8")
    return Settings.from_env()


def rewrite(settings: Settings, old: str, new: str) -> None:
    assert settings.connectors is not None
    settings.connectors.write_text(settings.connectors.read_text("utf-8").replace(old, new), "utf-8")


def test_a_sink_is_made_of_what_the_file_says(settings: Settings) -> None:
    edge = load_sinks(settings)["roads-orders"]
    assert isinstance(edge.sink(settings), WebhookSink)
    assert edge.spec.topics("test.") == ["test.dept.roads.orders", "test.dept.roads.receipts"]


def test_what_sinks_take() -> None:
    every = SinkSpec(kind="sql", departments="*", sources="*")
    assert every.topics("a.b.") == [
        r"^a\.b\.city\.[^.]+\.replies$", r"^a\.b\.dept\.[^.]+\.orders$", r"^a\.b\.dept\.[^.]+\.receipts$"
    ]  # fmt: skip
    assert SinkSpec(kind="sql", take=frozenset({Stream.CASES, Stream.NOTICES})).topics("") == [
        "hub.cases",
        "hub.deadlines",
    ]
    with pytest.raises(ValueError, match="names no departments"):
        SinkSpec(kind="sql", take=frozenset({Stream.ORDERS}))
    with pytest.raises(ValueError, match="it takes nothing"):
        SinkSpec(kind="sql")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: webhook", "kind: webhok", "no kind of sink 'webhok'"),
        ("secret:", "secrt:", r"connectors\.yaml:6: sink roads-orders: secrt: no such setting"),
        ("departments: roads", "departments: raods", "there is no department 'raods'"),
        ("https://roads", "ftp://roads", "https://HOST"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_secrets(
    settings: Settings, old: str, new: str, said: str
) -> None:
    rewrite(settings, old, new)
    with pytest.raises(FatalError, match=said) as caught:
        load_sinks(settings)["roads-orders"].sink(settings)
    assert SECRET not in str(caught.value)


def test_a_name_is_an_edge_or_a_sink(settings: Settings) -> None:
    rewrite(settings, "sinks:", "edges: {roads-orders: {connector: police}}\nsinks:")
    with pytest.raises(FatalError, match="is an edge already"):
        load_sinks(settings)


def test_a_sink_is_listed_and_its_state_is_shown(settings: Settings) -> None:
    Board("roads-orders", "webhook", settings.state_dir / "edges").enter(EdgeState.WAITING, "away", owner="receiver")
    said = CliRunner().invoke(connector, ["status", "--json"], catch_exceptions=False)
    (found,) = json.loads(said.stdout)
    assert (found["name"], found["connector"], found["state"], found["why"]) == (
        "roads-orders",
        "webhook",
        "waiting",
        "away",
    )
    listed = CliRunner().invoke(connector, ["list"], catch_exceptions=False).stdout
    assert "roads-orders" in listed
    for command in (["pause", "roads-orders"], ["resume", "roads-orders"]):
        assert CliRunner().invoke(connector, command, catch_exceptions=False).exit_code == 0


def test_check_says_that_nobody_can_be_reached(settings: Settings) -> None:
    rewrite(settings, "roads.example.org", "roads.invalid")
    said = CliRunner().invoke(connector, ["check", "roads-orders"])
    assert said.exit_code == 1
    assert "roads-orders cannot be reached" in said.output
