"""What can be known of ops/systemd without starting anything: commands, variables, that each unit is hardened, and that each timer
has its service. `systemd-analyze verify` says the rest, where it is there."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from hub.settings import ROOT, Settings
from ops.checks.compose import usage_problem

UNITS = ROOT / "ops" / "systemd"
HARDENING = "cityhub-.service.d/50-hardening.conf"
_COMMAND = re.compile(r"/opt/cityhub/bin/cityhub ([^']+)")
_WANTED = (
    "User=cityhub", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "CapabilityBoundingSet=",
    "StateDirectoryMode=0700", "SystemCallFilter=@system-service",
)  # fmt: skip
UnitFile = dict[str, list[tuple[str, str]]]


def unit_file(text: str) -> UnitFile:
    """Sections of a unit, each with its settings in order; a setting may come twice."""
    sections: UnitFile = defaultdict(list)
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            sections[section].append((name, value))
    return sections


def problems(folder: Path = UNITS) -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    hardening = folder / HARDENING
    lines = set(hardening.read_text("utf-8").splitlines()) if hardening.is_file() else set()
    yield from (f"ops/systemd: {HARDENING} lacks {line}" for line in _WANTED if line not in lines)
    for path in sorted(folder.glob("*.service")):
        if not path.name.startswith("cityhub-"):
            yield f"ops/systemd: {path.name} is not hardened: its name does not begin with cityhub-"
        for name, value in unit_file(path.read_text("utf-8"))["Service"]:
            command = _COMMAND.search(value) if name == "ExecStart" else None
            problem = (
                usage_problem(shlex.split(command[1].replace("%i", "1").replace("%H", "host"))) if command else None
            )
            if problem:
                yield f"ops/systemd: {path.name}: `{value}`: {problem}"
            elif name == "ExecStart" and "cityhub" not in value:
                yield f"ops/systemd: {path.name}: starts something else: {value}"
    for path in sorted(folder.glob("*.timer")):
        if not path.with_suffix(".service").is_file():
            yield f"ops/systemd: {path.name} has no service"
    known = set(Settings.variables())
    for line in (folder / "cityhub.env").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and line.partition("=")[0] not in known:
            yield f"ops/systemd: cityhub.env: {line.partition('=')[0]} is no setting"
