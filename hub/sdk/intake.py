"""From an item to an event, by the connector's mappings; and to the bytes that a dead letter keeps of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import Item, ItemOutcome
from hub.sdk.manifest import Manifest
from hub.sdk.mapping.by_columns import ByColumns, EventColumns
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.personal import without
from hub.sdk.mapping.updates import department_update


class MappingSet:
    """The mappings of one connector, each loaded when it is asked for. `default`: of items that name none."""

    def __init__(self, manifest: Manifest, default: str | None = None) -> None:
        self._manifest = manifest
        self._default = default or manifest.default_mapping
        self._mappers: dict[str, Mapper] = {}
        self._by_columns: dict[str, ByColumns] = {}

    def mapper(self, name: str | None = None) -> Mapper:
        """Raises FatalError if the manifest does not list it, or the file is unsound."""
        name = name or self._default
        if name not in self._mappers:
            self._mappers[name] = Mapper(load_mapping(self._manifest.mapping_path(name)), self._manifest.domain)
        return self._mappers[name]

    def mapping(self, name: str | None = None) -> Mapping:
        return self.mapper(name).mapping

    def outcome(self, item: Item) -> ItemOutcome:
        """What becomes of an item. Never raises for what is in it."""
        if item.outcome is not None:
            return item.outcome
        if item.fault is not None or item.values is None:
            return ItemOutcome(rejection=item.fault or RejectedRecordError(Reason.BAD_ROW, "it cannot be taken apart"))
        mapper = self.mapper(item.mapping)
        values = item.values if item.raw is not None else without(item.values, mapper.mapping.personal)
        try:
            events = mapper.events(values)
            if mapper.mapping.update is not None:
                for event in events:
                    department_update(event, self._manifest.domain)  # whoever says it: it can be said
        except RejectedRecordError as error:
            return ItemOutcome(rejection=error)
        return ItemOutcome(events[0], others=tuple(events[1:])) if events else ItemOutcome()

    def columns(self, items: Sequence[Item]) -> EventColumns | None:
        """What becomes of those of many items in which nothing is out of the ordinary; of the others `outcome` tells. None: not of
        these."""
        name = items[0].mapping
        if any(item.mapping != name or item.values is None or item.fault or item.outcome for item in items):
            return None
        by_columns = self._columns_of(name or self._default)
        if not by_columns.usable:
            return None
        personal = self.mapping(name).personal
        return by_columns.read(
            [
                item.values if item.raw is not None or not personal else without(item.values, personal)  # type: ignore[misc,arg-type]
                for item in items
            ]
        )

    def _columns_of(self, name: str) -> ByColumns:
        if name not in self._by_columns:
            self._by_columns[name] = ByColumns(self.mapper(name).mapping, self._manifest.domain)
        return self._by_columns[name]

    def kept(self, item: Item) -> Item:
        """The item as a dead letter may keep it: without personal columns, and without bytes that nobody can rid of them."""
        personal = self.mapping(item.mapping).personal
        if item.values is None:
            return _withheld(item) if personal and item.raw else item
        if item.raw is not None:
            return item
        plain = without(item.values, personal)
        return item._replace(raw=json.dumps(plain, ensure_ascii=False, default=str).encode(errors="backslashreplace"))


def _withheld(item: Item) -> Item:
    raw = item.raw or b""
    return item._replace(raw=b"", size_bytes=item.size_bytes or len(raw), sha256=hashlib.sha256(raw).hexdigest())
