"""The gateway's operations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hub.errors import RetriableError
from hub.model.update import Update
from hub.stream.avro.codec import Codec
from hub.topics import Topic, dept_orders, dept_receipts, dept_updates
from hub.web.bodies import HttpProblem, body_of, json_answer, not_now
from hub.web.front import Front, bearer
from hub.web.gateway.reading import MOST_WAIT_SECONDS, events, page_behind, require_known
from hub.web.gateway.updates import MOST_UPDATES, UnusableCallError, updates_in
from hub.web.held_stream import EVENT_STREAM, HeldStream
from hub.web.intake import NotTakenError, Outgoing
from hub.web.operations import AnswerSpec, Operation, Parameter, Values, integer, system_id
from hub.web.read import cursor
from hub.web.read.model import CaseState
from hub.web.tokens import Scope, Token, TokenKind

_MOST_BODY_BYTES = 2 * 2**20
_JSON = "application/json"
_DEPARTMENT = system_id("department", "The department's id, as in the city's departments.yaml.")
_AFTER = Parameter(
    "after", "The cursor behind which to go on, as `next` or a stream's `id` gave it; without it, the oldest first.",
    {"type": "string", "pattern": f"^{cursor.CURSOR_PATTERN}$"}, cursor.parsed_cursor, default=cursor.KeptCursor(),
)  # fmt: skip
_LAST = _AFTER._replace(
    name="last-event-id", where="header", description="The same, as a browser's EventSource sends it; it counts before `after`.",
    default=None,
)  # fmt: skip
_LIMIT = integer("limit", "At most so many.", 1, 1000, 100)
_WAIT = integer("wait", "If there is nothing new, wait so many seconds for something.", 0, MOST_WAIT_SECONDS, 0)
_UNIT = Parameter(
    "unit", "Only what this unit of the department has, or one below it, as in the city's organisation.yaml.", {"type": "string"},
    default="",
)  # fmt: skip
_REFUSED = {
    400: AnswerSpec("A parameter cannot be used."),
    401: AnswerSpec("No token that is known."), 403: AnswerSpec("The token is another's, or may not do that."),
    503: AnswerSpec("Not now; call again.", headers=("Retry-After",)),
}  # fmt: skip
_SECURITY = "token"
_TAG = "departments"


def gateway_operations(front: Front) -> list[Operation]:
    """All of the gateway, over one front."""
    gateway = _Gateway(front)
    return [
        _told("orders", "Orders 指令, as they came", gateway.orders),
        _told("receipts", "Receipts 回执 of what the department said", gateway.receipts),
        Operation(
            "GET", "/departments/{department}/cases", "Open cases 在办案件 that it holds or helps with", gateway.cases, _TAG,
            [
                _DEPARTMENT, _LIMIT,
                Parameter("after", "The last case id of the page before.", {"type": "string"}, default=""),
                _UNIT,
            ],
            answers={200: AnswerSpec("A page, in order of ids; `next` is null on the last.", {_JSON: _CASES}), **_REFUSED},
            security=_SECURITY,
        ),
        Operation(
            "POST", "/departments/{department}/updates", "Updates 反馈: one, or a list", gateway.update, _TAG, [_DEPARTMENT],
            body={_JSON: _UPDATES},
            answers={
                202: AnswerSpec("Kafka has them all; what became of each, its receipt says.", {_JSON: _TAKEN}),
                408: AnswerSpec("The body came too slowly."), 413: AnswerSpec("The body is too long."),
                422: AnswerSpec("Nothing was taken; `errors` says why, for each by its place."), **_REFUSED,
            },
            security=_SECURITY,
        ),
    ]  # fmt: skip


def _told(name: str, summary: str, handler: Callable[[Request, Values], Any]) -> Operation:
    entry = {"type": "object", "properties": {"cursor": {"type": "string"}, name[:-1]: {"type": "object"}}}
    shape = {
        "type": "object",
        "required": [name, "next"],
        "properties": {name: {"type": "array", "items": entry}, "next": {"type": "string"}},
    }
    answers = {
        200: AnswerSpec("The oldest first; `next` is the cursor to go on with.", {_JSON: shape, EVENT_STREAM: {"type": "string"}}),
        410: AnswerSpec("The cursor is of a topic that is no more."),
        429: AnswerSpec("The token has too many streams open."), **_REFUSED,
    }  # fmt: skip
    return Operation(
        "GET", f"/departments/{{department}}/{name}", summary, handler, _TAG, [_DEPARTMENT, _AFTER, _LAST, _LIMIT, _WAIT],
        answers=answers, security=_SECURITY,
    )  # fmt: skip


@dataclass(frozen=True)
class _Gateway:
    front: Front

    async def orders(self, request: Request, values: Values) -> Response:
        return await self._told(request, values, dept_orders, "order")

    async def receipts(self, request: Request, values: Values) -> Response:
        return await self._told(request, values, dept_receipts, "receipt")

    async def _told(self, request: Request, values: Values, topic_of: Callable[[str], Topic], name: str) -> Response:
        token = self._admitted(request, values, Scope.READ)
        topic = topic_of(values["department"])
        self.front.require_ready()
        kept = values["after"] if values["last-event-id"] is None else values["last-event-id"]
        require_known(self.front, topic.name, kept)
        after = kept.offsets
        self.front.require_room(token)
        if EVENT_STREAM in request.headers.get("accept", "") and request.method != "HEAD":
            return self._stream(request, token, topic, name, after)
        with self.front.counted(token):
            found = await page_behind(self.front, request, topic.name, after, values["limit"], values["wait"])
        then = found[-1].cursor if found else after
        log = self.front.model.topic_id(topic.name)
        entries = ",".join(
            f'{{"cursor":"{cursor.cursor_text(each.cursor, log)}","{name}":{each.body}}}' for each in found
        )
        content = f'{{"{name}s":[{entries}],"next":"{cursor.cursor_text(then, log)}"}}'
        return Response(content, headers={"Cache-Control": "no-store"}, media_type=_JSON)

    def _stream(
        self, request: Request, token: Token, topic: Topic, name: str, after: cursor.PageCursor
    ) -> HeldStream[None]:
        text = bearer(request)
        return HeldStream(
            self.front.counted(token),
            lambda _: events(self.front, topic.name, name, after, lambda: self._is_admitted(text)),
        )

    async def cases(self, request: Request, values: Values) -> Response:
        self._admitted(request, values, Scope.READ)
        self.front.require_ready()
        department, limit = values["department"], values["limit"]
        found = self.front.model.open_cases(department, values["after"], limit, self._units(department, values["unit"]))
        then = found[-1].case_id if len(found) == limit else None
        return json_answer({"cases": [self._case(each, department) for each in found], "next": then})

    async def update(self, request: Request, values: Values) -> Response:
        department = values["department"]
        self._admitted(request, values, Scope.WRITE)
        body = await body_of(request, _MOST_BODY_BYTES)
        try:
            updates = updates_in(body, department)
            await self.front.intake.put(await asyncio.to_thread(outgoing, self.front.codec, updates, department))
        except UnusableCallError as error:
            raise HttpProblem(422, "nothing was taken", errors=[fault.as_json() for fault in error.faults]) from None
        except (NotTakenError, RetriableError):
            raise not_now("Kafka has not said that it has them all") from None
        taken = [{name: getattr(each, name) for name in ("case_id", "update_id", "revision")} for each in updates]
        return json_answer({"taken": taken}, 202)

    def _admitted(self, request: Request, values: Values, scope: Scope) -> Token:
        department = values["department"]
        token = self.front.require_token(request, TokenKind.DEPARTMENT, department, scope)
        if department not in self.front.city.departments:
            raise HttpProblem(404, "the city has this department no longer")
        return token

    def _units(self, department: str, unit: str) -> tuple[str, ...]:
        """A unit with those below it; none if none is asked for. Raises HttpProblem (404) for one that is not the department's."""
        if not unit:
            return ()
        tree = self.front.city.organisation
        if tree is None or unit not in tree.units or tree.department_of(unit) != department:
            raise HttpProblem(404, "the department has no such unit")
        return tree.with_those_below(unit)

    def _is_admitted(self, text: str) -> bool:
        """Asked again while a stream is open: a token that is revoked ends it."""
        try:
            return self.front.token(text, TokenKind.DEPARTMENT) is not None
        except HttpProblem:
            return False

    def _case(self, case: CaseState, department: str) -> dict[str, Any]:
        clocks = [each._asdict() for each in self.front.model.clocks(case.case_id)]
        return {**case._asdict(), "holds": case.department == department, "clocks": clocks}


