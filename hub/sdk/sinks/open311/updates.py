"""A reply as an update of a request (GeoReport v2 with mySociety's extension): the form that is posted. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hub.model.update import UpdateStatus, UpdateStep
from hub.open311.models import iso_of, xml_text
from hub.sdk.sink_contract import Delivery

_OPEN, _CLOSED = "OPEN", "CLOSED"
_ENDS = frozenset({UpdateStatus.RESOLVED, UpdateStep.VERIFIED, UpdateStep.SATISFIED})
_KNOWN = frozenset(each.value for each in (*UpdateStatus, *UpdateStep))
_WORDS = {_OPEN: "The matter is being worked on. 正在办理。", _CLOSED: "The matter is closed. 已办结。"}
"""Where nobody has written any: an update needs a description."""


def status_of(kind: str, statuses: Mapping[str, str], *, own: bool = False) -> str:
    """What an update says of a reply of this kind: `statuses` first, else OPEN or CLOSED. A kind that is no event of a case is the
    rule by which it was settled before dispatch, unless it is a step of the city's `own`."""
    if kind in statuses:
        return statuses[kind]
    event = kind.upper()
    return _CLOSED if event in _ENDS or (event not in _KNOWN and not own) else _OPEN


def update_form(delivery: Delivery, statuses: Mapping[str, str]) -> dict[str, str]:
    """The fields of the update, without those of the endpoint. The reply's id makes it the same update each time."""
    status = status_of(delivery.kind, statuses, own=str(delivery.values.get("status", "")).isupper())
    return {
        "service_request_id": delivery.values["source_ref"],
        "update_id": delivery.id,
        "status": status,
        "updated_datetime": iso_of(delivery.at_ms),
        "description": xml_text(delivery.values["text"]) or _WORDS[_CLOSED if status == _CLOSED else _OPEN],
    }
