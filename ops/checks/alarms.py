"""Alertmanager's configuration: sound by amtool, and about alerts that there are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

from hub.declared.document import read_yaml
from hub.settings import ROOT
from ops.checks import queries
from ops.checks.tools import find

CONFIG = ROOT / "ops" / "alertmanager" / "alertmanager.yml"
_SECRETS = re.compile(r"(password|token|secret|api_key|^url$|_url$)")
_NAMES = re.compile(r"^alertname=~?\"([^\"]*)\"$")


def problems(config: dict[str, Any] | None = None) -> Iterator[str]:
    """Everything that is wrong; nothing when all is well. Raises FatalError if amtool is missing."""
    done = amtool("check-config", str(CONFIG))
    if done.returncode:
        yield f"amtool check-config: {(done.stdout + done.stderr).strip()}"
        return
    found = config or read_yaml(CONFIG)
    yield from (
        f"alertmanager.yml: {problem}" for problem in (*_strangers(found), *_open_secrets(found), *_severities(found))
    )


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(find("amtool")), *arguments], capture_output=True, text=True, timeout=600, check=False)


def _strangers(config: dict[str, Any]) -> Iterator[str]:
    """Alerts that inhibit, or are inhibited, and that no rule raises; and one that holds itself back."""
    raised = {rule["alert"] for rule in queries.rules() if "alert" in rule}
    for rule in config["inhibit_rules"]:
        sides = [_named(rule[side]) for side in ("source_matchers", "target_matchers")]
        for name in sorted(set().union(*sides) - raised):
            yield f"no rule raises {name}"
        for name in sorted(sides[0] & sides[1]):
            yield f"{name} inhibits itself"


def _named(matchers: list[str]) -> set[str]:
    return {name for each in matchers if (found := _NAMES.match(each)) for name in found[1].split("|")}


def _open_secrets(node: Any, place: str = "") -> Iterator[str]:
    """Whatever is secret is named by its file."""
    if isinstance(node, list | tuple):
        for each in node:
            yield from _open_secrets(each, place)
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and _SECRETS.search(key) and not key.endswith("_file"):
                yield f"{place}{key} stands in the open: give {key}_file"
            yield from _open_secrets(value, f"{place}{key}.")


def _severities(config: dict[str, Any]) -> Iterator[str]:
    """A page goes to a webhook and by mail, a ticket by mail, the heartbeat to a webhook."""
    wanted = {
        "page": ("webhook_configs", "email_configs"), "ticket": ("email_configs",), "heartbeat": ("webhook_configs",),
    }  # fmt: skip
    receivers = {each["name"]: each for each in config["receivers"]}
    for severity, kinds in wanted.items():
        said = amtool("config", "routes", "test", f"--config.file={CONFIG}", f"severity={severity}").stdout.strip()
        lacking = [kind for kind in kinds if not receivers.get(said, {}).get(kind)]
        if lacking:
            yield f"severity {severity} goes to {said!r}, which has no {', '.join(lacking)}"
