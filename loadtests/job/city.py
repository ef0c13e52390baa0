"""The job's table as a policy folder of the hub, so that the hub takes it in as it takes in any city."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from loadtests.job import rules as job
from loadtests.job.rules import Limit, Rules

_EDGE_DEGREES = 0.5  # wide, so that at rates no city has neighbours are still as rare as in one
_WEST, _SOUTH, _COLUMNS = 114.0, 34.0, 6


def write_city(rules: Rules, folder: Path) -> Path:
    """Write the folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(rules).items():
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")
    (folder / "areas.geojson").write_text(json.dumps(_areas(rules)), "utf-8")
    return folder


def centre_of(number: int) -> tuple[float, float]:
    """Latitude and longitude of the middle of area `number`."""
    row, column = divmod(number, _COLUMNS)
    return _SOUTH + (row + 0.5) * _EDGE_DEGREES, _WEST + (column + 0.5) * _EDGE_DEGREES


def _name(text: str) -> dict[str, str]:
    return {"en": text, "zh": text}


def _files(rules: Rules) -> dict[str, Any]:
    departments = [job.DESK, *rules.departments]
    limits = {rules.families[category]: limit for category, limit in rules.limits.items()}
    return {
        "city.yaml": {
            "id": "loadtest",
            "name": _name("Load test"),
            "time_zone": job.ZONE,
            "effective_from": date(2026, 1, 1),
            "dispatch_desk": job.DESK,
            "areas": {"file": "areas.geojson", "code": "code", "name": "name"},
        },
        "taxonomy.yaml": {
            "categories": [
                {"code": category, "name": _name(category), "family": family}
                for category, family in rules.families.items()
            ]
        },
        "departments.yaml": {"departments": [{"id": one, "name": _name(one)} for one in departments]},
        "routes.yaml": {"routes": _routes(rules)},
        "deadlines.yaml": {
            "deadlines": [
                {"id": limit.policy, "clock": job.CLOCK, "when": {"family": [family]}} | _duration(limit)
                for family, limit in limits.items()
            ]
        },
        "calendars.yaml": {
            "calendars": {
                "office": {
                    "week": {day: ["-".join(span) for span in job.WEEK_SPANS] for day in ("mon", "tue", "wed", "thu", "fri")},
                    "holidays": [date.fromisoformat(day) for day in job.HOLIDAYS],
                }
            }
        },
        "linking.yaml": {"linking": [{"id": "default", "radius_m": 50, "window_hours": 1, "min_score": 0.5}]},
        "examples.yaml": {"examples": []},
    }  # fmt: skip


def _duration(limit: Limit) -> dict[str, Any]:
    if limit.office:
        return {"duration": limit.minutes / 60, "unit": "work_hour", "calendar": "office"}
    return {"duration": limit.minutes, "unit": "minute"}


def _routes(rules: Rules) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for key, (department, rule) in rules.routes.items():
        category, area = key.split("|")
        row = rows.setdefault(
            rule, {"id": rule, "when": {"family": [rules.families[category]], "area": []}, "department": department}
        )
        if area not in row["when"]["area"]:
            row["when"]["area"].append(area)
    return list(rows.values())


def _areas(rules: Rules) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": area, "name": area},
                "geometry": {"type": "Polygon", "coordinates": [_square(*centre_of(number))]},
            }
            for number, area in enumerate(rules.areas)
        ],
    }


def _square(lat: float, lon: float) -> list[list[float]]:
    half = _EDGE_DEGREES / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    return [[round(lon + x, 6), round(lat + y, 6)] for x, y in corners]
