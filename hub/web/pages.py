"""What a worker shows the world: /metrics for Prometheus, /healthz about progress, /readyz after recovery."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

STALLED_AFTER_SECONDS = 60.0


def _value(name: str, agent: str) -> float:
    return REGISTRY.get_sample_value(name, {"agent": agent}) or 0.0


def stalled(agents: Sequence[str], now: float) -> dict[str, float]:
    """Seconds since the last progress of each agent that has made none for too long.

    Progress is a committed chunk, a step of recovery, or the broker's word that there is nothing to read.
    """
    ages = {agent: now - _value("hub_progress_timestamp_seconds", agent) for agent in agents}
    return {agent: age for agent, age in ages.items() if age > STALLED_AFTER_SECONDS}


def attach(app: Any, agents: Sequence[str]) -> None:
    """Add the pages to a Faust app."""

    @app.page("/metrics", name="metrics")
    async def metrics(view: Any, request: Any) -> Any:
        return view.bytes(generate_latest(), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    @app.page("/healthz", name="healthz")
    async def healthz(view: Any, request: Any) -> Any:
        late = stalled(agents, time.time())
        if late:
            return view.json({"status": "stalled", "seconds_without_progress": late}, status=503)
        return view.json({"status": "ok"})

    @app.page("/readyz", name="readyz")
    async def readyz(view: Any, request: Any) -> Any:
        waiting = [agent for agent in agents if not _value("hub_ready", agent)]
        return (
            view.json({"status": "recovering", "agents": waiting}, status=503)
            if waiting
            else view.json({"status": "ready"})
        )
