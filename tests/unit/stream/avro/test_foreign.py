"""A schema of somebody else's registry that cannot be read by is refused in the hub's words: the refusal is logged."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import Reason, RejectedRecordError
from hub.stream.avro.foreign import check_foreign

SECRET = "Jane Roe 13900001111"


def record(kind: Any, **field: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Told", "fields": [{"name": "a", "type": kind, **field}]}


@pytest.mark.parametrize(
    "schema",
    [
        record(SECRET),
        record("int", default=SECRET),
        record({"type": "fixed", "name": "Least", "size": SECRET}),
        record({"type": "enum", "name": "Kind", "symbols": [SECRET]}),
        {"type": SECRET},
    ],
)
def test_what_stands_in_it_is_not_quoted(schema: dict[str, Any]) -> None:
    with pytest.raises(RejectedRecordError) as refused:
        check_foreign(schema)
    assert refused.value.reason is Reason.WRONG_SCHEMA
    assert not any(part in refused.value.detail for part in SECRET.split())
    assert refused.value.__suppress_context__, "nor is it in a traceback"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"type": "array", "items": "null"}, "an array's items take no bytes"),
        ("Told", "a record contains itself"),
    ],
)
def test_why_is_said_where_the_hub_knows(kind: Any, why: str) -> None:
    with pytest.raises(RejectedRecordError, match=why):
        check_foreign(record(kind))
