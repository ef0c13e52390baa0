"""A record that a person changes: by fields or as a whole, and told as what was and what will be. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from hub.declared.texts import parse_json
from hub.errors import FatalError
from hub.stream.avro.codec import Codec

_MISSING = object()


def with_fields(record: Mapping[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """The record with `NAME=VALUE` set; a name may be `place.lat`, a value is JSON, or else text.

    Raises FatalError for a change that is none, or of what is no record.
    """
    found = deepcopy(dict(record))
    for change in changes:
        path, equals, text = change.partition("=")
        *way, name = path.split(".")
        if not equals or not name:
            raise FatalError("write a change as NAME=VALUE, as in place.lat=31.2")
        inner: Any = found
        for step in way:
            if inner.get(step) is None:
                inner[step] = {}
            inner = inner[step]
            if not isinstance(inner, dict):
                raise FatalError(f"{step} has no fields")
        inner[name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return text


def record_text(record: Mapping[str, Any]) -> str:
    """As a person edits it."""
    return json.dumps(record, ensure_ascii=False, indent=2, default=str) + "\n"


def record_in(text: str) -> dict[str, Any]:
    """Raises FatalError for what is no JSON object."""
    try:
        found = parse_json(text)
    except ValueError as error:
        raise FatalError(f"this is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise FatalError("a record is a JSON object, in braces")
    return found


def diff_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The lines of a unified diff; none if nothing is changed."""
    old, new = record_text(before).splitlines(), record_text(after).splitlines()
    return list(difflib.unified_diff(old, new, "dead letter 死信", "mended 修正", lineterm="", n=1))


def fields_that_differ(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The names of the fields that differ, in order: for the trail, which has no values of them."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield path
        return
    for name in sorted(before.keys() | after.keys()):
        yield from fields_that_differ(
            before.get(name, _MISSING), after.get(name, _MISSING), f"{path}.{name}" if path else name
        )


def encoded_record(codec: Codec, subject: str, record: Mapping[str, Any]) -> bytes:
    """A record as its sender would write it. Raises FatalError where it does not fit its schema, naming no value."""
    try:
        return codec.encode_one(subject, record)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise FatalError(
            f"this is no {subject}: a field is missing or of another type ({type(error).__name__})"
        ) from None
