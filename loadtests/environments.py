"""Where contenders run: a virtual environment or a jar of their own, made once in the user's cache and kept by content."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hub.broker.jars import default_cache_dir
from hub.broker.java import find_java, find_maven
from hub.errors import FatalError
from loadtests.job.work import newest

PEERS = Path(__file__).with_name("peers")
_MAKE_SECONDS = 1200
_SHOWN_LINES = 15


def python_of(name: str) -> Path:
    """The interpreter of `peers/requirements/<name>.txt`. Makes the environment if there is none. Raises FatalError."""
    requirements = PEERS / "requirements" / f"{name}.txt"
    key = _key(requirements.read_bytes(), sys.version.encode())

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)], f"the environment of {name}")
        _run(
            [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(requirements)],
            f"what {requirements.name} names",
        )  # fmt: skip

    # An environment knows its own path, so it is made in place and marked when it is whole.
    return _kept(f"load-{name}-{key}", make, movable=False) / "bin" / "python"


def versions_of(python: Path) -> dict[str, str]:
    """Installed distributions and their versions."""
    done = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    pairs = (line.partition("==") for line in done.stdout.splitlines())
    return {name.lower(): version for name, _, version in pairs if version}


def jar_of(name: str) -> Path:
    """The folder with the class path (`*.jar`) of the Maven project `peers/<name>`. Built once. Raises FatalError."""
    project = PEERS / name
    sources = sorted(path for path in project.rglob("*") if path.is_file() and "target" not in path.parts)
    schema = newest("Order")[1]
    key = _key(*(path.read_bytes() for path in [*sources, schema]))

    def make(folder: Path) -> None:
        copy = folder / "loadtests" / "peers" / name
        for path in sources:
            to = copy / path.relative_to(project)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        (folder / "schemas" / "Order").mkdir(parents=True)
        shutil.copyfile(schema, folder / "schemas" / "Order" / schema.name)
        home = {"JAVA_HOME": str(find_java().resolve().parents[1])}
        _run([str(find_maven()), "-q", "-B", "-f", str(copy / "pom.xml"), "package"], f"the jar of {name}", home)
        jars = folder / "jars"
        jars.mkdir()
        for jar in [*(copy / "target").glob("*.jar"), *(copy / "target" / "lib").glob("*.jar")]:
            shutil.copyfile(jar, jars / jar.name)

    return _kept(f"load-{name}-{key}", make, movable=True) / "jars"


def _kept(name: str, make: Callable[[Path], None], *, movable: bool) -> Path:
    cache = default_cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / name
    mark = target / ".whole"
    if mark.exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    if movable:
        with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=cache) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            make(made)
            made.rename(target)
    else:
        make(target)
    mark.touch()
    return target


def _key(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]


def _run(argv: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | (environment or {}),
        timeout=_MAKE_SECONDS,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])
        raise FatalError(f"cannot make {what} (exit {done.returncode}); it said:\n{said}")
