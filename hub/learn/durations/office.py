"""Finds the calendars of a city's offices: the one that most clocks keep, and a second for those that it does not explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from hub.core.calendars.zones import Zone, zone_of
from hub.learn.durations.cases import DueReports
from hub.learn.durations.holidays import countries_of, learn_days, learn_statutory
from hub.learn.durations.hours import OFFICE, Evidence, learn_hours, unexplained, with_seasons, years_of
from hub.policy.models import CalendarSpec

_HOURS_ROWS = 10_000
_DAYS_ROWS = 30_000
_SECOND = "office_2"
_LEAST_SECOND = 50


@dataclass(frozen=True)
class Offices:
    """Calendars by name, none for a city whose clocks never stand still; and the city's time zone."""

    zone: Zone
    calendars: Mapping[str, CalendarSpec] = field(default_factory=dict)
    single_days: Mapping[date, int] = field(default_factory=dict)


def learn_offices(cases: DueReports, countries: tuple[str, ...] | None = None) -> Offices:
    """The calendars of `cases`."""
    zone = zone_of(cases.time_zone, *years_of(cases))
    cases = _usual_years(cases)
    few = Evidence(cases.thinned(_HOURS_ROWS))
    spec = learn_hours(few, None)
    if spec is None:
        return Offices(zone)
    many = Evidence(cases.thinned(_DAYS_ROWS))
    many.shapes = few.shapes
    spec = learn_statutory(many, spec, countries_of(cases.time_zone) if countries is None else countries)
    spec, single_days = learn_days(many, spec)
    spec = with_seasons(many, spec)
    calendars = {OFFICE: spec}
    second = _second(many, spec)
    if second is not None:
        calendars[_SECOND] = second
    return Offices(zone, calendars, single_days)


def _usual_years(cases: DueReports) -> DueReports:
    """The cases without the few that lie far before or after all others: these tell little, and calendars would span
    all years between."""
    first, last = np.quantile(cases.opened, [0.005, 0.995])
    usual = (cases.opened >= first) & (cases.opened <= last) & (cases.due <= np.quantile(cases.due, 0.995))
    return cases.where(usual) if usual.any() else cases


def _second(evidence: Evidence, spec: CalendarSpec) -> CalendarSpec | None:
    """Hours for the categories that the first calendar leaves unexplained, with the same holidays or none."""
    rows = unexplained(evidence, spec)
    if rows.sum() < _LEAST_SECOND:
        return None
    part = Evidence(evidence.cases.where(rows))
    found = learn_hours(part, spec.statutory)
    if found is None:
        return None
    gain = int(np.maximum(part.base, part.explained(found)).sum() - np.maximum(part.base, part.explained(spec)).sum())
    return found if gain >= max(_LEAST_SECOND, 0.3 * len(part.cases)) else None
