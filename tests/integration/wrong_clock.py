"""`cityhub` on a machine whose clock stands wrong by so many seconds as a file says, which may change. No tests of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

FILE = "CITYHUB_TEST_CLOCK"
_TRUE_NS = time.time_ns


def _wrong_ns() -> int:
    return _TRUE_NS() + int(float(Path(os.environ[FILE]).read_text("utf-8") or 0) * 1e9)


if __name__ == "__main__":
    time.time_ns = _wrong_ns
    time.time = lambda: _wrong_ns() / 1e9
    from hub.cli.main import main

    main()
