"""What CAP 1.2 allows in an alert: which elements, in which order, how often, with which words (OASIS, 2010). Pure.

The schema's own text is not ours to give away; this says the same, in the hub's words, with the line of each fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

CAP_NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[-+][0-9]{2}:[0-9]{2}")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")


class FaultError(Exception):
    """Where and why it is no alert; never what stands there."""


TextCheck = Callable[[str], str | None]
"""Why a text may not stand there, or None."""


class ElementRule(NamedTuple):
    """One element of a sequence. `most`: None for any number."""

    name: str
    inside: TextCheck | tuple[ElementRule, ...]
    least: int = 0
    most: int | None = 1


def _text(_: str) -> None:
    return None


def _time(text: str) -> str | None:
    try:
        if _TIME.fullmatch(text):
            datetime.fromisoformat(text)
            return None
    except ValueError:
        pass
    return "a time is written like 2026-01-06T08:00:00+08:00, without Z and without fractions"


def _words(*words: str) -> TextCheck:
    return lambda text: None if text in words else f"is one of {', '.join(words)}"


def _language(text: str) -> str | None:
    return None if _LANGUAGE.fullmatch(text) else "is a language like zh-CN"


def _number(text: str) -> str | None:
    try:
        return None if Decimal(text).is_finite() else "is a number"
    except InvalidOperation:
        return "is a number"


def _whole(text: str) -> str | None:
    return None if re.fullmatch(r"[-+]?[0-9]+", text) else "is a whole number"


_PAIR = (ElementRule("valueName", _text, 1), ElementRule("value", _text, 1))
_AREA = (
    ElementRule("areaDesc", _text, 1),
    ElementRule("polygon", _text, 0, None),
    ElementRule("circle", _text, 0, None),
    ElementRule("geocode", _PAIR, 0, None),
    ElementRule("altitude", _number),
    ElementRule("ceiling", _number),
)
_RESOURCE = (
    ElementRule("resourceDesc", _text, 1),
    ElementRule("mimeType", _text, 1),
    ElementRule("size", _whole),
    ElementRule("uri", _text),
    ElementRule("derefUri", _text),
    ElementRule("digest", _text),
)
_CATEGORIES = _words(
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
)
_RESPONSES = _words("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
_INFO = (
    ElementRule("language", _language),
    ElementRule("category", _CATEGORIES, 1, None),
    ElementRule("event", _text, 1),
    ElementRule("responseType", _RESPONSES, 0, None),
    ElementRule("urgency", _words("Immediate", "Expected", "Future", "Past", "Unknown"), 1),
    ElementRule("severity", _words("Extreme", "Severe", "Moderate", "Minor", "Unknown"), 1),
    ElementRule("certainty", _words("Observed", "Likely", "Possible", "Unlikely", "Unknown"), 1),
    ElementRule("audience", _text),
    ElementRule("eventCode", _PAIR, 0, None),
    ElementRule("effective", _time),
    ElementRule("onset", _time),
    ElementRule("expires", _time),
    ElementRule("senderName", _text),
    ElementRule("headline", _text),
    ElementRule("description", _text),
    ElementRule("instruction", _text),
    ElementRule("web", _text),
    ElementRule("contact", _text),
    ElementRule("parameter", _PAIR, 0, None),
    ElementRule("resource", _RESOURCE, 0, None),
    ElementRule("area", _AREA, 0, None),
)
ALERT = (
    ElementRule("identifier", _text, 1),
    ElementRule("sender", _text, 1),
    ElementRule("sent", _time, 1),
    ElementRule("status", _words("Actual", "Exercise", "System", "Test", "Draft"), 1),
    ElementRule("msgType", _words("Alert", "Update", "Cancel", "Ack", "Error"), 1),
    ElementRule("source", _text),
    ElementRule("scope", _words("Public", "Restricted", "Private"), 1),
    ElementRule("restriction", _text),
    ElementRule("addresses", _text),
    ElementRule("code", _text, 0, None),
    ElementRule("note", _text),
    ElementRule("references", _text),
    ElementRule("incidents", _text),
    ElementRule("info", _INFO, 0, None),
)


def read_element(root: Any) -> dict[str, list[Any]]:
    """An lxml element by name: texts, and dictionaries of the same kind. Raises FaultError."""
    if root.tag != f"{{{CAP_NAMESPACE}}}alert":
        raise FaultError(f"line {root.sourceline}: it is no alert of CAP 1.2 ({CAP_NAMESPACE})")
    children = list(root)
    while children and str(children[-1].tag).startswith(_SIGNATURE):
        children.pop()
    return _sequence(root, children, ALERT)


def _sequence(parent: Any, children: list[Any], rules: tuple[ElementRule, ...]) -> dict[str, list[Any]]:
    if any(text and text.strip() for text in (parent.text, *(child.tail for child in parent))):
        raise FaultError(f"line {parent.sourceline}: it holds elements only, and text stands between them")
    found: dict[str, list[Any]] = {}
    at = 0
    for rule in rules:
        tag = f"{{{CAP_NAMESPACE}}}{rule.name}"
        values = []
        while at < len(children) and children[at].tag == tag:
            values.append(_content(children[at], rule))
            at += 1
        if len(values) < rule.least:
            where = children[at] if at < len(children) else parent
            raise FaultError(f"line {where.sourceline}: {rule.name} is missing, or not in its place")
        if rule.most is not None and len(values) > rule.most:
            raise FaultError(f"line {children[at - 1].sourceline}: {rule.name} stands there once at most")
        if values:
            found[rule.name] = values
    if at < len(children):
        raise FaultError(f"line {children[at].sourceline}: an element is not of CAP 1.2, or not in its place")
    return found


def _content(element: Any, rule: ElementRule) -> Any:
    if isinstance(rule.inside, tuple):
        return _sequence(element, list(element), rule.inside)
    if len(element):
        raise FaultError(f"line {element.sourceline}: {rule.name} holds text only")
    text = (element.text or "").strip()
    if (why := rule.inside(text)) is not None:
        raise FaultError(f"line {element.sourceline}: {rule.name} {why}")
    return text
