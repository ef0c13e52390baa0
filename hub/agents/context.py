"""What all agents of a process share: settings, the city's rules, the codec, who sends and who receives."""

from __future__ import annotations

from dataclasses import dataclass

from hub.policy.city import City
from hub.settings import Settings
from hub.stream.codec import Codec


@dataclass(frozen=True)
class Hub:
    """Immutable for the life of the process."""

    settings: Settings
    city: City
    codec: Codec
    sources: tuple[str, ...]
    departments: tuple[str, ...]
