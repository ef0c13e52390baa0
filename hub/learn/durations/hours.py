"""Finds an office's opening hours: the weekdays, spans and seasons under which most due times come out right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.core.calendars.zones import zone_of
from hub.core.columns import Flags, Ints
from hub.learn.durations.cases import DueReports
from hub.learn.durations.shapes import Shape, fits, plain_shapes, spikes
from hub.learn.durations.votes import by_category, most_right
from hub.millis import DAY_MS, MINUTE_MS
from hub.policy.models import WEEKDAYS, CalendarSpec, Season, Statutory, Weekday
from hub.policy.models.calendars import Week

OFFICE = "office"
_DAY = 24 * 60
_GRID = 15
_WELL_EXPLAINED = 0.8
_LEAST_GAIN = 0.002
_LEAST_ON_DAY = 50
_EDGES = (0.01, 0.99)
_LEAST_SEASON, _SEASON_ROWS = 200, 2_000
_SEASON_GAIN = 0.05
HourSpans = tuple[tuple[int, int], ...]


@dataclass
class Evidence:
    """What the search for a calendar looks at, with what is explained without any."""

    cases: DueReports
    base: Ints = field(init=False)
    """The most reports of each category that one duration without an office calendar gets right."""
    open_only: Flags = field(init=False)
    """Reports of categories that such durations do not explain: they speak of office hours."""
    due_tod: Ints = field(init=False)
    """Local ms after midnight of every due time."""
    shapes: list[Shape] = field(init=False)

    def __post_init__(self) -> None:
        cases = self.cases
        always = Calendar(CalendarSpec(always=True), cases.time_zone)
        self.base = most_right(cases.category, fits(cases, plain_shapes(), {}, always), len(cases.names))
        sizes = np.bincount(cases.category, minlength=len(cases.names))
        self.open_only = (self.base < _WELL_EXPLAINED * sizes)[cases.category]
        zone = zone_of(cases.time_zone, *years_of(cases))
        self.due_local = zone.to_local(cases.due)
        self.due_tod = self.due_local % DAY_MS
        timed = spikes(self.due_tod[self.open_only], least=0.15)
        self.shapes = [Shape("work_day", OFFICE), Shape("work_hour", OFFICE)]
        self.shapes += [Shape("work_day", OFFICE, ends) for ends in [*timed, "day_end"]]

    def score(self, spec: CalendarSpec) -> int:
        """How many reports are explained with that calendar."""
        return int(np.maximum(self.base, self.explained(spec)).sum())

    def explained(self, spec: CalendarSpec) -> Ints:
        """The most reports of each category that one duration by that calendar gets right."""
        calendar = Calendar(spec, self.cases.time_zone)
        found = fits(self.cases, self.shapes, {OFFICE: calendar}, calendar)
        return most_right(self.cases.category, found, len(self.cases.names))

    def drop_idle_shapes(self, spec: CalendarSpec) -> None:
        """Look only for shapes that explain something that the first does not: a search tries many calendars."""
        calendar = Calendar(spec, self.cases.time_zone)
        found = fits(self.cases, self.shapes, {OFFICE: calendar}, calendar)
        best = np.maximum(self.base, most_right(self.cases.category, found[:1], len(self.base)))
        kept = [self.shapes[0]]
        for fit in found[1:]:
            with_it = np.maximum(best, most_right(self.cases.category, [fit], len(self.base)))
            if with_it.sum() - best.sum() > _LEAST_GAIN * len(self.cases):
                kept.append(fit.shape)
                best = with_it
        self.shapes = kept


def learn_hours(evidence: Evidence, statutory: Statutory | None) -> CalendarSpec | None:
    """The weekly hours that explain most, or None if no office calendar explains more than none does."""
    rows = evidence.open_only
    if not rows.any():
        return None
    days = _weekdays(evidence.due_local[rows])
    best, top = None, int(evidence.base.sum())
    for hours in _whole_spans(evidence.due_tod[rows]):
        spec = _spec(dict.fromkeys(days, hours), statutory)
        found = evidence.score(spec)
        if found > top:
            best, top = spec, found
    if best is None or top - evidence.base.sum() <= _LEAST_GAIN * len(evidence.cases):
        return None
    evidence.drop_idle_shapes(best)
    best = _with_break(evidence, best, days, statutory)
    return _own_days(evidence, best, days, statutory)


def with_seasons(evidence: Evidence, spec: CalendarSpec) -> CalendarSpec:
    """`spec` with other hours in months whose due times ask for them."""
    months = evidence.due_local.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    opened = zone_of(evidence.cases.time_zone, *years_of(evidence.cases)).to_local(evidence.cases.opened)
    same = opened.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12 + 1 == months
    found: dict[int, Week] = {}
    for month in range(1, 13):
        rows = same & (months == month) & evidence.open_only
        if rows.sum() < _LEAST_SEASON:
            continue
        part = Evidence(evidence.cases.where(rows).thinned(_SEASON_ROWS))
        part.shapes, part.base = evidence.shapes, np.zeros_like(part.base)
        usual, enough = part.score(spec), _SEASON_GAIN * len(part.cases)
        weeks = [_changed(spec.week, _texts(hours)) for hours in _span_pairs(part.due_tod)]
        tried = [(part.score(spec.model_copy(update={"week": week})), at) for at, week in enumerate(weeks)]
        top, at = max(tried, default=(0, 0))
        if top > usual + enough:
            found[month] = weeks[at]
    return spec.model_copy(update={"seasons": _seasons(found)}) if found else spec


def _changed(week: Week, hours: tuple[str, ...]) -> Week:
    """The week with other hours on the days that have its most frequent ones."""
    usual = Counter(spans for spans in week.values() if spans).most_common(1)[0][0]
    return {day: hours if spans == usual else spans for day, spans in week.items()}


def _seasons(weeks: dict[int, Week]) -> tuple[Season, ...]:
    """Neighbouring months with the same hours as one season."""
    seasons: list[Season] = []
    for month, week in sorted(weeks.items()):
        last = f"{month:02d}-{(29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31):02d}"
        if seasons and seasons[-1].week == week and int(seasons[-1].last_day[:2]) == month - 1:
            seasons[-1] = seasons[-1].model_copy(update={"last_day": last})
        else:
            seasons.append(Season(first_day=f"{month:02d}-01", last_day=last, week=week))
    return tuple(seasons)


def _weekdays(due_local: Ints) -> list[Weekday]:
    """Weekdays on which reports fall due as on others."""
    counts = np.bincount((due_local // DAY_MS + 3) % 7, minlength=7)
    return [
        day
        for day, count in zip(WEEKDAYS, counts.tolist(), strict=True)
        if count >= 0.2 * np.median(counts[counts > 0])
    ]


def _whole_spans(due_tod: Ints) -> Iterable[tuple[str, ...]]:
    yield ("00:00-24:00",)  # stays if hours within the day change nothing
    yield from (_texts(hours) for hours in _span_pairs(due_tod))


def _span_pairs(due_tod: Ints) -> list[HourSpans]:
    """Hours to try: openings at which many reports fall due or before which hardly any do; closings after which hardly any."""
    minutes = due_tod // MINUTE_MS
    if not len(minutes):
        return []
    low, high = (int(edge) for edge in np.quantile(minutes, [0.01, 0.99]))
    often = {(int(text[:2]) * 60 + int(text[3:])) for text in spikes(due_tod, 3, 0.01)}
    starts = sorted({*often, *_grid(low - 30, low + 30)} & set(range(_DAY)))
    ends = sorted(set(_grid(high - 60, high + 75)) & set(range(1, _DAY + 1)))
    return [((start, end),) for start in starts for end in ends if end - start >= 60]


def _grid(low: int, high: int) -> list[int]:
    return list(range(low // _GRID * _GRID, high + _GRID, _GRID))


def _with_break(
    evidence: Evidence, spec: CalendarSpec, days: list[Weekday], statutory: Statutory | None
) -> CalendarSpec:
    """`spec` with the break in which nothing falls due, if that explains more."""
    ((start, end),) = spec.minutes_of(WEEKDAYS.index(days[0]))
    tod = evidence.due_tod[evidence.open_only] // MINUTE_MS
    counts = np.bincount(tod[(tod >= start) & (tod < end)] // _GRID, minlength=_DAY // _GRID + 1)
    inner = counts[start // _GRID + 1 : end // _GRID - 1]
    if not inner.any():
        return spec
    quiet = counts < 0.15 * np.median(inner[inner > 0])
    best, top = spec, evidence.score(spec)
    for first in range(start // _GRID + 1, end // _GRID - 1):
        if not quiet[first] or quiet[first - 1]:
            continue
        last = first
        while last < end // _GRID and quiet[last]:
            last += 1
        for left in (first * _GRID, (first - 1) * _GRID):
            for right in (last * _GRID, (last - 1) * _GRID, (last + 1) * _GRID):
                if start < left < right < end:
                    hours = _texts(((start, left), (right, end)))
                    tried = _spec(dict.fromkeys(days, hours), statutory)
                    found = evidence.score(tried)
                    if found > top + _LEAST_GAIN * len(evidence.cases):
                        best, top = tried, found
    return best


def _own_days(evidence: Evidence, spec: CalendarSpec, days: list[Weekday], statutory: Statutory | None) -> CalendarSpec:
    """`spec` with other hours on single weekdays, or none, where that explains more."""
    best, top = spec, evidence.score(spec)
    weekday = (evidence.due_local // DAY_MS + 3) % 7
    usual = np.quantile(evidence.due_tod[evidence.open_only], _EDGES)
    for number, day in enumerate(WEEKDAYS):
        rows = evidence.open_only & (weekday == number)
        options: list[tuple[str, ...]] = [()] if day in days else []
        if rows.sum() >= _LEAST_ON_DAY and (
            day not in days or np.abs(np.quantile(evidence.due_tod[rows], _EDGES) - usual).max() > _GRID * MINUTE_MS
        ):
            options += [_texts(hours) for hours in _span_pairs(evidence.due_tod[rows])]
        for hours in options:
            week = {**best.week, day: hours}
            if not any(week.values()) or week == best.week:
                continue
            tried = _spec(week, statutory)
            found = evidence.score(tried)
            if found > top + 2 * _LEAST_GAIN * len(evidence.cases):
                best, top = tried, found
    return best


def _spec(week: Week, statutory: Statutory | None) -> CalendarSpec:
    return CalendarSpec.model_validate(
        {"week": {day: spans for day, spans in week.items() if spans}, "statutory": statutory}
    )


def _texts(hours: HourSpans) -> tuple[str, ...]:
    return tuple(f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in hours)


def years_of(cases: DueReports) -> tuple[int, int]:
    """First and end year around all openings and due times, with a year to spare on both sides."""
    first, last = (
        int(np.datetime64(int(edge), "ms").astype("datetime64[Y]").astype(int)) + 1970
        for edge in (cases.opened.min(), cases.due.max())
    )
    return first - 1, last + 2


def unexplained(evidence: Evidence, spec: CalendarSpec | None) -> Flags:
    """Reports of categories that neither a calendar nor none explains for the most part."""
    best = evidence.base if spec is None else np.maximum(evidence.base, evidence.explained(spec))
    poor = np.zeros(len(evidence.cases.names), dtype=np.bool_)
    for number, rows in enumerate(by_category(evidence.cases)):
        poor[number] = len(rows) > 0 and best[number] < 0.5 * len(rows)
    return np.asarray(poor[evidence.cases.category])
