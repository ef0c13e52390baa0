"""Learns from a city's own due times which calendar its offices keep and how long each clock may run.

What comes out is policy, as a person would write it: calendars with hours and holidays, and for every category the duration with
its unit, since when it holds, and for which reports if not for all; each row with how many reports speak for it and how sure
that is. Nothing is assumed of the city but its time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from hub.core.calendars.calendar import Calendar
from hub.core.columns import Ints
from hub.learn.durations.cases import DueReports, cases_of
from hub.learn.durations.conditions import split_of
from hub.learn.durations.likeness import Likeness
from hub.learn.durations.office import Offices, learn_offices
from hub.learn.durations.shapes import Fit, Shape, fits, office_shapes, plain_shapes, timed_shapes
from hub.learn.durations.versions import best_stretches, share_right
from hub.learn.durations.votes import Duration, by_category, different, hits, popularity_of, ranked, votes
from hub.learn.history import History
from hub.millis import DAY_MS
from hub.policy.models import CalendarSpec

_CANDIDATES, _RANKED = 8, 60
_SELDOM = 0.02
_OFTEN_SEEN = 20
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class DurationRow:
    """One row of what was learnt. `support` reports speak for it out of `reports` of its stretch; `confidence` is the lower end
    of the 95 % interval of that share. `category` None: for categories never seen. `duration` None: no clock runs."""

    category: str | None
    duration: Duration | None
    reports: int
    support: int
    confidence: float
    condition: tuple[str, str] | None = None
    """Column and value for which alone it holds, such as ("channel", "phone")."""
    effective_from: date | None = None
    effective_until: date | None = None


@dataclass(frozen=True)
class LearntDurations:
    """What a history says of due times. `explained`: share of its due times that the rows give to the minute."""

    calendars: Mapping[str, CalendarSpec]
    rows: tuple[DurationRow, ...]
    reports: int
    explained: float
    single_days: Mapping[date, int] = field(default_factory=dict)
    """Days off, or worked, that no set of holidays gives, and how many due times each explains."""


def learn_durations(history: History, *, countries: tuple[str, ...] | None = None) -> LearntDurations:
    """Calendars and durations of `history`, the latest in force last. To learn from what was known at an instant, give
    `history.seen_by(...)`. `countries` whose holidays to try; by default those of the time zone. Without any due time the
    result is empty."""
    return learn_from(cases_of(history), countries=countries)


def learn_from(cases: DueReports, *, countries: tuple[str, ...] | None = None) -> LearntDurations:
    """As `learn_durations`, from columns."""
    if not len(cases):
        return LearntDurations({}, (), 0, 0.0)
    offices = learn_offices(cases, countries)
    found = _fits(cases, offices)
    counted = votes(cases.category, found)
    popularity = popularity_of(counted, cases.reports)
    likeness, known = Likeness(cases.names), _well_known(cases, counted, popularity)
    rows: list[DurationRow] = []
    right = 0
    for number, members in enumerate(by_category(cases)):
        if not len(members):
            if cases.reports[number] >= _OFTEN_SEEN:
                rows.append(DurationRow(cases.names[number], None, int(cases.reports[number]), 0, 0.0))
            continue
        if len(members) < _SELDOM * cases.reports[number]:
            rows.append(DurationRow(cases.names[number], None, int(cases.reports[number]), 0, 0.0))
            continue
        name, mine_counted = cases.names[number], counted.get(number, {})
        near = likeness.shapes_near(name, known)
        prior = {one: 0.3 * popularity.get(one, 0.0) + 0.7 * near.get(one.shape, 0.0) for one in mine_counted}
        mine = _Category(cases, found, prior, offices).rows(name, members, mine_counted)
        right += sum(row.support for row in mine)
        rows += mine
    default = _default(rows)
    return LearntDurations(
        calendars=offices.calendars,
        rows=(*rows, default) if default else tuple(rows),
        reports=len(cases),
        explained=right / len(cases),
        single_days=offices.single_days,
    )


def _well_known(
    cases: DueReports, counted: Mapping[int, dict[Duration, int]], popularity: dict[Duration, float]
) -> dict[str, Shape]:
    """How clocks count in the categories that many reports speak for."""
    best = {number: ranked(of, popularity, 1) for number, of in counted.items() if max(of.values()) >= _OFTEN_SEEN}
    return {cases.names[number]: durations[0].shape for number, durations in best.items() if durations}


def _fits(cases: DueReports, offices: Offices) -> list[Fit]:
    calendars = {name: Calendar(spec, cases.time_zone) for name, spec in offices.calendars.items()}
    always = Calendar(CalendarSpec(always=True), cases.time_zone)
    table = always.covering(np.array([cases.opened.min(), cases.due.max()]))
    due_tod = table.zone.to_local(cases.due) % DAY_MS
    shapes = plain_shapes() + [shape for name in calendars for shape in office_shapes(name)]
    timed: list[Shape] = [shape for name in [None, *calendars] for shape in timed_shapes(due_tod, name)]
    if calendars:
        shapes += [Shape("natural_day", next(iter(calendars)), "day_end", roll_forward=True)]
    return fits(cases, list(dict.fromkeys([*shapes, *timed])), calendars, always)


class _Category:
    """Learns the rows of one category at a time."""

    def __init__(self, cases: DueReports, fits: list[Fit], popularity: dict[Duration, float], offices: Offices) -> None:
        self._cases, self._fits, self._popularity = cases, fits, popularity
        self._zone = offices.zone

    def rows(self, name: str, members: Ints, counted: dict[Duration, int]) -> list[DurationRow]:
        """The category's rows: those with a condition first, and one without at the end."""
        likely = different(self._fits, ranked(counted, self._popularity, _RANKED), members, _CANDIDATES)
        split = split_of(self._cases, self._fits, members, likely)
        if split is None:
            return self._stretches(name, members, likely, None)
        whole = self._stretches(name, members, likely, None)
        latest = whole[-1].duration if whole else None
        found: list[DurationRow] = []
        others: list[Ints] = []
        for value, rows in split.rows.items():
            own = self._stretches(name, rows, likely, (split.column, self._value(split.column, value)))
            differs = own and own[-1].duration != latest and own[-1].support >= 5 and value >= 0
            if differs:
                found += own
            else:
                others.append(rows)
        rest = np.sort(np.concatenate(others)) if others else members[:0]
        return [*found, *self._stretches(name, rest if len(rest) else members, likely, None)]

    def _value(self, column: str, value: int) -> str:
        return self._cases.values[column][value] if value >= 0 else ""

    def _stretches(
        self, name: str, members: Ints, likely: list[Duration], condition: tuple[str, str] | None
    ) -> list[DurationRow]:
        """One row for each stretch of time; in order, the latest without an end."""
        if not likely:
            return []
        right = np.stack([hits(self._fits, duration, members) for duration in likely], axis=1)
        found: list[DurationRow] = []
        parts = [part for part in best_stretches(right) if right[part.first : part.end, part.candidate].any()]
        starts: list[date | None] = [None, *(self._day(members[part.first]) for part in parts[1:])]
        for part, start, until in zip(parts, starts, [*starts[1:], None], strict=True):
            mine = right[part.first : part.end, part.candidate]
            found.append(
                DurationRow(
                    category=name,
                    duration=likely[part.candidate],
                    reports=len(mine),
                    support=int(mine.sum()),
                    confidence=share_right(mine)[1],
                    condition=condition,
                    effective_from=start,
                    effective_until=until,
                )
            )
        return [row for row in found if row.effective_from is None or row.effective_from != row.effective_until]

    def _day(self, row: int) -> date:
        """The local date on which a report was opened."""
        local = self._zone.to_local(self._cases.opened[row : row + 1])[0]
        return _EPOCH + timedelta(days=int(local // DAY_MS))


def _default(rows: list[DurationRow]) -> DurationRow | None:
    """The row for categories never seen: the duration that most categories have now."""
    last = {
        row.category: row for row in rows if row.condition is None and row.duration is not None and row.support >= 3
    }
    if not last:
        return None
    tally: dict[Duration, int] = {}
    for row in last.values():
        assert row.duration is not None
        tally[row.duration] = tally.get(row.duration, 0) + 1
    usual, support = max(tally.items(), key=lambda item: (item[1], item[0].order))
    agree = np.arange(len(last)) < support
    return DurationRow(None, usual, len(last), support, share_right(agree)[1])
