"""Units whose clock never stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from hub.millis import HOUR_MS, MINUTE_MS, SECOND_MS
from hub.units.office import MillisArray, Office
from hub.units.unit import Amounts, Manner, Segment, Unit, registered


class Continuous(Unit):
    """So many milliseconds, day and night."""

    continuous = True
    ms: ClassVar[int]

    def takes(self, ends: str) -> bool:
        del ends
        return False

    def due(self, office: Office, starts: MillisArray, amounts: Amounts, manner: Manner) -> MillisArray:
        del office, manner
        return np.asarray(starts + np.rint(amounts * self.ms).astype(np.int64))

    def share(self, office: Office, starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
        del office
        return share_of_all(starts, dues, share)

    def after_pause(self, office: Office, due_ms: int, from_ms: int, to_ms: int, manner: Manner) -> int:
        del office, manner
        return due_ms + to_ms - from_ms

    def segments(self, office: Office, start: int, due: int, amount: float, manner: Manner) -> list[Segment]:
        del office, manner
        return [Segment(start, due, amount, "counted")]

    def counted(self, office: Office, starts: MillisArray, dues: MillisArray, manner: Manner) -> Iterator[MillisArray]:
        del office, manner
        yield np.rint((dues - starts) / (self.ms // self.parts)).astype(np.int64)


@registered
class Second(Continuous):
    name, zh, ms = "second", "秒", SECOND_MS


@registered
class Minute(Continuous):
    name, zh, ms = "minute", "分钟", MINUTE_MS


@registered
class Hour(Continuous):
    name, zh, ms, parts = "hour", "小时", HOUR_MS, 60


@registered
class UrgentWorkHour(Continuous):
    """Runs at night and on holidays too."""

    name, zh, ms, parts = "urgent_work_hour", "紧急工作时", HOUR_MS, 60


def share_of_all(starts: MillisArray, dues: MillisArray, share: float) -> MillisArray:
    """When that share of all time between two instants has gone."""
    found: MillisArray = starts + np.rint((dues - starts) * share).astype(np.int64)
    return found
