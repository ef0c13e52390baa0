"""How the server of open311_server.py writes, and what real ones were seen to do that the specification does not say."""

from __future__ import annotations

import json
from collections.abc import Set
from datetime import datetime
from enum import StrEnum
from typing import Any
from xml.sax.saxutils import escape

_ELEMENTS = {
    "services": "service", "service_requests": "request", "service_request_updates": "request_update", "errors": "error",
    "endpoints": "endpoint", "formats": "format", "attributes": "attribute", "values": "value",
}  # fmt: skip
PlainRecord = dict[str, Any]


class Quirk(StrEnum):
    """What servers do that the specification does not say."""

    NUMBERS = "ids and codes are numbers in JSON"
    LEADING_ZEROS = "service_code is written 001 in JSON"
    WRAPPED = "lists in JSON have a wrapper"
    LONELY = "a list of one is its only element"
    EMPTY = "what is empty is an empty text, not null"
    ABSENT = "what is empty is left out"
    BAD_DATES = "times without offset, 0000-00-00 for none"
    TEXT_DEGREES = "lat and long are texts"
    ZERO_PLACE = "who gave no place is at 0, 0"
    HTML = "descriptions hold markup"
    UNCLEAN = "descriptions hold control characters, in XML a bare &"
    ERRORS_OK = "errors come with status 200"
    TOKENS = "the newest request has a token and no id"
    NO_PAGES = "page and page_size are ignored"
    LAST_AGAIN = "behind the last page comes the last again"
    NEWEST_FIRST = "newest first"
    SHARP_ENDS = "start_date and end_date do not count themselves"
    NAMESPACE = "XML has a namespace, and updates the other wrapper"
    OTHER_WORDS = "status is Fixed or In Progress"


def document_of(quirks: Set[Quirk], root: str, content: Any, form: str) -> bytes:
    """A document, `form` is xml or json."""
    is_list = isinstance(content, list)
    content = [_odd(quirks, each) for each in content] if is_list else content
    if form == "xml":
        if Quirk.NAMESPACE in quirks and root == "service_request_updates":
            body = _xml("service_request_updates", content).replace(
                "service_request_updates", "service_requests_updates"
            )
        else:
            body = _xml(root, content)
        if Quirk.NAMESPACE in quirks:
            body = body.replace(">", ' xmlns="http://www.open311.org/georeport">', 1)
        if Quirk.UNCLEAN in quirks:
            body = body.replace("&amp;", "&")
        return f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()
    if is_list and root != "errors":
        if Quirk.LONELY in quirks and len(content) == 1:
            content = content[0]
        if Quirk.WRAPPED in quirks:
            content = {root: content}
    body = json.dumps(content, ensure_ascii=False, default=str)
    if Quirk.LEADING_ZEROS in quirks:
        body = body.replace('"001"', "001")
    return body.encode()


def _odd(odd: Set[Quirk], record: PlainRecord) -> PlainRecord:
    found = dict(record)
    for name, value in record.items():
        if isinstance(value, datetime):
            found[name] = f"{value:%Y-%m-%d %H:%M:%S}" if Quirk.BAD_DATES in odd else value.isoformat()
        elif value is None and name.endswith("_datetime") and Quirk.BAD_DATES in odd:
            found[name] = "0000-00-00 00:00:00"
        elif value is None and name in ("lat", "long") and Quirk.ZERO_PLACE in odd:
            found[name] = 0
    if Quirk.TEXT_DEGREES in odd:
        found |= {name: str(found[name]) for name in ("lat", "long") if found.get(name) is not None}
    if Quirk.NUMBERS in odd:
        for name in ("service_request_id", "service_code", "update_id", "zipcode"):
            value = found.get(name)
            if isinstance(value, str) and value.isdigit() and not value.startswith("0"):
                found[name] = int(value)
    if text := found.get("description"):
        text = f"<p>{escape(text)}<br/></p>" if Quirk.HTML in odd else text
        found["description"] = text.replace(" ", "\x0b ", 1) if Quirk.UNCLEAN in odd else text
    if Quirk.OTHER_WORDS in odd and "status" in found:
        found["status"] = {"closed": "Fixed", "open": "In Progress", "CLOSED": "FIXED"}.get(
            found["status"], found["status"]
        )
    if Quirk.EMPTY in odd:
        found = {name: "" if value is None else value for name, value in found.items()}
    if Quirk.ABSENT in odd:
        found = {name: value for name, value in found.items() if value not in (None, "")}
    return found


def _xml(name: str, content: Any) -> str:
    if isinstance(content, dict):
        return f"<{name}>{''.join(_xml(key, each) for key, each in content.items())}</{name}>"
    if isinstance(content, list):
        return f"<{name}>{''.join(_xml(_ELEMENTS[name], each) for each in content)}</{name}>"
    if content is None or content == "":
        return f"<{name}/>"
    return f"<{name}>{escape(str(content).lower() if isinstance(content, bool) else str(content))}</{name}>"
