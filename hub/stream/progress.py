"""When each agent last made progress. /healthz goes by a clock that nobody can set; the metric says the time of day."""

from __future__ import annotations

import time

from hub.metrics import PROGRESS_TIMESTAMP

_last: dict[str, float] = {}
_began = time.monotonic()


def progressed(agent: str) -> None:
    """A chunk is committed, a step of recovery done, or there is nothing that the agent should do."""
    _last[agent] = time.monotonic()
    PROGRESS_TIMESTAMP.labels(agent).set_to_current_time()


def seconds_without_progress(agent: str) -> float:
    """Since its last progress, or since this process began."""
    return time.monotonic() - _last.get(agent, _began)
