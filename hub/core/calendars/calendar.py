"""When a clock started at an instant runs out, for whole columns of instants and every unit the law knows.

How each unit counts:

- `second`, `minute`, `hour`, `urgent_work_hour` (紧急工作时): the clock never stands still.
- `work_hour` (工作时): only open time counts. Of several instants with the same open time behind them, the earliest is due:
  what ends with the morning is due at its close, not when the afternoon opens (`ends: opening` says otherwise).
- `work_day` (工作日): the same time of day so many working days later. A start in closed time counts as the next opening; a
  time that falls in a break of the last day is due at the close before it. With equal days this is 8 hours a day of 8.
- `natural_day` (自然日): the first day is not counted and the last one counts to its end, 24:00 local (Civil Code art. 201,
  203 民法典). With `roll_forward` a last day that is not a working day moves to the next one that is.
- `month` (月): to the day of the same number so many months later, or the month's last (art. 202), counted as natural days are.

At what time of its last day a clock in days runs out may be set: at the `same_time` as it began, at `day_end`, at the office's
last `close`, or at a time of day. Except for `same_time`, working days are counted from the day after the start's own (art. 201).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hub.core.calendars.open_time import MINUTE_MS, OpenTime, known_until_day
from hub.core.calendars.zones import DAY_MS, Millis
from hub.errors import FatalError
from hub.policy.models import CONTINUOUS_UNITS, OFFICE_UNITS, CalendarSpec, Unit, parse_time_of_day

HOUR_MS = 3_600_000
_CONTINUOUS_MS = {"second": 1000, "minute": MINUTE_MS, "hour": HOUR_MS, "urgent_work_hour": HOUR_MS}
_WHOLE = {"work_day", "natural_day", "month"}
_LAST_YEAR = 2400
Amount = float | npt.NDArray[np.int64] | npt.NDArray[np.float64]

__all__ = ["HOUR_MS", "MINUTE_MS", "Amount", "Calendar"]


def _year(instants: Millis) -> Millis:
    """Years since 1970 of UTC instants."""
    return np.asarray(instants, dtype="datetime64[ms]").astype("datetime64[Y]").astype(np.int64)


class Calendar:
    """One office's calendar in one time zone. Covers the years it is asked about and grows as needed."""

    def __init__(self, spec: CalendarSpec, time_zone: str) -> None:
        self._spec = spec
        self.time_zone = spec.time_zone or time_zone
        self._table: OpenTime | None = None
        self._known_until = known_until_day(spec)
        self.version = hashlib.sha256(f"{self.time_zone}\0{spec.model_dump_json()}".encode()).hexdigest()[:12]
        """Hash of the calendar's content: two with the same one count the same, by the same release of the hub."""

    def add(
        self,
        start_ms: Millis,
        amount: Amount,
        unit: Unit,
        *,
        roll_forward: bool = False,
        ends: str | None = None,
        first_day_counts: bool = False,
    ) -> Millis:
        """Due instants, UTC ms, one for each start. `amount` > 0, whole for days and months, one for all or one each. `ends`:
        same_time, day_end, close, opening or a time of day; None is the unit's own way. Raises ValueError, or FatalError
        when the calendar is not open long enough before the year 2400."""
        starts = np.asarray(start_ms, dtype=np.int64)
        amounts = np.asarray(amount)
        if not (amounts > 0).all():
            raise ValueError(f"a duration is more than 0, not {amounts.min()}")
        if unit in _WHOLE and not (amounts == np.floor(amounts)).all():
            raise ValueError(f"a duration in {unit} is a whole number, not {amount}")
        if not starts.size:
            return starts.copy()
        if unit in CONTINUOUS_UNITS:
            return np.asarray(starts + np.rint(amounts * _CONTINUOUS_MS[unit]).astype(np.int64))
        if unit == "work_hour":
            table = self._covering(starts)
            wanted = table.position(starts) + np.rint(amounts * HOUR_MS).astype(np.int64)
            return self._instant(wanted, next_opening=ends == "opening")
        counted = amounts.astype(np.int64)
        if unit == "work_day" and ends in (None, "same_time"):
            return self._same_time_work_day(starts, counted)
        if unit == "work_day":  # a line too long otherwise
            last = self._nth_work_day(starts, counted, first_day_counts)
        else:
            last = self._last_day(starts, counted - first_day_counts, unit, roll_forward)
        return np.maximum(self._on_day(last, starts, ends or "day_end"), starts)

    def after_share(self, start_ms: Millis, due_ms: Millis, share: float, unit: Unit) -> Millis:
        """Instants at which `share` of the clock's own time, as `unit` counts it, has run from start to due."""
        starts, dues = np.asarray(start_ms, dtype=np.int64), np.asarray(due_ms, dtype=np.int64)
        if unit not in OFFICE_UNITS or not starts.size:
            shared: Millis = starts + np.rint((dues - starts) * share).astype(np.int64)
            return shared
        table = self._covering(np.concatenate([starts, dues]))
        position, end = table.position(starts), table.position(dues)
        return np.clip(
            self._instant(position + np.maximum(np.rint((end - position) * share).astype(np.int64), 1)), starts, dues
        )

    def open_ms(self, start_ms: Millis, end_ms: Millis) -> Millis:
        """Open milliseconds between two instants."""
        starts, ends = np.asarray(start_ms, dtype=np.int64), np.asarray(end_ms, dtype=np.int64)
        if not starts.size:
            return starts.copy()
        table = self._covering(np.concatenate([starts, ends]))
        return table.position(ends) - table.position(starts)

    def is_provisional(self, due_ms: Millis) -> npt.NDArray[np.bool_]:
        """Whether each due instant lies beyond the last day whose holidays are settled: it must be reckoned again later."""
        dues = np.asarray(due_ms, dtype=np.int64)
        if self._known_until is None or not dues.size:
            return np.zeros(dues.shape, dtype=np.bool_)
        # the instant that ends the last known day belongs to it
        return np.asarray(self._covering(dues).zone.to_local(dues) > (self._known_until + 1) * DAY_MS)

    def covering(self, instants_ms: Millis) -> OpenTime:
        """The calendar's open time around all these instants."""
        return self._covering(np.asarray(instants_ms, dtype=np.int64))

    def _instant(self, positions: Millis, *, next_opening: bool = False) -> Millis:
        """The earliest instants with so much open time behind them, or the latest."""
        top = int(positions.max()) + next_opening
        table = self._grown_until(lambda table: int(table.after[-1]) >= top)
        index = np.searchsorted(table.after, positions, side="right" if next_opening else "left")
        found: Millis = table.opens[index] + positions - table.before[index]
        return found

    def _same_time_work_day(self, starts: Millis, days: Millis) -> Millis:
        table = self._with_working_days(starts, days)
        following = np.searchsorted(table.closes, starts, side="right")
        begun = table.zone.to_local(np.maximum(starts, table.opens[following]))
        time_of_day = begun % DAY_MS
        last = table.working_days[table.working_before(begun // DAY_MS) + days]
        wanted = last * DAY_MS + time_of_day
        span = np.searchsorted(table.local_opens, wanted, side="right") - 1
        before_opening = table.local_opens[span] // DAY_MS < last
        clipped = np.where(
            before_opening,
            table.local_opens[np.minimum(span + 1, len(table.local_opens) - 1)],
            np.minimum(wanted, table.local_closes[span]),
        )
        return table.zone.to_utc(clipped)

    def _nth_work_day(self, starts: Millis, days: Millis, first_day_counts: bool) -> Millis:
        """The so-many-th working day after each start's own day, or counted from that day if it is one."""
        table = self._with_working_days(starts, days)
        first = table.zone.to_local(starts) // DAY_MS + (not first_day_counts)
        return np.asarray(table.working_days[table.working_before(first) + days - 1])

    def _last_day(self, starts: Millis, amounts: Millis, unit: Unit, roll_forward: bool) -> Millis:
        """The last local day of a duration in natural days or months."""
        table = self._covering(starts)
        own = table.zone.to_local(starts) // DAY_MS
        last = own + amounts if unit == "natural_day" else _months_later(own, amounts)
        if not roll_forward:
            return np.asarray(last)
        latest = int(last.max())
        table = self._grown_until(lambda table: int(table.working_days[-1]) >= latest)
        return np.asarray(table.working_days[table.working_before(last)])

    def _on_day(self, days: Millis, starts: Millis, ends: str) -> Millis:
        """The instant of each local day at which a clock runs out."""
        table = self._covering(np.concatenate([starts, (days + 2) * DAY_MS]))
        if ends == "same_time":
            return table.zone.to_utc(days * DAY_MS + table.zone.to_local(starts) % DAY_MS)
        if ends == "day_end":
            return table.zone.to_utc((days + 1) * DAY_MS)
        if ends == "close":
            index = np.minimum(table.working_before(days), len(table.working_days) - 1)
            worked = table.working_days[index] == days
            return table.zone.to_utc(np.where(worked, table.last_closes[index], (days + 1) * DAY_MS))
        return table.zone.to_utc(days * DAY_MS + parse_time_of_day(ends) * 1000)

    def _with_working_days(self, starts: Millis, days: Millis) -> OpenTime:
        """A table with more than enough working days after the latest start."""
        latest, most = int(starts.max()) // DAY_MS + 2, int(np.max(days)) + 1
        self._covering(starts)
        return self._grown_until(lambda table: len(table.working_days) > most + int(table.working_before(latest)))  # type: ignore[arg-type]

    def _covering(self, instants: Millis) -> OpenTime:
        """A table that holds all these instants, with a year to spare before and some after."""
        first, last = (int(year) + 1970 for year in _year(np.array([instants.min(), instants.max()])))
        table = self._table
        if table is None:
            table = self._table = OpenTime(self._spec, self.time_zone, first - 1, last + 3)
        elif first <= table.first_year or last >= table.end_year - 1:
            table = self._table = OpenTime(
                self._spec, self.time_zone, min(first - 1, table.first_year), max(last + 3, table.end_year)
            )
        return table

    def _grown_until(self, enough: Callable[[OpenTime], bool]) -> OpenTime:
        """The table, grown to later years until it is `enough`. Never loses earlier years."""
        table = self._table
        assert table is not None
        while not enough(table):
            if table.end_year >= _LAST_YEAR:
                raise FatalError(
                    f"a deadline does not end before the year {_LAST_YEAR} in its calendar ({self.time_zone}); "
                    "give the calendar more open time or the deadline less duration"
                )
            grown = min(_LAST_YEAR, table.end_year + (table.end_year - table.first_year))
            table = self._table = OpenTime(self._spec, self.time_zone, table.first_year, grown)
        return table


def _months_later(days: Millis, months: Millis) -> Millis:
    """The day of the same number so many months later, or that month's last."""
    dates = days.astype("datetime64[D]")
    own = dates.astype("datetime64[M]")
    number = (dates - own).astype(np.int64)
    target = own + months.astype("timedelta64[M]")
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
    return np.asarray(target.astype("datetime64[D]").astype(np.int64) + np.minimum(number, length - 1))
