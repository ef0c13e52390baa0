"""Prometheus, Alertmanager and their tools of the versions that docker-compose.yml runs, so that rules and routes are judged by
what will go by them: `python -m ops.checks.tools`.

What is on the PATH serves if it is of that version. Else the Debian packages are unpacked into the user's cache rather than
installed: that needs no root, starts no server, and leaves the machine's own list of packages alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click

from hub.broker.jars import default_cache_dir
from hub.declared.document import read_yaml
from hub.errors import FatalError
from hub.settings import ROOT


class Kit(NamedTuple):
    """What one service of docker-compose.yml runs: its programs, of which the first judges its files, and Debian's packages."""

    service: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]


PROMETHEUS = Kit("prometheus", ("promtool", "prometheus"), ("promtool", "prometheus"))
ALERTMANAGER = Kit("alertmanager", ("amtool", "alertmanager"), ("prometheus-alertmanager",))
KITS = (PROMETHEUS, ALERTMANAGER)
_TEMPLATES = "/usr/share/prometheus/alertmanager"
_RELEASE = "forky"
"""The Debian release whose packages are taken, on older ones too: the programs need nothing but a C library of 2021."""
_KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")


def wanted(kit: Kit = PROMETHEUS) -> str:
    """The release, like 3.5: docker-compose.yml names it, and nothing else does. Its patches are one for us: they
    mend mistakes, and what an expression means stays."""
    image = read_yaml(ROOT / "docker-compose.yml")["services"][kit.service]["image"]
    return _release(str(image).rpartition(":v")[2])


def _release(version: str) -> str:
    return ".".join(version.split(".")[:2])


def unpacked_dir(kit: Kit = PROMETHEUS) -> Path:
    """Where `fetch` puts the programs. The folder exists only when it is complete."""
    return default_cache_dir() / f"{kit.service}-{wanted(kit)}"


def find(name: str) -> Path:
    """The program `name` of one of the kits, of the release wanted. Raises FatalError, in one sentence with the way out."""
    kit = next(each for each in KITS if name in each.programs)
    others = []
    for program in _candidates(name, unpacked_dir(kit)):
        version = version_of(program)
        if _release(version) == wanted(kit):
            return Path(program)
        others.append(f" ({program} is {version})")
    raise FatalError(
        f"`{name}` {wanted(kit)} is missing{''.join(others)}: run `make setup` on Debian, else {_way_out(kit)}."
    )


def _candidates(name: str, folder: Path) -> Iterator[str]:
    """Debian calls some of them by another name."""
    for each in (name, f"prometheus-{name}"):
        yield from filter(None, (shutil.which(each), shutil.which(each, path=str(folder))))


@cache
def version_of(program: str) -> str:
    """What a program says of its version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"version (\d\S*)", said.stdout + said.stderr)
    return found[1] if found else "of no version that it would tell"


def fetch() -> None:
    """Download and unpack all programs, unless they are there. Raises FatalError."""
    for kit in KITS:
        try:
            for name in kit.programs:
                find(name)
        except FatalError:
            _fetch(kit)


def _fetch(kit: Kit) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise FatalError(
            f"`{kit.programs[0]}` {wanted(kit)} is missing and this is no Debian to fetch it on: {_way_out(kit)}."
        )
    folder = unpacked_dir(kit)
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    for part in ("lists/partial", "cache/archives/partial"):
        (scratch / part).mkdir(parents=True)
    try:
        for archive in _downloaded(kit, scratch):
            _run(kit, ["dpkg-deb", "--extract", str(archive), str(scratch)], scratch)
        _take_along(scratch / "usr")
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "usr" / "bin").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_along(usr: Path) -> None:
    """XXX: Debian's Alertmanager ends if its templates are not in /usr/share, where only root may put them; upstream's has them
    within it. So ours looks for them in the folder where it is started, which is to be that of the program."""
    templates, program = usr / "share" / "prometheus" / "alertmanager", usr / "bin" / "prometheus-alertmanager"
    found = list(templates.glob("*.tmpl"))
    for template in found:
        shutil.copy(template, usr / "bin")
    if found:
        there = _TEMPLATES.encode()
        program.write_bytes(program.read_bytes().replace(there, b".".ljust(len(there), b"/")))


def _downloaded(kit: Kit, scratch: Path) -> list[Path]:
    """The packages, by a list of packages of our own: the machine's may be of another release, and only root may renew it."""
    (scratch / "sources.list").write_text(_source(kit, scratch), "utf-8")
    own = (
        f"-oDir::State::lists={scratch / 'lists'}", f"-oDir::Cache={scratch / 'cache'}",
        f"-oDir::Etc::sourcelist={scratch / 'sources.list'}", "-oDir::Etc::sourceparts=-",
    )  # fmt: skip
    _run(kit, ["apt-get", "-qq", *own, "update"], scratch)
    offered = re.findall(r"\| *(\S+) *\|", _run(kit, ["apt-cache", *own, "madison", kit.packages[0]], scratch))
    version = next((each for each in offered if _release(each) == wanted(kit)), None)
    if version is None:
        raise FatalError(
            f"Debian has {kit.service} {', '.join(offered) or 'no more'} now, and docker-compose.yml runs {wanted(kit)}: move its "
            f"image to that release, or {_way_out(kit)}."
        )
    _run(kit, ["apt-get", "-qq", *own, "download", *(f"{name}={version}" for name in kit.packages)], scratch)
    return sorted(scratch.glob("*.deb"))


def _source(kit: Kit, scratch: Path) -> str:
    """The release's line for apt, by the mirror that this machine uses."""
    sites = _run(kit, ["apt-get", "indextargets", "--format", "$(SITE)"], scratch).split()
    site = next((each for each in sites if each.rstrip("/").endswith("/debian")), None)
    if site is None:
        raise FatalError(
            f"`{kit.programs[0]}` {wanted(kit)} is missing and this machine's packages are not Debian's: {_way_out(kit)}."
        )
    keyring = next((path for path in _KEYRINGS if Path(path).is_file()), None)
    return f"deb {f'[signed-by={keyring}] ' if keyring else ''}{site} {_RELEASE} main\n"


def _way_out(kit: Kit) -> str:
    names = " and ".join(f"`{name}`" for name in kit.programs)
    return f"put {names} {wanted(kit)} on the PATH (prometheus.io/download has them)"


def _run(kit: Kit, command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FatalError(
            f"`{command[0]} {command[-1]}` failed ({said[-1] if said else 'it said nothing'}): {_way_out(kit)}."
        )
    return done.stdout


@click.command()
def main() -> None:
    """Fetch promtool, amtool and their servers if they are missing, and say where they are."""
    try:
        fetch()
        for kit in KITS:
            click.echo(f"{kit.programs[0]}: {find(kit.programs[0])}")
    except FatalError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
