"""Which deadline rows can apply to a report: all conditions but the date are looked up once for each kind of report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hub.core.calendars.zones import MillisArray
from hub.core.matching import matches
from hub.millis import NEVER_MS, midnight_ms
from hub.policy.city import City, label_key
from hub.policy.models import CLOCKS, DeadlineRule

_REMEMBERED = 100_000

RulesByClock = tuple[tuple[DeadlineRule, ...], ...]
"""For each clock that may run, the rows to try in order: each but the last holds only for a time."""


class RuleKey(NamedTuple):
    """All that rows ask of a report but its date."""

    category: str
    source: str
    urgency: str
    area: str | None
    condition: frozenset[str] = frozenset()


class ClockRows:
    """The deadline rows of one city by clock."""

    def __init__(self, city: City, length: Callable[[DeadlineRule], int] = lambda rule: 0) -> None:
        """`length`: how long a row's limit is beside others, ms; asked of rows that a law sets and those that yield to them."""
        self._length = length
        self._city = city
        clocks = list(dict.fromkeys([*CLOCKS, *(rule.clock for rule in city.deadlines)]))
        self._by_clock = [[rule for rule in city.deadlines if rule.clock == clock] for clock in clocks]
        self._codes = frozenset(_codes_asked(city))
        self.conditions = {label_key(one) for rule in city.deadlines for one in rule.when.condition or ()}
        """What some row asks of a report beyond its category, as `label_key` has it."""
        self._force = {rule.id: _force(rule, city.time_zone) for rule in city.deadlines}
        self._asked = _asked(city)
        self._remembered: dict[tuple[Hashable, ...], RulesByClock] = {}
        self._plans: dict[tuple[tuple[str, ...], ...], RulesByClock] = {}

    def known_conditions(self, conditions: Collection[str]) -> frozenset[str]:
        """Of what holds of a report, that which some row asks for; so that kinds of reports stay few."""
        if not conditions or not self.conditions:
            return frozenset()
        return frozenset(key for key in map(label_key, conditions) if key in self.conditions)

    @property
    def asks_conditions(self) -> bool:
        """Whether any row asks for what holds of a report beyond its category."""
        return bool(self.conditions)

    @property
    def asked(self) -> tuple[str, ...]:
        """The fields of a key that some row asks for; the category always."""
        return tuple(RuleKey._fields[at] for at in self._asked)

    def plan(self, key: RuleKey) -> RulesByClock:
        """As `plans`, for one kind of report."""
        key = key._replace(area=self._area_asked(key.area))
        return self._plan(tuple(key[at] for at in self._asked), key)

    def plans(
        self,
        category: Sequence[str],
        source: Sequence[str],
        urgency: Sequence[str],
        area: Sequence[str | None],
        condition: Sequence[frozenset[str]],
    ) -> list[RulesByClock]:
        """The rows that can apply to each report. Equal plans are one object, so that reports group by its identity; a kind of
        report that is known costs a look-up, and kinds differ only in what some row asks."""
        if self._city.divisions is not None:
            area = list(map(self._area_asked, area))
        columns = (category, source, urgency, area, condition)

        def key_of(index: int) -> RuleKey:
            return RuleKey(
                category=category[index],
                source=source[index],
                urgency=urgency[index],
                area=area[index],
                condition=condition[index],
            )

        kinds = list(zip(*(columns[at] for at in self._asked), strict=True))
        found = list(map(self._remembered.get, kinds))
        for index, plan in enumerate(found):
            if plan is None:
                found[index] = self._plan(kinds[index], key_of(index))
        return found  # type: ignore[return-value]  # no None is left in it

    def _area_asked(self, area: str | None) -> str | None:
        """The area, or in a tree of codes the nearest above it that some row asks for: thousands of grids are a few kinds."""
        divisions = self._city.divisions
        return area if divisions is None else divisions.nearest(area, self._codes)

    def _plan(self, kind: tuple[Hashable, ...], key: RuleKey) -> RulesByClock:
        plan = self._remembered.get(kind)
        if plan is None:
            found = tuple(rules for rows in self._by_clock if (rules := self._candidates(rows, key)))
            plan = self._plans.setdefault(tuple(tuple(rule.id for rule in rules) for rules in found), found)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[kind] = plan
        return plan

    def undated(self, rule: DeadlineRule) -> bool:
        """Whether the row holds at all times."""
        return self._force[rule.id] is None

    def in_force(self, rule: DeadlineRule, starts: MillisArray) -> npt.NDArray[np.bool_]:
        """Whether the row holds at each instant."""
        force = self._force[rule.id]
        if force is None:
            return np.ones(len(starts), dtype=np.bool_)
        return np.asarray((starts >= force[0]) & (starts < force[1]))

    def _candidates(self, rows: list[DeadlineRule], key: RuleKey) -> tuple[DeadlineRule, ...]:
        found: list[DeadlineRule] = []
        known = self._city.category_of(key.category)
        for rule in rows:
            if self._also(rule, key) and matches(
                rule.when, key.source, known, key.area, key.urgency, self._city.divisions
            ):
                longer = self._longer(rule, rows, key) if rule.yields else []
                found += [*longer, rule]
                if any(map(self.undated, (*longer, rule))):
                    break
        return () if len(found) == 1 and not found[0].runs else tuple(found)

    def _longer(self, rule: DeadlineRule, rows: list[DeadlineRule], key: RuleKey) -> list[DeadlineRule]:
        """The limits set by law that match as well and are longer than this row's, the longest first."""
        known = self._city.category_of(key.category)
        legal = [
            other
            for other in rows
            if other.legal
            and self._length(other) > self._length(rule)
            and self._also(other, key)
            and matches(other.when, key.source, known, key.area, key.urgency, self._city.divisions)
        ]
        return sorted(legal, key=self._length, reverse=True)

    def gave_way(self, policy: str, key: RuleKey) -> str | None:
        """Id of the row that matches such a report as well, and yields to this one's longer limit; None if there is none."""
        rows = next((rows for rows in self._by_clock if any(rule.id == policy and rule.legal for rule in rows)), [])
        known = self._city.category_of(key.category)
        for rule in rows:
            if (
                rule.yields
                and self._also(rule, key)
                and matches(rule.when, key.source, known, key.area, key.urgency, self._city.divisions)
                and policy in {longer.id for longer in self._longer(rule, rows, key)}
            ):
                return rule.id
        return None

    def _also(self, rule: DeadlineRule, key: RuleKey) -> bool:
        """The conditions that deadlines alone have."""
        when = rule.when
        return (when.area_class is None or self._city.area_class(key.area) in when.area_class) and (
            when.condition is None or any(label_key(one) in key.condition for one in when.condition)
        )


