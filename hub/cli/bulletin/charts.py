"""Where bars, lines and ticks of a bulletin's chart stand. Pure; the page draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 640, 180, 34, 18, 8
_LINES = 5
_TICKS = 12


@dataclass(frozen=True)
class ChartBar:
    """One bar, in units of the drawing: what was opened or ended in a slot."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int
    is_ended: bool


@dataclass(frozen=True)
class ChartMark:
    """A line across with its number, or a label below."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class BarChart:
    """All that is drawn."""

    bars: list[ChartBar]
    lines: list[ChartMark]
    ticks: list[ChartMark]
    width: int = field(default=_WIDTH, init=False)
    height: int = field(default=_HEIGHT, init=False)
    left: int = field(default=_LEFT, init=False)


def bar_chart(labels: Sequence[str], opened: Sequence[int], ended: Sequence[int]) -> BarChart:
    """Two bars a slot, side by side, from a common zero."""
    most = max([*opened, *ended, 1])
    step = _step(most)
    lines_above = -(-most // step)
    top = step * lines_above
    tall = _HEIGHT - _BELOW - _ABOVE
    slot = (_WIDTH - _LEFT) / max(1, len(labels))
    bars = [
        _bar(_LEFT + slot * (at + (0.12, 0.52)[is_ended]), slot * 0.36, counts[at] * tall / top, label, counts[at], is_ended)
        for at, label in enumerate(labels)
        for is_ended, counts in enumerate((opened, ended))
    ]  # fmt: skip
    lines = [ChartMark(0, _at(tall * each / lines_above), f"{step * each:,}") for each in range(lines_above + 1)]
    every = -(-len(labels) // _TICKS)
    ticks = [
        ChartMark(round(_LEFT + slot * (at + 0.5), 1), 0, label) for at, label in enumerate(labels) if at % every == 0
    ]
    return BarChart(bars, lines, ticks)


def _bar(x: float, width: float, height: float, label: str, value: int, is_ended: int) -> ChartBar:
    return ChartBar(round(x, 1), _at(height), round(width, 1), round(height, 1), label, value, bool(is_ended))


def _at(height: float) -> float:
    return round(_HEIGHT - _BELOW - height, 1)


def _step(most: int) -> int:
    """The least of 1, 2, 5, 10, 20, … by which so many lines at most reach the highest bar."""
    power = 1
    while True:
        for each in (1, 2, 5):
            if each * power * _LINES >= most:
                return each * power
        power *= 10
