"""What is personal in rows, as their mapping declares it: which columns, and rows without those that stay at the source."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from typing import Any

from hub.model.event import CaseEvent
from hub.model.marks import personal_fields
from hub.model.personal import Personal
from hub.model.update import Update
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.updates import field_of_update

BY_REFERENCE = "by reference"
"""Of a column that stays at the source: who needs it asks there, by the reference."""


def without(values: Values[str, Any], personal: Sequence[str]) -> dict[str, Any]:
    """The columns that are not personal, nor part of an object that is; in lists of objects the fields that are not."""
    if not personal:
        return dict(values)
    within = tuple(f"{each}." for each in personal)
    return {
        name: _bare(value, _inside(name, personal)) if isinstance(value, list) else value
        for name, value in values.items()
        if name not in personal and not name.startswith(within)
    }


def _bare(value: Any, personal: list[str]) -> Any:
    if not personal:
        return value
    if isinstance(value, list):
        return [_bare(each, personal) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each, _inside(name, personal)) for name, each in value.items() if name not in personal}
    return value


def _inside(name: str, personal: Sequence[str]) -> list[str]:
    """What is personal within the object `name`, by its own names."""
    return [each[len(name) + 1 :] for each in personal if each.startswith(f"{name}.")]


def personal_columns(mapping: Mapping) -> dict[str, str]:
    """Of each column that may be personal what of a person stands there, by the fields that are read from it; or that it is not
    carried."""
    kinds = personal_fields(Update if mapping.update else CaseEvent)
    read: dict[str, set[str]] = {}
    for event in (mapping.event, *(each.event for each in mapping.also)):
        for name, spec in event.specs().items():
            kind = kinds.get(_path(field_of_update(name) if mapping.update else name), Personal.NONE)
            if kind is not Personal.NONE:
                for column in spec.columns():
                    read.setdefault(column, set()).add(kind.value)
        if event.attachments:
            read.setdefault(event.attachments.column, set()).add(Personal.FILES.value)
    return {column: ", ".join(sorted(kinds)) for column, kinds in read.items()} | dict.fromkeys(
        mapping.personal, BY_REFERENCE
    )


def _path(name: str) -> str:
    return "attributes{}" if name.startswith("attributes.") else name
