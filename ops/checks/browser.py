"""Fetches a browser for the tests of the board, and what looks for obstacles on its pages: `python -m ops.checks.browser`.

They go into the user's cache rather than onto the machine: that needs no root. Where they cannot be had this is said, and nothing
fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import click

from hub.broker.jars import default_cache_dir
from hub.errors import FatalError
from ops.checks.npm import NpmPackage, unpacked_package

CHROMIUM = NpmPackage(
    "@sparticuz/chromium",
    "153.0.0",
    "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==",
)
"""A headless Chromium in one file (MIT, and Chromium's BSD)."""
AXE = NpmPackage(
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)
"""MPL-2.0; for tests alone."""
_UNPACK = (
    "const {createReadStream: r, createWriteStream: w} = require('fs');"
    "r(process.argv[1]).pipe(require('zlib').createBrotliDecompress()).pipe(w(process.argv[2]))"
)
_ON_PATH = ("chromium", "chromium-browser", "google-chrome")


def _folder(package: NpmPackage) -> Path:
    """Where it is put. The folder exists only when it is complete."""
    return default_cache_dir() / f"{package.name.rpartition('/')[2]}-{package.version}"


def find_chromium() -> Path:
    """Raises FatalError, in one sentence with the way out."""
    if (program := _folder(CHROMIUM) / "chromium").is_file():
        return program
    for name in _ON_PATH:
        if there := shutil.which(name):
            return Path(there)
    raise FatalError("there is no Chromium: run `make setup` where npm is, or install Debian's package `chromium`.")


def environment_of(program: Path) -> dict[str, str | float | bool]:
    """What it needs in its environment: libraries that came with it, where the machine lacks them."""
    libraries = program.parent / "lib"
    own = {**os.environ}
    if libraries.is_dir():
        linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        if "not found" in linked:
            own["LD_LIBRARY_PATH"] = str(libraries)
    return dict(own)


def find_axe() -> Path:
    """Raises FatalError, in one sentence with the way out."""
    if (script := _folder(AXE) / "axe.min.js").is_file():
        return script
    raise FatalError("axe-core is missing: run `make setup` where npm is.")


def fetch() -> None:
    """Download and unpack both, unless they are there. Raises FatalError."""
    if not (_folder(AXE) / "axe.min.js").is_file():
        with unpacked_package(AXE) as package:
            _put(AXE, {name: package / name for name in ("axe.min.js", "LICENSE")})
    try:
        find_chromium()
    except FatalError:
        _fetch_chromium()


def _fetch_chromium() -> None:
    with unpacked_package(CHROMIUM) as package:
        program, libraries = package / "chromium", package / "libraries.tar"
        _decompress(package / "bin" / "chromium.br", program)
        _decompress(package / "bin" / "al2023.tar.br", libraries)
        program.chmod(0o755)
        with tarfile.open(libraries) as archive:
            archive.extractall(package, filter="data")
        _put(CHROMIUM, {"chromium": program, "lib": package / "lib", "LICENSE": package / "LICENSE"})


def _put(package: NpmPackage, files: dict[str, Path]) -> None:
    """Under their names into its folder, all at once."""
    folder = _folder(package)
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name, path in files.items():
        shutil.move(path, scratch / name)
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


def _decompress(packed: Path, to: Path) -> None:
    """By Node: Python has no Brotli of its own."""
    done = subprocess.run(["node", "-e", _UNPACK, str(packed), str(to)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FatalError(f"{packed.name} cannot be unpacked: {done.stderr.strip()[-200:]}")


@click.command()
def main() -> None:
    """Fetch what is missing, and say where it is. That it cannot be had is said, and is no failure."""
    try:
        fetch()
        click.echo(f"chromium: {find_chromium()}")
    except FatalError as error:
        click.echo(f"{error} The tests of the board's pages are left out.", err=True)


if __name__ == "__main__":
    main()
