"""Statutory holidays and make-up working days (调休) of a country, year by year, from the `holidays` library.

The library knows a country's fixed rules for any year, but what a government decides each year only up to its last notice.
`known_through` says how far that is: a due time beyond it is provisional.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import holidays
from holidays.constants import HALF_DAY, PUBLIC, WORKDAY

_DAY = timedelta(days=1)
_NOTICES_FROM, _NOTICES_TO = 2000, 2051
USUAL: str = PUBLIC
"""The kind of days that is meant where none is named."""
PARTLY_WORKED = frozenset((HALF_DAY, WORKDAY))
"""Kinds of days on which people work, for a part or wholly: to take them for days off would lengthen every clock."""


class StatutorySet(NamedTuple):
    """Which holidays: country (ISO 3166-1 alpha-2), subdivision (the library's code), kinds, and whether one that falls on a
    weekend is kept on a weekday instead."""

    country: str
    subdivision: str | None = None
    categories: tuple[str, ...] = ()
    observed: bool = True


class YearDays(NamedTuple):
    """One year's days off, and the days of weekends that are worked instead."""

    off: frozenset[date]
    worked: frozenset[date]


def mistake_in(which: StatutorySet) -> str | None:
    """What is wrong with the names in `which`, with the way out; None when the library knows them."""
    countries = holidays.list_supported_countries(include_aliases=False)
    if which.country not in countries:
        return f"no holidays are known for country {which.country!r}; write its two letters, like CN or US"
    known = countries[which.country]
    if which.subdivision is not None and which.subdivision not in known:
        return (
            f"country {which.country} has no subdivision {which.subdivision!r}; known are {', '.join(known) or 'none'}"
        )
    kinds = sorted(_instance(which._replace(categories=()), 2020).supported_categories)
    wrong = [kind for kind in which.categories if kind not in kinds]
    if wrong:
        return f"country {which.country} has no holidays of kind {wrong[0]!r}; known are {', '.join(kinds)}"
    return None


@lru_cache(maxsize=4096)
def days_of(which: StatutorySet, year: int) -> YearDays:
    """The days of one year. Raises ValueError with the way out where the library does not know `which`."""
    found = _instance(which, year)
    worked = frozenset(day for day in found.weekend_workdays if day.year == year)
    off = {day for day in found if day.year == year} - worked
    if known_through(which) is not None:
        around = {day for each in (year - 1, year + 1) for day in _instance(which, each)}
        off |= _weekends_beside(off | around, worked, frozenset(found.weekend), year)
    return YearDays(frozenset(off), worked)


@lru_cache(maxsize=4096)
def named_in(which: StatutorySet, year: int) -> frozenset[date]:
    """The days of one year that the set itself names, without the weekends beside them."""
    return frozenset(day for day in _instance(which, year) if day.year == year)


@lru_cache(maxsize=256)
def known_through(which: StatutorySet) -> date | None:
    """The last day of the last year for which the notice on make-up days is in the library; None where there are no such
    notices, so that the rules hold for any year the library covers (to 2100)."""
    years = {day.year for day in _made(which, tuple(range(_NOTICES_FROM, _NOTICES_TO))).weekend_workdays}
    return date(max(years), 12, 31) if years else None


def subdivisions(country: str) -> tuple[str, ...]:
    """Codes of the country's subdivisions that have holidays of their own; none for a country that is not known."""
    return tuple(holidays.list_supported_countries(include_aliases=False).get(country, ()))


def _weekends_beside(off: set[date], worked: frozenset[date], weekend: frozenset[int], year: int) -> set[date]:
    """Weekend days next to a statutory day off: a notice counts them among the holiday, the library leaves them out, and an
    office that is open on weekends must know."""
    found: set[date] = set()
    for day in off:
        for step in (-_DAY, _DAY):
            beside = day + step
            while beside.weekday() in weekend and beside not in worked:
                found.add(beside)
                beside += step
    return {day for day in found if day.year == year}


def _instance(which: StatutorySet, year: int) -> holidays.HolidayBase:
    return _made(which, (year,))


def _made(which: StatutorySet, years: tuple[int, ...]) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(
            which.country,
            subdiv=which.subdivision,
            years=years,
            expand=False,
            observed=which.observed,
            categories=which.categories or (USUAL,),
        )
    except (NotImplementedError, ValueError) as error:  # holidays raises the former for an unknown country
        raise ValueError(f"{error}; {mistake_in(which) or 'mend the calendar'}") from error
