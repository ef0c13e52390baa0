"""The lock of dependencies: every package by exact version and hashes, no address of a registry, and what pyproject.toml asks for.

`make lock` makes it anew (uv, which resolves for all systems at once). Here it is only held to pyproject.toml: without a network.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hub.settings import ROOT

LOCK = ROOT / "ops" / "lock" / "requirements.txt"
EXTRAS = ("sql", "mqtt", "xlsx")
"""Optional parts that the image has."""
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_ADDRESS = re.compile(r"https?:|git\+|file:|--(?:extra-)?index-url|--find-links| @ ")


@dataclass(frozen=True)
class LockedPackage:
    """One package of the lock, with its version and how many files may be taken for it."""

    requirement: Requirement
    version: Version
    hashes: int


def locked(text: str) -> Iterator[LockedPackage]:
    """The packages of a lock as pip reads it: a requirement, and its hashes on lines that go on."""
    for entry in text.replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.startswith("#"):
            requirement = Requirement(_HASH.sub("", entry).strip())
            (exact,) = requirement.specifier
            yield LockedPackage(requirement, Version(exact.version), len(_HASH.findall(entry)))


def problems(text: str | None = None, pyproject: Path = ROOT / "pyproject.toml") -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    text = LOCK.read_text("utf-8") if text is None else text
    where = LOCK.relative_to(ROOT)
    for number, line in enumerate(text.splitlines(), 1):
        if _ADDRESS.search(line):
            yield f"{where}:{number}: names an address; nothing but names, versions and hashes belongs there"
            return
    packages: dict[str, list[LockedPackage]] = {}
    for each in locked(text):
        packages.setdefault(canonicalize_name(each.requirement.name), []).append(each)
        if not each.hashes:
            yield f"{where}: {each.requirement.name} has no hash"
    for wanted in _wanted(pyproject):
        found = packages.get(canonicalize_name(wanted.name), [])
        if not found:
            yield f"{where}: lacks {wanted.name}, which pyproject.toml asks for: make lock"
        elif not any(wanted.specifier.contains(each.version, prereleases=True) for each in found):
            yield f"{where}: has {wanted.name} {found[0].version}, and pyproject.toml asks for {wanted.specifier}: make lock"


def _wanted(pyproject: Path) -> Iterator[Requirement]:
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    yield from map(Requirement, project["dependencies"])
    for extra in EXTRAS:
        yield from map(Requirement, project["optional-dependencies"][extra])
