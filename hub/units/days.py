"""Units counted in whole local days. At what time of its last day a clock runs out may be set: at the `same_time` as it began, at
`day_end`, at the office's last `close`, or at a time of day. Except for `same_time`, the day of the start is not counted, and the
last one counts to its end (Civil Code art. 201, 203 民法典)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from hub.millis import DAY_MS, SECOND_MS
from hub.units.continuous import share_of_all
from hub.units.hours import later_by_open, share_of_open
from hub.units.office import MillisArray, Office, OpenTable
from hub.units.unit import Amounts, Manner, Segment, Unit, Why, parse_time_of_day, registered

_ROLLED_DAYS = 10
"""Past so many days off at most a due time is looked for where it may have been rolled forward."""


class Days(Unit):
    """All that units in days have in common. They differ in which days they count."""

    whole = True
    own_end = "day_end"

    @abstractmethod
    def last_day(self, office: Office, starts: MillisArray, amounts: MillisArray, manner: Manner) -> MillisArray:
        """The local day, since 1970-01-01, on which each clock ends."""

    @abstractmethod
    def reasons(
        self, office: Office, start: int, days: MillisArray, amount: float, manner: Manner
    ) -> list[tuple[Why, float]]:
        """What each of these local days, from the start's own to the last, counts."""

    def end(self, manner: Manner) -> str:
        return manner.ends or self.own_end

    def takes(self, ends: str) -> bool:
        return ends != "opening"

    def within_last_day(self, due_ms: int, manner: Manner) -> int:
        return due_ms if self.end(manner) == "same_time" else due_ms - 1

    def due(self, office: Office, starts: MillisArray, amounts: Amounts, manner: Manner) -> MillisArray:
        last = self.last_day(office, starts, amounts.astype(np.int64), manner)
        return np.maximum(_on_day(office, last, starts, self.end(manner)), starts)

    def share(self, office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
        del office
        return share_of_all(starts, dues, share)

    def after_pause(self, office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
        """Gains whole days: those that began within the pause."""
        first, last = _local_days(office, from_ms, to_ms)
        return _days_later(NaturalDay(), office, due_ms, last - first, manner)

    def segments(self, office: Office, start: int, due: int, amount: float, manner: Manner) -> list[Segment]:
        """Whole local days, equal neighbours together."""
        table = office.covering(np.array([start, due], dtype=np.int64))
        within = (
            due - 1 if self.end(manner) in ("day_end", "close") else due
        )  # the midnight that ends a day belongs to it
        own, last = _local_days(office, start, within)
        reasons = self.reasons(office, start, np.arange(own, max(last, own) + 1), amount, manner)
        found: list[Segment] = []
        for day, (why, counted) in enumerate(reasons, own):
            edges = table.zone.to_utc(np.array([day * DAY_MS, (day + 1) * DAY_MS], dtype=np.int64)).tolist()
            begin, finish = max(start, edges[0]), due if day == own + len(reasons) - 1 else min(due, edges[1])
            if found and found[-1].why == why:
                found[-1] = Segment(found[-1].from_ms, finish, found[-1].counted + counted, why)
            else:
                found.append(Segment(begin, finish, counted, why))
        return found


@registered
class WorkDay(Days):
    """By its own way the same time of day so many working days later: a start in closed time counts as the next opening, and a
    time that falls in a break of the last day is due at the close before it. With equal days this is 8 hours a day of 8."""

    name, zh = "work_day", "工作日"
    needs_office = True
    own_end = "same_time"

    def first_day_may_count(self, ends: str | None) -> bool:
        return ends not in (None, "same_time")

    def due(self, office: Office, starts: MillisArray, amounts: Amounts, manner: Manner) -> MillisArray:
        if self.end(manner) == "same_time":
            return _same_open_time(office, starts, amounts.astype(np.int64))
        return super().due(office, starts, amounts, manner)

    def last_day(self, office: Office, starts: MillisArray, amounts: MillisArray, manner: Manner) -> MillisArray:
        table = _with_working_days(office, starts, amounts)
        first = table.zone.to_local(starts) // DAY_MS + (not manner.first_day_counts)
        return np.asarray(table.working_days[table.working_before(first) + amounts - 1])

    def share(self, office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
        return share_of_open(office, starts, dues, share)

    def after_pause(self, office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
        """Gains just what it lost; if it ends with a day, the working days that began within the pause."""
        if self.end(manner) == "same_time":
            return later_by_open(office, due_ms, from_ms, to_ms, Manner())
        first, last = _local_days(office, from_ms, to_ms)
        working = office.covering(np.array([from_ms, to_ms])).working_before(np.array([first + 1, last + 1]))
        return _days_later(self, office, due_ms, int(np.diff(working)[0]), manner)

    def reasons(
        self, office: Office, start: int, days: MillisArray, amount: float, manner: Manner
    ) -> list[tuple[Why, float]]:
        del amount
        table = office.covering(np.append(days * DAY_MS, start))
        base = int(days[0]) - manner.first_day_counts
        if self.end(manner) == "same_time":
            base = int(_begun(table, np.array([start], dtype=np.int64))[0]) // DAY_MS
        working = np.isin(days, table.working_days)
        return [
            ("counted", 1.0) if works and day > base else ("first_day", 0.0) if day == base else ("closed", 0.0)
            for day, works in zip(days.tolist(), working.tolist(), strict=True)
        ]

    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        table = office.covering(np.concatenate([starts, dues]))
        due = table.zone.to_local(dues)
        if self.end(manner) == "same_time":
            yield table.working_before(due // DAY_MS) - table.working_before(_begun(table, starts) // DAY_MS)
        else:
            first = table.zone.to_local(starts) // DAY_MS + 1
            yield table.working_before(_day_of_end(due, self.end(manner)) + 1) - table.working_before(first)


class _AllDays(Days):
    """Holidays count too."""

    rolls = True

    @abstractmethod
    def unrolled(self, own: MillisArray, amounts: MillisArray) -> MillisArray:
        """The last local day of so many from each day, not moved past days off."""

    def last_day(self, office: Office, starts: MillisArray, amounts: MillisArray, manner: Manner) -> MillisArray:
        table = office.covering(starts)
        last = self.unrolled(table.zone.to_local(starts) // DAY_MS, amounts - manner.first_day_counts)
        if not manner.roll_forward:
            return last
        latest = int(last.max())
        table = office.grown_until(lambda table: int(table.working_days[-1]) >= latest)
        return np.asarray(table.working_days[table.working_before(last)])

    def reasons(
        self, office: Office, start: int, days: MillisArray, amount: float, manner: Manner
    ) -> list[tuple[Why, float]]:
        del office, start
        own = days[:1]
        last = int(self.unrolled(own, np.array([int(amount) - manner.first_day_counts]))[0])
        each = amount / max(last - int(own[0]) + manner.first_day_counts, 1)
        reasons: list[tuple[Why, float]] = [("counted", each) if manner.first_day_counts else ("first_day", 0.0)]
        return reasons + [("counted", each) if day <= last else ("rolled", 0.0) for day in days[1:].tolist()]


@registered
class NaturalDay(_AllDays):
    name, zh = "natural_day", "自然日"

    def first_day_may_count(self, ends: str | None) -> bool:
        return ends != "same_time"

    def unrolled(self, own: MillisArray, amounts: MillisArray) -> MillisArray:
        return np.asarray(own + amounts)

    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        zone = office.covering(np.concatenate([starts, dues])).zone
        opened, due = zone.to_local(starts), zone.to_local(dues)
        if self.end(manner) == "same_time":
            days = np.rint((due - opened) / DAY_MS).astype(np.int64)
        else:
            days = _day_of_end(due, self.end(manner)) - opened // DAY_MS
        for back in range(_ROLLED_DAYS if manner.roll_forward else 1):
            yield days - back


@registered
class Month(_AllDays):
    """To the day of the same number so many months later, or the month's last (art. 202), counted as natural days are."""

    name, zh = "month", "月"

    def unrolled(self, own: MillisArray, amounts: MillisArray) -> MillisArray:
        dates = own.astype("datetime64[D]")
        month = dates.astype("datetime64[M]")
        number = (dates - month).astype(np.int64)
        target = month + amounts.astype("timedelta64[M]")
        length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
        return np.asarray(target.astype("datetime64[D]").astype(np.int64) + np.minimum(number, length - 1))

    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        zone = office.covering(np.concatenate([starts, dues])).zone
        months = _months(_day_of_end(zone.to_local(dues), self.end(manner))) - _months(zone.to_local(starts) // DAY_MS)
        yield months
        if manner.roll_forward:
            yield months - 1


def _days_later(unit: Days, office: Office, due_ms: int, days: int, manner: Manner) -> int:
    """A due time so many days later, in the manner of its row."""
    if not days:
        return due_ms
    last_day = np.array([unit.within_last_day(due_ms, manner)], dtype=np.int64)
    return int(unit.due(office, last_day, np.array(days), unit.manner_of(unit, manner))[0])


def _local_days(office: Office, *instants: int) -> list[int]:
    """Local days since 1970-01-01."""
    at = np.array(instants, dtype=np.int64)
    found: list[int] = (office.covering(at).zone.to_local(at) // DAY_MS).tolist()
    return found


def _months(days: MillisArray) -> MillisArray:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _begun(table: OpenTable, starts: MillisArray) -> MillisArray:
    """When each clock begins on the local clock: in closed time, with the next opening."""
    following = np.minimum(np.searchsorted(table.closes, starts, side="right"), len(table.opens) - 1)
    return table.zone.to_local(np.maximum(starts, table.opens[following]))


def _day_of_end(due: MillisArray, end: str) -> MillisArray:
    """The local day of each local due time, give or take a minute."""
    if end == "same_time":
        return due // DAY_MS
    if end == "close":
        return (due - 1) // DAY_MS
    time_of_day = DAY_MS if end == "day_end" else parse_time_of_day(end) * SECOND_MS
    return np.asarray(np.rint((due - time_of_day) / DAY_MS).astype(np.int64))


def _on_day(office: Office, days: MillisArray, starts: MillisArray, end: str) -> MillisArray:
    """The instant of each local day at which a clock runs out."""
    table = office.covering(np.concatenate([starts, (days + 2) * DAY_MS]))
    if end == "same_time":
        return table.zone.to_utc(days * DAY_MS + table.zone.to_local(starts) % DAY_MS)
    if end == "day_end":
        return table.zone.to_utc((days + 1) * DAY_MS)
    if end == "close":
        index = np.minimum(table.working_before(days), len(table.working_days) - 1)
        worked = table.working_days[index] == days
        return table.zone.to_utc(np.where(worked, table.last_closes[index], (days + 1) * DAY_MS))
    return table.zone.to_utc(days * DAY_MS + parse_time_of_day(end) * SECOND_MS)


def _same_open_time(office: Office, starts: MillisArray, days: MillisArray) -> MillisArray:
    """The same time of day so many working days later, within open time."""
    table = _with_working_days(office, starts, days)
    begun = _begun(table, starts)
    last = table.working_days[table.working_before(begun // DAY_MS) + days]
    wanted = last * DAY_MS + begun % DAY_MS
    span = np.searchsorted(table.local_opens, wanted, side="right") - 1
    before_opening = table.local_opens[span] // DAY_MS < last
    clipped = np.where(
        before_opening,
        table.local_opens[np.minimum(span + 1, len(table.local_opens) - 1)],
        np.minimum(wanted, table.local_closes[span]),
    )
    return table.zone.to_utc(clipped)


def _with_working_days(office: Office, starts: MillisArray, days: MillisArray) -> OpenTable:
    """A table with more than enough working days after the latest start."""
    latest, most = int(starts.max()) // DAY_MS + 2, int(np.max(days)) + 1
    office.covering(starts)
    return office.grown_until(
        lambda table: len(table.working_days) > most + int(table.working_before(np.array(latest)))
    )
