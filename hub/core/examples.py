"""Runs the examples beside a city's policy: decisions that must hold, whatever else was changed in the folder."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hub.core.deadlines import DeadlineRules
from hub.core.places import Places
from hub.core.routing import Router
from hub.policy.city import City
from hub.policy.models import Example


def check_examples(city: City) -> list[str]:
    """One sentence for each example that does not hold; none when all do."""
    places, router, rules = Places(city), Router(city), DeadlineRules(city)
    found: list[str] = []
    for example in city.examples:
        found += [
            f"{city.folder.name}/examples.yaml, {example.name!r}: {what}"
            for what in _differences(city, example, places, router, rules)
        ]
    return found


def _differences(city: City, example: Example, places: Places, router: Router, rules: DeadlineRules) -> list[str]:
    event, expect = example.event, example.expect
    nan = float("nan")
    lat, lon = (nan if event.lat is None else event.lat), (nan if event.lon is None else event.lon)
    located = places.locate([lat], [lon], [event.code], [event.crs])
    area, placed = located.area[0], located.place_key[0] is not None
    decision = router.route_one(event.source, event.category, area, event.urgency, placed)
    opened_ms = round(event.opened.timestamp() * 1000)
    due = {one.clock: one for one in rules.due_one(event.category, event.source, event.urgency, area, opened_ms)}
    found = []
    if decision.department != expect.department:
        found.append(f"goes to {decision.department} by row {decision.rule}, expected {expect.department}")
    if expect.rule is not None and decision.rule != expect.rule:
        found.append(f"row {decision.rule} decides, expected {expect.rule}")
    if "area" in expect.model_fields_set and area != expect.area:
        found.append(f"lies in area {area}, expected {expect.area}")
    for clock, instant in expect.due.items():
        if clock not in due:
            found.append(f"no {clock} clock runs, expected one until {instant.isoformat()}")
        elif due[clock].due_ms != round(instant.timestamp() * 1000):
            actual = datetime.fromtimestamp(due[clock].due_ms / 1000, ZoneInfo(city.time_zone)).isoformat()
            found.append(f"{clock} is due {actual} by row {due[clock].policy}, expected {instant.isoformat()}")
    return found
