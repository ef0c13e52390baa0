"""Calls that wait for Kafka: told by the server's thread, taken and acknowledged by the runner's."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from hub.traces import TraceContext

_MOST_CALLS = 1000
_MOST_BYTES = 64 * 2**20
_MOST_REMEMBERED = 200_000
_LOOK_SECONDS = 0.2


@dataclass(eq=False)
class Call:
    """One call. `key`: what makes it one, if anything does. `caller`: the trace that it brought.
    `kept`: True once Kafka has it, False if nobody will see to it."""

    headers: Mapping[str, str]
    body: bytes
    key: bytes | None = None
    caller: TraceContext | None = None
    at_seconds: float = field(default_factory=time.monotonic)
    kept: Future[bool] = field(default_factory=Future)


class CallInbox:
    """Bounded. A call that comes again while it waits waits with the first; one that comes again later is known."""

    def __init__(self, remember_seconds: float, patience_seconds: float) -> None:
        self._remember, self._patience = remember_seconds, patience_seconds
        self._lock = threading.Lock()
        self._come = threading.Condition(self._lock)
        self._queue: deque[Call] = deque()
        self._open: dict[int, Call] = {}
        """All that are not acknowledged, taken or not, the oldest first."""
        self._by_key: dict[bytes, Call] = {}
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._bytes = 0
        self._closed = False

    def offer(self, call: Call) -> Future[bool]:
        """What comes of it: False at once where it cannot wait, as too much does, or Kafka takes nothing."""
        with self._lock:
            if call.key is not None and self._is_known(call.key):
                call.kept.set_result(True)
            elif call.key is not None and call.key in self._by_key and not self._is_stuck():
                return self._by_key[call.key].kept
            elif self._closed or self._is_full(call) or self._is_stuck():
                call.kept.set_result(False)
            else:
                self._add(call)
            return call.kept

    def take(self, limit: int, timeout_seconds: float, stop: threading.Event) -> list[Call]:
        """The next, in order; none if there is none for so long, or `stop` is set."""
        until = time.monotonic() + timeout_seconds
        with self._come:
            while not self._queue and not stop.is_set() and (left := until - time.monotonic()) > 0:
                self._come.wait(min(left, _LOOK_SECONDS))
            return [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]

    def acknowledge(self, calls: Iterable[Call]) -> None:
        """Kafka has them."""
        with self._lock:
            done = [call for call in calls if self._open.pop(id(call), None)]
            for call in done:
                self._bytes -= len(call.body)
                if call.key is not None:
                    del self._by_key[call.key]
                    self._known[call.key] = time.monotonic()
                    if len(self._known) > _MOST_REMEMBERED:
                        self._known.popitem(last=False)
        for call in done:
            call.kept.set_result(True)

    def close(self) -> None:
        """Whoever waits is told that nobody will see to it: it has to call again."""
        with self._lock:
            self._closed = True
            left = list(self._open.values())
            self._open.clear()
            self._by_key.clear()
            self._queue.clear()
            self._bytes = 0
        for call in left:
            call.kept.set_result(False)

    def reopen(self) -> None:
        """After `close`. What was known is known."""
        with self._lock:
            self._closed = False

    def _add(self, call: Call) -> None:
        self._queue.append(call)
        self._open[id(call)] = call
        self._bytes += len(call.body)
        if call.key is not None:
            self._by_key[call.key] = call
        self._come.notify()

    def _is_full(self, call: Call) -> bool:
        return len(self._open) >= _MOST_CALLS or self._bytes + len(call.body) > _MOST_BYTES

    def _is_stuck(self) -> bool:
        """Whether the oldest has waited for longer than anybody does: to wait as well would be of no use."""
        oldest = next(iter(self._open.values()), None)
        return oldest is not None and time.monotonic() - oldest.at_seconds > self._patience

    def _is_known(self, key: bytes) -> bool:
        before = time.monotonic() - self._remember
        while self._known and next(iter(self._known.values())) < before:
            self._known.popitem(last=False)
        return key in self._known
