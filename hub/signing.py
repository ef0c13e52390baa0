"""How what workers and operators say is signed with the secret that they share (HMAC-SHA256, in a header). Pure."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TypeAlias

_MAC = "mac"
SignedHeaders: TypeAlias = Sequence[tuple[str, bytes | None]]


def signature(value: bytes | None, secret: str | None, *place: str) -> list[tuple[str, bytes]]:
    """Headers for a record of this place: its topic on the broker and, where the last word of each key counts, its key. So nothing
    that was signed once can be put elsewhere. None without a secret."""
    return [(_MAC, _mac(value, secret, place))] if secret else []


def is_signed(value: bytes | None, headers: SignedHeaders | None, secret: str | None, *place: str) -> bool:
    """True if one of the headers is that of `signature`, and always without a secret."""
    if not secret:
        return True
    wanted = _mac(value, secret, place)
    return any(name == _MAC and hmac.compare_digest(found or b"", wanted) for name, found in headers or ())


def _mac(value: bytes | None, secret: str, place: tuple[str, ...]) -> bytes:
    return hmac.digest(secret.encode(), b"\0".join((*(part.encode() for part in place), value or b"")), "sha256")
