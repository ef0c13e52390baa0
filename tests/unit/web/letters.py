"""Dead letters of a hub in memory, as the web reads them."""

from __future__ import annotations

from collections.abc import Collection

from hub.inspect.letters import Letter
from hub.testing.memory import MemoryHub
from hub.topics import DEAD


class MemoryLetters:
    """What a hub has set aside."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub

    def letters(self, ids: Collection[str]) -> tuple[list[Letter], bool]:
        records = {f"{each.partition}:{each.offset}": each.value for each in self._hub.broker.records(DEAD.name)}
        codec, there = self._hub.codec, [name for name in ids if name in records]
        return [Letter(name, codec.decode_one(records[name] or b"")[1]) for name in there], False
