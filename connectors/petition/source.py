"""The petition source: Petitions (信访)."""

from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.mapping.fields import Mapper
from hub.sdk.sources.file.source import FileSource

from .client import PetitionClient
from .config import PetitionConfig
from .mapping import to_event


class PetitionSource(FileSource):
    """Reads files by a declared mapping."""

    Config = PetitionConfig
    Client = PetitionClient

    def to_event(self, values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
        return to_event(values, mapper)


SOURCE = PetitionSource
