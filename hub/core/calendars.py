"""When a clock started at an instant runs out, for whole columns of instants and every unit the law knows.

How each unit counts:

- `minute`, `hour`, `urgent_work_hour` (紧急工作时): the clock never stands still.
- `work_hour` (工作时): only open time counts. Of several instants with the same open time behind them, the earliest is due:
  what ends with the morning is due at its close, not when the afternoon opens.
- `work_day` (工作日): the same time of day so many working days later. A start in closed time counts as the next opening; a
  time that falls in a break of the last day is due at the close before it. With equal days this is 8 hours a day of 8.
- `natural_day` (自然日): the first day is not counted and the last one counts to its end, 24:00 local (Civil Code art. 201,
  203 民法典). With `roll_forward` a last day that is not a working day moves to the next one that is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import numpy.typing as npt

from hub.core.zones import DAY_MS, Millis, zone_of
from hub.errors import FatalError
from hub.policy.models import CONTINUOUS_UNITS, OFFICE_UNITS, CalendarSpec, Unit

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
_CONTINUOUS_MS = {"minute": MINUTE_MS, "hour": HOUR_MS, "urgent_work_hour": HOUR_MS}
_LAST_YEAR = 2400
_EPOCH = date(1970, 1, 1)


def _year(instants: Millis) -> Millis:
    """Years since 1970 of UTC instants."""
    return np.asarray(instants, dtype="datetime64[ms]").astype("datetime64[Y]").astype(np.int64)


def _days(dates: tuple[date, ...]) -> Millis:
    """Day numbers since 1970-01-01."""
    return np.array([(day - _EPOCH).days for day in dates], dtype=np.int64)


def _local_spans(spec: CalendarSpec, first_year: int, end_year: int) -> tuple[Millis, Millis]:
    """Opening and closing times, local, in order, of the years from `first_year` to before `end_year`."""
    days = np.arange((date(first_year, 1, 1) - _EPOCH).days, (date(end_year, 1, 1) - _EPOCH).days, dtype=np.int64)
    extra = np.isin(days, _days(spec.extra_working_days))
    ordinary = ~extra & ~np.isin(days, _days(spec.holidays))
    weekdays = (days + 3) % 7  # 1970-01-01 was a Thursday
    groups = [(days[ordinary & (weekdays == weekday)], spec.minutes_of(weekday)) for weekday in range(7)]
    if extra.any():
        groups.append((days[extra], spec.extra_minutes()))
    pairs = [(group, span) for group, spans in groups for span in spans]
    opens = np.concatenate([group * DAY_MS + start * MINUTE_MS for group, (start, _) in pairs])
    closes = np.concatenate([group * DAY_MS + end * MINUTE_MS for group, (_, end) in pairs])
    order = np.argsort(opens)
    return opens[order], closes[order]


class _Table:
    """Open time between two years: local spans, spans in UTC with the open time before each, and the working days."""

    def __init__(self, spec: CalendarSpec, time_zone: str, first_year: int, end_year: int) -> None:
        self.first_year, self.end_year = first_year, end_year
        self.zone = zone_of(time_zone, first_year - 1, end_year + 1)
        self.local_opens, self.local_closes = _local_spans(spec, first_year, end_year)
        self.working_days: Millis = np.unique(self.local_opens // DAY_MS)
        opens, closes = self._in_utc()
        self.opens, self.closes = opens, closes
        self.after: Millis = np.cumsum(closes - opens)
        self.before: Millis = self.after - (closes - opens)

    def _in_utc(self) -> tuple[Millis, Millis]:
        """Each stretch of constant offset takes the spans with its own local labels, so clock changes count as the wall shows."""
        opens, closes = [], []
        for start, end, offset in zip(self.zone.starts, self.zone.ends, self.zone.offsets, strict=True):
            first = np.searchsorted(self.local_closes, start + offset, side="right")
            last = np.searchsorted(self.local_opens, end + offset, side="left")
            opens.append(np.maximum(self.local_opens[first:last] - offset, start))
            closes.append(np.minimum(self.local_closes[first:last] - offset, end))
        return np.concatenate(opens), np.concatenate(closes)

    def position(self, instants: Millis) -> Millis:
        """Open milliseconds from the beginning of the table to each instant."""
        index = np.searchsorted(self.opens, instants, side="right") - 1
        inside = np.minimum(instants, self.closes[index]) - self.opens[index]
        return np.where(index < 0, 0, self.before[index] + inside)


class Calendar:
    """One office's calendar in one time zone. Covers the years it is asked about and grows as needed."""

    def __init__(self, spec: CalendarSpec, time_zone: str) -> None:
        self._spec = spec
        self._time_zone = time_zone
        self._table: _Table | None = None

    def add(self, start_ms: Millis, amount: float, unit: Unit, *, roll_forward: bool = False) -> Millis:
        """Due instants, UTC ms, one for each start. `amount` > 0, whole for days. Raises ValueError, or FatalError when
        the calendar is not open long enough before the year 2400."""
        starts = np.asarray(start_ms, dtype=np.int64)
        if not amount > 0:
            raise ValueError(f"a duration is more than 0, not {amount}")
        if unit in CONTINUOUS_UNITS:
            return starts + np.int64(round(amount * _CONTINUOUS_MS[unit]))
        if unit != "work_hour" and amount != int(amount):
            raise ValueError(f"a duration in {unit} is a whole number, not {amount}")
        if not starts.size:
            return starts.copy()
        if unit == "work_hour":
            table = self._covering(starts)
            return self._instant(table.position(starts) + round(amount * HOUR_MS))
        if unit == "work_day":
            return self._add_work_days(starts, int(amount))
        return self._add_natural_days(starts, int(amount), roll_forward)

    def after_share(self, start_ms: Millis, due_ms: Millis, share: float, unit: Unit) -> Millis:
        """Instants at which `share` of the clock's own time, as `unit` counts it, has run from start to due."""
        starts, dues = np.asarray(start_ms, dtype=np.int64), np.asarray(due_ms, dtype=np.int64)
        if unit not in OFFICE_UNITS or not starts.size:
            shared: Millis = starts + np.rint((dues - starts) * share).astype(np.int64)
            return shared
        self._covering(np.concatenate([starts, dues]))
        table = self._covering(starts)
        position, end = table.position(starts), table.position(dues)
        return np.minimum(
            self._instant(position + np.maximum(np.rint((end - position) * share).astype(np.int64), 1)), dues
        )

    def open_ms(self, start_ms: Millis, end_ms: Millis) -> Millis:
        """Open milliseconds between two instants."""
        starts, ends = np.asarray(start_ms, dtype=np.int64), np.asarray(end_ms, dtype=np.int64)
        if not starts.size:
            return starts.copy()
        table = self._covering(np.concatenate([starts, ends]))
        return table.position(ends) - table.position(starts)

    def is_open(self, instants_ms: Millis) -> npt.NDArray[np.bool_]:
        """Whether the office is open at each instant; at its closing time it is not."""
        instants = np.asarray(instants_ms, dtype=np.int64)
        if not instants.size:
            return np.zeros(0, dtype=np.bool_)
        table = self._covering(instants)
        index = np.searchsorted(table.opens, instants, side="right") - 1
        return np.asarray((index >= 0) & (instants < table.closes[index]))

    def _instant(self, positions: Millis) -> Millis:
        """The earliest instants with so much open time behind them."""
        table = self._grown_until(lambda table: int(table.after[-1]) >= int(positions.max()))
        index = np.searchsorted(table.after, positions, side="left")
        found: Millis = table.opens[index] + positions - table.before[index]
        return found

    def _add_work_days(self, starts: Millis, days: int) -> Millis:
        latest = int(starts.max())
        self._covering(starts)
        table = self._grown_until(
            lambda table: (
                len(table.working_days) > days + 1 + int(table.working_days.searchsorted(latest // DAY_MS + 2))
            )
        )
        following = np.searchsorted(table.closes, starts, side="right")
        begun = table.zone.to_local(np.maximum(starts, table.opens[following]))
        time_of_day = begun % DAY_MS
        last = table.working_days[np.searchsorted(table.working_days, begun // DAY_MS) + days]
        wanted = last * DAY_MS + time_of_day
        span = np.searchsorted(table.local_opens, wanted, side="right") - 1
        before_opening = table.local_opens[span] // DAY_MS < last
        clipped = np.where(
            before_opening,
            table.local_opens[np.minimum(span + 1, len(table.local_opens) - 1)],
            np.minimum(wanted, table.local_closes[span]),
        )
        return table.zone.to_utc(clipped)

    def _add_natural_days(self, starts: Millis, days: int, roll_forward: bool) -> Millis:
        table = self._covering(np.concatenate([starts, starts + (days + 2) * DAY_MS]))
        last = table.zone.to_local(starts) // DAY_MS + days
        if roll_forward:
            latest = int(last.max())
            table = self._grown_until(lambda table: int(table.working_days[-1]) >= latest)
            last = table.working_days[np.searchsorted(table.working_days, last, side="left")]
        return table.zone.to_utc((last + 1) * DAY_MS)

    def _covering(self, instants: Millis) -> _Table:
        """A table that holds all these instants, with a year to spare before and some after."""
        first, last = (int(year) + 1970 for year in _year(np.array([instants.min(), instants.max()])))
        table = self._table
        if table is None:
            table = self._table = _Table(self._spec, self._time_zone, first - 1, last + 3)
        elif first <= table.first_year or last >= table.end_year - 1:
            table = self._table = _Table(
                self._spec, self._time_zone, min(first - 1, table.first_year), max(last + 3, table.end_year)
            )
        return table

    def _grown_until(self, enough: Callable[[_Table], bool]) -> _Table:
        """The table, grown to later years until it is `enough`. Never loses earlier years."""
        table = self._table
        assert table is not None
        while not enough(table):
            if table.end_year >= _LAST_YEAR:
                raise FatalError(
                    f"a deadline does not end before the year {_LAST_YEAR} in its calendar ({self._time_zone}); "
                    "give the calendar more open time or the deadline less duration"
                )
            grown = min(_LAST_YEAR, table.end_year + (table.end_year - table.first_year))
            table = self._table = _Table(self._spec, self._time_zone, table.first_year, grown)
        return table
