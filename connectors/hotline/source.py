"""The hotline source: Citizen hotline 12345 (12345热线)."""

from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.mapping.fields import Mapper
from hub.sdk.sources.file.source import FileSource

from .client import HotlineClient
from .config import HotlineConfig
from .mapping import to_event


class HotlineSource(FileSource):
    """Reads files by a declared mapping."""

    Config = HotlineConfig
    Client = HotlineClient

    def to_event(self, values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
        return to_event(values, mapper)


SOURCE = HotlineSource
