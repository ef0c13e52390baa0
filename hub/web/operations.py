"""What the web answers, said once: each operation with its parameters, body and answers makes its route and its part of the
OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from hub.bounds import SYSTEM_ID
from hub.metrics import WEB_ANSWERS
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.bodies import HttpProblem, problem_answer

_MOST_CHARS, _MOST_DIGITS = 2_000, 18
Values = Mapping[str, Any]
"""The parameters of a call, by name; None where one was not given and has no default."""
Handler = Callable[[Request, Values], Awaitable[Response]]


class UnreadableParameterError(ValueError):
    """The text of a parameter cannot be read; says how it is written, and quotes nothing."""


class Parameter(NamedTuple):
    """Where it stands (`where`: path, query or header), and how its text is read. An empty text is as none."""

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any] = str
    where: str = "query"
    default: Any = None
    required: bool = False


class AnswerSpec(NamedTuple):
    """What a status means; `content`: schemas by media type."""

    description: str
    content: Mapping[str, Any] = {}
    headers: Sequence[str] = ()


def _refused(request: Request, problem: HttpProblem) -> Response:
    del request
    return problem_answer(problem)


@dataclass(frozen=True)
class Operation:
    """A method of a path. `security`: the name of the scheme, None where anybody may ask."""

    method: str
    path: str
    summary: str
    handler: Handler
    tag: str
    parameters: Sequence[Parameter] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    """Schemas by media type; none: no body is taken."""
    answers: Mapping[int, AnswerSpec] = field(default_factory=dict)
    security: str | None = None
    refuse: Callable[[Request, HttpProblem], Response] = _refused

    @property
    def route(self) -> GuardedRoute:
        may = OpenTo.ANYBODY if self.security is None else OpenTo(self.security)
        return GuardedRoute(self.path, self._answered, may, [self.method])

    async def _answered(self, request: Request) -> Response:
        try:
            answer = await self.handler(request, self.values(request))
        except HttpProblem as problem:
            answer = self.refuse(request, problem)
        WEB_ANSWERS.labels(f"{self.method} {self.path}", str(answer.status_code)).inc()
        return answer

    def values(self, request: Request) -> dict[str, Any]:
        """Raises HttpProblem (400) naming the parameter that cannot be used."""
        return {each.name: _value(each, request) for each in self.parameters}


def _value(parameter: Parameter, request: Request) -> Any:
    where = {"path": request.path_params, "query": request.query_params, "header": request.headers}[parameter.where]
    text = where.get(parameter.name)
    if not text:
        if parameter.required:
            raise HttpProblem(400, f"{parameter.name} is missing: {parameter.description}")
        return parameter.default
    try:
        if len(text) > _MOST_CHARS:
            raise ValueError
        return parameter.read(text)
    except UnreadableParameterError as error:
        raise HttpProblem(400, f"{parameter.name} cannot be used: {error}") from None
    except ValueError:  # its text would quote what was sent
        raise HttpProblem(400, f"{parameter.name} cannot be used: {parameter.description}") from None


def integer(name: str, description: str, least: int, most: int, default: int) -> Parameter:
    """A whole number within bounds."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or not least <= int(text) <= most:
            raise UnreadableParameterError(f"a whole number from {least} to {most}")
        return int(text)

    schema = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return Parameter(name, description, schema, read, default=default)


def system_id(name: str, description: str) -> Parameter:
    """The id of a department or a source, in the path."""
    return Parameter(name, description, {"type": "string", "pattern": f"^{SYSTEM_ID}$"}, where="path", required=True)
