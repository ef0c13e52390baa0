"""Rows of the police system to canonical events. Pure; all of it is declared in mappings/*.yaml."""

from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.mapping.fields import Mapper


def to_event(values: dict[str, Any], mapper: Mapper) -> CaseEvent | None:
    """One row's event; None if the mapping leaves it out. Raises RejectedRecordError."""
    return mapper.event(values)
