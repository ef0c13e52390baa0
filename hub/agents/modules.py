"""The agents, by name, in the order in which a record goes through them."""

from __future__ import annotations

from typing import Any

from hub.agents import deduplicate
from hub.agents.route import agent as route
from hub.agents.track import agent as track

AGENTS: dict[str, Any] = {module.NAME: module for module in (deduplicate, route, track)}
