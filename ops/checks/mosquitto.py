"""Fetches Mosquitto for the tests and the demo: `python -m ops.checks.mosquitto`.

Debian's packages are unpacked into the user's cache rather than installed: that needs no root. Where it cannot be had this is said,
and nothing fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import click

from hub.broker.mosquitto import WAY_OUT, find_mosquitto, unpacked, unpacked_dir
from hub.errors import FatalError


def fetch() -> None:
    """Download and unpack it, unless it is there. Raises FatalError."""
    try:
        find_mosquitto()
    except FatalError:
        _fetch()


def _fetch() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise FatalError(f"`mosquitto` is missing and this is no Debian to fetch it on: {WAY_OUT}.")
    folder = unpacked_dir()
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    for part in ("lists/partial", "cache/archives/partial", "root"):
        (scratch / part).mkdir(parents=True)
    try:
        _unpack(scratch)
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "root").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(scratch: Path) -> None:
    """Mosquitto, then what it needs, then what that needs, until every library is found. The list of packages is our own: the
    machine's may be old or empty, and only root may renew it."""
    own = (f"-oDir::State::lists={scratch / 'lists'}", f"-oDir::Cache={scratch / 'cache'}")
    _run(["apt-get", "-qq", *own, "update"], scratch)
    done: set[str] = set()
    names = {"mosquitto"}
    while names:
        _run(["apt-get", "-qq", *own, "download", *sorted(names)], scratch)
        for archive in scratch.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(archive), str(scratch / "root")], scratch)
            archive.unlink()
        if not _lacks_libraries(scratch / "root"):
            return
        done |= names
        needed = _run(["apt-cache", *own, "depends", "--important", *sorted(names)], scratch)
        names = set(re.findall(r"Depends: (lib\S+)", needed)) - done - {"libc6"}
    raise FatalError(f"`mosquitto` was fetched and does not find its libraries: {WAY_OUT}.")


def _lacks_libraries(folder: Path) -> bool:
    found = unpacked(folder)
    return "not found" in _run(["ldd", str(found.program)], folder, found.environment)


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FatalError(f"`{command[0]} {command[-1]}` failed ({said[-1] if said else 'it said nothing'}): {WAY_OUT}.")
    return done.stdout


@click.command()
def main() -> None:
    """Fetch mosquitto if it is missing, and say where it is. That it cannot be had is said, and is no failure."""
    try:
        fetch()
        click.echo(f"mosquitto: {find_mosquitto().program}")
    except FatalError as error:
        click.echo(f"{error} The tests of MQTT, and the demo's, are left out.", err=True)


if __name__ == "__main__":
    main()
