"""What a unit asks of an office: when it is open, and what its wall clock shows. hub.core.calendars has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

Millis = npt.NDArray[np.int64]
"""Instants, or their differences, in ms."""


class WallClock(Protocol):
    """The local time of a zone, written as if it were milliseconds since 1970 UTC."""

    def to_local(self, utc: Millis) -> Millis: ...
    def to_utc(self, local: Millis) -> Millis: ...


class OpenTable(Protocol):
    """Open time of some years, as hub.core.calendars.open_time.OpenTime describes it."""

    @property
    def zone(self) -> WallClock: ...
    @property
    def opens(self) -> Millis: ...
    @property
    def closes(self) -> Millis: ...
    @property
    def before(self) -> Millis: ...
    @property
    def after(self) -> Millis: ...
    @property
    def local_opens(self) -> Millis: ...
    @property
    def local_closes(self) -> Millis: ...
    @property
    def working_days(self) -> Millis: ...
    @property
    def last_closes(self) -> Millis: ...
    def position(self, instants: Millis) -> Millis: ...
    def working_before(self, days: Millis) -> Millis: ...


class Office(Protocol):
    """A calendar. One that never closes counts as well."""

    def covering(self, instants: Millis) -> OpenTable:
        """A table with all these instants in it, with a year to spare before and some after."""
        ...

    def grown_until(self, enough: Callable[[OpenTable], bool]) -> OpenTable:
        """The last table, grown to later years until it is `enough`. Raises FatalError if no year is."""
        ...


def open_between(office: Office, starts: Millis, ends: Millis) -> Millis:
    """Open milliseconds between two instants."""
    table = office.covering(np.concatenate([starts, ends]))
    return table.position(ends) - table.position(starts)
