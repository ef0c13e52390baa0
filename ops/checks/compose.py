"""What can be known of docker-compose.yml without Docker: structure, references, mounted files, commands, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hub.broker.jars import POM
from hub.cli.main import cli
from hub.declared.document import read_yaml
from hub.settings import ROOT, Settings

COMPOSE = ROOT / "docker-compose.yml"
_TOP = frozenset({"name", "services", "volumes", "networks", "configs", "secrets"})
_SERVICE = frozenset({
    "build", "command", "depends_on", "entrypoint", "environment", "expose", "healthcheck", "image", "init", "ports",
    "profiles", "restart", "stop_grace_period", "user", "volumes", "working_dir",
})  # fmt: skip
_HEALTH = frozenset({"test", "interval", "timeout", "retries", "start_period", "disable"})
_CONDITIONS = frozenset({"service_started", "service_healthy", "service_completed_successfully"})
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+")
_IMAGE_ROOT = "/app/"
"""Where the image has the project's folders."""

Service = dict[str, Any]


def load(path: Path = COMPOSE) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(read_yaml(path)))  # as JSON has it: lists, and nothing shared
    return loaded


def settled(text: object) -> str:
    """A value with its variables at their defaults."""
    return _VARIABLE.sub(lambda found: found[2] or "", str(text))


def problems(compose: dict[str, Any] | None = None) -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    compose = compose or load()
    for key in compose:
        if key not in _TOP and not key.startswith("x-"):
            yield f"docker-compose.yml: unknown key {key}"
    for name, service in compose["services"].items():
        checks = (_shape, _references, _mounts, _health, _settings, _command)
        for check in checks:
            yield from (f"docker-compose.yml: {name}: {problem}" for problem in check(service, compose))
    yield from _versions(compose)


def _shape(service: Service, _: dict[str, Any]) -> Iterator[str]:
    for key in sorted(service.keys() - _SERVICE):
        yield f"unknown key {key}"
    if "image" not in service and "build" not in service:
        yield "needs an image or a build"
    if "build" in service:
        dockerfile = ROOT / service["build"]["context"] / service["build"]["dockerfile"]
        if not dockerfile.is_file():
            yield f"there is no {dockerfile.relative_to(ROOT)}"
    elif not _PINNED.fullmatch(service.get("image", "")):
        yield f"image {service.get('image')} names no exact version"
    for port in service.get("ports", ()):
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", settled(port)) or not _VARIABLE.search(port):
            yield f"port {port} is to be on loopback, and changeable by a variable"


def _references(service: Service, compose: dict[str, Any]) -> Iterator[str]:
    for other, how in service.get("depends_on", {}).items():
        target = compose["services"].get(other)
        if target is None:
            yield f"depends on {other}, which is no service"
        elif how["condition"] not in _CONDITIONS:
            yield f"depends on {other} by an unknown condition {how['condition']}"
        elif how["condition"] == "service_healthy" and "healthcheck" not in target:
            yield f"waits for {other} to be healthy, which has no healthcheck"
        elif target.get("profiles") and how.get("required", True):
            yield f"depends on {other}, which only some profiles start"


def _mounts(service: Service, compose: dict[str, Any]) -> Iterator[str]:
    for mount in service.get("volumes", ()):
        source = settled(mount).split(":")[0]
        if source.startswith((".", "/")):
            if not (ROOT / source).exists():
                yield f"mounts {source}, which is not in the project"
        elif source not in compose.get("volumes", {}):
            yield f"mounts {source}, which is no volume"


def _health(service: Service, _: dict[str, Any]) -> Iterator[str]:
    check = service.get("healthcheck")
    if check is None:
        if service.get("restart") == "unless-stopped":
            yield "runs for good, but has no healthcheck"
        return
    for key in sorted(check.keys() - _HEALTH):
        yield f"unknown key {key} in its healthcheck"
    if check["test"][0] not in ("CMD", "CMD-SHELL"):
        yield "its healthcheck begins with neither CMD nor CMD-SHELL"
    yield from _files_of_the_image(check["test"])


def _settings(service: Service, _: dict[str, Any]) -> Iterator[str]:
    given = {key: settled(value) for key, value in service.get("environment", {}).items() if key.startswith("CITYHUB_")}
    known = {f"CITYHUB_{field.upper()}" for field in Settings.model_fields}
    for key in sorted(given.keys() - known):
        yield f"{key} is no setting"
    try:
        Settings.from_env(given)
    except ValueError as error:
        yield f"its settings are not valid: {error}"
    yield from _files_of_the_image(given.values())


def _files_of_the_image(values: Any) -> Iterator[str]:
    for value in values:
        if str(value).startswith(_IMAGE_ROOT) and not (ROOT / str(value).removeprefix(_IMAGE_ROOT)).exists():
            yield f"names {value}, which is not in the project"


def _command(service: Service, _: dict[str, Any]) -> Iterator[str]:
    command = service.get("command")
    if not command or command[0] != "cityhub":
        return
    problem = usage_problem([settled(word) for word in command[1:]])
    if problem:
        yield f"`{' '.join(command)}`: {problem}"


def usage_problem(arguments: list[str]) -> str | None:
    """What click says to these arguments of `cityhub`, without running anything."""
    group: click.Command = cli
    context = click.Context(cli, info_name="cityhub")
    while isinstance(group, click.Group):
        if not arguments:
            return "names no command"
        found = group.get_command(context, arguments[0])
        if found is None:
            return f"there is no command {arguments[0]}"
        group, arguments = found, arguments[1:]
    try:
        group.make_context("cityhub", list(arguments), resilient_parsing=False)
    except click.ClickException as error:
        return error.format_message()
    return None


def _versions(compose: dict[str, Any]) -> Iterator[str]:
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text("utf-8"))
    kafka = compose["services"].get("kafka", {}).get("image", "")
    if found and not kafka.endswith(f":{found[1]}"):
        yield f"docker-compose.yml: kafka is {kafka}, the embedded one {found[1]}"
