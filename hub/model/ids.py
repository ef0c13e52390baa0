"""Identities that are derived, never drawn: a replay makes the same ones."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

_BYTES = 10  # 80 bits: 330 million cases collide with a chance of 5 in 100 million
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", dtype=np.uint8)
_FIVE_BITS = np.array([16, 8, 4, 2, 1], dtype=np.uint8)
_SEPARATOR = "\x1f"
CORRECTS = "corrects"
"""Last part of the id of a reply that takes the place of an earlier one on the same update."""
_START = blake2b(digest_size=_BYTES)
"""Each digest goes on from a copy of it: to set one up takes as long as the digest."""


def case_id(source: str, source_ref: str) -> str:
    """The id of the case that this report leads."""
    return derived_id("C", source, source_ref)


def case_ids(reports: Iterable[tuple[str, str]]) -> list[str]:
    """As `case_id`, for many pairs of source and reference, in a fraction of the time."""
    return derived_ids("C", reports)


def derived_id(prefix: str, *parts: str) -> str:
    """The id of an order, a reply or the like, made from what caused it."""
    return f"{prefix}-{base64.b32encode(_digest(parts)).decode()}"


def of_revision(reference: str, revision: int) -> str:
    """A part of an id derived from what may be said again with other content: each revision of it causes an id of its own."""
    return f"{reference}{_SEPARATOR}{revision}" if revision else reference


def reminder_of(case_id: str, department: str, kind: str, clock: str, policy: str, due_ms: int) -> tuple[str, ...]:
    """What the id of a reminder, an order, is derived from: the notice (`kind`: WARNED or BREACHED) of a clock, as records call it.
    Another due time is another reminder: who leaves out what he has had by its id must not miss it."""
    return case_id, department, kind, clock, policy, str(due_ms)


def derived_ids(prefix: str, rows: Iterable[tuple[str, ...]]) -> list[str]:
    """As `derived_id`, for many rows of parts."""
    raw = np.frombuffer(b"".join(map(_digest, rows)), dtype=np.uint8).reshape(-1, _BYTES)
    if not len(raw):
        return []
    fives = np.unpackbits(raw, axis=1).reshape(len(raw), -1, 5) @ _FIVE_BITS
    head = np.frombuffer(f"{prefix}-".encode(), dtype=np.uint8)
    letters = np.concatenate([np.broadcast_to(head, (len(raw), len(head))), _ALPHABET[fives]], axis=1)
    width = letters.shape[1]
    found: list[str] = np.ascontiguousarray(letters).view(f"S{width}").ravel().astype(f"U{width}").tolist()
    return found


def _digest(parts: tuple[str, ...]) -> bytes:
    state = _START.copy()
    state.update(_SEPARATOR.join(parts).encode())
    return state.digest()
