"""Finding and fetching promtool of the release that compose runs."""

import os
import re
from pathlib import Path

import pytest

from hub.declared.document import read_yaml
from hub.errors import FatalError
from hub.settings import ROOT
from ops.checks import tools

APT_GET = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  *indextargets*) echo "$SITE" ;;
  *update*) [ -z "$BROKEN" ] || { echo "E: no answer" >&2; exit 100; } ;;
  *download*promtool*) touch promtool_1.deb prometheus_1.deb ;;
  *download*) touch alertmanager_1.deb ;;
esac
"""
APT_CACHE = """#!/bin/sh
echo " promtool | 1.0.0+ds-1 | somewhere"
case "$*" in *promtool*) echo " promtool | $OFFERED | somewhere" ;; *) echo " x | $OTHER | somewhere" ;; esac
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/usr/bin"
names=prometheus; version=$OFFERED
case "$2" in *promtool*) names=promtool ;; *alertmanager*) names="amtool prometheus-alertmanager"; version=$OTHER ;; esac
for name in $names; do
  printf '#!/bin/sh\\necho "%s, version %s (branch: x)"\\n' $name "$version" > "$3/usr/bin/$name"
  chmod +x "$3/usr/bin/$name"
done
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and nothing on its PATH but /bin's own; its programs go into the folder returned."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "touch", "mkdir", "chmod", "printf"):
        (programs / name).symlink_to(next(p for p in (Path("/bin", name), Path("/usr/bin", name)) if p.exists()))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("CITYHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("OFFERED", f"{tools.wanted()}.9+ds1-6")
    monkeypatch.setenv("OTHER", f"{tools.wanted(tools.ALERTMANAGER)}.9-1")
    monkeypatch.setenv("SITE", "http://mirror.example/debian/")
    monkeypatch.delenv("BROKEN", raising=False)
    tools.version_of.cache_clear()
    return programs


def _program(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o755)
    return folder / name


def _debian(machine: Path) -> None:
    for name, text in (("apt-get", APT_GET), ("apt-cache", APT_CACHE), ("dpkg-deb", DPKG_DEB)):
        _program(machine, name, text)


def _says(version: str) -> str:
    return f'#!/bin/sh\necho "promtool, version {version} (branch: HEAD, revision: 1)"\n'


def test_it_is_the_release_that_compose_runs() -> None:
    for kit in tools.KITS:
        image = read_yaml(ROOT / "docker-compose.yml")["services"][kit.service]["image"]
        assert image.startswith(f"prom/{kit.service}:v{tools.wanted(kit)}.")
        for name in kit.programs:
            assert tools.version_of(str(tools.find(name))).startswith(f"{tools.wanted(kit)}.")


def test_what_is_missing_is_said_in_one_sentence(machine: Path) -> None:
    with pytest.raises(FatalError, match=f"`promtool` {tools.wanted()} is missing: run `make setup`") as caught:
        tools.find("promtool")
    assert "\n" not in str(caught.value)
    with pytest.raises(FatalError, match="no Debian"):
        tools.fetch()


def test_the_path_comes_first_if_it_is_of_that_release(machine: Path) -> None:
    program = _program(machine, "promtool", _says(f"{tools.wanted()}.7"))
    assert tools.find("promtool") == program


@pytest.mark.parametrize("version", ["2.42.0+ds", "3.50.1", "13.5.0"])
def test_one_of_another_release_does_not_serve_and_is_named(version: str, machine: Path) -> None:
    program = _program(machine, "promtool", _says(version))
    with pytest.raises(FatalError, match=re.escape(f"({program} is {version})")):
        tools.find("promtool")


def test_fetched_once_past_one_of_another_release(machine: Path) -> None:
    _debian(machine)
    _program(machine, "promtool", _says("2.42.0"))
    tools.fetch()
    folders = [tools.unpacked_dir(kit) for kit in tools.KITS]
    found = [tools.find(name) for kit in tools.KITS for name in kit.programs]
    names = ["promtool", "prometheus", "amtool", "prometheus-alertmanager"]
    assert found == [folders[number // 2] / name for number, name in enumerate(names)]
    calls = Path(os.environ["CALLS"])
    assert f"promtool={tools.wanted()}.9+ds1-6" in calls.read_text()
    asked = len(calls.read_text().splitlines())
    tools.fetch()
    assert len(calls.read_text().splitlines()) == asked, "nothing is fetched twice"
    assert sorted(folders[0].parent.iterdir()) == sorted(folders), "no scratch is left"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BROKEN", "1", r"`apt-get update` failed \(E: no answer\): put `promtool`"),
        ("OFFERED", "9.9.1-1", r"Debian has prometheus 1\.0\.0\+ds-1, 9\.9\.1-1 now, and docker-compose\.yml runs"),
        ("SITE", "http://mirror.example/ubuntu", "this machine's packages are not Debian's"),
    ],
)
def test_what_cannot_be_fetched_is_said_and_leaves_nothing(
    variable: str, value: str, said: str, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _debian(machine)
    monkeypatch.setenv(variable, value)
    with pytest.raises(FatalError, match=said):
        tools.fetch()
    assert list(tools.unpacked_dir().parent.iterdir()) == []


def test_alertmanager_finds_its_templates_beside_itself(tmp_path: Path) -> None:
    """Debian's looks where only root may put them; nothing in the program may move for it."""
    usr = tmp_path / "usr"
    (usr / "bin").mkdir(parents=True)
    (usr / "share/prometheus/alertmanager").mkdir(parents=True)
    (usr / "share/prometheus/alertmanager/default.tmpl").write_text("x")
    program = usr / "bin" / "prometheus-alertmanager"
    program.write_bytes(b"a/usr/share/prometheus/alertmanager\x00b/usr/share/prometheus/alertmanager/uic")
    before = program.stat().st_size
    tools._take_along(usr)
    assert program.stat().st_size == before
    (first, second) = program.read_bytes().split(b"\x00")
    assert first[:3] == b"a./"
    assert b"usr" not in first + second
    assert os.path.normpath(first[1:] + b"/default.tmpl") == b"default.tmpl"
    assert (usr / "bin" / "default.tmpl").read_text() == "x"
