"""How the hub is: what the worker says of itself on its own pages, and what edges have written down."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from hub.sdk.running.edges import edges_folder
from hub.sdk.running.status import Board as EdgeBoard
from hub.sdk.running.status import EdgeState, Status
from hub.settings import Settings

_EVERY_SECONDS = 2.0
_TIMEOUT = httpx2.Timeout(1.5)
_LOOKED_AT = ("hub_lag_records", "hub_ready", "hub_progress_timestamp_seconds", "hub_source_paused")
BAD_STATES = frozenset((EdgeState.DEGRADED, EdgeState.FAILED))


class HubHealth:
    """Looked at by a thread of its own, as often as somebody asks and at most every other second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker = f"http://{settings.web_host}:{settings.web_port}"
        self._client = httpx2.Client(trust_env=False, timeout=_TIMEOUT, follow_redirects=False)
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._shown: dict[str, Any] = {}

    def close(self) -> None:
        self._client.close()

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
        try:
            return "ready" if self._client.get(f"{self._worker}/readyz").is_success else "waiting"
        except httpx2.TransportError:
            return "away"

    def _agents(self) -> dict[str, dict[str, Any]]:
        """By name: records not yet read, whether it serves, when it last made progress (seconds since 1970)."""
        found: dict[str, dict[str, Any]] = {}
        for name, labels, value in self._samples():
            if (agent := labels.get("agent")) is None:
                continue
            row = found.setdefault(agent, {"lag": 0, "ready": False, "progress": 0})
            if name == "hub_lag_records":
                row["lag"] += int(value)
            elif name == "hub_ready":
                row["ready"] = bool(value)
            else:
                row["progress"] = int(value)
        return found

    def _samples(self) -> list[tuple[str, dict[str, str], float]]:
        try:
            text = self._client.get(f"{self._worker}/metrics").text
        except httpx2.TransportError:
            return []
        lines = [line for line in text.splitlines() if line.startswith(_LOOKED_AT)]
        families = text_string_to_metric_families("\n".join([*lines, ""]))
        return [(each.name, dict(each.labels), each.value) for family in families for each in family.samples]
