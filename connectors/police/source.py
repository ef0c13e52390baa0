"""The police source: Police calls (公安接处警)."""

from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.mapping.fields import Mapper
from hub.sdk.sources.file.source import FileSource

from .client import PoliceClient
from .config import PoliceConfig
from .mapping import to_event


class PoliceSource(FileSource):
    """Reads files by a declared mapping."""

    Config = PoliceConfig
    Client = PoliceClient

    def to_event(self, values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
        return to_event(values, mapper)


SOURCE = PoliceSource