def _codes_asked(city: City) -> Iterator[str]:
    for rule in city.deadlines:
        yield from rule.when.area or ()
    for codes in city.area_classes.values():
        yield from codes


def _asked(city: City) -> tuple[int, ...]:
    """The places in a key of what any row asks for; the category always."""
    whens = [rule.when for rule in city.deadlines]
    asks = {
        "category": True,
        "source": any(when.source is not None for when in whens),
        "urgency": any(when.urgency is not None for when in whens),
        "area": any(when.area is not None or when.area_class is not None for when in whens),
        "condition": any(when.condition is not None for when in whens),
    }
    return tuple(at for at, name in enumerate(RuleKey._fields) if asks[name])


def _force(rule: DeadlineRule, time_zone: str) -> tuple[int, int] | None:
    """The instants from and before which a row holds, UTC ms; None: always."""
    if rule.effective_from is None and rule.effective_until is None:
        return None
    first = -NEVER_MS if rule.effective_from is None else midnight_ms(rule.effective_from, time_zone)
    end = NEVER_MS if rule.effective_until is None else midnight_ms(rule.effective_until, time_zone)
    return first, end


def report_conditions(channel: str | None, attributes: Mapping[str, str]) -> list[str]:
    """What a report fulfils of itself, as `condition` in deadline rows writes it."""
    told = [f"channel={channel}"] if channel else []
    return told + [f"attribute.{name}={value}" for name, value in attributes.items()]
