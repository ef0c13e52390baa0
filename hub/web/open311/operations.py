"""The operations of GeoReport v2, with paging, changes and updates of requests as extensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hub.clock import wall_ms
from hub.errors import RetriableError
from hub.millis import DAY_MS, MINUTE_MS, ms_of
from hub.model.base import MAX_REF_CHARS
from hub.model.event import EventKind
from hub.open311 import models
from hub.open311.documents import (
    DEFINITION,
    DISCOVERY,
    ERRORS,
    POSTED,
    POSTED_UPDATES,
    REQUESTS,
    SERVICES,
    UPDATES,
    Format,
    Shape,
    render,
)  # fmt: skip
from hub.topics import OWN_SOURCE
from hub.web.bodies import Problem, body_of, not_now
from hub.web.front import Front
from hub.web.intake import NotTakenError
from hub.web.open311 import forms, shown
from hub.web.open311.config import Open311File
from hub.web.open311.forms import Fault, FaultyError, Form
from hub.web.open311.reports import Reports
from hub.web.operations import Answer, Operation, Parameter, Values, integer
from hub.web.read.model import Statement, StatementQuery
from hub.web.tokens import MOST_TOKEN_CHARS, Kind, Scope, Token

BASE = "/open311/v2"
_SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_CHANGESET = "2026-11-29T00:00:00Z"
_MOST_BODY_BYTES = 256 * 1024
_MOST_AT_ONCE = 1000
_MOST_DAYS = 90
_AHEAD_MS = 15 * MINUTE_MS
_TAG = "open311"
_MEDIA = ("text/xml", "application/json")


def _time(text: str) -> int:
    found = forms.moment(text)
    if found is None:
        raise ValueError("a time with offset, like 2026-03-02T09:00:00+08:00")
    return ms_of(found)


def _commas(text: str) -> tuple[str, ...]:
    return tuple(part for each in text.split(",")[:_MOST_AT_ONCE] if (part := each.strip()))


def _statuses(text: str) -> bool | None:
    words = {each.lower() for each in _commas(text)}
    if not words <= {"open", "closed"}:
        raise ValueError("open, closed, or both with a comma between")
    return None if len(words) == 2 else "closed" in words


def _degrees(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        found = float(text)
        if not -most <= found <= most:
            raise ValueError(f"degrees from {-most:g} to {most:g}")
        return found

    return read


def _when(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "string", "format": "date-time"}, _time)


_TEXT = {"type": "string"}
_FORMAT = Parameter(
    "format", "xml or json.", {"type": "string", "enum": ["xml", "json"]}, Format, where="path", required=True
)
_JURISDICTION = Parameter("jurisdiction_id", "Needed where several share this endpoint.", _TEXT)
_KEY = Parameter("api_key", "The app's key.", _TEXT)
_EXTENDED = Parameter("extensions", "`true`: with `notes`, the request's history.", _TEXT, lambda text: text == "true")
_FILTERS = [
    Parameter("service_request_id", "Ids, with commas; then nothing else counts.", _TEXT, _commas, default=()),
    Parameter("service_code", "Codes, with commas.", _TEXT, _commas, default=()),
    _when("start_date", "Requested from then on; the span is 90 days at most."),
    _when("end_date", "Requested until then."),
    Parameter("status", "open or closed, or both with a comma.", _TEXT, _statuses),
    _when("updated_after", "Changed from then on (an extension)."),
    _when("updated_before", "Changed until then (an extension)."),
    Parameter("lat", "With `long` and `radius`: near there (an extension).", {"type": "number"}, _degrees(90)),
    Parameter("long", "With `lat`.", {"type": "number"}, _degrees(180)),
    Parameter("radius", "In metres, 100000 at most.", {"type": "number"}, _degrees(100_000)),
    integer("page", "The first is 1 (an extension).", 1, 1_000_000, 1),
    integer("page_size", "At most so many (an extension).", 1, _MOST_AT_ONCE, _MOST_AT_ONCE),
]
_POSTED = (
    "api_key jurisdiction_id service_code lat long address_string address_id description media_url email phone first_name "
    "last_name device_id account_id"
)
_ADDED = "api_key jurisdiction_id service_request_id update_id status updated_datetime description"


def operations(front: Front, file: Open311File, secret: bytes) -> list[Operation]:
    """All of the server, over one front. `secret`: what ids are made with."""
    server = _Server(front, file, Reports(front, secret))
    code = Parameter("service_code", "As in /services.", _TEXT, where="path", required=True)
    request_id = Parameter("service_request_id", "As it was given.", _TEXT, where="path", required=True)
    token = Parameter(
        "token", "Ids are known at once here, so a token is its request's id.", _TEXT, where="path", required=True
    )
    dates = [_when("start_date", "Said from then on."), _when("end_date", "Said until then.")]
    return [
        _get("/open311/discovery.{format}", "What this server offers", server.discovery),
        _get(f"{BASE}/services.{{format}}", "Services 服务: what can be reported", server.services, [_JURISDICTION]),
        _get(f"{BASE}/services/{{service_code}}.{{format}}", "A service's questions", server.service, [code, _JURISDICTION]),
        _get(
            f"{BASE}/requests.{{format}}", "Requests 诉求, the newest first", server.requests,
            [_JURISDICTION, *_FILTERS, _EXTENDED],
        ),
        _post(f"{BASE}/requests.{{format}}", "Report 提交: answered when Kafka has it", server.post, _POSTED),
        _get(
            f"{BASE}/requests/{{service_request_id}}.{{format}}", "A request", server.request,
            [request_id, _JURISDICTION, _EXTENDED],
        ),
        _get(f"{BASE}/tokens/{{token}}.{{format}}", "The id behind a token", server.token, [token, _JURISDICTION]),
        _get(
            f"{BASE}/servicerequestupdates.{{format}}", "What was said of requests 进展, the oldest first", server.updates,
            [_JURISDICTION, _KEY, *dates], key=True,
        ),
        _post(
            f"{BASE}/servicerequestupdates.{{format}}", "Add to a request, or withdraw it", server.post_update, _ADDED
        ),
    ]  # fmt: skip


def _get(
    path: str, summary: str, handler: Any, parameters: Sequence[Parameter] = (), *, key: bool = False
) -> Operation:
    return Operation(
        "GET", path, summary, handler, _TAG, [*parameters, _FORMAT], answers=_answers(key=key), refuse=_refused,
        security="api_key" if key else None,
    )  # fmt: skip


def _post(path: str, summary: str, handler: Any, fields: str) -> Operation:
    idempotency = Parameter("idempotency-key", "The caller's name for this call.", _TEXT, where="header")
    body = {"application/x-www-form-urlencoded": {"type": "object", "properties": dict.fromkeys(fields.split(), _TEXT)}}
    return Operation(
        "POST",
        path,
        summary,
        handler,
        _TAG,
        [idempotency, _FORMAT],
        body,
        _answers(key=True, body=True),
        None,
        _refused,
    )


def _answers(*, key: bool, body: bool = False) -> dict[int, Answer]:
    anything: dict[str, Any] = {media: {} for media in _MEDIA}
    found = {
        200: "The document.",
        400: "What is wrong, one error for each.",
        404: "Not known here.",
        503: "Not now; call again.",
    }
    found |= {403: "No api_key, or none that is known."} if key else {}
    found |= {408: "The body came too slowly.", 413: "The body is too long."} if body else {}
    return {status: Answer(text, anything, ("Retry-After",) if status == 503 else ()) for status, text in found.items()}


def _document(shape: Shape[Any], records: Sequence[Any], form: Format, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": form.content_type}
    return Response(render(shape, records, form), status, headers)


def _refused(request: Request, problem: Problem) -> Response:
    """In the format that was asked for, XML where that is none."""
    form = Format.JSON if request.path_params.get("format") == "json" else Format.XML
    faults = problem.errors or forms.told([Fault(problem.status, problem.detail)])
    answer = _document(ERRORS, [models.Error(**each) for each in faults], form, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _problem(error: FaultyError) -> Problem:
    return Problem(error.faults[0].status, str(error), errors=forms.told(error.faults))


def _kind(status: str) -> EventKind:
    """Whoever reported may take it back; that it is closed is the city's to say."""
    return EventKind.WITHDRAWN if status.lower() in ("cancelled", "canceled", "withdrawn") else EventKind.AMENDED


