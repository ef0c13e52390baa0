"""A GeoReport v2 server's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    POSTED_DOCUMENT,
    POSTED_UPDATES,
    REQUESTS,
    SERVICES,
    UPDATES_DOCUMENT,
    DocumentFormat,
    DocumentShape,
    render,
)  # fmt: skip
from hub.topics import OWN_SOURCE
from hub.web.bodies import HttpProblem, body_of, not_now
from hub.web.front import Front
from hub.web.intake import NotTakenError
from hub.web.open311 import forms, shown
from hub.web.open311.config import Open311File
from hub.web.open311.forms import FaultyError, Form, FormFault
from hub.web.open311.parameters import MOST_AT_ONCE, MOST_DAYS, query_of
from hub.web.open311.reports import ReportIntake
from hub.web.operations import Values
from hub.web.read.model import OwnStatement, StatementQuery
from hub.web.tokens import MOST_TOKEN_CHARS, Scope, Token, TokenKind

BASE_PATH = "/open311/v2"
MEDIA = ("text/xml", "application/json")
FORM = "application/x-www-form-urlencoded"
_SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_CHANGESET = "2026-11-29T00:00:00Z"
_MOST_BODY_BYTES = 256 * 1024
_AHEAD_MS = 15 * MINUTE_MS


def document_response(
    shape: DocumentShape[Any], records: Sequence[Any], form: DocumentFormat, status: int = 200
) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": form.content_type}
    return Response(render(shape, records, form), status, headers)


def refused(request: Request, problem: HttpProblem) -> Response:
    """In the format that was asked for, XML where that is none."""
    form = DocumentFormat.JSON if request.url.path.endswith(".json") else DocumentFormat.XML
    faults = problem.errors or forms.fault_texts([FormFault(problem.status, problem.detail)])
    answer = document_response(ERRORS, [models.Error(**each) for each in faults], form, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _problem(error: FaultyError) -> HttpProblem:
    return HttpProblem(error.faults[0].status, str(error), errors=forms.fault_texts(error.faults))


def _require_form(request: Request) -> None:
    """Raises HttpProblem (400) for a body that says itself that it is none: its fields would be missing, and none would say why."""
    said = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if said != FORM:
        raise HttpProblem(400, f"the body is no form; send it as {FORM}, as GeoReport v2 has it")


def _kind(status: str) -> EventKind:
    """Whoever reported may take it back; that it is closed is the city's to say."""
    return EventKind.WITHDRAWN if status.lower() in ("cancelled", "canceled", "withdrawn") else EventKind.AMENDED


