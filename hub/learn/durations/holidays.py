"""Finds the holidays an office keeps: a country's set from the library, then single days that the due times add or take out."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.open_time import day_number
from hub.core.calendars.zones import zone_of
from hub.core.columns import Flags, Ints
from hub.learn.durations.cases import DueReports
from hub.learn.durations.hours import OFFICE, Evidence, years_of
from hub.learn.durations.shapes import Shape, fits
from hub.millis import DAY_MS
from hub.policy.models import CalendarSpec, Statutory
from hub.policy.statutory import StatutorySet, days_of, mistake_in, subdivisions

_EPOCH = date(1970, 1, 1)
_LEAST_ROWS = 5
_LEAST_SHARE = 0.0003
_TRIED = 4
_ROUNDS = 40


@lru_cache(maxsize=1)
def _countries_by_zone() -> dict[str, tuple[str, ...]]:
    """ISO countries of each IANA time zone, from the time zone database's own table."""
    table = files("tzdata").joinpath("zoneinfo", "zone1970.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2]: tuple(row[0].split(",")) for row in rows}


def countries_of(time_zone: str) -> tuple[str, ...]:
    """Countries that keep that zone's time, the chief one first; none for a zone of no country, such as UTC."""
    return _countries_by_zone().get(time_zone, ())


def candidates(countries: tuple[str, ...]) -> list[Statutory]:
    """The sets of holidays to be tried, the plainest first."""
    found: list[Statutory] = []
    for country in countries:
        if mistake_in(StatutorySet(country)) is not None:
            continue
        for subdivision in (None, *subdivisions(country)):
            found += [
                Statutory(country=country, subdivision=subdivision, observed=observed) for observed in (True, False)
            ]
    return found


def learn_statutory(evidence: Evidence, spec: CalendarSpec, countries: tuple[str, ...]) -> CalendarSpec:
    """`spec` with the set of holidays that explains most, or as it was if none explains more."""
    best, top = spec, evidence.score(spec)
    tried: dict[tuple[frozenset[date], frozenset[date]], int] = {}
    first, last = years_of(evidence.cases)
    for each in candidates(countries):
        years = [days_of(each.set, year) for year in range(first, last)]
        days = frozenset().union(*(year.off for year in years)), frozenset().union(*(year.worked for year in years))
        if days in tried:
            continue
        with_it = spec.model_copy(update={"statutory": each})
        tried[days] = evidence.score(with_it)
        if tried[days] > top:
            best, top = with_it, tried[days]
    return best


def learn_days(evidence: Evidence, spec: CalendarSpec) -> tuple[CalendarSpec, dict[date, int]]:
    """`spec` with single days closed, or open against its set of holidays, and how many more reports each explains."""
    gains: dict[date, int] = {}
    enough = max(_LEAST_ROWS, round(_LEAST_SHARE * len(evidence.cases)))
    top = evidence.score(spec)
    for _ in range(_ROUNDS):
        options: list[tuple[int, date, CalendarSpec]] = []
        for day in _suspects(evidence, spec):
            tried = _toggled(spec, day)
            if tried is not None:
                options.append((evidence.score(tried) - top, day, tried))
        if not options or max(options)[0] < enough:
            break
        gain, day, spec = max(options, key=lambda option: option[:2])
        gains[day] = gain
        top += gain
    return spec, gains


def _toggled(spec: CalendarSpec, day: date) -> CalendarSpec | None:
    """`spec` with that day closed if it is open, and worked if it is only a holiday."""
    if day in spec.holidays or day in spec.extra_working_days:
        return None
    statutory = spec.statutory is not None and day in days_of(spec.statutory.set, day.year).off
    name = "extra_working_days" if statutory else "holidays"
    return spec.model_copy(update={name: tuple(sorted({*getattr(spec, name), day}))})


def _suspects(evidence: Evidence, spec: CalendarSpec) -> list[date]:
    """Days that lie within many clocks that are a day longer, or shorter, than the usual of their category."""
    cases = evidence.cases
    calendar = Calendar(spec, cases.time_zone)
    (fit,) = fits(cases, [Shape("work_day", OFFICE)], {OFFICE: calendar}, calendar)
    usual = _usual(cases, fit.number, fit.right)
    off = np.where(fit.right, fit.number - usual[cases.category], 99)
    table = calendar.covering(np.array([cases.opened.min(), cases.due.max()]))
    zone = zone_of(cases.time_zone, *years_of(cases))
    first, last = zone.to_local(cases.opened) // DAY_MS, zone.to_local(cases.due) // DAY_MS
    open_days = set(table.working_days.tolist())
    suspects: list[tuple[int, int]] = []
    for step in (1, -1):
        cover = _cover(first, last, off == step) - _cover(first, last, off == 0)
        days = np.arange(int(first.min()), int(last.max()) + 1)
        right_kind = np.isin(days, list(open_days)) == (step == 1)
        if spec.statutory is not None and step == -1:
            years = {(_EPOCH + timedelta(days=int(day))).year for day in days[[0, -1]]}
            kept = {
                day_number(day)
                for year in range(min(years), max(years) + 1)
                for day in days_of(spec.statutory.set, year).off
            }
            right_kind &= np.isin(days, list(kept))
        elif step == -1:
            right_kind[:] = False
        ranked = np.argsort(-np.where(right_kind, cover, -(1 << 40)), kind="stable")[:_TRIED]
        suspects += [(int(cover[at]), int(days[at])) for at in ranked if right_kind[at]]
    return [_EPOCH + timedelta(days=day) for _, day in sorted(suspects, reverse=True)]


def _usual(cases: DueReports, number: Ints, right: Flags) -> Ints:
    """The most frequent right number of each category; -99 where there is none."""
    usual = np.full(len(cases.names), -99, dtype=np.int64)
    keys, counts = np.unique((cases.category[right] << 24) | number[right], return_counts=True)
    order = np.argsort(counts, kind="stable")
    usual[keys[order] >> 24] = keys[order] & ((1 << 24) - 1)
    return usual


def _cover(first: Ints, last: Ints, rows: Flags) -> Ints:
    """For each day from the earliest to the latest, how many of these reports' clocks ran on it."""
    begin, size = int(first.min()), int(last.max() - first.min()) + 2
    steps = (
        np.bincount(first[rows] - begin, minlength=size) - np.bincount(last[rows] + 1 - begin, minlength=size)[:size]
    )
    return np.asarray(np.cumsum(steps)[: size - 1])