@dataclass(frozen=True)
class _Server:
    front: Front
    file: Open311File
    reports: Reports

    async def discovery(self, request: Request, values: Values) -> Response:
        base = str(request.base_url).rstrip("/")
        found = models.Discovery(
            changeset=_CHANGESET,
            contact=self.file.contact or f"{self.front.city.name.en} {self.front.city.name.zh}",
            key_service=self.file.key_service or "Ask the city's operator for an api_key 请向平台运维申请",
            endpoints=[
                models.Endpoint(
                    specification=_SPECIFICATION,
                    url=f"{base}{BASE}",
                    changeset=_CHANGESET,
                    type="production",
                    formats=[*_MEDIA],
                )
            ],
        )
        return _document(DISCOVERY, [found], values["format"])

    async def services(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        found = [shown.service(code, offer, self.front.city) for code, offer in self.file.services.items()]
        return _document(SERVICES, found, values["format"])

    async def service(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        code = values["service_code"]
        if code not in self.file.services:
            raise Problem(404, "service_code is none of this city's; /services names them")
        return _document(DEFINITION, [shown.definition(code, self.file.services[code])], values["format"])

    async def requests(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self.front.require_ready()
        query, size = self._query(values), values["page_size"]
        found = self.front.model.statements(query, (values["page"] - 1) * size, size)
        return _document(REQUESTS, [self._request(each, values) for each in found], values["format"])

    async def request(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        return _document(REQUESTS, [self._request(self._known(values["service_request_id"]), values)], values["format"])

    async def token(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        ref = self._known(values["token"]).ref
        return _document(POSTED, [models.Posted(service_request_id=ref, token=ref)], values["format"])

    async def post(self, request: Request, values: Values) -> Response:
        form, app = await self._form(request, Scope.WRITE)
        self.front.require_ready()
        key = (values["idempotency-key"] or "")[:MAX_REF_CHARS]
        try:
            report = forms.report_of(form, self.file.services)
            ref = await self.reports.report(report, app.id, form.text("account_id") or form.text("device_id"), key)
        except FaultyError as error:
            raise _problem(error) from None
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has it") from None
        notice = "Ask for it by its id; expected_datetime says when it is due 凭编号查询，expected_datetime 为办结时限"
        return _document(POSTED, [models.Posted(service_request_id=ref, service_notice=notice)], values["format"])

    async def updates(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self._require_key(values["api_key"] or "", Scope.READ)
        self.front.require_ready()
        until = values["end_date"] if values["end_date"] is not None else wall_ms()
        since = values["start_date"] if values["start_date"] is not None else until - _MOST_DAYS * DAY_MS
        found = self.front.model.answers_between(OWN_SOURCE, since, until, _MOST_AT_ONCE)
        return _document(UPDATES, [shown.update(each) for each in found], values["format"])

    async def post_update(self, request: Request, values: Values) -> Response:
        form, _ = await self._form(request, Scope.WRITE)
        faults = [
            Fault(400, f"{name} is missing")
            for name in ("service_request_id", "update_id", "status", "updated_datetime", "description")
            if not form.text(name)
        ]
        at = forms.moment(form.text("updated_datetime"))
        if not faults and (at is None or not 0 < ms_of(at) <= wall_ms() + _AHEAD_MS):
            faults.append(Fault(400, "updated_datetime is a time with offset, and not to come"))
        if len(form.text("description")) > forms.MAX_DESCRIPTION_CHARS or len(form.text("update_id")) > MAX_REF_CHARS:
            faults.append(Fault(400, "description or update_id is too long"))
        if faults or at is None:
            raise _problem(FaultyError(faults))
        ref, update_id = self._known(form.text("service_request_id")).ref, form.text("update_id")
        try:
            await self.reports.add(ref, update_id, _kind(form.text("status")), ms_of(at), form.text("description"))
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has it") from None
        return _document(POSTED_UPDATES, [models.PostedUpdate(update_id=update_id)], values["format"])

    def _query(self, values: Values) -> StatementQuery:
        start, end = values["start_date"], values["end_date"]
        is_by_change = values["updated_after"] is not None or values["updated_before"] is not None
        if start is not None and end is None:
            end = start + _MOST_DAYS * DAY_MS
        elif start is None and (end is not None or not is_by_change):
            start = (wall_ms() if end is None else end) - _MOST_DAYS * DAY_MS
        if start is not None and end is not None and end - start > _MOST_DAYS * DAY_MS:
            raise Problem(400, f"start_date and end_date are more than {_MOST_DAYS} days apart; ask for less at once")
        return StatementQuery(
            values["service_request_id"], values["service_code"], start, end, values["updated_after"],
            values["updated_before"], values["status"], _box(values),
        )  # fmt: skip

    def _request(self, said: Statement, values: Values) -> models.Request:
        model = self.front.model
        case = model.case_of(OWN_SOURCE, said.ref)
        clocks = model.clocks(case.case_id) if case is not None else []
        answers = model.answers(OWN_SOURCE, said.ref)
        return shown.request(
            said, case, clocks, answers, self.front.city, self.file, extended=bool(values["extensions"])
        )

    def _known(self, ref: str) -> Statement:
        self.front.require_ready()
        found = self.front.model.statements(StatementQuery(refs=[ref]), 0, 1)
        if not found:
            raise Problem(404, "there is no such request here")
        return found[0]

    async def _form(self, request: Request, scope: Scope) -> tuple[Form, Token]:
        """A form whose sender may post."""
        body = await body_of(request, _MOST_BODY_BYTES)
        try:
            form = forms.form_of(body)
        except FaultyError as error:
            raise _problem(error) from None
        app = self._require_key(form.text("api_key") or request.query_params.get("api_key", ""), scope)
        self._require_jurisdiction(form.text("jurisdiction_id") or request.query_params.get("jurisdiction_id"))
        return form, app

    def _require_key(self, text: str, scope: Scope) -> Token:
        token = self.front.token(text[:MOST_TOKEN_CHARS], Kind.OPEN311)
        if token is None or scope not in token.scopes:
            raise Problem(403, "api_key is missing, or none that may do this; ask for one at key_service")
        return token

    def _require_jurisdiction(self, given: str | None) -> None:
        if given and given not in self.file.jurisdictions:
            raise Problem(404, "jurisdiction_id is none of this endpoint's")
        if not given and len(self.file.jurisdictions) > 1:
            raise Problem(400, "jurisdiction_id is missing, and several share this endpoint")


def _box(values: Values) -> tuple[float, float, float, float] | None:
    given = [values[name] for name in ("lat", "long", "radius")]
    if all(each is None for each in given):
        return None
    if any(each is None for each in given) or values["radius"] < 0:
        raise Problem(400, "lat, long and radius go together")
    return shown.box_around(*given)
