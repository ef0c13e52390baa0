"""What people reported does not stay behind a process that was killed."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hub.web.folder import ModelFolder

pytestmark = pytest.mark.process

_KILLED = "import os, signal, sys; from pathlib import Path; from hub.web.folder import ModelFolder; "


def test_what_a_killed_process_left_is_removed_and_what_another_uses_is_not(tmp_path: Path) -> None:
    used = ModelFolder(tmp_path / "models")
    program = _KILLED + "ModelFolder(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "models")], check=False)
    assert len(list((tmp_path / "models").iterdir())) == 2
    fresh = ModelFolder(tmp_path / "models")
    assert set((tmp_path / "models").iterdir()) == {used.path, fresh.path}
    assert stat.S_IMODE(used.path.stat().st_mode) == 0o700
    used.remove()
    fresh.remove()
    assert not list((tmp_path / "models").iterdir())
