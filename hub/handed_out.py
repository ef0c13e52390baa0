"""Files that hold what people have written, made for somebody to take: never for everybody on the machine."""

from __future__ import annotations

import os

_HANDED_OUT = 0o640
"""For their owner, and the group that may take them; a stricter umask has its way, a looser one has not."""


def handed_out(name: str, flags: int) -> int:
    """`open`'s opener for such a file: one that is made anew is its owner's and group's, one that is there keeps its mode."""
    return os.open(name, flags, _HANDED_OUT)
