"""The OpenAPI 3.1 document, made from the operations themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hub.contracts.meanings import PARAMETER_MEANINGS
from hub.model.update import EVENT_NAMES, Update
from hub.web.bodies import HttpProblem
from hub.web.operations import AnswerSpec, Operation, Parameter

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "`cityhub web token new`"},
    "api_key": {"type": "apiKey", "in": "query", "name": "api_key", "description": "`cityhub web token new --open311`"},
}


def openapi_document(title: str, operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations, as JSON has it. Where it is served is for who serves it to say (`servers`)."""
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(_path(each.path), {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": SECURITY},
    }


def _path(path: str) -> str:
    """Starlette's converters are none of OpenAPI's."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def _operation(operation: Operation) -> dict[str, Any]:
    name = f"{operation.method.lower()}{re.sub(r'[^a-z0-9]+', '_', operation.path.lower())}".rstrip("_")
    found: dict[str, Any] = {
        "operationId": name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [_parameter(one) for one in operation.parameters],
        "responses": {str(status): _answer(status, answer) for status, answer in operation.answers.items()},
        "security": [{operation.security: []}] if operation.security else [],
    }
    if operation.body:
        found["requestBody"] = {
            "required": True,
            "content": {media: {"schema": one} for media, one in operation.body.items()},
        }
    return found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    said = f"{parameter.description} {PARAMETER_MEANINGS.get(parameter.name, '')}".rstrip()
    return {
        "name": parameter.name, "in": parameter.where, "description": said, "required": parameter.required,
        "schema": dict(parameter.schema),
    }  # fmt: skip


def _answer(status: int, answer: AnswerSpec) -> dict[str, Any]:
    content: Mapping[str, Any] = {media: {"schema": schema} for media, schema in answer.content.items()}
    if not content and status >= 400:
        content = _PROBLEM
    found: dict[str, Any] = {"description": answer.description}
    if content:
        found["content"] = content
    if answer.headers:
        found["headers"] = {name: {"schema": {"type": "string"}} for name in answer.headers}
    return found


def _schemas() -> dict[str, Any]:
    update = Update.model_json_schema(ref_template="#/components/schemas/{model}")
    defined: dict[str, Any] = update.pop("$defs")
    update["properties"]["status"] = {
        "description": "A status, or a step of the contract's second table; in upper or lower case.",
        "enum": [*EVENT_NAMES, *(each.lower() for each in EVENT_NAMES)],
    }
    update["properties"]["at"] = {
        "description": "When it was done: ms since 1970 UTC, or ISO 8601 with offset.",
        "oneOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}],
    }
    update["required"].remove("department")
    return {**defined, "Update": update, "Problem": _problem()}


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "description": HttpProblem.__doc__,
        "required": ["status", "detail"],
        "properties": {
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "at": {"type": "integer"}, "reason": {"type": "string"}, "detail": {"type": "string"},
                    },
                },
            },
        },
    }  # fmt: skip
