"""What the city's codes are called, in each language by itself: the board shows one language at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import shapely.geometry

from hub.core.tracking.lifecycle import EVENT_RULES, STATE_NAMES
from hub.policy import City
from hub.policy.campaigns import campaigns_of
from hub.sdk.manifest import discover
from hub.units import UNITS

LANGUAGES = ("zh", "en")
STATIC = Path(__file__).with_name("static")
_HAN = re.compile(r"[㐀-鿿豈-﫿]")
Bilingual = dict[str, str]
_MOST_TO_CHOOSE = 300
"""Units of one department in a list; of more one types the id."""


@cache
def catalogue() -> Mapping[str, Bilingual]:
    """All texts of the pages, by key and language."""
    texts: Mapping[str, Bilingual] = json.loads((STATIC / "texts.json").read_text("utf-8"))
    return texts


def in_both(text: str) -> Bilingual:
    """A name that says it in English and then in Chinese, apart; one that does not is the same in both."""
    first = _HAN.search(text)
    if first is None or not text[: first.start()].strip():
        return {"zh": text, "en": text}
    return {"zh": text[first.start() :].strip(), "en": text[: first.start()].strip()}


def city_document(city: City) -> dict[str, Any]:
    """Names and shapes that hold as long as the rules do."""
    return {
        "id": city.id,
        "version": city.version,
        "zone": city.time_zone,
        "desk": city.dispatch_desk,
        "name": _name(city.name),
        "below": _below(city),
        "departments": {each.id: _name(each.name) for each in city.departments.values()},
        "categories": {each.code: _name(each.name) for each in city.categories.values()},
        "areas": {each.code: {"name": in_both(each.name), "rings": _rings(each.geometry)} for each in city.areas},
        "sources": {domain: _name(manifest.name) for domain, manifest in discover().items()},
        "owners": {domain: _name(manifest.owner) for domain, manifest in discover().items()},
        "campaigns": list(campaigns_of(city)),
        "clocks": {name: _name(spec.name) for name, spec in city.clocks.items()},
        "units": {name: {"zh": unit.zh, "en": name.replace("_", " ")} for name, unit in UNITS.items()},
        "events": _events(city),
        "outcomes": {code: _name(spec.name) for code, spec in city.outcomes.items()},
        "states": {str(state): in_both(name) for state, name in STATE_NAMES.items()},
    }


def _below(city: City) -> dict[str, dict[str, Bilingual] | None]:
    """By department its units, to choose from; None where they are too many for that."""
    found: dict[str, dict[str, Bilingual]] = {}
    tree = city.organisation
    for unit in () if tree is None else tree.spec.units:
        name = {"zh": unit.id, "en": unit.id} if unit.name is None else _name(unit.name)
        found.setdefault(city.department_of(unit.id) or unit.parent, {})[unit.id] = name
    return {who: units if len(units) <= _MOST_TO_CHOOSE else None for who, units in found.items()}


def _events(city: City) -> dict[str, Bilingual]:
    named = {str(event): in_both(rule.name) for event, rule in EVENT_RULES.items()}
    return named | {code: _name(step.name) for code, step in city.steps.items()}


def _name(name: Any) -> Bilingual:
    return {"zh": name.zh, "en": name.en}


def _rings(geometry: Any) -> list[list[list[float]]]:
    """The outlines of an area, each as latitude and longitude."""
    polygons = getattr(geometry, "geoms", [geometry])
    return [
        [[round(y, 5), round(x, 5)] for x, y in each.exterior.coords]
        for each in polygons
        if isinstance(each, shapely.geometry.Polygon)
    ]
