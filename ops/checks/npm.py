"""Packages of npm, by npm itself and nothing of them run: what comes is what its digest says, or is refused."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hub.errors import FatalError


class NpmPackage(NamedTuple):
    """`integrity` as npm's own lock files write it: sha512-…"""

    name: str
    version: str
    integrity: str


@contextmanager
def unpacked_package(package: NpmPackage) -> Iterator[Path]:
    """The folder of its files, while the block lasts. Raises FatalError."""
    if shutil.which("npm") is None:
        raise FatalError(f"{package.name} is fetched by `npm`, which is missing: install Node.js")
    with tempfile.TemporaryDirectory(prefix="cityhub-npm-") as name:
        folder = Path(name)
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
        archives = list(folder.glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise FatalError(f"`npm pack {package.name}` failed: {said[-1] if said else 'it said nothing'}")
        require_digest(package, archives[0].read_bytes())
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
        yield folder / "package"


def require_digest(package: NpmPackage, content: bytes) -> None:
    """Raises FatalError if the archive is another than was locked."""
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if package.integrity != f"sha512-{digest}":
        raise FatalError(f"{package.name} {package.version} is not what was locked: its digest differs")