@dataclass(frozen=True)
class GeoReportServer:
    front: Front
    file: Open311File
    reports: ReportIntake

    async def discovery(self, request: Request, values: Values) -> Response:
        base = str(request.base_url).rstrip("/")
        found = models.Discovery(
            changeset=_CHANGESET,
            contact=self.file.contact or f"{self.front.city.name.en} {self.front.city.name.zh}",
            key_service=self.file.key_service or "Ask the city's operator for an api_key 请向平台运维申请",
            endpoints=[
                models.Endpoint(
                    specification=_SPECIFICATION,
                    url=f"{base}{BASE_PATH}",
                    changeset=_CHANGESET,
                    type="production",
                    formats=[*MEDIA],
                )
            ],
        )
        return document_response(DISCOVERY, [found], values["format"])

    async def services(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        city = self.front.city
        offered = [(code, offer) for code, offer in self.file.services.items() if code in city.categories]
        found = [shown.service(code, offer, city) for code, offer in offered]
        return document_response(SERVICES, found, values["format"])

    async def service(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        code = values["service_code"]
        if code not in self.file.services:
            raise HttpProblem(404, "service_code is none of this city's; /services names them")
        return document_response(DEFINITION, [shown.definition(code, self.file.services[code])], values["format"])

    async def requests(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self.front.require_ready()
        query = query_of(values, wall_ms())
        return await asyncio.to_thread(self._page, query, values)  # a thousand of them take a while, and others wait

    def _page(self, query: StatementQuery, values: Values) -> Response:
        size = values["page_size"]
        found = self.front.model.statements(query, (values["page"] - 1) * size, size)
        return document_response(REQUESTS, [self._request(each, values) for each in found], values["format"])

    async def request(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        return document_response(
            REQUESTS, [self._request(self._known(values["service_request_id"]), values)], values["format"]
        )

    async def token(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        ref = self._known(values["token"]).ref
        return document_response(POSTED_DOCUMENT, [models.Posted(service_request_id=ref, token=ref)], values["format"])

    async def post(self, request: Request, values: Values) -> Response:
        form, app = await self._form(request, Scope.WRITE)
        self.front.require_ready()
        device, key = form.text("account_id") or form.text("device_id"), values["idempotency-key"] or ""
        try:
            ref = await self.reports.report(forms.report_in(form, self.file.services), app.holder, device, key)
        except FaultyError as error:
            raise _problem(error) from None
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has it") from None
        notice = "Ask for it by its id; expected_datetime says when it is due 凭编号查询，expected_datetime 为办结时限"
        return document_response(
            POSTED_DOCUMENT, [models.Posted(service_request_id=ref, service_notice=notice)], values["format"]
        )

    async def updates(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self._require_key(values["api_key"] or "", Scope.READ)
        self.front.require_ready()
        until = values["end_date"] if values["end_date"] is not None else wall_ms()
        since = values["start_date"] if values["start_date"] is not None else until - MOST_DAYS * DAY_MS
        found = self.front.model.answers_between(OWN_SOURCE, since, until, MOST_AT_ONCE)
        return document_response(
            UPDATES_DOCUMENT, [shown.update(each, self.front.city) for each in found], values["format"]
        )

    async def post_update(self, request: Request, values: Values) -> Response:
        form, app = await self._form(request, Scope.WRITE)
        faults = [
            FormFault(400, f"{name} is missing")
            for name in ("service_request_id", "update_id", "status", "updated_datetime", "description")
            if not form.text(name)
        ]
        at = forms.moment_in(form.text("updated_datetime"))
        if not faults and (at is None or not 0 < ms_of(at) <= wall_ms() + _AHEAD_MS):
            faults.append(FormFault(400, "updated_datetime is a time with offset, and not to come"))
        if len(form.text("description")) > forms.MAX_DESCRIPTION_CHARS or len(form.text("update_id")) > MAX_REF_CHARS:
            faults.append(FormFault(400, "description or update_id is too long"))
        if faults or at is None:
            raise _problem(FaultyError(faults))
        ref, update_id = self._known(form.text("service_request_id")).ref, form.text("update_id")
        if not self.reports.is_of(app.holder, ref):
            raise HttpProblem(403, "this request was made by another app, which alone may add to it or withdraw it")
        try:
            await self.reports.add(ref, update_id, _kind(form.text("status")), ms_of(at), form.text("description"))
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has it") from None
        return document_response(POSTED_UPDATES, [models.PostedUpdate(update_id=update_id)], values["format"])

    def _request(self, statement: OwnStatement, values: Values) -> models.Request:
        model = self.front.model
        case = model.case_of(OWN_SOURCE, statement.ref)
        clocks = model.clocks(case.case_id) if case is not None else []
        answers = model.answers(OWN_SOURCE, statement.ref)
        return shown.request(
            statement, case, clocks, answers, self.front.city, self.file, extended=bool(values["extensions"])
        )

    def _known(self, ref: str) -> OwnStatement:
        self.front.require_ready()
        found = self.reports.statement(ref)
        if found is None:
            raise HttpProblem(404, "there is no such request here")
        return found

    async def _form(self, request: Request, scope: Scope) -> tuple[Form, Token]:
        """A form whose sender may post."""
        _require_form(request)
        body = await body_of(request, _MOST_BODY_BYTES)
        try:
            form = forms.parsed_form(body)
        except FaultyError as error:
            raise _problem(error) from None
        app = self._require_key(form.text("api_key") or request.query_params.get("api_key", ""), scope)
        self._require_jurisdiction(form.text("jurisdiction_id") or request.query_params.get("jurisdiction_id"))
        return form, app

    def _require_key(self, text: str, scope: Scope) -> Token:
        token = self.front.token(text[:MOST_TOKEN_CHARS], TokenKind.OPEN311)
        if token is None or scope not in token.scopes:
            raise HttpProblem(403, "api_key is missing, or none that may do this; ask for one at key_service")
        return token

    def _require_jurisdiction(self, given: str | None) -> None:
        if given and given not in self.file.jurisdictions:
            raise HttpProblem(404, "jurisdiction_id is none of this endpoint's")
        if not given and len(self.file.jurisdictions) > 1:
            raise HttpProblem(400, "jurisdiction_id is missing, and several share this endpoint")
