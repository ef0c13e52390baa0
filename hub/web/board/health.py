"""How the hub is: what the worker says of itself on its own pages, and what edges have written down."""

from __future__ import annotations

import threading
import time
from typing import Any

from hub.scrape import Metrics, ask, fetch
from hub.sdk.running.edges import edges_folder
from hub.sdk.running.status import Board as EdgeBoard
from hub.sdk.running.status import EdgeState, Status
from hub.settings import Settings

_EVERY_SECONDS = 2.0
_PATIENCE_SECONDS = 1.5
_LAG, _READY, _PROGRESS = "hub_lag_records", "hub_ready", "hub_progress_timestamp_seconds"
BAD_STATES = frozenset((EdgeState.DEGRADED, EdgeState.FAILED))


class HubHealth:
    """Looked at by a thread of its own, as often as somebody asks and at most every other second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker = f"http://{settings.web_host}:{settings.web_port}"
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._shown: dict[str, Any] = {}

    def shown(self) -> dict[str, Any]:
        """worker: ready, waiting or away; lag: records not yet read; edges by state; agents."""
        with self._lock:
            if time.monotonic() - self._looked_at >= _EVERY_SECONDS:
                self._looked_at = time.monotonic()
                self._shown = self._look()
            return self._shown

    def edges(self) -> list[Status]:
        """Each edge and sink as it said last."""
        folder = edges_folder(self._settings)
        names = sorted(path.name.removesuffix(".status.json") for path in folder.glob("*.status.json"))
        return [EdgeBoard.read(name, "", folder) for name in names]

    def _look(self) -> dict[str, Any]:
        agents = self._agents()
        edges = self.edges()
        bad = [each.name for each in edges if each.state in BAD_STATES or each.gone]
        return {
            "worker": self._standing(), "agents": agents, "lag": sum(each["lag"] for each in agents.values()),
            "edges": len(edges), "bad_edges": bad,
        }  # fmt: skip

    def _standing(self) -> str:
        answer = ask(f"{self._worker}/readyz", _PATIENCE_SECONDS)
        return "away" if answer is None else "ready" if answer.is_success else "waiting"

    def _agents(self) -> dict[str, dict[str, Any]]:
        """By name: records not yet read, whether it serves, when it last made progress (seconds since 1970)."""
        metrics = Metrics(fetch(f"{self._worker}/metrics", _PATIENCE_SECONDS) or "", (_LAG, _READY, _PROGRESS))
        return {
            agent: {
                "lag": int(metrics.total(_LAG, agent=agent)), "ready": bool(metrics.total(_READY, agent=agent)),
                "progress": int(metrics.total(_PROGRESS, agent=agent)),
            }
            for agent in metrics.values_of("agent")
        }  # fmt: skip
