"""Reads a city's areas: polygons with code and name, from a GeoJSON file in WGS84 (CGCS2000 is the same to a metre)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
import shapely.geometry

from hub.bounds import CONTROL_CHARACTERS, in_degrees
from hub.declared.problems import Problems
from hub.declared.texts import parse_declared_json, read_text
from hub.model.base import MAX_CODE_CHARS
from hub.model.crs import Crs, crs_of
from hub.policy.models import AreasFile
from hub.policy.rings import ring_fault

_MAX_NAME_CHARS = 400
_SYSTEM_MEMBERS = frozenset(("crs", "srs", "srid", "srsname", "coordrefsys"))
_MAX_SHOWN_CHARS = 100
_UNUSABLE = re.compile(f"[{CONTROL_CHARACTERS}\ud800-\udfff]")
"""Control characters, and halves of characters, which no record can carry."""
_FEATURE = re.compile(r'"type"\s*:\s*"Feature"')


@dataclass(frozen=True)
class Area:
    """One polygon or multipolygon, x is longitude, y latitude, in degrees."""

    code: str
    name: str
    geometry: Any


def read_areas(folder: Path, spec: AreasFile, problems: Problems) -> tuple[Area, ...]:
    """The areas of `spec.file`; mistakes are noted in `problems` and their features left out."""
    try:
        text = read_text(folder / spec.file, "utf-8-sig")
        content = parse_declared_json(text)
    except FileNotFoundError:
        problems.add(spec.file, 0, "the file is missing, but city.yaml names it under areas; add it or remove `areas`")
        return ()
    except json.JSONDecodeError as error:
        problems.add(spec.file, error.lineno, f"not JSON: {error.msg}")
        return ()
    except (OSError, UnicodeDecodeError) as error:
        problems.add(spec.file, 0, f"cannot be read as UTF-8 text: {error}")
        return ()
    except ValueError as error:
        problems.add(spec.file, 0, f"not JSON: {error}")
        return ()
    if said := other_system(content):
        problems.add(spec.file, 1, f"{said}; convert it, e.g. with ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES")
        return ()
    if said := no_collection(content):
        problems.add(spec.file, 1, said)
        return ()
    features = content["features"]
    if not features:
        problems.add(spec.file, 1, "no features; a GeoJSON FeatureCollection with one polygon for each area is needed")
        return ()
    starts = list(_lines_of_features(text))
    found: dict[str, Area] = {}
    for index, feature in enumerate(features):
        line = starts[index] if index < len(starts) else 1
        if said := no_feature(feature):
            problems.add(spec.file, line, f"feature {index + 1} {said}")
            continue
        area = _area(feature, spec, line, problems)
        if area is None:
            continue
        if area.code in found:
            problems.add(spec.file, line, f"area code {area.code!r} stands here a second time; codes must differ")
        found.setdefault(area.code, area)
    return tuple(found.values())


def _lines_of_features(text: str) -> Iterator[int]:
    """Counted from one feature to the next: a file may have thousands."""
    line, last = 1, 0
    for match in _FEATURE.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        yield line


def no_collection(content: Any) -> str | None:
    """Why a document is no GeoJSON FeatureCollection, with the way out; None if it is one."""
    if not isinstance(content, dict) or not isinstance(content.get("features"), list):
        return "no features; a GeoJSON FeatureCollection with one polygon for each area is needed"
    return _other_type(content, "FeatureCollection")


def no_feature(feature: Any) -> str | None:
    """Why a member of a collection's features is none, with the way out; None if it is one."""
    return (
        _other_type(feature, "Feature") if isinstance(feature, dict) else "is no object; write it as a GeoJSON Feature"
    )


def _other_type(content: dict[str, Any], wanted: str) -> str | None:
    """By RFC 7946 `type` says what something is, and nothing else may be taken for it."""
    said = content.get("type")
    if said == wanted:
        return None
    shown = f"says `type` {said[:_MAX_SHOWN_CHARS]!r}" if isinstance(said, str) else "has no `type`"
    return f'{shown}, where GeoJSON has "{wanted}"; mend it, or export it again as GeoJSON'


def other_system(content: Any) -> str | None:
    """What a GeoJSON document says if it, or one of its features, names a reference system that is not WGS84 or CGCS2000.

    RFC 7946 knows no `crs`, but older files have one, and then their numbers are of that system; others spell it otherwise.
    """
    if not isinstance(content, dict):
        return None
    features = content.get("features")
    inner = [each for each in features if isinstance(each, dict)] if isinstance(features, list) else []
    inner += [each["geometry"] for each in inner if isinstance(each.get("geometry"), dict)]
    for each in (content, *inner):
        for member in (member for member in each if member.casefold() in _SYSTEM_MEMBERS):
            crs = each[member]
            if crs is not None and (name := _system_name(crs)) not in (Crs.WGS84, Crs.CGCS2000):
                return (
                    f"its `{member}` says {name or 'a system by a link'}, but areas must be in WGS84 (EPSG:4326) or CGCS2000 "
                    "(EPSG:4490)"
                )
    return None


def _system_name(crs: Any) -> str | None:
    """The hub's name of a `crs` member's system; its own if the hub has none; None if it names none."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name", properties.get("code")) if isinstance(properties, dict) else crs
    if not isinstance(name, str | int):
        return None
    text = f"{name}"[:_MAX_SHOWN_CHARS]
    return crs_of(text) or text


def _area(feature: Any, spec: AreasFile, line: int, problems: Problems) -> Area | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        properties = {}
    code, name = properties.get(spec.code), properties.get(spec.name)
    if not isinstance(code, str | int) or isinstance(code, bool) or not str(code).strip():
        problems.add(
            spec.file, line, f"the feature has no property {spec.code!r} to be its code; city.yaml says it has"
        )
        return None
    if not isinstance(name, str) or not name.strip():
        problems.add(
            spec.file, line, f"area {code} has no property {spec.name!r} to be its name; city.yaml says it has"
        )
        return None
    for what, said, most in (("code", str(code), MAX_CODE_CHARS), ("name", name, _MAX_NAME_CHARS)):
        if len(said) > most or _UNUSABLE.search(said):
            problems.add(
                spec.file,
                line,
                f"an area's {what} has at most {most} characters, none of them a control character; mend it",
            )
            return None
    if "geometry" in feature and (fault := ring_fault(feature["geometry"])) is not None:
        problems.add(spec.file, line, f"area {code}: {fault}")
        return None
    try:
        geometry = shapely.geometry.shape(feature["geometry"])
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, shapely.errors.ShapelyError) as error:
        problems.add(spec.file, line, f"area {code} has no usable geometry: {error}")
        return None
    reason = _fault(geometry)
    if reason:
        problems.add(spec.file, line, f"area {code}: {reason}")
        return None
    return Area(str(code).strip(), name.strip(), geometry)


def _fault(geometry: Any) -> str | None:
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        return f"the geometry is a {geometry.geom_type}; an area is a Polygon or MultiPolygon"
    if geometry.is_empty:
        return "the geometry is empty; draw it or remove the feature"
    if not geometry.is_valid:
        return f"the polygon is not valid ({shapely.is_valid_reason(geometry)}); redraw it without crossings"
    if not in_degrees(*geometry.bounds):
        return "coordinates are not degrees; write longitude, latitude in WGS84"
    return None
