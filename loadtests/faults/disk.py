"""A small disk that can be filled: a tmpfs where mounting is allowed, else a folder that takes nothing while it is full."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

_KIB = 512
_FILLER = "filler"
_BLOCK = bytes(4096)


class TinyDisk:
    """`fill` leaves no byte free, `clear` gives all back. `how` says what is used.

    Without the right to mount, the folder is made read-only instead: that stops everyone but root, who may mount.
    """

    def __init__(self, folder: Path, kib: int = _KIB) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "cityhub-faults", str(folder)]
        try:
            mounted = subprocess.run(mount, capture_output=True, timeout=30, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        self.mounted = mounted
        self._kib = kib

    @property
    def how(self) -> str:
        return f"tmpfs of {self._kib} KiB" if self.mounted else "folder made read-only"

    def fill(self) -> None:
        if not self.mounted:
            self.folder.chmod(0o500)
            return
        try:
            with (self.folder / _FILLER).open("ab", buffering=0) as file:
                while True:
                    file.write(_BLOCK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def clear(self) -> None:
        if self.mounted:
            (self.folder / _FILLER).unlink(missing_ok=True)
        else:
            self.folder.chmod(0o700)

    def close(self) -> None:
        """Unmount; what was on it is gone."""
        self.clear()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, timeout=30, check=False)
            self.mounted = False
