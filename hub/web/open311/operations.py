"""The operations of GeoReport v2, with paging, changes and updates of requests as extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.web.front import Front
from hub.web.open311.config import Open311File
from hub.web.open311.parameters import ADDED, EXTENDED, FILTERS, FORMAT, JURISDICTION, KEY, POSTED_FIELDS, TEXT, when
from hub.web.open311.reports import ReportIntake
from hub.web.open311.server import BASE_PATH, FORM, MEDIA, GeoReportServer, refused
from hub.web.operations import AnswerSpec, Operation, Parameter

_TAG = "open311"


def open311_operations(front: Front, file: Open311File, secret: bytes) -> list[Operation]:
    """All of the server, over one front. `secret`: what ids are made with."""
    server = GeoReportServer(front, file, ReportIntake(front, secret))
    code = Parameter("service_code", "As in /services.", TEXT, where="path", required=True)
    request_id = Parameter("service_request_id", "As it was given.", TEXT, where="path", required=True)
    token = Parameter(
        "token", "Ids are known at once here, so a token is its request's id.", TEXT, where="path", required=True
    )
    dates = [when("start_date", "Said from then on."), when("end_date", "Said until then.")]
    return [
        _get("/open311/discovery.{format}", "What this server offers", server.discovery),
        _get(f"{BASE_PATH}/services.{{format}}", "Services 服务: what can be reported", server.services, [JURISDICTION]),
        _get(f"{BASE_PATH}/services/{{service_code}}.{{format}}", "A service's questions", server.service, [code, JURISDICTION]),
        _get(
            f"{BASE_PATH}/requests.{{format}}", "Requests 诉求, the newest first", server.requests,
            [JURISDICTION, *FILTERS, EXTENDED],
        ),
        _post(f"{BASE_PATH}/requests.{{format}}", "Report 提交: answered when Kafka has it", server.post, POSTED_FIELDS),
        _get(
            f"{BASE_PATH}/requests/{{service_request_id}}.{{format}}", "A request", server.request,
            [request_id, JURISDICTION, EXTENDED],
        ),
        _get(f"{BASE_PATH}/tokens/{{token}}.{{format}}", "The id behind a token", server.token, [token, JURISDICTION]),
        _get(
            f"{BASE_PATH}/servicerequestupdates.{{format}}", "What was said of requests 进展, the oldest first", server.updates,
            [JURISDICTION, KEY, *dates], key=True,
        ),
        _post(
            f"{BASE_PATH}/servicerequestupdates.{{format}}", "Add to a request, or withdraw it", server.post_update, ADDED
        ),
    ]  # fmt: skip


def _get(
    path: str, summary: str, handler: Any, parameters: Sequence[Parameter] = (), *, key: bool = False
) -> Operation:
    return Operation(
        "GET", path, summary, handler, _TAG, [*parameters, FORMAT], answers=_answers(key=key), refuse=refused,
        security="api_key" if key else None,
    )  # fmt: skip


def _post(path: str, summary: str, handler: Any, fields: str) -> Operation:
    idempotency = Parameter("idempotency-key", "The caller's name for this call.", TEXT, where="header")
    body = {FORM: {"type": "object", "properties": dict.fromkeys(fields.split(), TEXT)}}
    return Operation(
        "POST",
        path,
        summary,
        handler,
        _TAG,
        [idempotency, FORMAT],
        body,
        _answers(key=True, body=True),
        None,
        refused,
    )


def _answers(*, key: bool, body: bool = False) -> dict[int, AnswerSpec]:
    anything: dict[str, Any] = {media: {} for media in MEDIA}
    found = {
        200: "The document.",
        400: "What is wrong, one error for each.",
        404: "Not known here.",
        503: "Not now; call again.",
    }
    found |= {403: "No api_key, or none that is known."} if key else {}
    found |= {408: "The body came too slowly.", 413: "The body is too long."} if body else {}
    return {
        status: AnswerSpec(text, anything, ("Retry-After",) if status == 503 else ()) for status, text in found.items()
    }
