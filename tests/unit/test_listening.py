"""Nothing listens beyond loopback unless told to: every place in the hub that opens a port, and where
when nobody says so."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hub.cli.main import COMMANDS
from hub.sdk.access.loopback import is_loopback
from hub.sdk.sources.webhook.config import WebhookConfig
from hub.settings import ROOT, Settings

_OPENS = {"Server", "PageServer", "listen", "create_server", "bind"}
_TOLD = {
    "hub/serving.py": "whoever makes a Server says where",
    "hub/web/pages.py": "CITYHUB_WEB_HOST",
    "hub/web/run.py": "cityhub web --host",
    "hub/cli/services/web.py": "loopback, always: /metrics of the web",
    "hub/cli/services/up.py": "looks whether the port of the web on loopback is free, and lets go",
    "hub/cli/services/ledger.py": "cityhub ledger run --host",
    "hub/cli/connector/run.py": "cityhub connector run --metrics-host",
    "hub/cli/checks/checkup.py": "looks whether CITYHUB_WEB_HOST is free, and lets go",
    "hub/cli/demo/calls.py": "loopback, always: a department of the demo's",
    "hub/broker/storage.py": "looks whether a port of loopback is free, and lets go",
    "hub/sdk/sources/webhook/source.py": "host of the edge's settings; beyond loopback it asks for auth",
}
"""Every module that opens a port, and what decides where. A new one is looked at by a person, and put here."""


def _modules() -> Iterator[Path]:
    yield from (path for path in sorted((ROOT / "hub").rglob("*.py")) if "testing" not in path.parts)


def _opens_ports(path: Path) -> bool:
    text = path.read_text("utf-8")
    if not any(name in text for name in _OPENS):
        return False
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return any(_called(call.func) in _OPENS for call in calls)


def _called(function: ast.expr) -> str:
    """Of methods those of sockets: SQLAlchemy listens to events."""
    if isinstance(function, ast.Attribute):
        return "" if function.attr == "listen" else function.attr
    return getattr(function, "id", "")


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _commands(each)


def test_every_place_that_opens_a_port_is_known() -> None:
    assert {str(path.relative_to(ROOT)) for path in _modules() if _opens_ports(path)} == set(_TOLD)


def test_commands_listen_on_loopback_unless_told() -> None:
    hosts: dict[str, object] = {}
    for name, (place, _) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        for command in _commands(getattr(importlib.import_module(module), attribute)):
            for option in command.params:
                if option.name is not None and re.fullmatch(r"(.*_)?host", option.name):
                    hosts[f"{name} {command.name} {option.name}"] = option.default
    assert len(hosts) >= 3
    assert all(value is None or is_loopback(str(value)) for value in hosts.values()), hosts


def test_settings_are_loopback_unless_told() -> None:
    assert is_loopback(Settings().web_host)
    assert is_loopback(WebhookConfig.model_fields["host"].default)


@pytest.mark.parametrize("everywhere", [r"(?<!\d)0\.0\.0\.0", "://:", r"\[::\]", '"::"', "INADDR_ANY"])
def test_nobody_writes_down_an_address_that_is_all_of_them(everywhere: str) -> None:
    assert [str(path) for path in _modules() if re.search(everywhere, path.read_text("utf-8"))] == []


def test_the_embedded_kafka_listens_on_loopback_alone() -> None:
    for path in sorted((ROOT / "hub" / "broker").rglob("*.py")):
        for host in re.findall(r"[A-Z_]+://([^:{}]+):\{", path.read_text("utf-8")):
            assert is_loopback(host), path
