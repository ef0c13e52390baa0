"""Dead letters made by hand."""

from __future__ import annotations

from typing import Any

from hub.inspect.letters import Letter


def a_letter(number: int, value: bytes | None = b"x", **changes: Any) -> Letter:
    """One of `police`, set aside by `deduplicate`."""
    origin = {"topic": "city.police.events", "partition": 0, "offset": number}
    record: dict[str, Any] = {
        "stage": "deduplicate", "reason": "invalid", "detail": "it is not so", "at": 1_000 + number, "origin": origin,
        "until": None, "file": None, "line": None, "key": b"P1", "value": value, "truncated": False,
        "size_bytes": None, "sha256": None,
    }  # fmt: skip
    return Letter(f"0:{number}", record | changes)
