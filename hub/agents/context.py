"""What all agents of a process share: settings, the city's rules, the codec, who sends and who receives."""

from __future__ import annotations

from dataclasses import dataclass

from hub.agents.live_policy import LivePolicy
from hub.policy.city import City
from hub.settings import Settings
from hub.stream.codec import Codec


@dataclass(frozen=True)
class Hub:
    """For the life of the process; of it only the rules change."""

    settings: Settings
    policy: LivePolicy
    codec: Codec
    sources: tuple[str, ...]
    departments: tuple[str, ...]

    @property
    def city(self) -> City:
        """The latest rules."""
        return self.policy.latest
