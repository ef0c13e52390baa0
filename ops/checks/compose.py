"""What can be known of docker-compose.yml, and of what is laid over it, without Docker: the published schema of compose files, and
then what no schema knows: references, mounted files, commands, settings, secrets, versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from hub.broker.jars import POM
from hub.cli.main import cli
from hub.declared.document import read_yaml
from hub.settings import PREFIX, ROOT, Settings, SettingsError
from ops.checks.json_schema import Draft202012Validator, ValidationError, best_match

COMPOSE = ROOT / "docker-compose.yml"
OVER = ROOT / "ops" / "compose" / "city.yml"
"""What is laid over it for a city, with its variables beside it."""
_ADDED = frozenset({"ports", "volumes", "secrets", "tmpfs", "cap_drop", "security_opt", "expose"})
"""Lists of a service that a file laid over another adds to; all else takes the place of what was there."""
_SECRETS = "/run/secrets/"
SCHEMA = ROOT / "ops" / "compose" / "schema" / "compose-spec.json"
"""As published; see the README beside it."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_PINNED = re.compile(r"(?:[a-z0-9./-]+:v?\d+\.\d+\.\d+|postgres:\d+\.\d+)@sha256:[0-9a-f]{64}")
_IMAGE_ROOT = "/app/"
"""Where the image has the project's folders."""

Service = dict[str, Any]


def load(path: Path = COMPOSE) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(read_yaml(path)))  # as JSON has it: lists, and nothing shared
    return loaded


def laid_over(compose: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """What Compose makes of two files: mappings are merged, some lists added to, all else replaced."""
    merged = dict(compose)
    for key, value in over.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = laid_over(before, value)
        elif key in _ADDED and isinstance(before, list):
            merged[key] = [*before, *(each for each in value if each not in before)]
        else:
            merged[key] = value
    return merged


def for_a_city() -> dict[str, Any]:
    """Both files as one, with the variables that stand beside the second."""
    lines = OVER.with_suffix(".env").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    merged = laid_over(load(), load(OVER))
    text = _VARIABLE.sub(lambda found: given.get(found[1], found[0]), json.dumps(merged, ensure_ascii=False))
    return dict(json.loads(text))


def settled(text: object) -> str:
    """A value with its variables at their defaults."""
    return _VARIABLE.sub(lambda found: found[2] or "", str(text))


def problems(compose: dict[str, Any] | None = None) -> Iterator[str]:
    """Everything that is wrong with one set of services, or with both that there are; nothing when all is well."""
    if compose is not None:
        yield from _problems(compose)
        return
    yield from _problems(load())
    yield from (f"with {OVER.name}: {problem}" for problem in _problems(for_a_city()))


def _problems(compose: dict[str, Any]) -> Iterator[str]:
    wrong = [f"docker-compose.yml: {problem}" for problem in _against_the_schema(compose)]
    if wrong:
        yield from wrong
        return  # what follows takes for granted that everything has its form
    for name, service in compose["services"].items():
        checks = (_made_of, _references, _mounts, _secrets, _health, _settings, _command)
        for check in checks:
            yield from (f"docker-compose.yml: {name}: {problem}" for problem in check(service, compose))
    yield from _versions(compose)


def _against_the_schema(compose: dict[str, Any]) -> Iterator[str]:
    """Of what does not fit in any of several ways, the way that comes nearest."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    errors = list(validator.iter_errors(_all_settled(compose)))
    # what is wrong within a service leaves the service "unevaluated", with half its keys: say the cause alone
    for error in [error for error in errors if error.validator != "unevaluatedProperties"] or errors:
        nearest = best_match([error]) or error
        yield f"{'.'.join(map(str, nearest.absolute_path)) or 'the file'}: {_in_words(nearest)}"


def _in_words(error: ValidationError) -> str:
    if error.validator != "additionalProperties" or not isinstance(error.schema, Mapping):
        return error.message
    given: dict[str, Any] = dict(error.instance)  # type: ignore[arg-type]
    unknown = sorted(name for name in given.keys() - error.schema.get("properties", {}) if not name.startswith("x-"))
    return f"unknown key {', '.join(unknown)}"


def _all_settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_settled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_all_settled(each) for each in value]
    return settled(value) if isinstance(value, str) else value


def _made_of(service: Service, _: dict[str, Any]) -> Iterator[str]:
    if "image" not in service and "build" not in service:
        yield "needs an image or a build"
    if "build" in service:
        dockerfile = ROOT / service["build"]["context"] / service["build"]["dockerfile"]
        if not dockerfile.is_file():
            yield f"there is no {dockerfile.relative_to(ROOT)}"
    elif not _PINNED.fullmatch(service.get("image", "")):
        yield f"image {service.get('image')} names no exact version with its digest"
    for port in service.get("ports", ()):
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", settled(port)) or not _VARIABLE.search(port):
            yield f"port {port} is to be on loopback, and changeable by a variable"


def _references(service: Service, compose: dict[str, Any]) -> Iterator[str]:
    for other, how in service.get("depends_on", {}).items():
        target = compose["services"].get(other)
        if target is None:
            yield f"depends on {other}, which is no service"
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


def _secrets(service: Service, compose: dict[str, Any]) -> Iterator[str]:
    given = service.get("secrets", [])
    yield from (
        f"is given the secret {each}, which is none" for each in given if each not in compose.get("secrets", {})
    )
    for value in map(settled, service.get("environment", {}).values()):
        if value.startswith(_SECRETS) and value.removeprefix(_SECRETS) not in given:
            yield f"reads {value}, and is not given that secret"


def _health(service: Service, _: dict[str, Any]) -> Iterator[str]:
    check = service.get("healthcheck")
    if check is None:
        if service.get("restart") == "unless-stopped":
            yield "runs for good, but has no healthcheck"
        return
    if check["test"][0] not in ("CMD", "CMD-SHELL"):
        yield "its healthcheck begins with neither CMD nor CMD-SHELL"
    yield from _files_of_the_image(check["test"])


def _settings(service: Service, _: dict[str, Any]) -> Iterator[str]:
    given = {key: settled(value) for key, value in service.get("environment", {}).items() if key.startswith(PREFIX)}
    for key in sorted(given.keys() - set(Settings.variables())):
        yield f"{key} is no setting"
    try:
        Settings.from_env({key: value for key, value in given.items() if not value.startswith(_SECRETS)})
    except SettingsError as error:
        yield f"its settings are not valid: {'; '.join(error.problems)}"
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
    while isinstance(group, click.Group) and not _runs_by_itself(group, arguments):
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


def _runs_by_itself(group: click.Group, arguments: list[str]) -> bool:
    return group.invoke_without_command and (not arguments or arguments[0].startswith("-"))


def _versions(compose: dict[str, Any]) -> Iterator[str]:
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text("utf-8"))
    for name, service in compose["services"].items():
        image = service.get("image", "")
        if found and name.startswith("kafka") and f":{found[1]}@" not in image:
            yield f"docker-compose.yml: {name} is {image}, the embedded one {found[1]}"
