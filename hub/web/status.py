"""Where a report stands, for who made it: by its source, its reference, and a code that only the hub can make."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hub.bounds import SYSTEM_ID
from hub.clock import iso
from hub.model.base import MAX_REF_CHARS
from hub.web.bodies import HttpProblem, json_answer
from hub.web.front import Front, bearer
from hub.web.operations import AnswerSpec, Operation, Parameter, Values
from hub.web.rate import CallRate, caller_of
from hub.web.said import said_name
from hub.web.tokens import Scope, TokenKind

_BURST, _PER_SECOND = 30, 0.5
_PROMISE = "resolve"
_SHAPE = {
    "type": "object",
    "required": ["source", "ref", "state", "department", "reported_at", "due_at", "answers"],
    "properties": {
        "state": {"enum": ["open", "closed"]},
        "due_at": {"type": ["string", "null"], "format": "date-time"},
        "code": {"type": "string", "description": "For who made the report; shown to its source alone."},
        "answers": {"type": "array", "items": {"type": "object", "required": ["at", "status", "text"]}},
    },
}


def status_operations(front: Front, secret: bytes) -> list[Operation]:
    """The query, over one front. `secret`: what codes are made with."""
    parameters = [
        Parameter(
            "source", "Which system took the report.", {"type": "string", "pattern": f"^{SYSTEM_ID}$"}, required=True
        ),
        Parameter("ref", "Its reference there.", {"type": "string", "maxLength": MAX_REF_CHARS}, required=True),
        Parameter("code", "What its source handed to who made it.", {"type": "string"}, default=""),
    ]
    answers = {
        200: AnswerSpec("Where it stands, what was answered, when it is due.", {"application/json": _SHAPE}),
        400: AnswerSpec("A parameter is missing or cannot be used."),
        404: AnswerSpec("The code is not of that report, or nothing is known of it: which of these, nobody is told."),
        429: AnswerSpec("Too often; wait.", headers=("Retry-After",)),
        503: AnswerSpec("Not now; call again.", headers=("Retry-After",)),
    }
    query = _Query(front, secret)
    return [
        Operation("GET", "/status", "Where a report stands 进度查询", query.status, "status", parameters, answers=answers)
    ]  # fmt: skip


def code_of(secret: bytes, source: str, ref: str) -> str:
    """The code of a report: 80 bits that cannot be reckoned without the secret."""
    digest = hashlib.blake2b(
        f"{source}\x1f{ref}".encode("utf-8", "surrogatepass"), digest_size=10, key=secret, person=b"status"
    )
    return b32encode(digest.digest()).decode()


@dataclass(frozen=True)
class _Query:
    front: Front
    secret: bytes
    rate: CallRate = field(default_factory=lambda: CallRate(_BURST, _PER_SECOND))

    async def status(self, request: Request, values: Values) -> Response:
        source, ref = values["source"], values["ref"]
        is_source = self._is_source(request, source)
        code = code_of(self.secret, source, ref)
        if not is_source:
            self._require_patience(request)
            given = values["code"].encode("utf-8", "surrogatepass")
            if not hmac.compare_digest(code.encode(), given):
                raise _unknown()
        self.front.require_ready()
        found = self._found(source, ref)
        return json_answer(found | ({"code": code} if is_source else {}))

    def _is_source(self, request: Request, source: str) -> bool:
        token = self.front.token(bearer(request), TokenKind.SOURCE)
        return token is not None and token.holder == source and Scope.READ in token.scopes

    def _require_patience(self, request: Request) -> None:
        wait = self.rate.wait_seconds(caller_of(request.client.host if request.client else ""))
        if wait:
            raise HttpProblem(429, "too often; wait as Retry-After says", headers={"Retry-After": str(wait)})

    def _found(self, source: str, ref: str) -> dict[str, Any]:
        model, city = self.front.model, self.front.city
        case = model.case_of(source, ref)
        if case is None:
            raise _unknown()
        dues = [
            each.due_ms for each in model.clocks(case.case_id) if each.clock == _PROMISE and each.state != "cancelled"
        ]
        reported_ms = model.reported_ms(source, ref)
        department = city.departments.get(case.department)
        return {
            "source": source,
            "ref": ref,
            "state": "closed" if case.is_over else "open",
            "department": f"{department.name.en} {department.name.zh}" if department else case.department,
            "reported_at": iso(case.opened_ms if reported_ms is None else reported_ms),
            "due_at": iso(max(dues)) if dues else None,
            "answers": [
                {"at": iso(each.at_ms), "status": said_name(each.status, city), "text": each.text}
                for each in model.answers(source, ref)
            ],
        }


def _unknown() -> HttpProblem:
    return HttpProblem(404, "nothing is known by this source, reference and code")
