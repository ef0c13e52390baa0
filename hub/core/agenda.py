"""Keys by the instant at which to look at them. One that is taken off leaves nothing behind: a heap would keep the entries of
cases long over until their instants came, days later and by the million."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from hub.millis import NEVER_MS

_SPAN_BITS = 10  # about a second
_SLACK = 64


class Agenda:
    """Of each key at most one instant, ms."""

    def __init__(self) -> None:
        self._instants: dict[str, int] = {}
        self._spans: dict[int, dict[str, int]] = {}
        """Keys with their instants, by span of time; none is empty."""
        self._order: list[int] = []
        """A heap of the spans there are, and as many at most that there were."""
        self.next_ms = NEVER_MS
        """Nothing is to be looked at before."""
        self._set_ms = NEVER_MS
        """The earliest set since `take` last looked."""

    def __len__(self) -> int:
        return len(self._instants)

    def set(self, key: str, instant_ms: int) -> None:
        """Look at a key then, and not when it was to be looked at before."""
        known = self._instants.get(key)
        if known is not None:
            if known == instant_ms:
                return
            self._take_off(key, known)
        self._instants[key] = instant_ms
        number = instant_ms >> _SPAN_BITS
        span = self._spans.get(number)
        if span is None:
            span = self._spans[number] = {}
            heappush(self._order, number)
        span[key] = instant_ms
        if instant_ms < self.next_ms:
            self.next_ms = instant_ms
        if instant_ms < self._set_ms:
            self._set_ms = instant_ms

    def discard(self, key: str) -> None:
        """Do not look at it."""
        known = self._instants.pop(key, None)
        if known is not None:
            self._take_off(key, known)

    def _take_off(self, key: str, instant_ms: int) -> None:
        number = instant_ms >> _SPAN_BITS
        span = self._spans[number]
        del span[key]
        if not span:
            del self._spans[number]
            if len(self._order) > 2 * len(self._spans) + _SLACK:
                self._order = list(self._spans)
                heapify(self._order)

    def take(self, limit_ms: int) -> Iterator[str]:
        """Keys whose instants come before a limit, in order, with what is set meanwhile; each is off the agenda by then."""
        while self.next_ms < limit_ms:
            self._set_ms = NEVER_MS
            span = self._first_span()
            for instant, key in sorted((instant, key) for key, instant in span.items() if instant < limit_ms):
                if self._set_ms <= instant:
                    break  # one that comes earlier was set
                if span.get(key) == instant:
                    self.discard(key)
                    yield key
            self.next_ms = min(self._first_span().values(), default=NEVER_MS)

    def _first_span(self) -> dict[str, int]:
        """The first that has any keys."""
        while self._order and self._order[0] not in self._spans:
            heappop(self._order)
        return self._spans[self._order[0]] if self._order else {}
