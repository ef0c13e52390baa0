"""Rows without what is personal in them, as their mapping declares it."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from typing import Any


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
