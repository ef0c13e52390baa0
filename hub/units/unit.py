"""What every unit of durations has to know. A new unit is one class with `@registered` on it: the laws in tests/unit/units then
hold it to all of this, and a method that it lacks ends the program where the class is registered."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from hub.units.office import MillisArray, Office

Why = Literal["counted", "first_day", "closed", "rolled"]
Amounts = npt.NDArray[np.int64] | npt.NDArray[np.float64]

NAMED_ENDS = ("same_time", "day_end", "close", "opening")
_TIME_OF_DAY = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?")


def parse_time_of_day(text: str) -> int:
    """'17:00' or '23:59:59' as seconds after local midnight. Raises ValueError."""
    match = _TIME_OF_DAY.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is not a time of day; write it like '17:00' or one of {', '.join(NAMED_ENDS)}")
    return hours * 3600 + minutes * 60 + seconds


class Manner(NamedTuple):
    """How a row wants its unit counted."""

    ends: str | None = None
    """same_time, day_end, close, opening or a time of day; None: the unit's own way."""
    roll_forward: bool = False
    """A last day that is not a working day moves to the next that is."""
    first_day_counts: bool = False


class Segment(msgspec.Struct, frozen=True):
    """From one instant to another, UTC ms, and how much of the duration it counted, in the row's unit."""

    from_ms: int
    to_ms: int
    counted: float
    why: Why


class Unit(ABC):
    """One unit. Pure; it is given the office by whose calendar it counts. Instants are UTC ms."""

    name: ClassVar[str]
    """As rows and records write it."""
    zh: ClassVar[str]
    continuous: ClassVar[bool] = False
    """Its clock never stands still."""
    needs_office: ClassVar[bool] = False
    """Counts only while the office is open, so that a row must name a calendar."""
    whole: ClassVar[bool] = False
    """Counted in whole numbers."""
    rolls: ClassVar[bool] = False
    """Takes `roll_forward`."""
    own_end: ClassVar[str] = "same_time"
    """When a clock runs out in its last day, unless its row says otherwise."""
    parts: ClassVar[int] = 1
    """How many of the parts that `counted` counts make one."""

    @abstractmethod
    def takes(self, ends: str) -> bool:
        """True if a row may say that the clock `ends` so."""

    def first_day_may_count(self, ends: str | None) -> bool:
        """True if a row of that end may say `first_day_counts`."""
        del ends
        return False

    @abstractmethod
    def due(self, office: Office, starts: MillisArray, amounts: Amounts, manner: Manner) -> MillisArray:
        """When a clock runs out, for each start. `amounts`: more than 0, whole if the unit is, one for all or one each."""

    @abstractmethod
    def share(self, office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
        """When that share of the clock's own time has run from each start to its due time."""

    @abstractmethod
    def after_pause(self, office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
        """The due time if the time between two instants, the later last, does not count. Never earlier than it was."""

    @abstractmethod
    def segments(self, office: Office, start: int, due: int, amount: float, manner: Manner) -> list[Segment]:
        """What each stretch from a start to the due time of that amount counted, one after another without a gap."""

    @abstractmethod
    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        """How many parts of the unit bring each start to its due time, to the nearest; several answers where a due time may
        have been rolled forward. -1 or less: none. Without the first day."""

    def within_last_day(self, due_ms: int, manner: Manner) -> int:
        """An instant in the last day of a clock: the midnight that ends a day belongs to it."""
        del manner
        return due_ms

    def rounded(self, amount: float) -> float:
        """An amount as this unit counts it: up to the next whole one, if it is counted in these."""
        return math.ceil(amount) if self.whole else amount

    def manner_of(self, other: Unit, manner: Manner) -> Manner:
        """How time in this unit is added to a clock in another, at its end."""
        ends = manner.ends if self.whole and other.whole else None
        return Manner(ends, manner.roll_forward and self.rolls)


UNITS: dict[str, Unit] = {}
"""All units by name."""
U = TypeVar("U", bound=Unit)


def registered(kind: type[U]) -> type[U]:
    """Make a class one of the UNITS. Raises TypeError if it lacks a method."""
    UNITS[kind.name] = kind()
    return kind


def unit_of(name: str) -> Unit:
    """The unit of a name that a row or a unit's own `name` gives."""
    return UNITS[name]


def zh_name(name: str) -> str:
    """A unit's Chinese name; empty for a name that records of other versions may have."""
    return UNITS[name].zh if name in UNITS else ""
