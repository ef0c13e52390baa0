"""How many cases that are over an agent forgets with each chunk."""

from __future__ import annotations

from hub.stream.chunk import Chunk

_AT_LEAST = 100


def forgotten_at_most(chunk: Chunk) -> int:
    """Of one partition: more than can have come to an end in a chunk, so that memory does not grow; few enough that a worker
    that was away does not forget all at once."""
    return max(_AT_LEAST, 2 * len(chunk) // max(1, len(chunk.own_numbers)))
