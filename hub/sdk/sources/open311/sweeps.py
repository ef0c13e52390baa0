"""Which stretch of time is asked for next, and how far that has come. Pure; a place is the source's position."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from hub.millis import DAY_MS, MINUTE_MS, SECOND_MS
from hub.sdk.contract import KeptPosition
from hub.sdk.sources.open311.config import Open311Config

_EDGE_MS = SECOND_MS
"""Stretches overlap by it: whether the ends count differs by server."""
_LEAST_MS = 2 * _EDGE_MS
"""A stretch so short is not halved."""


class SweepKind(StrEnum):
    """`recent`: requests made since the last sweep; `full`: all of the look-back, for changes of old ones; `changed`: by the time
    of change, where the server can; `updates`: what was said of requests."""

    RECENT = "recent"
    FULL = "full"
    CHANGED = "changed"
    UPDATES = "updates"


class Sweep(KeptPosition):
    """A stretch of time, asked for window by window. [`at`, `until`] is the window, `end` that of the sweep; `began`: when, by the
    slower of both clocks; `page` counts from 0. All times in ms."""

    kind: SweepKind
    at: int
    until: int
    end: int
    began: int
    page: int = Field(0, ge=0)


class SweepPosition(KeptPosition):
    """`marks`: when the last sweep of each kind that ended began: all that was there then is read. `last`: which ended last."""

    marks: dict[SweepKind, int] = Field({})
    last: SweepKind | None = None
    sweep: Sweep | None = None


class Sweeps:
    """The order of sweeps, by the settings."""

    def __init__(self, config: Open311Config) -> None:
        self._config = config
        self._window_ms = round(config.window_days * DAY_MS)
        self._overlap_ms = round(config.overlap_minutes * MINUTE_MS)
        self._back_ms = round(config.look_back_days * DAY_MS)

    def begun(self, place: SweepPosition, now_ms: int) -> SweepPosition:
        """With a sweep at work: the one that was interrupted, or the next."""
        if place.sweep is not None:
            return place
        kind = self._next(place, now_ms)
        at = min(self._from(kind, place, now_ms), now_ms)
        until = min(self._edge_behind(at), now_ms) if self.has_windows(kind) else now_ms
        return place.model_copy(update={"sweep": Sweep(kind=kind, at=at, until=until, end=now_ms, began=now_ms)})

    def _next(self, place: SweepPosition, now_ms: int) -> SweepKind:
        if self._config.updates and place.last is not SweepKind.UPDATES:
            return (
                SweepKind.UPDATES
            )  # before the requests: what these say then is later than all updates that were read
        if self._config.changed_params is not None:
            return SweepKind.CHANGED
        full = place.marks.get(SweepKind.FULL)
        due = full is None or now_ms - full >= self._config.look_back_minutes * MINUTE_MS
        return SweepKind.FULL if due else SweepKind.RECENT

    def _from(self, kind: SweepKind, place: SweepPosition, now_ms: int) -> int:
        mark = place.marks.get(kind)
        if mark is None:
            start = self._config.start_ms
            return now_ms - self._back_ms if start is None else start
        if kind is SweepKind.FULL:
            recent = place.marks.get(SweepKind.RECENT, mark)
            return min(now_ms - self._back_ms, recent - self._overlap_ms)
        return mark - self._overlap_ms

    def has_windows(self, kind: SweepKind) -> bool:
        return self._config.dates != "none" or kind not in (SweepKind.RECENT, SweepKind.FULL)

    def _edge_behind(self, at_ms: int) -> int:
        """Windows end where they always do, so that a sweep that begins anew asks for the same ones."""
        return (at_ms // self._window_ms + 1) * self._window_ms

    def is_round_over(self, place: SweepPosition) -> bool:
        """Then it rests."""
        return place.sweep is None and place.last is not SweepKind.UPDATES

    def next_page(self, place: SweepPosition, server_ms: int) -> SweepPosition:
        return _moved(place, server_ms, page=_at_work(place).page + 1)

    def halved(self, place: SweepPosition, server_ms: int) -> SweepPosition | None:
        """The first half of the window; None if it is too short for that."""
        sweep = _at_work(place)
        least = 2 * DAY_MS if self._config.dates == "date" else _LEAST_MS
        if not self.has_windows(sweep.kind) or sweep.until - sweep.at <= least:
            return None
        return _moved(place, server_ms, page=0, until=(sweep.at + sweep.until) // 2)

    def next_window(self, place: SweepPosition, server_ms: int) -> SweepPosition:
        """Behind the window; behind the last, the sweep is over and its mark set. A window that was halved grows again."""
        sweep = _at_work(place)
        if sweep.until < sweep.end:
            at = sweep.until - _EDGE_MS
            until = min(sweep.until + 2 * (sweep.until - sweep.at), self._edge_behind(sweep.until), sweep.end)
            return _moved(place, server_ms, page=0, at=at, until=until)
        began = min(sweep.began, server_ms)
        marks = {**place.marks, sweep.kind: max(began, place.marks.get(sweep.kind, began))}
        if sweep.kind is SweepKind.FULL:
            marks[SweepKind.RECENT] = max(began, marks.get(SweepKind.RECENT, began))
        return SweepPosition(marks=marks, last=sweep.kind)


def _at_work(place: SweepPosition) -> Sweep:
    if place.sweep is None:
        raise ValueError("no sweep is at work")
    return place.sweep


def _moved(place: SweepPosition, server_ms: int, **change: int) -> SweepPosition:
    sweep = _at_work(place)
    return place.model_copy(update={"sweep": sweep.model_copy(update=change | {"began": min(sweep.began, server_ms)})})
