"""When a clock started at an instant runs out, for whole columns of instants: an office's calendar, by which every unit of
hub/units counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hub.core.calendars.open_time import OpenTime, known_until_day
from hub.core.calendars.zones import MillisArray
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.policy.models import CalendarSpec
from hub.units import Manner, unit_of

_LAST_YEAR = 2400
Amount = float | npt.NDArray[np.int64] | npt.NDArray[np.float64]


def _year(instants: MillisArray) -> MillisArray:
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
        start_ms: MillisArray,
        amount: Amount,
        unit: str,
        *,
        roll_forward: bool = False,
        ends: str | None = None,
        first_day_counts: bool = False,
    ) -> MillisArray:
        """Due instants, UTC ms, one for each start. `amount` > 0, whole for days and months, one for all or one each. `ends`:
        same_time, day_end, close, opening or a time of day; None is the unit's own way. Raises ValueError, or FatalError
        when the calendar is not open long enough before the year 2400."""
        counts, manner = unit_of(unit), Manner(ends, roll_forward, first_day_counts)
        starts, amounts = np.asarray(start_ms, dtype=np.int64), np.asarray(amount)
        if not (amounts > 0).all():
            raise ValueError(f"a duration is more than 0, not {amounts.min()}")
        if counts.whole and not (amounts == np.floor(amounts)).all():
            raise ValueError(f"a duration in {unit} is a whole number, not {amount}")
        return counts.due(self, starts, amounts, manner) if starts.size else starts.copy()

    def after_share(self, start_ms: MillisArray, due_ms: MillisArray, share: float, unit: str) -> MillisArray:
        """Instants at which `share` of the clock's own time, as `unit` counts it, has run from start to due."""
        starts, dues = np.asarray(start_ms, dtype=np.int64), np.asarray(due_ms, dtype=np.int64)
        return unit_of(unit).share(self, starts, dues, share) if starts.size else starts.copy()

    def is_provisional(self, due_ms: MillisArray) -> npt.NDArray[np.bool_]:
        """Whether each due instant lies beyond the last day whose holidays are settled: it must be reckoned again later."""
        dues = np.asarray(due_ms, dtype=np.int64)
        if self._known_until is None or not dues.size:
            return np.zeros(dues.shape, dtype=np.bool_)
        # the instant that ends the last known day belongs to it
        return np.asarray(self.covering(dues).zone.to_local(dues) > (self._known_until + 1) * DAY_MS)

    def covering(self, instants: MillisArray) -> OpenTime:
        """The calendar's open time around all these instants, with a year to spare before and some after."""
        first, last = (int(year) + 1970 for year in _year(np.array([instants.min(), instants.max()])))
        table = self._table
        if table is None:
            table = self._table = OpenTime(self._spec, self.time_zone, first - 1, last + 3)
        elif first <= table.first_year or last >= table.end_year - 1:
            table = self._table = OpenTime(
                self._spec, self.time_zone, min(first - 1, table.first_year), max(last + 3, table.end_year)
            )
        return table

    def grown_until(self, enough: Callable[[OpenTime], bool]) -> OpenTime:
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
