"""What a department says in a call, as the updates it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from hub.declared.texts import parse_json
from hub.errors import RejectedRecordError
from hub.escaping import to_json
from hub.millis import ms_of
from hub.model.event import rejection
from hub.model.update import Update, status_and_step

MOST_UPDATES = 500
_FIELDS = frozenset(Update.model_fields)


class UpdateFault(NamedTuple):
    """What is wrong with the update at this place (0 for the first)."""

    place: int
    reason: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {"at": self.place, "reason": self.reason, "detail": self.detail}


class UnusableCallError(Exception):
    """Nothing of the call is taken: every fault of it."""

    def __init__(self, faults: list[UpdateFault]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


def updates_in(body: bytes, department: str) -> list[Update]:
    """The updates of a call: a JSON object, or a list of them. Raises UnusableCallError."""
    try:
        content = parse_json(body.decode())
        to_json(content).encode()
    except ValueError:
        raise _whole("the body is no JSON in UTF-8") from None
    items = content if isinstance(content, list) else [content]
    if not 1 <= len(items) <= MOST_UPDATES:
        raise _whole(f"send one update, or a list of 1 to {MOST_UPDATES}")
    found: list[Update] = []
    faults: list[UpdateFault] = []
    for index, item in enumerate(items):
        try:
            found.append(_update(item, department))
        except RejectedRecordError as error:
            faults.append(UpdateFault(index, error.reason, error.detail))
        except ValueError as error:
            faults.append(UpdateFault(index, "invalid", str(error)))
    if faults:
        raise UnusableCallError(faults)
    return found


def _whole(detail: str) -> UnusableCallError:
    return UnusableCallError([UpdateFault(0, "invalid", detail)])


def _update(item: Any, department: str) -> Update:
    """Raises RejectedRecordError, or ValueError with a sentence."""
    if not isinstance(item, Mapping):
        raise ValueError("an update is a JSON object")  # noqa: TRY004 - of what was sent
    if item.keys() - _FIELDS:
        raise ValueError(f"it has fields that an update does not have; those are {', '.join(Update.model_fields)}")
    if item.get("department", department) != department:
        raise ValueError("department is not yours; leave it out")
    fields = {"department": department, **item, **_said(item)}
    if "at" in item:
        fields["at"] = _instant("at", item["at"])
    if item.get("until") is not None:
        fields["until"] = _instant("until", item["until"])
    try:
        return Update.model_validate(fields, strict=False)
    except ValidationError as error:
        raise rejection(error) from None


def _said(item: Mapping[str, Any]) -> dict[str, Any]:
    """Status and step, where `status` alone says a step or is in lower case, as on the command line."""
    word = item.get("status")
    if not isinstance(word, str) or item.get("step"):
        return {}
    try:
        status, step = status_and_step(word.upper())
    except ValueError:
        raise ValueError("status is none that there is; see the table of steps in the contract") from None
    return {"status": status, "step": step}


def _instant(name: str, value: Any) -> int:
    """A number of ms since 1970 as it is, or ISO 8601 with an offset."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError(f"{name} is ms since 1970 UTC, or a time with offset like 2026-03-02T09:00:00+08:00")
    return ms_of(when)
