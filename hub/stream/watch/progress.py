"""Keeps when each agent last made progress, and since when it waits for Kafka to write something.

/healthz goes by a clock that nobody can set; the metric gives the time of day.
"""

from __future__ import annotations

import time

from hub.metrics import PROGRESS_TIMESTAMP

_last: dict[str, float] = {}
_asked: dict[str, float] = {}
_began = time.monotonic()


def progressed(agent: str) -> None:
    """Note progress: a chunk is committed, a step of recovery is done, or there is nothing that the agent should do."""
    _last[agent] = time.monotonic()
    PROGRESS_TIMESTAMP.labels(agent).set_to_current_time()


def seconds_without_progress(agent: str) -> float:
    """Seconds since this agent last made progress, or since this process began."""
    return time.monotonic() - _last.get(agent, _began)


def asks(agent: str) -> None:
    """Note that this agent asks Kafka to write something."""
    _asked.setdefault(agent, time.monotonic())


def written(agent: str) -> None:
    """Note that Kafka has written it."""
    _asked.pop(agent, None)


def answered(agent: str) -> None:
    """Note that Kafka has written it, and that this was all the agent had to do."""
    written(agent)
    progressed(agent)


def seconds_unanswered(agent: str) -> float:
    """Seconds since the agent first asked for something that Kafka has not written yet; 0 if all is written."""
    now = time.monotonic()
    return now - _asked.get(agent, now)
