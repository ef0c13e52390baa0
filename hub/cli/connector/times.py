"""Times as people give them to a command."""

from __future__ import annotations

from datetime import datetime

from hub.errors import FatalError
from hub.millis import ms_of


def time_option_ms(text: str) -> int:
    """Milliseconds since 1970 UTC of an ISO time; one without an offset is UTC. Raises FatalError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise FatalError(f"{text!r} is no time; write e.g. 2026-01-31T08:00+08:00") from None
    return ms_of(found)
