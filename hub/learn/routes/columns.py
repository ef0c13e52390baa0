"""A history as columns of small numbers: what routing rows can ask of a report, each answer counted and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub.core.calendars.localtime import LocalTime, weekday
from hub.learn.history import History
from hub.policy.city import label_key

ColumnCodes = npt.NDArray[np.int32]
NONE = 0
"""The code of an answer that is not given."""

SOURCE, CHANNEL, URGENCY, PLACED, WEEKDAY, HOUR = "source", "channel", "urgency", "placed", "weekday", "hour"
ATTRIBUTE, LAYER = "attribute", "layer"

_MOST_VALUES = 400
"""An attribute with more values names things (an address, a facility), not kinds of things."""
_FEWEST_A_VALUE = 15.0
"""Reports a value must have on average, for the same reason."""


@dataclass(frozen=True)
class Column:
    """One question and its answers. `codes` has one entry a report; `values[code]` is the answer, "" for NONE."""

    kind: str
    name: str
    codes: ColumnCodes
    values: tuple[str, ...]
    homes: tuple[int, ...] = ()
    """Of a learnt layer: the label that each value's own queue has, -1 for NONE. Empty for all other columns."""

    @property
    def size(self) -> int:
        return len(self.values)


def encode(kind: str, name: str, answers: Sequence[str | None]) -> Column:
    """Number the answers in their order of value; None and "" are NONE."""
    known = sorted({answer for answer in answers if answer})
    number = {answer: code for code, answer in enumerate(known, start=1)}
    codes = np.fromiter((number.get(answer or "", NONE) for answer in answers), np.int32, len(answers))
    return Column(kind, name, codes, ("", *known))


def columns_of(history: History) -> list[Column]:
    """All that rows may ask of these reports, but for words and learnt areas. Columns that tell nothing apart are left out."""
    found = [
        encode(SOURCE, SOURCE, history.source.to_pylist()),
        encode(CHANNEL, CHANNEL, _folded(history.channel)),
        encode(URGENCY, URGENCY, history.urgency.to_pylist()),
        encode(PLACED, PLACED, ["yes" if lat is not None else "no" for lat in history.lat.to_pylist()]),
    ]
    for name, column in history.attributes.items():
        encoded = encode(ATTRIBUTE, name, _folded(column))
        given = int((encoded.codes != NONE).sum())
        if encoded.size <= _MOST_VALUES and given >= _FEWEST_A_VALUE * encoded.size:
            found.append(encoded)
    found += [encode(LAYER, layer, column.to_pylist()) for layer, column in history.areas.items()]
    found += _times(history)
    return [column for column in found if len(np.unique(column.codes)) > 1]


def _folded(column: pa.Array) -> list[str | None]:
    folded: dict[str | None, str | None] = {None: None}
    return [
        folded[value] if value in folded else folded.setdefault(value, label_key(value)) for value in column.to_pylist()
    ]


def _times(history: History) -> Iterable[Column]:
    clock = LocalTime(history.time_zone)
    days, minutes = (
        zip(*map(clock.day_and_minute, history.opened_ms.to_pylist()), strict=True) if len(history) else ((), ())
    )
    yield encode(WEEKDAY, WEEKDAY, ["sat-sun" if weekday(day) > 4 else "mon-fri" for day in days])
    # Two-hour slots: fine enough to find an office's opening, coarse enough to be counted.
    yield encode(HOUR, HOUR, [f"{minute // 120 * 2:02d}" for minute in minutes])
