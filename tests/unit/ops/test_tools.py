"""Finding and fetching promtool."""

import os
from pathlib import Path

import pytest

from hub.errors import FatalError
from ops.checks import tools

APT_GET = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  *update*) touch "$CALLS.updated" ;;
  *download*) [ -e "$CALLS.updated" ] || { echo "E: Unable to locate package" >&2; exit 100; }; touch prometheus_1.deb ;;
esac
"""
DPKG_DEB = """#!/bin/sh
mkdir -p "$3/usr/bin"
for name in promtool prometheus; do echo '#!/bin/sh' > "$3/usr/bin/$name"; chmod +x "$3/usr/bin/$name"; done
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and nothing on its PATH but /bin's own; its programs go into the folder returned."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "touch", "mkdir", "chmod"):
        (programs / name).symlink_to(next(p for p in (Path("/bin", name), Path("/usr/bin", name)) if p.exists()))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("CITYHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return programs


def _program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o755)


def test_what_is_missing_is_said_in_one_sentence(machine: Path) -> None:
    with pytest.raises(FatalError, match="`promtool` is missing: run `make setup`") as caught:
        tools.find("promtool")
    assert "\n" not in str(caught.value)
    with pytest.raises(FatalError, match="no Debian"):
        tools.fetch()


def test_the_path_comes_first(machine: Path) -> None:
    _program(machine, "promtool", "#!/bin/sh\n")
    assert tools.find("promtool") == machine / "promtool"


def test_fetched_with_fresh_package_lists_by_root(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(machine, "apt-get", APT_GET)
    _program(machine, "dpkg-deb", DPKG_DEB)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    tools.fetch()
    assert tools.find("promtool") == tools.unpacked_dir() / "usr/bin/promtool"
    calls = Path(os.environ["CALLS"])
    assert [line.split()[1] for line in calls.read_text().splitlines()] == ["download", "update", "download"]
    tools.fetch()
    assert len(calls.read_text().splitlines()) == 3, "nothing is fetched twice"
    assert [path.name for path in tools.unpacked_dir().parent.iterdir()] == ["prometheus"], "no scratch is left"


def test_not_fetched_by_another_user_without_lists(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(machine, "apt-get", APT_GET)
    _program(machine, "dpkg-deb", DPKG_DEB)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(FatalError, match=r"Unable to locate package.*apt-get install prometheus"):
        tools.fetch()
    assert list(tools.unpacked_dir().parent.iterdir()) == []
