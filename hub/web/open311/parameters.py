"""What may be asked of a GeoReport v2 server, and how its texts are read."""

from __future__ import annotations

from collections.abc import Callable

from hub.millis import DAY_MS, ms_of
from hub.open311.documents import DocumentFormat
from hub.web.bodies import HttpProblem
from hub.web.open311 import forms, shown
from hub.web.operations import Parameter, UnreadableParameterError, Values, integer
from hub.web.read.model import StatementQuery

MOST_DAYS = 90
MOST_AT_ONCE = 1000


def _time(text: str) -> int:
    found = forms.moment_in(text)
    if found is None:
        raise UnreadableParameterError("a time with offset, like 2026-03-02T09:00:00+08:00")
    return ms_of(found)


def _commas(text: str) -> tuple[str, ...]:
    return tuple(part for each in text.split(",")[:MOST_AT_ONCE] if (part := each.strip()))


def _statuses(text: str) -> bool | None:
    words = {each.lower() for each in _commas(text)}
    if not words <= {"open", "closed"}:
        raise UnreadableParameterError("open, closed, or both with a comma between")
    return None if len(words) == 2 else "closed" in words


def _number(least: float, most: float, unit: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        found = forms.number_in(text)
        if found is None or not least <= found <= most:
            raise UnreadableParameterError(f"{unit} from {least:.0f} to {most:.0f}")
        return found

    return read


def when(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "string", "format": "date-time"}, _time)


TEXT = {"type": "string"}
FORMAT = Parameter(
    "format", "xml or json.", {"type": "string", "enum": ["xml", "json"]}, DocumentFormat, where="path", required=True
)
JURISDICTION = Parameter("jurisdiction_id", "Needed where several share this endpoint.", TEXT)
KEY = Parameter("api_key", "The app's key.", TEXT)
EXTENDED = Parameter("extensions", "`true`: with `notes`, the request's history.", TEXT, lambda text: text == "true")
FILTERS = [
    Parameter("service_request_id", "Ids, with commas; then nothing else counts.", TEXT, _commas, default=()),
    Parameter("service_code", "Codes, with commas.", TEXT, _commas, default=()),
    when("start_date", "Requested from then on; the span is 90 days at most."),
    when("end_date", "Requested until then."),
    Parameter("status", "open or closed, or both with a comma.", TEXT, _statuses),
    when("updated_after", "Changed from then on (an extension)."),
    when("updated_before", "Changed until then (an extension)."),
    Parameter(
        "lat", "With `long` and `radius`: near there (an extension).", {"type": "number"}, _number(-90, 90, "degrees")
    ),
    Parameter("long", "With `lat`.", {"type": "number"}, _number(-180, 180, "degrees")),
    Parameter("radius", "In metres, 100000 at most.", {"type": "number"}, _number(0, 100_000, "metres")),
    integer("page", "The first is 1 (an extension).", 1, 1_000_000, 1),
    integer("page_size", "At most so many (an extension).", 1, MOST_AT_ONCE, MOST_AT_ONCE),
]
POSTED_FIELDS = (
    "api_key jurisdiction_id service_code lat long address_string address_id description media_url email phone first_name "
    "last_name device_id account_id"
)
ADDED = "api_key jurisdiction_id service_request_id update_id status updated_datetime description"


def query_of(values: Values, now_ms: int) -> StatementQuery:
    """What is asked for: of the last 90 days, unless told otherwise. Raises HttpProblem for what cannot be together."""
    start, end = values["start_date"], values["end_date"]
    is_by_change = values["updated_after"] is not None or values["updated_before"] is not None
    if start is not None and end is None:
        end = start + MOST_DAYS * DAY_MS
    elif start is None and (end is not None or not is_by_change):
        start = (now_ms if end is None else end) - MOST_DAYS * DAY_MS
    if start is not None and end is not None and end - start > MOST_DAYS * DAY_MS:
        raise HttpProblem(400, f"start_date and end_date are more than {MOST_DAYS} days apart; ask for less at once")
    return StatementQuery(
        values["service_request_id"], values["service_code"], start, end, values["updated_after"],
        values["updated_before"], values["status"], _box(values),
    )  # fmt: skip


def _box(values: Values) -> tuple[float, float, float, float] | None:
    given = [values[name] for name in ("lat", "long", "radius")]
    if all(each is None for each in given):
        return None
    if any(each is None for each in given):
        raise HttpProblem(400, "lat, long and radius go together")
    return shown.box_around(*given)
