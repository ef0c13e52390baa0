"""One alert by column, and what the standard asks beyond its schema. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lxml import etree
from shapely import Point, Polygon

from hub.errors import Reason, RejectedRecordError
from hub.millis import ms_of
from hub.sdk.sources.cap.grammar import FaultError, read_element

_STATEMENTS = {"Alert": "alert", "Update": "update", "Cancel": "cancel"}
_MOST_NAME_CHARS = 80


class UnfinishedError(RejectedRecordError):
    """The document has no end: somebody may be writing it."""


class Alert(NamedTuple):
    """`name`: which one this is; `refers_to`: those before it, the oldest first. `values`: by column, but for `report`."""

    name: str
    refers_to: list[str]
    sent_ms: int
    expires_ms: int | None
    values: dict[str, Any]


def report_name(sender: str, identifier: str) -> str:
    """What a report is called. Without the time: some senders give an update the identifier of its alert."""
    name = f"{sender},{identifier}"
    return name if len(name) <= _MOST_NAME_CHARS else hashlib.sha256(name.encode()).hexdigest()[:32]


def alert_of(document: bytes, languages: Sequence[str] = ()) -> Alert:
    """`languages`: of several infos the first of these that there is, else the first there is.

    Raises RejectedRecordError(bad_row), naming the line; UnfinishedError if it is no whole XML document.
    """
    try:
        content = read_element(root_of(document))
        _require_rules(content)
    except FaultError as error:
        raise RejectedRecordError(Reason.BAD_ROW, f"no alert of CAP 1.2: {error}") from None
    return _alert(content, languages)


def root_of(document: bytes) -> Any:
    """No DTD, no entity, no network. Raises RejectedRecordError(bad_row), UnfinishedError if it is no whole XML document."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UnfinishedError(Reason.BAD_ROW, "it is no whole XML document") from None
    if root.getroottree().docinfo.doctype:
        raise RejectedRecordError(Reason.BAD_ROW, "it has a document type (DTD), which is not read")
    return root


def _alert(content: dict[str, list[Any]], languages: Sequence[str]) -> Alert:
    info = _chosen(content.get("info", []), languages)
    one = _first(content)
    values: dict[str, Any] = _texts(content) | _texts(info) | _area(info.get("area", []))
    for group in ("eventCode", "parameter"):
        values |= _named(group, info.get(group, []))
    values["statement"] = _STATEMENTS.get(one["msgType"], "other")
    values["said_at"] = one["sent"]
    values["resources"] = [each["uri"][0] for each in info.get("resource", []) if "uri" in each]
    expires = _first(info).get("expires")
    return Alert(
        report_name(one["sender"], one["identifier"]),
        [
            report_name(sender, identifier)
            for sender, identifier, _ in sorted(_references(content), key=lambda each: each[2])
        ],
        _ms(one["sent"]),
        _ms(expires) if expires else None,
        values,
    )


def _first(content: dict[str, list[Any]]) -> dict[str, str]:
    return {name: each[0] for name, each in content.items() if isinstance(each[0], str)}


def _texts(content: dict[str, list[Any]]) -> dict[str, Any]:
    """Texts by name; of several, the first, and all of them with a blank between under `<name>.all`."""
    several = {
        f"{name}.all": " ".join(each) for name, each in content.items() if len(each) > 1 and isinstance(each[0], str)
    }
    return _first(content) | several


def _named(prefix: str, pairs: list[dict[str, list[str]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, value = f"{prefix}.{pair['valueName'][0]}", pair["value"][0]
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def _chosen(infos: list[dict[str, list[Any]]], languages: Sequence[str]) -> dict[str, list[Any]]:
    by_language: dict[str, dict[str, list[Any]]] = {
        each.get("language", ["en-US"])[0].lower(): each for each in reversed(infos)
    }
    for wanted in languages:
        if wanted.lower() in by_language:
            return by_language[wanted.lower()]
    return infos[0] if infos else {}


def _area(areas: list[dict[str, list[Any]]]) -> dict[str, Any]:
    """Where it is: words, outlines, codes, and one point within the first outline."""
    polygons = [each for area in areas for each in area.get("polygon", [])]
    circles = [each for area in areas for each in area.get("circle", [])]
    values: dict[str, Any] = {"areaDesc": "; ".join(area["areaDesc"][0] for area in areas)}
    values |= {"polygon": " | ".join(polygons), "circle": " | ".join(circles)}
    values |= _named("geocode", [pair for area in areas for pair in area.get("geocode", [])])
    point = _within(polygons[0]) if polygons else _circle(circles[0])[0] if circles else None
    if point is not None:
        values |= {"lat": f"{point.y:.6f}", "lon": f"{point.x:.6f}"}
    if circles:
        values["radius_km"] = circles[0].split()[1]
    return {name: value for name, value in values.items() if value}


# -- what the standard asks beyond its schema -------------------------------------------------------------------------------


def _require_rules(content: dict[str, list[Any]]) -> None:
    one = _first(content)
    for name in ("identifier", "sender"):
        if not one[name] or any(sign in " ,<&\t\n" for sign in one[name]):
            raise FaultError(f"{name} is empty, or has a blank, a comma, < or & in it")
    references = _references(content)
    if one["msgType"] != "Alert" and not references:
        raise FaultError(f"a message of type {one['msgType']} refers to an earlier one, and references is empty")
    if (one["sender"], one["identifier"], one["sent"]) in references:
        raise FaultError("it refers to itself")
    if (one["scope"] == "Restricted") != ("restriction" in one):
        raise FaultError("restriction belongs to scope Restricted, and to no other")
    if one["scope"] == "Private" and "addresses" not in one:
        raise FaultError("scope Private needs addresses")
    for area in (area for info in content.get("info", []) for area in info.get("area", [])):
        _require_area(area)


def _require_area(area: dict[str, list[Any]]) -> None:
    for text in area.get("polygon", []):
        _polygon(text)
    for text in area.get("circle", []):
        _circle(text)
    if "ceiling" in area and ("altitude" not in area or float(area["ceiling"][0]) <= float(area["altitude"][0])):
        raise FaultError("ceiling is above altitude, and not without it")


def _references(content: dict[str, list[Any]]) -> list[tuple[str, str, str]]:
    found = []
    for each in content.get("references", [""])[0].split():
        parts = each.split(",")
        if len(parts) != 3 or not all(parts):
            raise FaultError("references are written sender,identifier,sent with a blank between them")
        found.append((parts[0], parts[1], parts[2]))
    return found


def _polygon(text: str) -> Polygon:
    points = [_point(each) for each in text.split()]
    if len(points) < 4 or points[0] != points[-1]:
        raise FaultError("a polygon has four points at least, and the last is the first")
    polygon = Polygon([(lon, lat) for lat, lon in points])
    if not polygon.is_valid:
        raise FaultError("a polygon crosses itself")
    return polygon


def _circle(text: str) -> tuple[Point, float]:
    parts = text.split()
    if len(parts) != 2 or (radius := _degrees(parts[1], 40_000)) < 0:
        raise FaultError("a circle is written lat,lon radius, with the radius in kilometres")
    lat, lon = _point(parts[0])
    return Point(lon, lat), radius


def _within(text: str) -> Point:
    """A point that lies in it, also where it is bent like a horseshoe."""
    return _polygon(text).representative_point()


def _point(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise FaultError("a point is written lat,lon")
    return _degrees(parts[0], 90), _degrees(parts[1], 180)


def _degrees(text: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= most or "_" in text:
        raise FaultError("a point or a radius is out of range, or no number")
    return number


def _ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))
