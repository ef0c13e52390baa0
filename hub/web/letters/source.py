"""Where dead letters lie whole."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from hub.inspect.letters import Letter, letters_at
from hub.settings import Settings
from hub.stream.avro.codec import Codec


class LetterSource(Protocol):
    """Whatever has letters with their bytes."""

    def letters(self, ids: Collection[str]) -> tuple[list[Letter], bool]:
        """Those that are there still, and whether there are more than may be held at once. Raises what hub.sdk.errors names."""
        ...


class KafkaLetters:
    """hub.dead itself."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings, self._codec = settings, codec

    def letters(self, ids: Collection[str]) -> tuple[list[Letter], bool]:
        return letters_at(self._settings, self._codec, ids)
