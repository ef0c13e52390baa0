"""What a request or an update of it says, as columns of statements. Pure: the same request, the same statements.

GeoReport gives a request as it stands. That is two statements: that it was made, at `requested_datetime`, and how it stands, at
`updated_datetime`. So a request that is seen for the first time when it is closed is known with its whole life.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hub.errors import RejectedRecordError
from hub.open311.models import iso_of, xml_text
from hub.open311.wording import STATUS_CLOSED, STATUS_OPEN, plain_status, plain_text
from hub.sdk.contract import json_values
from hub.sdk.mapping.times import parse_time

StatementColumns = dict[str, Any]
TIME_FIELDS = ("requested_datetime", "updated_datetime", "expected_datetime")
_TEXTS = ("description", "status_notes", "service_notice", "service_name")
_LATER = ("status_notes", "updated_datetime", "notes")
"""What is not yet there when a request is made."""
_OPENED, _AMENDED = "opened", "amended"
_REOPENS = ("reopen", "reopened")
"""An update of another open status may come late, when its request was closed meanwhile: it opens nothing again."""
_UPDATES = ("update_id", "service_request_id", "description", "media_url", "external_status_code", "customer_reference")
_NOTES = {"description": "status_notes"}


class StatementReader:
    """Reads what one server writes; `formats` and `zone` of its times."""

    def __init__(self, formats: Sequence[str], zone: str) -> None:
        self._formats, self._zone = formats, ZoneInfo(zone)

    def time(self, value: Any) -> int | None:
        """An instant in ms; None for what is none (empty, `0000-00-00`, a word)."""
        text = xml_text(value)
        try:
            return parse_time(text, self._formats, self._zone) if text else None
        except RejectedRecordError:
            return None

    def changed_at(self, request: StatementColumns) -> int | None:
        """When a request last changed, as far as it says; None for one that is closed and does not say when."""
        updated = self.time(request.get("updated_datetime"))
        if updated is None and plain_status(xml_text(request.get("status"))) == STATUS_CLOSED:
            return None
        return updated if updated is not None else self.time(request.get("requested_datetime"))

    def statements(self, request: StatementColumns) -> list[StatementColumns]:
        """One or two, in order: `statement` is OPENED, and then OPEN or CLOSED; `said_at` is when, ISO 8601."""
        now = self._plain(request)
        requested, updated = self.time(now.get("requested_datetime")), self.time(now.get("updated_datetime"))
        for name in TIME_FIELDS:
            if (at := self.time(now.get(name))) is not None:
                now[name] = iso_of(at)
            elif name != "requested_datetime":
                now.pop(name, None)
        made_at = requested if requested is not None else updated
        said_at = max((at for at in (requested, updated) if at is not None), default=None)
        opened = {name: value for name, value in now.items() if name not in _LATER}
        opened |= {"status": STATUS_OPEN, "status_word": STATUS_OPEN}
        first = self._said(opened, _OPENED, made_at)
        if now["status"] == STATUS_OPEN and said_at == made_at and not now.get("status_notes"):
            return [first]
        return [first, self._said(now, now["status"], said_at)]

    def update(self, update: StatementColumns, request: StatementColumns | None) -> StatementColumns:
        """What an update says, beside what its request said when it was made. One that says no time is a bad row."""
        word = xml_text(update.get("status"))
        said = {name: plain_text(text) for name in _UPDATES if (text := xml_text(update.get(name)))}
        if request is not None:
            said = self.statements(request)[0] | {_NOTES.get(name, name): text for name, text in said.items()}
        said |= {"status": plain_status(word), "status_word": word.lower()}
        reopened = STATUS_OPEN if said["status_word"] in _REOPENS else _AMENDED
        statement = STATUS_CLOSED if said["status"] == STATUS_CLOSED else reopened
        at = self.time(update.get("updated_datetime"))
        said["said_at"] = xml_text(update.get("updated_datetime"))
        return self._said(said, statement, at)

    def _said(self, columns: StatementColumns, statement: str, at_ms: int | None) -> StatementColumns:
        found = columns | {"statement": statement}
        if at_ms is not None:
            return found | {"said_at": iso_of(at_ms)}
        return {"said_at": columns.get("requested_datetime")} | found

    def _plain(self, request: StatementColumns) -> StatementColumns:
        found = json_values(request)
        for name in _TEXTS:
            if name in found:
                found[name] = plain_text(xml_text(found[name]))
        word = xml_text(found.get("status"))
        found |= {"status": plain_status(word), "status_word": word.lower()}
        if not (xml_text(found.get("lat")) and xml_text(found.get("long"))):
            found = {name: value for name, value in found.items() if name not in ("lat", "long")}
        return found
