"""The citymgmt source: City management (数字城管)."""

from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.mapping.fields import Mapper
from hub.sdk.sources.file.source import FileSource

from .client import CityManagementClient
from .config import CityManagementConfig
from .mapping import to_event


class CityManagementSource(FileSource):
    """Reads files by a declared mapping."""

    Config = CityManagementConfig
    Client = CityManagementClient

    def to_event(self, values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
        return to_event(values, mapper)


SOURCE = CityManagementSource
