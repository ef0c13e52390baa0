"""What a worker shows the world: /metrics for Prometheus, /healthz about progress, /readyz after recovery, /sources about who is
paused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from hub.clock import Clock, iso
from hub.stream.gate import Gate
from hub.stream.progress import seconds_without_progress
from hub.stream.standings import Standing

STALLED_AFTER_SECONDS = 60.0


def _value(name: str, agent: str) -> float:
    return REGISTRY.get_sample_value(name, {"agent": agent}) or 0.0


def stalled(agents: Sequence[str]) -> dict[str, float]:
    """Seconds since the last progress of each agent that has made none for too long.

    Progress is a committed chunk, a step of recovery, the broker's word that there is nothing to read, or that the agent has to
    wait, as /readyz says.
    """
    ages = {agent: seconds_without_progress(agent) for agent in agents}
    return {agent: age for agent, age in ages.items() if age > STALLED_AFTER_SECONDS}


def attach(
    app: Any, agents: Sequence[str], gate: Gate, clock: Clock, paused: Callable[[], Mapping[str, Standing]]
) -> None:
    """Add the pages to a Faust app. `paused`: the sources that are, by topic."""

    @app.page("/metrics", name="metrics")
    async def metrics(view: Any, request: Any) -> Any:
        return view.bytes(generate_latest(), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    @app.page("/healthz", name="healthz")
    async def healthz(view: Any, request: Any) -> Any:
        late = stalled(agents)
        if late:
            return view.json({"status": "stalled", "seconds_without_progress": late}, status=503)
        return view.json({"status": "ok", "clock": clock.doubt or "agrees with the broker's"})

    @app.page("/readyz", name="readyz")
    async def readyz(view: Any, request: Any) -> Any:
        if (reason := gate.closed) is not None:
            return view.json({"status": "waiting", "reason": reason}, status=503)
        waiting = [agent for agent in agents if not _value("hub_ready", agent)]
        return (
            view.json({"status": "recovering", "agents": waiting}, status=503)
            if waiting
            else view.json({"status": "ready", "paused_sources": sorted(paused())})
        )

    @app.page("/sources", name="sources")
    async def sources(view: Any, request: Any) -> Any:
        """Who is paused is no fault of the worker: the page answers 200."""
        return view.json({"paused": [_shown(topic, each) for topic, each in sorted(paused().items())]})


def _shown(topic: str, standing: Standing) -> dict[str, str]:
    return {
        "topic": topic, "since": iso(standing.at_ms), "why": standing.why, "by": standing.by,
        "way_out": f"mend the sender, then `cityhub source resume {topic}`; everybody else goes on",
    }  # fmt: skip
