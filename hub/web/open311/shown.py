"""What the hub knows of a report, in Open311's words. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from hub.open311 import models
from hub.open311.wording import STATUS_CLOSED, STATUS_OPEN
from hub.policy import City
from hub.web.open311.config import AttributeQuestion, Offer, Open311File
from hub.web.read.model import CaseState, OwnStatement, ShownClock, SourceReply
from hub.web.said import said_name

_METRES_A_DEGREE = 111_320.0
_PROMISE = "resolve"
"""The clock whose due time is what the city promises."""


def service(code: str, offer: Offer, city: City) -> models.Service:
    category = city.categories[code]
    return models.Service(
        service_code=code,
        service_name=f"{category.name.en} {category.name.zh}",
        description=offer.description or f"{category.name.en} {category.name.zh}",
        metadata=bool(offer.attributes),
        type="realtime",
        keywords=",".join(offer.keywords),
        group=offer.group or category.family,
    )


def definition(code: str, offer: Offer) -> models.ServiceDefinition:
    attributes = [_attribute(order, each) for order, each in enumerate(offer.attributes, 1)]
    return models.ServiceDefinition(service_code=code, attributes=attributes)


def _attribute(order: int, question: AttributeQuestion) -> models.Attribute:
    return models.Attribute(
        variable=question.variable, code=question.code, datatype=question.datatype, required=question.required, order=order,
        datatype_description=question.datatype_description, description=question.description,
        values=[models.ChoiceValue(key=key, name=name) for key, name in question.values.items()],
    )  # fmt: skip


def request(
    statement: OwnStatement, case: CaseState | None, clocks: Iterable[ShownClock], answers: list[SourceReply], city: City,
    file: Open311File, *, extended: bool = False,
) -> models.Request:  # fmt: skip
    """A request as it stands. `extended`: with the history, which is an extension."""
    event = json.loads(statement.body)
    place, category = event["place"], city.categories.get(event["category"])
    due = max((each.due_ms for each in clocks if each.clock == _PROMISE and each.state != "cancelled"), default=None)
    pictures = [each["uri"] for each in event["attachments"]]
    fields: dict[str, Any] = {
        "service_request_id": statement.ref,
        "status": STATUS_CLOSED if case is not None and case.is_over else STATUS_OPEN,
        "status_notes": notes_of(answers[-1], city) if answers else "",
        "service_name": f"{category.name.en} {category.name.zh}" if category else event["category"],
        "service_code": event["category"],
        "description": event["text"] if "description" in file.publish else "",
        "agency_responsible": department_name(case.department, city) if case is not None else "",
        "requested_datetime": statement.first_ms,
        "updated_datetime": max(
            statement.changed_ms, case.written_ms if case else 0, *(each.written_ms for each in answers)
        ),
        "expected_datetime": due,
        "address": place["address"] if "address" in file.publish else "",
        "lat": place["lat"],
        "long": place["lon"],
        "media_url": pictures[0] if pictures and "media" in file.publish else "",
    }
    if extended:
        fields["notes"] = [
            models.HistoryNote(datetime=each.at_ms, description=notes_of(each, city), type=each.status.lower())
            for each in answers
        ]
    return models.Request(**fields)


def update(answer: SourceReply, city: City) -> models.RequestUpdate:
    """What was said of a request. Its time is when the hub learnt of it, so that who asks from where it was misses nothing."""
    return models.RequestUpdate(
        update_id=answer.reply_id,
        service_request_id=answer.ref,
        status=STATUS_CLOSED if answer.status == "RESOLVED" else STATUS_OPEN,
        updated_datetime=answer.written_ms,
        description=notes_of(answer, city),
        external_status_code=answer.status.lower(),
    )


def notes_of(answer: SourceReply, city: City) -> str:
    """The city's word for what happened, and what the department wrote to those who reported."""
    return ": ".join(filter(None, (said_name(answer.status, city), answer.text)))


def department_name(department: str, city: City) -> str:
    known = city.departments.get(department)
    return f"{known.name.en} {known.name.zh}" if known else department


def box_around(lat: float, lon: float, metres: float) -> tuple[float, float, float, float]:
    """West, south, east, north of what is so near."""
    north = metres / _METRES_A_DEGREE
    east = north / max(0.01, math.cos(math.radians(lat)))
    return lon - east, lat - north, lon + east, lat + north
