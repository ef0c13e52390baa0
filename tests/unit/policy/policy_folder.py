"""A small valid policy folder, to be broken one mistake at a time."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "city.yaml": """\
id: small
name: {en: Small, zh: 小城}
time_zone: Asia/Shanghai
effective_from: 2026-01-01
dispatch_desk: desk
areas: {file: areas.geojson, code: code, name: name}
default_points:
  - {lat: 30.0500, lon: 100.0500}
""",
    "taxonomy.yaml": """\
categories:
  - code: road.hole
    name: {en: Hole, zh: 坑}
    family: road
    aliases: [Hole in road, 路坑]
    patterns: ["pot ?hole"]
  - code: water.leak
    name: {en: Leak, zh: 漏水}
    family: water
""",
    "departments.yaml": """\
departments:
  - {id: desk, name: {en: Desk, zh: 派单台}}
  - {id: roads, name: {en: Roads, zh: 道路}}
""",
    "routes.yaml": """\
routes:
  - id: road
    when: {family: [road]}
    department: roads
  - id: rest
    when: {area: [A1], urgency: [URGENT]}
    department: desk
""",
    "deadlines.yaml": """\
deadlines:
  - id: accept.road
    clock: accept
    when: {family: [road]}
    duration: 2
    unit: work_hour
    calendar: office
  - id: resolve.all
    clock: resolve
    duration: 5
    unit: natural_day
""",
    "calendars.yaml": """\
calendars:
  office:
    week:
      mon: ["08:30-12:00", "14:00-17:30"]
      tue: ["08:30-12:00"]
    holidays: [2026-10-05]
    extra_working_days: [2026-10-10]
  always:
    always: true
""",
    "linking.yaml": """\
linking:
  - {id: road, family: [road], radius_m: 100, window_hours: 24, min_score: 0.2}
  - {id: default, radius_m: 50, window_hours: 12, min_score: 0.2}
""",
    "examples.yaml": """\
examples:
  - name: a hole
    event: {source: hotline, category: road.hole, opened: 2026-03-02T09:00:00+08:00}
    expect: {department: roads, due: {accept: 2026-03-02T11:00:00+08:00}}
""",
    "areas.geojson": """\
{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"code": "A1", "name": "One"},
 "geometry": {"type": "Polygon", "coordinates": [[[100.0, 30.0], [100.1, 30.0], [100.1, 30.1], [100.0, 30.1], [100.0, 30.0]]]}},
{"type": "Feature", "properties": {"code": "A2", "name": "Two"},
 "geometry": {"type": "Polygon", "coordinates": [[[100.1, 30.0], [100.2, 30.0], [100.2, 30.1], [100.1, 30.1], [100.1, 30.0]]]}}
]}
""",
}


def write_folder(folder: Path, **changed: str | None) -> Path:
    """The valid folder with some files changed (`city_yaml=...`), or left out (None)."""
    for file, text in FILES.items():
        content = changed.get(file.replace(".", "_"), text)
        if content is not None:
            (folder / file).write_text(content, encoding="utf-8")
    return folder


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """The arguments of `write_folder` that replace one passage of a file."""
    assert FILES[file].count(old) >= 1, f"{old!r} is not in {file}"
    return {file.replace(".", "_"): FILES[file].replace(old, new, 1)}
