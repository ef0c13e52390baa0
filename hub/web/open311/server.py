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
from hub.web.open311.parameters import MOST_AT_ONCE, MOST_DAYS, query_of
from hub.web.open311.reports import Reports
from hub.web.operations import Values
from hub.web.read.model import Statement, StatementQuery
from hub.web.tokens import MOST_TOKEN_CHARS, Kind, Scope, Token

BASE = "/open311/v2"
MEDIA = ("text/xml", "application/json")
_SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_CHANGESET = "2026-11-29T00:00:00Z"
_MOST_BODY_BYTES = 256 * 1024
_AHEAD_MS = 15 * MINUTE_MS


def document(shape: Shape[Any], records: Sequence[Any], form: Format, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": form.content_type}
    return Response(render(shape, records, form), status, headers)


def refused(request: Request, problem: Problem) -> Response:
    """In the format that was asked for, XML where that is none."""
    form = Format.JSON if request.path_params.get("format") == "json" else Format.XML
    faults = problem.errors or forms.told([Fault(problem.status, problem.detail)])
    answer = document(ERRORS, [models.Error(**each) for each in faults], form, problem.status)
    answer.headers.update(problem.headers)
    return answer


def _problem(error: FaultyError) -> Problem:
    return Problem(error.faults[0].status, str(error), errors=forms.told(error.faults))


def _kind(status: str) -> EventKind:
    """Whoever reported may take it back; that it is closed is the city's to say."""
    return EventKind.WITHDRAWN if status.lower() in ("cancelled", "canceled", "withdrawn") else EventKind.AMENDED


@dataclass(frozen=True)
class Server:
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
                    formats=[*MEDIA],
                )
            ],
        )
        return document(DISCOVERY, [found], values["format"])

    async def services(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        found = [shown.service(code, offer, self.front.city) for code, offer in self.file.services.items()]
        return document(SERVICES, found, values["format"])

    async def service(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        code = values["service_code"]
        if code not in self.file.services:
            raise Problem(404, "service_code is none of this city's; /services names them")
        return document(DEFINITION, [shown.definition(code, self.file.services[code])], values["format"])

    async def requests(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self.front.require_ready()
        query = query_of(values, wall_ms())
        return await asyncio.to_thread(self._page, query, values)  # a thousand of them take a while, and others wait

    def _page(self, query: StatementQuery, values: Values) -> Response:
        size = values["page_size"]
        found = self.front.model.statements(query, (values["page"] - 1) * size, size)
        return document(REQUESTS, [self._request(each, values) for each in found], values["format"])

    async def request(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        return document(REQUESTS, [self._request(self._known(values["service_request_id"]), values)], values["format"])

    async def token(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        ref = self._known(values["token"]).ref
        return document(POSTED, [models.Posted(service_request_id=ref, token=ref)], values["format"])

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
        return document(POSTED, [models.Posted(service_request_id=ref, service_notice=notice)], values["format"])

    async def updates(self, request: Request, values: Values) -> Response:
        del request
        self._require_jurisdiction(values["jurisdiction_id"])
        self._require_key(values["api_key"] or "", Scope.READ)
        self.front.require_ready()
        until = values["end_date"] if values["end_date"] is not None else wall_ms()
        since = values["start_date"] if values["start_date"] is not None else until - MOST_DAYS * DAY_MS
        found = self.front.model.answers_between(OWN_SOURCE, since, until, MOST_AT_ONCE)
        return document(UPDATES, [shown.update(each) for each in found], values["format"])

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
        return document(POSTED_UPDATES, [models.PostedUpdate(update_id=update_id)], values["format"])

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
