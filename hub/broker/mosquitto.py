"""Mosquitto, a broker of MQTT messages, where the machine has one: in the user's cache (ops/checks/mosquitto.py) or on the PATH."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from hub.broker.jars import default_cache_dir
from hub.errors import FatalError

WAY_OUT = "install Debian's package `mosquitto`, or put the program on the PATH"


class Mosquitto(NamedTuple):
    """The program, and what has to be in the environment that it runs in."""

    program: Path
    environment: dict[str, str]


def unpacked_dir() -> Path:
    """Where it is put. The folder exists only when it is complete."""
    return default_cache_dir() / "mosquitto"


def find_mosquitto() -> Mosquitto:
    """Raises FatalError, in one sentence with the way out."""
    folder = unpacked_dir()
    if (folder / "usr" / "sbin" / "mosquitto").is_file():
        return unpacked(folder)
    if there := shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin"):
        return Mosquitto(Path(there), {})
    raise FatalError(f"`mosquitto` is missing: run `make setup` on Debian, else {WAY_OUT}.")


def unpacked(folder: Path) -> Mosquitto:
    """Of packages that lie in this folder."""
    libraries = sorted({str(path.parent) for path in folder.glob("**/*.so*")})
    return Mosquitto(folder / "usr" / "sbin" / "mosquitto", {"LD_LIBRARY_PATH": ":".join(libraries)})