def outgoing(codec: Codec, updates: Sequence[Update], department: str) -> list[Outgoing]:
    """Updates of one department as its topic has them. Raises HttpProblem (413) for one that is too long."""
    topic = dept_updates(department)
    values = codec.encode_many(Update.subject(), [each.to_avro() for each in updates])
    found = [Outgoing(topic.name, each.case_id.encode(), value) for each, value in zip(updates, values, strict=True)]
    if any(
        len(each.case_id.encode()) + len(value) > topic.max_bytes for each, value in zip(updates, values, strict=True)
    ):
        raise HttpProblem(413, f"an update has more than {topic.max_bytes:,} bytes; shorten its note")
    return found


_CASES = {
    "type": "object",
    "required": ["cases", "next"],
    "properties": {
        "cases": {"type": "array", "items": {"type": "object", "required": ["case_id", "holds", "clocks"]}},
        "next": {"type": ["string", "null"]},
    },
}
_UPDATE = {"$ref": "#/components/schemas/Update"}
_UPDATES = {"oneOf": [_UPDATE, {"type": "array", "minItems": 1, "maxItems": MOST_UPDATES, "items": _UPDATE}]}
_TAKEN = {
    "type": "object",
    "required": ["taken"],
    "properties": {"taken": {"type": "array", "items": {"type": "object"}}},
}
