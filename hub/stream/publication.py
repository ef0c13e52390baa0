"""What an agent made of a chunk, on its way from the outlet to the transaction that commits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hub.stream.writing.writer import Output


class Publication(NamedTuple):
    """The results of one chunk. All of it commits together, or nothing does."""

    outputs: list[Output]
    ends: dict[tuple[str, int], int]
    """The next offset to read of each topic (without namespace) and partition."""
    committed: Callable[[], None]
    """Called once all of it has committed."""
