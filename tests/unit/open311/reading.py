"""Documents as a client of these tests reads them: by the very records that a server renders. No tests of its own."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from hub.open311.documents import DocumentShape, raw_records
from hub.open311.errors import UnreadableError
from hub.open311.models import DocumentRecord

_R = TypeVar("_R", bound=DocumentRecord)


def read_records(shape: DocumentShape[_R], body: bytes, charset: str | None = None) -> list[_R]:
    """Of a shape that is no list, exactly one. Raises UnreadableError, and ErrorsError where the answer is one of errors."""
    try:
        return [shape.record.model_validate(each) for each in raw_records(shape, body, charset)]
    except ValidationError:
        raise UnreadableError("a record in it cannot be read") from None
