"""Carries deliveries to receivers, case by case: reads, hands over, and commits what is done.

The topics are the queue, and the group's offset is how far it is emptied. What is not taken is tried again for days; what is
refused for good, or given up, becomes a dead letter. A receiver that is away or slow holds up nobody but itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import NamedTuple

from hub.sdk.errors import EdgeError, PermanentError, TransientError
from hub.sdk.running.status import Board
from hub.sdk.sink_contract import Answer, DeliveryBatch, DeliveryPlace, Later, Never, Sink
from hub.sdk.sinks.letters import Aside
from hub.sdk.sinks.outbox import Marks, Outbox, Pending
from hub.sdk.sinks.reader import Records
from hub.sdk.sinks.tally import SinkTally, in_wall_ms

_ROOM = 1000
"""Deliveries that wait in memory for one receiver; of many receivers, so many and a few each."""
_LEAST_ROOM = 20
_READ = 500
_TURN_SECONDS, _SHORT_TURN_SECONDS = 0.1, 0.02
_COMMIT_SECONDS = 1.0
_SHOW_SECONDS = 1.0
_MOST_THREADS = 256
_SLOW_SECONDS = 0.5
"""Who takes longer for a call gets one at a time: threads are for all."""


class Receiving:
    """One receiver: what waits for it, and how it has answered."""

    def __init__(self, name: str, budget_seconds: float) -> None:
        self.name = name
        self.outbox = Outbox(budget_seconds)
        self.calls = 0
        self.seconds = 0.0
        """Of its last call."""
        self.gone: str | None = None

    def room(self, parallel: int, *, scarce: bool) -> int:
        """How many more calls may be made to it now. `scarce`: there are not threads enough for all."""
        return (1 if scarce and self.seconds > _SLOW_SECONDS else parallel) - self.calls


class _Over(NamedTuple):
    """A call that has come back. `turn`: how often partitions had been given back when it was made."""

    call: Future[Sequence[Answer] | None]
    receiving: Receiving
    due: list[Pending]
    seconds: float
    turn: int


class SinkRun:
    """One run of one sink that does not remember by itself."""

    def __init__(
        self, sink: Sink, reader: Records, letters: Aside, board: Board, budget_seconds: float,
        stop: threading.Event, wish: Callable[[], str | None] = lambda: None, now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._sink, self._reader, self._letters, self._now = sink, reader, letters, now
        self._budget, self._stop, self._wish = budget_seconds, stop, wish
        self.tally = SinkTally(board)
        self._receivers: dict[str, Receiving] = {}
        self._busy: dict[str, Receiving] = {}
        """Those for whom something waits."""
        self._marks = Marks()
        self._done: SimpleQueue[_Over] = SimpleQueue()
        self._failure: EdgeError | None = None
        self._calls = 0
        self._turn_of = 0
        """Partitions were given back so many times: what comes of calls made before is somebody else's."""
        self._next_commit = self._next_show = 0.0

    def run(self) -> SinkTally:
        """Until asked to stop or pause. Raises what hub.sdk.errors names, PermanentError once the last receiver is gone."""
        self._sink.connect()
        try:
            self._reader.subscribe(self._given_back)
            pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix=self.tally.name)
            try:
                while not self._stop.is_set() and self._wish() is None and self._failure is None:
                    self._turn(pool)
            finally:
                pool.shutdown(wait=True)
                self._settle(0)
                self._reader.commit(self._marks.positions())
        finally:
            try:
                self._reader.close()
            finally:
                self._sink.close()
        if self._failure is not None:
            raise self._failure
        return self.tally

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        self._settle(_SHORT_TURN_SECONDS if self._calls else 0)
        self._read(0 if self._calls else _TURN_SECONDS)
        self._hand_over(pool)
        now = self._now()
        if now >= self._next_commit:
            self._next_commit = now + _COMMIT_SECONDS
            self._reader.commit(self._marks.positions())
        if now >= self._next_show:
            self._next_show = now + _SHOW_SECONDS
            self._show(now)

    # -- in ----------------------------------------------------------------------------------------------------------------------

    def _read(self, timeout_seconds: float) -> None:
        self._reader.hold(self._full())
        left_out = 0
        for place, offset, delivery, is_marker in self._reader.read(_READ, timeout_seconds):
            self._marks.came(place, offset, to_do=delivery is not None)
            if delivery is None:
                left_out += not is_marker
                continue
            name = self._sink.receiver(delivery)
            receiving = self._receivers.setdefault(name, Receiving(name, self._budget))
            receiving.outbox.add(Pending(delivery, self._now()))
            self._busy[name] = receiving
        self.tally.left_out(left_out)

    def _full(self) -> set[DeliveryPlace]:
        """Partitions to read no more from while so much of them waits."""
        room = max(_LEAST_ROOM, _ROOM // max(1, len(self._receivers)))
        full = (each.outbox for each in self._busy.values() if len(each.outbox) >= room)
        return {place for outbox in full for place in outbox.places}

    # -- out ---------------------------------------------------------------------------------------------------------------------

    def _hand_over(self, pool: ThreadPoolExecutor) -> None:
        now, scarce = self._now(), len(self._receivers) * self._sink.parallel > _MOST_THREADS
        for receiving in list(self._busy.values()):
            if self._calls >= _MOST_THREADS:
                return
            calls = receiving.room(self._sink.parallel, scarce=scarce)
            if receiving.gone is not None or calls <= 0:
                continue
            due = receiving.outbox.take_due(now, (receiving.calls + calls) * self._sink.batch)
            for first in range(0, len(due), self._sink.batch):
                self._call(pool, receiving, due[first : first + self._sink.batch])
        for name in [name for name, each in self._busy.items() if not len(each.outbox)]:
            del self._busy[name]

    def _call(self, pool: ThreadPoolExecutor, receiving: Receiving, due: list[Pending]) -> None:
        turn, since = self._turn_of, self._now()
        call = pool.submit(self._sink.write, DeliveryBatch([each.delivery for each in due]))
        receiving.calls += 1
        self._calls += 1
        call.add_done_callback(lambda call: self._done.put(_Over(call, receiving, due, self._now() - since, turn)))

    def _settle(self, timeout_seconds: float) -> None:
        """Take up what has come of calls; wait for one at most so long."""
        while (over := self._next_over(timeout_seconds)) is not None:
            timeout_seconds = 0
            if over.turn == self._turn_of:
                over.receiving.calls -= 1
                over.receiving.seconds = over.seconds
                self._calls -= 1
                self._judge(over)

    def _next_over(self, timeout_seconds: float) -> _Over | None:
        try:
            return self._done.get(timeout_seconds > 0, timeout_seconds or None)
        except Empty:
            return None

    def _judge(self, over: _Over) -> None:
        receiving, due = over.receiving, over.due
        try:
            answers = over.call.result()
        except TransientError as error:
            answers = [Later(str(error), error.wait_seconds if error.asked else None, receiver=True)] * len(due)
        except EdgeError as error:
            self._fail(receiving, error)
            answers = [Later(str(error), receiver=True)] * len(due)
        for pending, answer in zip(due, answers or [None] * len(due), strict=True):
            if isinstance(answer, Later):
                self._again(receiving, pending, answer)
            elif isinstance(answer, Never):
                self._set_aside(receiving, pending, answer.why)
            else:
                self._finish(receiving, pending)
                self.tally.done(1)
                self.tally.takes_again(receiving.name)

    def _again(self, receiving: Receiving, pending: Pending, later: Later) -> None:
        if receiving.outbox.is_over(pending, self._now()) and not later.receiver:
            self._set_aside(receiving, pending, f"{later.why}, for {self._budget / 3600:g} hours")
            return
        wait = receiving.outbox.again(pending, later, self._now())
        self.tally.failure(receiving.name, later.why, wait, lost=later.receiver)

    def _set_aside(self, receiving: Receiving, pending: Pending, why: str) -> None:
        self._letters.set_aside(pending.delivery, why)
        self._finish(receiving, pending)
        self.tally.done(0, 1)

    def _finish(self, receiving: Receiving, pending: Pending) -> None:
        receiving.outbox.delivered(pending)
        self._marks.done(pending.delivery.place, pending.delivery.offset)

    def _fail(self, receiving: Receiving, error: EdgeError) -> None:
        """A receiver of several that is gone closes itself only; all else ends the run."""
        if isinstance(error, PermanentError):
            receiving.gone = str(error)
            if receiving.name:
                return
            error = PermanentError(
                f"{self.tally.name}: {error}: the receiver is gone. Nothing is lost; ask its owner, and start again with the "
                "address that holds now"
            )
        self._failure = self._failure or error

    # -- around ------------------------------------------------------------------------------------------------------------------

    def _show(self, now: float) -> None:
        waiting = sum(len(each.outbox) for each in self._busy.values())
        oldest = [at for each in self._busy.values() if (at := each.outbox.oldest_ms()) is not None]
        held = [each.outbox.waiting_until - now for each in self._busy.values() if each.outbox.is_held]
        until = in_wall_ms(max(0.0, min(held))) if held else None
        self.tally.show(waiting, min(oldest, default=None), max(1, len(self._receivers)), until)

    def _given_back(self, lost: bool) -> None:
        """Partitions go to another: what is done is said before, what is not is delivered by whoever has them then."""
        if not lost:
            self._settle(0)
            self._reader.commit(self._marks.positions())
        self._turn_of += 1
        self._marks = Marks()
        self._receivers.clear()
        self._busy.clear()
        self._calls = 0
