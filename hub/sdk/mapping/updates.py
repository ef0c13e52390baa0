"""A department's rows that are updates 反馈. They are read as rows of reports are (order, times, references, drift), and each
becomes what the department says of a case."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, ValidationError

from hub.errors import Reason, RejectedRecordError
from hub.model.event import CaseEvent, rejection
from hub.model.update import Update, UpdateStep, status_and_step
from hub.sdk.mapping.specs import FieldSpec, MappingPart, Spec

_YES, _NO = ("true", "yes", "y", "1", "是"), ("false", "no", "n", "0", "否")
_BETWEEN = re.compile(r"[,;|，；、\s]+")


class UpdateSpec(MappingPart):
    """The fields of an update. A row that changes in place needs an `update_id` that changes with it, such as a template of case
    and status: the same id with other content is a conflict."""

    update_id: Spec
    case_id: Spec = Field(description="as it stands in the order")
    status: Spec = Field(description="accepted, refused, responded, resolved, or a step: arrived, transferred, ...")
    at: Spec = Field(description="when it was done")
    revision: Spec = FieldSpec(constant=0)
    note: Spec | None = None
    reason: Spec | None = None
    clock: Spec | None = None
    to: Spec | None = None
    members: Spec | None = Field(None, description="several, with a comma between")
    score: Spec | None = None
    solved: Spec | None = None
    report: Spec | None = None
    code: Spec | None = Field(None, description="of a step of the city's own, with the status custom")
    outcome: Spec | None = Field(
        None, description="what a resolution came to: a code of the outcomes in the city's steps.yaml"
    )
    until: Spec | None = Field(None, description="until when a case is hung up")
    unit: Spec | None = Field(None, description="who of the department says so: an id of the city's organisation.yaml")


_DIRECT = {"update_id": "source_ref", "at": "reported_at", "until": "due_at", "revision": "revision", "note": "text"}
"""Fields that a report has as well, under these names."""


def as_event(update: dict[str, Any]) -> dict[str, Any]:
    """The declaration of an event that carries these fields; what is wrong with it the models say."""
    given = {_DIRECT[name]: spec for name, spec in update.items() if name in _DIRECT}
    return {"kind": {"constant": "OPENED"}} | given | {
        "attributes": {name: spec for name, spec in update.items() if name not in _DIRECT}
    }  # fmt: skip


def field_of_update(field_of_event: str) -> str:
    """The field of an update that is read into this field of an event (`as_event`); its own name if there is none."""
    name = field_of_event.removeprefix("attributes.")
    return next((update for update, event in _DIRECT.items() if event == name), name)


def department_update(event: CaseEvent, department: str) -> Update:
    """What a department says by a row that was read so. Raises RejectedRecordError: bad_row, invalid."""
    said = event.attributes
    try:
        status, step = status_and_step(said.get("status", "").strip().upper())
    except ValueError:
        words = ", ".join(each.lower() for each in UpdateStep if each is not UpdateStep.AS_STATUS)
        raise RejectedRecordError(
            Reason.BAD_ROW,
            f"status is none of accepted, refused, responded, resolved, {words}; map the system's own words",
        ) from None
    fields = {
        "update_id": event.source_ref,
        "revision": event.revision,
        "department": department,
        "case_id": said.get("case_id", ""),
        "status": status,
        "step": step,
        "at": event.reported_at,
        "note": event.text,
        **{name: said.get(name) or None for name in ("reason", "clock", "to", "report", "code", "outcome", "unit")},
        "members": [each for each in _BETWEEN.split(said.get("members", "")) if each],
        "score": _number(said.get("score")),
        "solved": _truth(said.get("solved")),
        "until": event.due_at,
    }
    try:
        return Update.model_validate(fields)
    except ValidationError as error:
        raise rejection(error) from None


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.0)?", text):
        raise RejectedRecordError(Reason.BAD_ROW, "score is not a whole number")
    return int(text.removesuffix(".0"))


def _truth(text: str | None) -> bool | None:
    word = (text or "").strip().lower()
    if not word:
        return None
    if word not in (*_YES, *_NO):
        raise RejectedRecordError(Reason.BAD_ROW, "solved is neither yes nor no; map the system's own words")
    return word in _YES
