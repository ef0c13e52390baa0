"""GeoReport v2 for tests: a file that offers two services, and calls that are asked in both formats."""

from __future__ import annotations

from typing import Any

import pytest

from hub.open311.documents import (
    POSTED_DOCUMENT,
    DocumentShape,
)  # fmt: skip
from hub.web.open311.config import AttributeQuestion, Offer, Open311File
from hub.web.tokens import Scope, TokenKind
from tests.unit.open311.reading import read_records
from tests.unit.web.front import MemoryWeb

BASE = "/open311/v2"
FORMATS = pytest.mark.parametrize("form", ["xml", "json"])
SIZE = AttributeQuestion(
    code="size",
    description="How large?",
    datatype="singlevaluelist",
    required=True,
    values={"s": "small", "l": "large"},
)
FILE = Open311File(
    jurisdictions=("lanting", "harbour"), publish=("description",),
    services={"road.pothole": Offer(attributes=(SIZE,), keywords=("road", "hole")), "lighting.out": Offer()},
)  # fmt: skip


def key(web: MemoryWeb, *scopes: Scope, app: str = "app") -> str:
    return web.tokens.new(TokenKind.OPEN311, app, scopes or tuple(Scope))


def said(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "service_code": "road.pothole", "lat": "34.02", "long": "114.515", "description": "A deep one.", "email": "w@example.org",
        "first_name": "Wang", "phone": "13800000000",
    }  # fmt: skip
    return {name: value for name, value in (fields | changes).items() if value is not None}


def got(web: MemoryWeb, shape: DocumentShape[Any], path: str, **params: Any) -> list[Any]:
    """The records of a document that is there in both formats, and the same in both."""
    found = []
    for form in ("xml", "json"):
        answer = web.client.get(f"{path}.{form}", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml" if form == "xml" else "application/json")
        found.append(read_records(shape, answer.content))
    assert found[0] == found[1]
    return found[0]


def post(web: MemoryWeb, form: str = "json", headers: dict[str, str] | None = None, **fields: Any) -> str:
    answer = web.client.post(f"{BASE}/requests.{form}", data=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    (posted,) = read_records(POSTED_DOCUMENT, answer.content)
    return posted.service_request_id
