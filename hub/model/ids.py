"""Identities that are derived, never drawn: a replay makes the same ones."""

from __future__ import annotations

import base64
import hashlib

_CASE_BYTES = 10  # 80 bits: 330 million cases collide with a chance of 5 in 100 million


def _digest(*parts: str, size: int = _CASE_BYTES) -> str:
    raw = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=size).digest()
    return base64.b32encode(raw).decode()


def case_id(source: str, source_ref: str) -> str:
    """The id of the case that this report leads."""
    return f"C-{_digest(source, source_ref)}"


def derived_id(prefix: str, *parts: str) -> str:
    """The id of an order, a reply or the like, made from what caused it."""
    return f"{prefix}-{_digest(*parts)}"
