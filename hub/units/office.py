"""What a unit asks of an office: when it is open, and what its wall clock shows. hub.core.calendars has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

MillisArray = npt.NDArray[np.int64]
"""Instants, or their differences, in ms."""


class WallClock(Protocol):
    """The local time of a zone, written as if it were milliseconds since 1970 UTC."""

    def to_local(self, utc: MillisArray) -> MillisArray: ...
    def to_utc(self, local: MillisArray) -> MillisArray: ...


class OpenTable(Protocol):
    """Open time of some years, as hub.core.calendars.open_time.OpenTime describes it."""

    @property
    def zone(self) -> WallClock: ...
    @property
    def opens(self) -> MillisArray: ...
    @property
    def closes(self) -> MillisArray: ...
    @property
    def before(self) -> MillisArray: ...
    @property
    def after(self) -> MillisArray: ...
    @property
    def local_opens(self) -> MillisArray: ...
    @property
    def local_closes(self) -> MillisArray: ...
    @property
    def working_days(self) -> MillisArray: ...
    @property
    def last_closes(self) -> MillisArray: ...
    def position(self, instants: MillisArray) -> MillisArray: ...
    def working_before(self, days: MillisArray) -> MillisArray: ...


class Office(Protocol):
    """A calendar. One that never closes counts as well."""

    def covering(self, instants: MillisArray) -> OpenTable:
        """A table with all these instants in it, with a year to spare before and some after."""
        ...

    def grown_until(self, enough: Callable[[OpenTable], bool]) -> OpenTable:
        """The last table, grown to later years until it is `enough`. Raises FatalError if no year is."""
        ...


def open_between(office: Office, starts: MillisArray, ends: MillisArray) -> MillisArray:
    """Open milliseconds between two instants."""
    table = office.covering(np.concatenate([starts, ends]))
    return table.position(ends) - table.position(starts)
