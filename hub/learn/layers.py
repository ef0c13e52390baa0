"""Area polygons for a draft: reads GeoJSON files as they come, finds the property that is the code, and places points."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import shapely.geometry

from hub.backtest.judging.names import slug
from hub.bounds import in_degrees
from hub.core.places.places import Layer as Shapes
from hub.declared.texts import parse_json, read_text
from hub.errors import FatalError
from hub.policy.areas import Area, no_collection, no_feature, other_system

_NOT_A_CODE = re.compile(r"(?:object|global|ogc_?f|f|g)?_?id|shape.*|.*(?:length|area|perimeter|len)", re.IGNORECASE)


@dataclass(frozen=True)
class AreaLayer:
    """One file's areas. `layer` is an id made of the file's name."""

    layer: str
    areas: tuple[Area, ...]
    code_property: str

    def codes_of(self, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]) -> list[str | None]:
        """The code of the area of each point in WGS84 degrees; None outside all, or where it is NaN."""
        found: list[str | None] = [None] * len(lat)
        rows = np.flatnonzero(~np.isnan(lat) & ~np.isnan(lon))
        for row, code in zip(rows.tolist(), Shapes(self.areas).find(lat[rows], lon[rows]), strict=True):
            found[row] = code
        return found

    def geojson(self) -> str:
        """As a file of a policy folder, with properties `code` and `name`."""
        features = [
            {
                "type": "Feature",
                "properties": {"code": area.code, "name": area.name},
                "geometry": shapely.geometry.mapping(area.geometry),
            }
            for area in self.areas
        ]
        lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in features)
        return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def read_layer(path: Path, code: str | None = None) -> AreaLayer:
    """Read one GeoJSON file in WGS84. `code` names the property that is the areas' code; by default the likeliest is taken.

    Features of one code are joined into one area. Raises FatalError if the file has no polygons, or no property fits.
    """
    try:
        content = parse_json(read_text(path, "utf-8-sig"))
    except (OSError, ValueError) as error:
        raise FatalError(f"{path} cannot be read as GeoJSON: {error}") from error
    if said := other_system(content):
        raise FatalError(f"{path.name}: {said}; convert it first, e.g. with ogr2ogr -t_srs EPSG:4326")
    if said := no_collection(content):
        raise FatalError(f"{path.name}: {said}")
    features = content["features"]
    for number, feature in enumerate(features, 1):
        if said := no_feature(feature):
            raise FatalError(f"{path.name}: feature {number} {said}")
    kept = [(each.get("properties") or {}, _polygon(each, path)) for each in features]
    shaped = [(properties, geometry) for properties, geometry in kept if geometry is not None]
    if not shaped:
        raise FatalError(f"{path.name} has no polygons; are these points or lines?")
    chosen = code or _code_property([properties for properties, _ in shaped], path)
    name = _name_property([properties for properties, _ in shaped], chosen)
    shapes: dict[str, list[Any]] = {}
    names: dict[str, str] = {}
    for properties, geometry in shaped:
        if (said := _text(properties.get(chosen))) is not None:
            shapes.setdefault(said, []).append(geometry)
            names.setdefault(said, _text(properties.get(name)) or said)
    if not shapes:
        raise FatalError(
            f"{path.name}: no feature has a property {chosen!r}; name another with --areas {path}:PROPERTY"
        )
    areas = [Area(key, names[key], shapely.union_all(found)) for key, found in shapes.items()]
    layer = slug(path.stem) or "areas"
    return AreaLayer(layer, tuple(areas), chosen)


def _polygon(feature: dict[str, Any], path: Path) -> Any:
    try:
        geometry = shapely.geometry.shape(feature["geometry"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.errors.ShapelyError):
        return None
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        return None
    if not in_degrees(*geometry.bounds):
        raise FatalError(f"{path.name} is not in degrees (WGS84); convert it first, e.g. with ogr2ogr -t_srs EPSG:4326")
    if geometry.is_valid:
        return geometry
    parts = [
        each
        for each in shapely.get_parts(shapely.make_valid(geometry))
        if each.geom_type in ("Polygon", "MultiPolygon")
    ]
    return shapely.union_all(parts) if parts else None


def _code_property(rows: Sequence[dict[str, Any]], path: Path) -> str:
    """The property that tells most areas apart; of several the shortest, but a mere row number only if there is nothing else."""
    best: tuple[tuple[int, bool, float, str], str] | None = None
    for name in sorted({name for row in rows for name in row}):
        values = [_text(row.get(name)) for row in rows]
        if any(value is None for value in values):
            continue
        told = [value for value in values if value is not None]
        numbers = bool(_NOT_A_CODE.fullmatch(name))
        rank = (-len(set(told)) + (len(told) if numbers else 0), numbers, sum(map(len, told)) / len(told), name)
        if best is None or rank < best[0]:
            best = (rank, name)
    if best is None:
        raise FatalError(
            f"{path.name}: no property that all areas have can be their code; name it with --areas {path}:PROPERTY"
        )
    return best[1]


def _name_property(rows: Sequence[dict[str, Any]], code: str) -> str:
    """A property of text, one for each area, other than the code; or else the code."""
    for name in sorted({name for row in rows for name in row} - {code}):
        values = [row.get(name) for row in rows]
        if all(isinstance(value, str) and re.search(r"[^\W\d]", value) for value in values) and len(set(values)) == len(
            rows
        ):
            return name
    return code


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        return None
    return str(value).strip()
