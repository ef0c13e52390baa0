"""What the board's pages use of others, copied into the repository: `python -m ops.checks.vendored` fetches it anew.

The lock says of each package its version, licence and digest, and of each file that was copied its own digest; a test compares.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import click

from hub.settings import ROOT
from ops.checks.npm import NpmPackage, unpacked_package

FOLDER = ROOT / "hub" / "web" / "board" / "static" / "vendor"
LOCK = FOLDER / "lock.json"


def lock() -> dict[str, dict[str, Any]]:
    """By folder: package, version, licence, integrity; `from`: the package's files to copy; `files`: digests of those that were."""
    locked: dict[str, dict[str, Any]] = json.loads(LOCK.read_text("utf-8"))
    return locked


def problems() -> list[str]:
    """Files that are others than the lock says, are missing, or are too many."""
    found = {
        str(path.relative_to(FOLDER)): digest(path) for path in FOLDER.rglob("*") if path.is_file() and path != LOCK
    }
    wanted = {f"{name}/{file}": value for name, each in lock().items() for file, value in each["files"].items()}
    return [
        f"hub/web/board/static/vendor/{name} is not what lock.json says; `python -m ops.checks.vendored` fetches it anew"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(name: str, locked: dict[str, Any]) -> None:
    """Copy the files of one package, and note their digests. Raises FatalError if the package is another than was locked."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    with unpacked_package(NpmPackage(locked["package"], locked["version"], locked["integrity"])) as package:
        for pattern in locked["from"]:
            for path in sorted(package.glob(pattern)):
                to = folder / (Path("files") / path.name if path.parent.name == "files" else path.name)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    locked["files"] = {str(path.relative_to(folder)): digest(path) for path in files}


@click.command()
def main() -> None:
    """Fetch all of the lock, and write the digests of what came."""
    locked = lock()
    for name, each in locked.items():
        fetch(name, each)
    LOCK.write_text(json.dumps(locked, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
