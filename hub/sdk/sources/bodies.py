"""What a call or a message says, by column: CloudEvents 1.0 in binary, structured and batched mode, or plain JSON. Pure.

A CloudEvent has the same columns in each mode: its attributes by name (`id`, `source`, `type`), what it carries under `data.`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from hub.declared.texts import parse_row
from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import json_values


class Unusable(NamedTuple):
    """What is no event: why, and its own bytes."""

    fault: RejectedRecordError
    raw: bytes


CallStatement: TypeAlias = dict[str, Any] | Unusable
"""One event by column, or what is none."""
_Reader: TypeAlias = Callable[[Any], dict[str, Any]]
_MOST_LEVELS = 64
_REQUIRED = ("specversion", "id", "source", "type")


def call_statements(headers: Mapping[str, str], body: bytes) -> list[CallStatement]:
    """The events of one call, in order. `headers`: by lower-case name. Never raises for what was sent."""
    try:
        contents, read = _contents(headers, body)
    except RejectedRecordError as error:
        return [Unusable(error, body)]
    return [_said(each, read) for each in contents]


def _contents(headers: Mapping[str, str], body: bytes) -> tuple[list[Any], _Reader]:
    media = _media(headers.get("content-type", ""))
    if media == "application/cloudevents-batch+json":
        return _listed(parsed_json(body)), _cloud_event
    if media == "application/cloudevents+json":
        return [parsed_json(body)], _cloud_event
    if "ce-specversion" in headers:
        return [_assembled(headers, body)], _cloud_event
    content = parsed_json(body)
    return content if isinstance(content, list) else [content], _plain


def _said(content: Any, read: _Reader) -> CallStatement:
    try:
        values = read(content)
        require_text(values)
        return values
    except RejectedRecordError as error:
        return Unusable(error, json.dumps(content).encode())


def _plain(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _bad("it is no JSON object")
    return json_values(content)


def _cloud_event(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _bad("the CloudEvent is no JSON object")
    if missing := [name for name in _REQUIRED if not content.get(name) or not isinstance(content[name], str)]:
        raise _bad(f"it is no CloudEvent: {', '.join(missing)} is missing, or no text")
    if content["specversion"] != "1.0":
        raise _bad("it is a CloudEvent of another specversion than 1.0")
    content = dict(content)
    packed = content.pop("data_base64", None)
    if packed is not None:
        content["data"] = _data(_unpacked(packed), str(content.get("datacontenttype") or ""))
    return json_values(content)


def _assembled(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A CloudEvent in binary mode as it would be in structured mode."""
    event: dict[str, Any] = {name[3:]: _decoded(value) for name, value in headers.items() if name.startswith("ce-")}
    content_type = headers.get("content-type", "")
    if content_type:
        event["datacontenttype"] = content_type
    return event | ({"data": _data(body, content_type)} if body else {})


def _decoded(value: str) -> str:
    """A header's value (HTTP binding of CloudEvents, 3.1.3.2): quotes go, then what stands by per cent."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise _bad("a header of the CloudEvent is not in UTF-8") from None


def _data(raw: bytes, content_type: str) -> Any:
    media = _media(content_type)
    if not media or media.endswith(("/json", "+json")):
        return parsed_json(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _bad("what the CloudEvent carries is neither JSON nor text in UTF-8") from None


def _unpacked(packed: Any) -> bytes:
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _bad("data_base64 of the CloudEvent is not in base64") from None


def _listed(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise _bad("the batch is no JSON list")
    return content


def parsed_json(body: bytes) -> Any:
    """Fractions stay text. Raises RejectedRecordError(bad_row): no JSON in UTF-8, or nested too deeply."""
    try:
        content = parse_row(body.decode("utf-8-sig"))
    except ValueError:
        raise _bad("the body is no JSON in UTF-8, or has a key twice in one object") from None
    if _is_deeper(content, _MOST_LEVELS):
        raise _bad("it is nested too deeply; write it flatter")
    return content


def _is_deeper(content: Any, levels: int) -> bool:
    """What can be read may still be too deep for what comes behind, and would end the edge at each try."""
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner if isinstance(each, dict | list))


def require_text(values: Mapping[str, Any]) -> None:
    """Half of a pair of surrogates can be written in JSON, and nowhere else. Raises RejectedRecordError(bad_row)."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _bad("it holds half a character") from None


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _bad(reason: str) -> RejectedRecordError:
    return RejectedRecordError(Reason.BAD_ROW, reason)
