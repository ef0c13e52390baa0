"""Finds Prometheus and promtool, and on Debian and its kin fetches them: `python -m ops.checks.tools`.

Their package is unpacked into the user's cache rather than installed: that needs no root and starts no server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click

from hub.broker.jars import default_cache_dir
from hub.errors import FatalError

_PACKAGE = "prometheus"
_WAY_OUT = (
    "install your system's Prometheus package (Debian: apt-get update && apt-get install prometheus), "
    "or put `promtool` and `prometheus` on the PATH"
)


def unpacked_dir() -> Path:
    """Where `fetch` puts the package. The folder exists only when it is complete."""
    return default_cache_dir() / "prometheus"


def find(name: str) -> Path:
    """The program `name` (promtool or prometheus). Raises FatalError, in one sentence with the way out."""
    program = _found(name)
    if program is None:
        raise FatalError(f"`{name}` is missing: run `make setup` on Debian or Ubuntu, else {_WAY_OUT}.")
    return program


def _found(name: str) -> Path | None:
    if on_path := shutil.which(name):
        return Path(on_path)
    unpacked = unpacked_dir() / "usr" / "bin" / name
    return unpacked if unpacked.is_file() else None


def fetch() -> None:
    """Download and unpack the package, unless both programs are there. Raises FatalError."""
    if _found("promtool") and _found("prometheus"):
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise FatalError(f"`promtool` is missing and this is no Debian to fetch it on: {_WAY_OUT}.")
    folder = unpacked_dir()
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        _download(scratch)
        archive = next(scratch.glob(f"{_PACKAGE}_*.deb"))
        _run(["dpkg-deb", "--extract", str(archive), str(scratch)], scratch)
        archive.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(into: Path) -> None:
    """Once with the package lists as they are; root, in a fresh container say, may have to fetch those first."""
    download = ["apt-get", "-qq", "download", _PACKAGE]
    try:
        _run(download, into)
    except FatalError:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "-qq", "update"], into)
        _run(download, into)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FatalError(f"`{' '.join(command[:3])}` failed ({said[-1] if said else 'it said nothing'}): {_WAY_OUT}.")


@click.command()
def main() -> None:
    """Fetch promtool and prometheus if they are missing, and say where they are."""
    try:
        fetch()
        click.echo(f"promtool: {find('promtool')}")
    except FatalError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
