"""Makes dead letters that their topic takes, whatever they are about: of what is too large the beginning is kept,
with size and digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from hub.topics import DEAD

MAX_KEY_BYTES = 16 * 1024
_MAX_DETAIL_CHARS = 4_000
_REST_BYTES = 8 * _MAX_DETAIL_CHARS
"""Room for all but value and key: the detail, names, numbers."""


def fitted(letter: Mapping[str, Any]) -> dict[str, Any]:
    """A `cityhub.DeadLetter` that fits into hub.dead together with its own key as Kafka's key. It is `truncated` if
    key or value was cut."""
    key, value = letter["key"], letter["value"]
    kept_key = key and key[:MAX_KEY_BYTES]
    most = DEAD.max_bytes - 2 * len(kept_key or b"") - _REST_BYTES
    kept = value and value[:most]
    found = {**letter, "key": kept_key, "value": kept, "detail": letter["detail"][:_MAX_DETAIL_CHARS]}
    if kept_key == key and kept == value:
        return found
    digest = None if value is None else hashlib.sha256(value).hexdigest()
    return found | {"truncated": True, "size_bytes": None if value is None else len(value), "sha256": digest}
