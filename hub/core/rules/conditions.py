"""What holds of a report beyond its category (立案条件), by the predicates that a city declares in deadlines.yaml. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import cached_property

from hub.core.calendars.localtime import LocalTime
from hub.core.deadlines.rows import ClockRows, report_conditions
from hub.core.places.places import Layers
from hub.core.report import Sighting
from hub.core.routing.conditions import Asked, Questions, Test
from hub.core.routing.router import admits
from hub.policy.city import City, label_key
from hub.policy.models import ConditionSpec, Route

_EPOCH = date(1970, 1, 1)


class Conditions:
    """What a report fulfils of itself that some deadline row of a city asks for."""

    def __init__(self, city: City) -> None:
        self._rows = ClockRows(city)
        self._predicates = Predicates(city, self._rows.conditions)
        self.asked = self._rows.asks_conditions
        """True if any row asks for what holds of a report beyond its category."""

    def of(self, seen: Sighting) -> tuple[str, ...]:
        """Names as `label_key` has them, in order."""
        if not self.asked:
            return ()
        plain = self._rows.known_conditions(report_conditions(seen.channel, seen.attributes))
        return tuple(sorted({*plain, *self._predicates.fulfilled(seen)}))


class Predicates:
    """The declared conditions of one city that are asked for: `named`, as `label_key` has them."""

    def __init__(self, city: City, named: Collection[str]) -> None:
        self._city = city
        asked = {label_key(name): spec for name, spec in city.conditions.items() if label_key(name) in named}
        rows = [_row(number, spec) for number, spec in enumerate(asked.values())]
        self._questions = Questions(rows, city, lambda: self._clock)
        self._asked: list[tuple[str, ConditionSpec, Route, tuple[Test, ...]]] = [
            (name, spec, row, self._questions.tests(row)) for (name, spec), row in zip(asked.items(), rows, strict=True)
        ]

    @cached_property
    def _clock(self) -> LocalTime:
        return LocalTime(self._city.time_zone)

    @cached_property
    def _layers(self) -> Layers:
        return Layers(self._city)

    def fulfilled(self, seen: Sighting) -> list[str]:
        """Names of the conditions that a report fulfils, as `label_key` has them."""
        if not self._asked:
            return []
        category = self._city.category_of(seen.category)
        layers = self._layers.find_one(seen.lat, seen.lon) if self._questions.layers else {}
        asked = Asked(seen, layers)
        key = (
            seen.source,
            seen.urgency,
            seen.lat is not None,
            seen.area,
            *(ask(asked) for ask in self._questions.asks),
        )
        return [
            name
            for name, spec, row, tests in self._asked
            if admits(row, category) and all(test.holds(key) for test in tests) and self._placed_and_timed(spec, seen)
        ]

    def _placed_and_timed(self, spec: ConditionSpec, seen: Sighting) -> bool:
        """The conditions that routes do not have."""
        if spec.area_class is not None and self._city.area_class(seen.area) not in spec.area_class:
            return False
        if spec.season is None:
            return True
        if seen.at_ms <= 0:
            return False
        day = _EPOCH + timedelta(days=self._clock.day_and_minute(seen.at_ms)[0])
        return spec.season.holds_on(day.month * 100 + day.day)


def _row(number: int, spec: ConditionSpec) -> Route:
    return Route(id=f"condition{number}", when=spec, department="nobody")
