"""Fetches Kafka's jars, named by Maven coordinates in ops/broker/pom.xml, once into the user's cache."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hub.broker.java import find_java, find_maven
from hub.errors import FatalError

POM = Path(__file__).parents[2] / "ops" / "broker" / "pom.xml"
_UNITS = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_DOWNLOADED = re.compile(r"Downloaded from .*?/([^/ ]+\.jar) \(([\d.,]+) ([kMG]?B)")


class FetchProgress(NamedTuple):
    """What Maven has downloaded so far; nothing of what it had already."""

    jars: int
    bytes: int


OnFetch = Callable[[FetchProgress], None]


def default_cache_dir() -> Path:
    """$CITYHUB_CACHE, else cityhub in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("CITYHUB_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cityhub"


def pom_key(pom: Path = POM) -> str:
    return hashlib.sha256(pom.read_bytes()).hexdigest()[:12]


def jars_dir(cache_dir: Path | None = None) -> Path:
    """Where the jars of the present pom are, or will be. The folder exists only when it is complete."""
    return (cache_dir or default_cache_dir()) / f"kafka-{pom_key()}"


def ensure_jars(cache_dir: Path | None = None, on_progress: OnFetch | None = None) -> Path:
    """The folder with the broker's jars, fetched if it is not there. Two processes may call this at once."""
    target = jars_dir(cache_dir)
    if target.is_dir():
        return target
    maven, java = find_maven(), find_java()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if not target.is_dir():
            _fetch(maven, java, target, on_progress or (lambda _: None))
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(maven: Path, java: Path, target: Path, on_progress: OnFetch) -> None:
    # A folder beside the target, so that the rename stays on one file system and is atomic.
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        shutil.copyfile(POM, pom)
        output = _run_maven(maven, java, pom, jars, on_progress)
        if not any(jars.glob("kafka_2.13-*.jar")):
            raise FatalError(_failure(output))
        jars.rename(target)


def _run_maven(maven: Path, java: Path, pom: Path, jars: Path, on_progress: OnFetch) -> list[str]:
    goal = [str(maven), "-B", "-C", "-Dstyle.color=never", "-f", str(pom), "dependency:copy-dependencies"]
    # Maven takes JAVA_HOME before the PATH; resolve() because a home is guessed from the real program.
    environment = os.environ | {"JAVA_HOME": str(java.resolve().parents[1])}
    output: list[str] = []
    with subprocess.Popen(
        [*goal, f"-DoutputDirectory={jars}", "-DincludeScope=runtime"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            progress = FetchProgress(0, 0)
            for line in process.stdout:
                output.append(line.rstrip())
                if (now := advance(progress, line)) != progress:
                    on_progress(progress := now)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise FatalError(_failure(output))
    return output


def advance(progress: FetchProgress, line: str) -> FetchProgress:
    """The progress after one line of Maven's output."""
    if match := _DOWNLOADED.search(line):
        size = float(match[2].replace(",", "")) * _UNITS[match[3]]
        return FetchProgress(progress.jars + 1, progress.bytes + round(size))
    return progress


def _failure(output: list[str]) -> str:
    errors = [line.removeprefix("[ERROR] ") for line in output if line.startswith("[ERROR] ")]
    said = (errors or output[-1:] or ["nothing"])[0]
    return (
        f"Maven could not fetch the embedded Kafka; it said: {said}\n"
        "Check the network (or the mirror and proxy in ~/.m2/settings.xml) and try again."
    )
