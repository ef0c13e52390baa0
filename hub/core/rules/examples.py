"""Runs the examples beside a city's policy: decisions that must hold, whatever else was changed in the folder."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

from hub.core.deadlines.rules import DeadlineRules
from hub.core.places.places import Located, Places
from hub.core.report import Sighting, sighting_of
from hub.core.routing.router import Decision, Router
from hub.core.rules.conditions import Conditions
from hub.core.rules.example_words import SpokenExamples
from hub.errors import RejectedRecordError
from hub.millis import datetime_of, ms_of
from hub.model.event import CaseEvent, EventKind
from hub.policy.city import City
from hub.policy.models import Example, ExampleEvent, ExampleOutcome


def check_examples(city: City) -> list[str]:
    """One sentence for each example that does not hold; none when all do."""
    places, router, rules, conditions = Places(city), Router(city), DeadlineRules(city), Conditions(city)
    spoken = SpokenExamples(city, rules)
    found: list[str] = []
    for example in city.examples:
        found += [
            f"{city.folder.name}/examples.yaml, {example.name!r}: {what}"
            for what in _differences(city, example, places, router, rules, conditions, spoken)
        ]
    return found


def _differences(
    city: City,
    example: Example,
    places: Places,
    router: Router,
    rules: DeadlineRules,
    conditions: Conditions,
    spoken: SpokenExamples,
) -> list[str]:
    event, expect = example.event, example.expect
    nan = float("nan")
    lat, lon = (nan if event.lat is None else event.lat), (nan if event.lon is None else event.lon)
    located = places.locate([lat], [lon], [event.code], [event.crs], [event.grid], [event.source])
    area, placed = located.area[0], located.place_key[0] is not None
    opened_ms = ms_of(event.opened)
    try:
        seen = _sighting(event, opened_ms, located)
    except RejectedRecordError as error:
        return [f"no source can report so: {error.detail}"]
    decision = router.route_one(event.source, event.category, area, event.urgency, placed, seen)
    held = conditions.of(seen)
    due = {one.clock: one for one in rules.due_one(event.category, event.source, event.urgency, area, opened_ms, held)}
    found = _misrouted(expect, decision)
    if "area" in expect.model_fields_set and area != expect.area:
        found.append(f"lies in area {area}, expected {expect.area}")
    for clock, instant in expect.due.items():
        if clock not in due:
            found.append(f"no {clock} clock runs, expected one until {instant.isoformat()}")
        elif due[clock].due_ms != ms_of(instant):
            actual = datetime_of(due[clock].due_ms, ZoneInfo(city.time_zone)).isoformat()
            found.append(f"{clock} is due {actual} by row {due[clock].policy}, expected {instant.isoformat()}")
    return [*found, *spoken.differences(event, area, decision, tuple(due.values()), tuple(held), example.then)]


def _sighting(example: ExampleEvent, opened_ms: int, located: Located) -> Sighting:
    """Raises RejectedRecordError if no source can report so."""
    copied = {
        name: getattr(example, name)
        for name in ("source", "category", "urgency", "channel", "title", "text", "attributes")
    }
    place = {name: getattr(example, name) for name in ("lat", "lon", "crs", "code", "grid", "address")}
    event = CaseEvent.checked(
        {
            **copied,
            "source_ref": "example",
            "revision": 0,
            "kind": EventKind.OPENED,
            "reported_at": opened_ms,
            "category_label": example.category,
            "place": place,
        }
    )
    lat, lon = float(located.lat[0]), float(located.lon[0])
    point = {"lat": None, "lon": None} if math.isnan(lat) else {"lat": lat, "lon": lon}
    return sighting_of(event, row=0, place_key=located.place_key[0] or "", area=located.area[0], **point)


def _misrouted(expect: ExampleOutcome, decision: Decision) -> list[str]:
    found = []
    if decision.department != expect.department:
        found.append(f"goes to {decision.department} by row {decision.rule}, expected {expect.department}")
    if expect.rule is not None and decision.rule != expect.rule:
        found.append(f"row {decision.rule} decides, expected {expect.rule}")
    if "queue" in expect.model_fields_set and decision.queue != expect.queue:
        found.append(f"row {decision.rule} gives queue {decision.queue}, expected {expect.queue}")
    if "unit" in expect.model_fields_set and decision.unit != expect.unit:
        found.append(f"row {decision.rule} gives unit {decision.unit}, expected {expect.unit}")
    if expect.co_handlers is not None and decision.co_handlers != expect.co_handlers:
        found.append(f"row {decision.rule} tells {list(decision.co_handlers)} too, expected {list(expect.co_handlers)}")
    if expect.joint is not None and bool(decision.called) != expect.joint:
        found.append(
            f"row {decision.rule} calls {list(decision.called) or 'nobody'} together, expected {'some' if expect.joint else 'none'}"
        )
    kind = decision.exit.exit if decision.exit else None
    if "exit" in expect.model_fields_set and kind != expect.exit:
        found.append(f"row {decision.rule} makes it {kind or 'no exit'}, expected {expect.exit or 'none'}")
    return found
