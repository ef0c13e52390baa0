"""Finding and fetching mosquitto; a machine that has none is told so, and not stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.broker.mosquitto import find_mosquitto
from hub.errors import FatalError
from ops.checks import mosquitto

APT_GET = """#!/bin/sh
case "$*" in *update*) [ -z "$BROKEN" ] || { echo "E: no answer" >&2; exit 100; } ;; *download*) touch mosquitto_2.deb ;; esac
"""
APT_CACHE = """#!/bin/sh
echo "mosquitto"; echo "  Depends: libwrap0"; echo " |Depends: libc6"
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/usr/sbin" "$3/usr/lib"
if [ -e "$3/usr/sbin/mosquitto" ]; then touch "$3/usr/lib/libwrap.so.0"; else touch "$3/usr/sbin/mosquitto"; fi
"""
LDD = """#!/bin/sh
case "$LD_LIBRARY_PATH" in *usr/lib*) echo "all found" ;; *) echo "libwrap.so.0 => not found" ;; esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and nothing on its PATH but a shell; its programs go into the folder returned."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "touch", "mkdir"):
        (programs / name).symlink_to(next(p for p in (Path("/bin", name), Path("/usr/bin", name)) if p.exists()))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("CITYHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mosquitto.shutil, "which", _which_of(programs))
    return programs


def _which_of(programs: Path) -> object:
    return lambda name, path=None: str(programs / name) if path is None and (programs / name).exists() else None


def debian(programs: Path) -> None:
    for name, text in {"apt-get": APT_GET, "apt-cache": APT_CACHE, "dpkg-deb": DPKG_DEB, "ldd": LDD}.items():
        (programs / name).write_text(text, "utf-8")
        (programs / name).chmod(0o755)


def test_what_is_on_the_path_serves(machine: Path) -> None:
    (machine / "mosquitto").touch()
    assert find_mosquitto() == (machine / "mosquitto", {})


def test_it_is_unpacked_with_what_it_needs(machine: Path, tmp_path: Path) -> None:
    debian(machine)
    mosquitto.fetch()
    folder = tmp_path / "cache" / "mosquitto"
    assert find_mosquitto() == (folder / "usr" / "sbin" / "mosquitto", {"LD_LIBRARY_PATH": str(folder / "usr" / "lib")})
    assert list((tmp_path / "cache").iterdir()) == [folder]


@pytest.mark.parametrize("broken", [False, True])
def test_where_it_cannot_be_had_this_is_said_and_no_failure(
    machine: Path, tmp_path: Path, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken:
        debian(machine)
        monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(FatalError, match="mosquitto"):
        mosquitto.fetch()
    result = CliRunner().invoke(mosquitto.main)
    assert result.exit_code == 0
    assert "tests of MQTT, and the demo" in result.output
    assert not (tmp_path / "cache" / "mosquitto").exists()
