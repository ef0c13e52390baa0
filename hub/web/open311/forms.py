"""What is posted by Open311, read and judged: a form's fields as a report, or all that is wrong with them. Pure."""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from hub.bounds import are_degrees
from hub.model.event import MAX_URI_CHARS
from hub.web.open311.config import AttributeQuestion, Offer

MAX_DESCRIPTION_CHARS = 4_000
_MOST_FIELDS = 500
_MOST_CHARS = 1_000
_MOST_REF_CHARS = 200
_ATTRIBUTE = re.compile(r"attribute\[([A-Za-z0-9_.-]{1,100})\](\[\])?")
_NUMBER = re.compile(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,4})?", re.ASCII)
_URL = re.compile(r"https?://[^\s/@]+([/?#][^\s]*)?")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class FormFault(NamedTuple):
    """One thing that is wrong, with the status of HTTP that says so."""

    status: int
    description: str


class FaultyError(Exception):
    """All that is wrong with what was sent."""

    def __init__(self, faults: Sequence[FormFault]) -> None:
        super().__init__(faults[0].description)
        self.faults = list(faults)


class Form:
    """The fields of a form; an empty one is as none."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The first value of a field."""
        return next(iter(self._fields.get(name, ())), "")

    def attributes(self) -> dict[str, list[str]]:
        """What is answered to a service's questions, by code."""
        found: dict[str, list[str]] = {}
        for name, values in self._fields.items():
            if (match := _ATTRIBUTE.fullmatch(name)) is not None:
                found.setdefault(match[1], []).extend(values)
        return found


def parsed_form(body: bytes) -> Form:
    """A form in UTF-8. Raises FaultyError for what is none."""
    try:
        pairs = parse_qsl(body.decode("ascii"), encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise FaultyError(
            [FormFault(400, "the body is no form in UTF-8 (application/x-www-form-urlencoded)")]
        ) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if text := _CONTROLS.sub("", value).strip():
            fields.setdefault(name, []).append(text)
    return Form(fields)


class NewReport(NamedTuple):
    """What is reported. Who reports is not in it: the hub answers by the request's id, and keeps no contacts."""

    service_code: str
    lat: float | None
    lon: float | None
    address: str
    address_id: str
    description: str
    media_url: str
    attributes: Mapping[str, str]

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.media_url.partition("?")[0])[0] or "application/octet-stream"


def report_in(form: Form, services: Mapping[str, Offer]) -> NewReport:
    """Raises FaultyError with everything that is missing or wrong."""
    faults = [*_service_faults(form, services), *_place_faults(form), *_text_faults(form)]
    offer = services.get(form.text("service_code"))
    answers = form.attributes()
    if offer is not None:
        faults += [fault for each in offer.attributes for fault in _answer_faults(each, answers.get(each.code, []))]
    if faults:
        raise FaultyError(sorted(faults, key=lambda fault: -fault.status))
    asked = {each.code for each in offer.attributes if each.variable} if offer else set()
    return NewReport(
        form.text("service_code"), number_in(form.text("lat")), number_in(form.text("long")), form.text("address_string"),
        form.text("address_id"), form.text("description"), form.text("media_url"),
        {code: ",".join(values) for code, values in sorted(answers.items()) if code in asked},
    )  # fmt: skip


def _service_faults(form: Form, services: Mapping[str, Offer]) -> Iterator[FormFault]:
    if not form.text("service_code"):
        yield FormFault(400, "service_code is missing; /services names them")
    elif form.text("service_code") not in services:
        yield FormFault(404, "service_code is none of this city's; /services names them")


def _place_faults(form: Form) -> Iterator[FormFault]:
    lat, lon = form.text("lat"), form.text("long")
    if not (lat or lon):
        if not (form.text("address_string") or form.text("address_id")):
            yield FormFault(400, "a place is missing: give lat and long, address_string or address_id")
        return
    if not (lat and lon):
        yield FormFault(400, "lat and long go together")
        return
    north, east = number_in(lat), number_in(lon)
    if north is None or east is None or not are_degrees(north, east):
        yield FormFault(400, "lat and long are degrees by WGS 84, like 34.02 and 114.515")


def _text_faults(form: Form) -> Iterator[FormFault]:
    if len(form.text("description")) > MAX_DESCRIPTION_CHARS:
        yield FormFault(400, f"description has more than {MAX_DESCRIPTION_CHARS:,} characters")
    for name, most in (("address_string", _MOST_CHARS), ("address_id", _MOST_REF_CHARS), ("media_url", MAX_URI_CHARS)):
        if len(form.text(name)) > most:
            yield FormFault(400, f"{name} has more than {most:,} characters")
    url = form.text("media_url")
    if url and not _URL.fullmatch(url):
        yield FormFault(
            400, "media_url is an address that begins with https:// or http://, without blanks, user or password"
        )


def _answer_faults(question: AttributeQuestion, values: Sequence[str]) -> Iterator[FormFault]:
    name = f"attribute[{question.code}]"
    if not question.variable:
        return
    if not values:
        if question.required:
            yield FormFault(400, f"{name} is required")
        return
    if len(values) > 1 and question.datatype != "multivaluelist":
        yield FormFault(400, f"{name} takes one value")
    if sum(map(len, values)) > MAX_DESCRIPTION_CHARS:
        yield FormFault(400, f"{name} has more than {MAX_DESCRIPTION_CHARS:,} characters")
    if question.is_list and not set(values) <= set(question.values):
        yield FormFault(400, f"{name} takes the keys of its values in the service's definition")
    if question.datatype == "number" and number_in(values[0]) is None:
        yield FormFault(400, f"{name} is a number")
    if question.datatype == "datetime" and moment_in(values[0]) is None:
        yield FormFault(400, f"{name} is a time with offset, like 2026-03-02T09:00:00+08:00")


def number_in(text: str) -> float | None:
    """As everybody reads it: Python would also take `1_0`, and figures of other scripts."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def moment_in(text: str) -> datetime | None:
    """A time with offset; None for what is none. A blank before the offset is the plus that a form has eaten."""
    try:
        found = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def fault_texts(faults: Sequence[FormFault]) -> list[dict[str, Any]]:
    """As GeoReport says what is wrong."""
    return [{"code": str(each.status), "description": each.description} for each in faults]
