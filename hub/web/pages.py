"""What a worker shows the world: /metrics for Prometheus, /healthz about progress, /readyz after recovery, /sources about who is
paused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import mode
from prometheus_client import REGISTRY

from hub.clock import Clock, iso
from hub.serving import Page, PageServer, json_page, metrics_page
from hub.settings import Settings
from hub.stream.gate import Gate
from hub.stream.pauses.standings import Standing
from hub.stream.watch.progress import seconds_unanswered, seconds_without_progress

STALLED_AFTER_SECONDS = 60.0
ANSWERED_WITHIN_SECONDS = 10.0


def _value(name: str, agent: str) -> float:
    return REGISTRY.get_sample_value(name, {"agent": agent}) or 0.0


def stalled(agents: Sequence[str]) -> dict[str, float]:
    """Seconds since the last progress of each agent that has made none for too long.

    Progress is a committed chunk, a step of recovery, the broker's word that there is nothing to read, or that the agent has to
    wait, as /readyz says.
    """
    ages = {agent: seconds_without_progress(agent) for agent in agents}
    return {agent: age for agent, age in ages.items() if age > STALLED_AFTER_SECONDS}


def unanswered(agents: Sequence[str]) -> dict[str, float]:
    """Seconds since each agent asked Kafka to write something, of those that have waited for an answer for too long.

    A cluster without a quorum goes on to answer what its brokers know by heart, and writes nothing.
    """
    ages = {agent: seconds_unanswered(agent) for agent in agents}
    return {agent: age for agent, age in ages.items() if age > ANSWERED_WITHIN_SECONDS}


class Pages(mode.Service):
    """The pages, served while the app runs, from a thread of their own. `paused`: the sources that are, by topic."""

    def __init__(
        self,
        settings: Settings,
        agents: Sequence[str],
        gate: Gate,
        clock: Clock,
        paused: Callable[[], Mapping[str, Standing]],
    ) -> None:
        super().__init__()
        self._agents, self._gate, self._clock, self._paused = agents, gate, clock, paused
        pages = {
            "/metrics": metrics_page, "/healthz": self._healthz, "/readyz": self._readyz, "/sources": self._sources,
        }  # fmt: skip
        self._server = PageServer(pages, settings.web_host, settings.web_port)

    async def on_start(self) -> None:
        self._server.start()

    async def on_stop(self) -> None:
        await asyncio.to_thread(self._server.stop)

    def _healthz(self) -> Page:
        waiting = unanswered(self._agents)
        if waiting:
            return json_page({"status": "Kafka does not answer", "seconds_without_an_answer": waiting}, 503)
        late = stalled(self._agents)
        if late:
            return json_page({"status": "stalled", "seconds_without_progress": late}, 503)
        return json_page({"status": "ok", "clock": self._clock.doubt or "agrees with the broker's"})

    def _readyz(self) -> Page:
        if (reason := self._gate.closed) is not None:
            return json_page({"status": "waiting", "reason": reason}, 503)
        waiting = [agent for agent in self._agents if not _value("hub_ready", agent)]
        if waiting:
            return json_page({"status": "recovering", "agents": waiting}, 503)
        return json_page({"status": "ready", "paused_sources": sorted(self._paused())})

    def _sources(self) -> Page:
        """Who is paused is no fault of the worker: the page answers 200."""
        return json_page({"paused": [_shown(topic, each) for topic, each in sorted(self._paused().items())]})


def _shown(topic: str, standing: Standing) -> dict[str, str]:
    return {
        "topic": topic, "since": iso(standing.at_ms), "why": standing.why, "by": standing.by,
        "way_out": f"mend the sender, then `cityhub source resume {topic}`; everybody else goes on",
    }  # fmt: skip
