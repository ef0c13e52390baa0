"""Where a process of the web keeps its read model while it runs: for the owner alone, and gone afterwards."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from pathlib import Path

_LOCK, _FRESH = "lock", "fresh-"


class ModelFolder:
    """A new folder in `root`, locked by this process. Those of processes that were killed are removed: what people reported
    stands in them."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in root.iterdir():
            if not left.name.startswith(_FRESH):
                _remove_if_left(left)
        name = uuid.uuid4().hex
        fresh, self.path = root / f"{_FRESH}{name}", root / name
        fresh.mkdir(mode=0o700)
        self._lock = os.open(fresh / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(self.path)  # under this name it is locked, or nobody's

    def remove(self) -> None:
        """With all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_if_left(folder: Path) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:  # somebody else removes it
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
