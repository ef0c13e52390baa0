"""Hands everything to a sink that remembers: in order of each partition, its position in one step with the deliveries.

So each has its effect exactly once, whenever the process or the system is killed. The group's offset is committed too, for people
and tools that look at it; it decides nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.sdk.errors import ContractError, TransientError
from hub.sdk.running.status import Board
from hub.sdk.sink_contract import Answer, Delivery, DeliveryBatch, Later, Never, Sink, SinkPositions
from hub.sdk.sinks.letters import Aside
from hub.sdk.sinks.reader import Records, SinkStandpoints
from hub.sdk.sinks.tally import SinkTally, in_wall_ms
from hub.stream.kafka.standpoint import Standpoint

_TURN_SECONDS = 0.2
_LOOK_SECONDS = 0.5
_SHOW_SECONDS = 1.0
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 300.0
_MOST_ASKED_SECONDS = 3600.0


class InOrder:
    """One run of one sink that remembers. After each failure it reads anew, from where the sink says that it is."""

    def __init__(
        self, sink: Sink, readers: Callable[[], Records], letters: Aside, board: Board,
        stop: threading.Event, wish: Callable[[], str | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._sink, self._readers, self._letters = sink, readers, letters
        self._stop, self._wish = stop, wish
        self.tally = SinkTally(board)
        self._backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS)
        self._done: SinkPositions = {}
        self._next_show = 0.0
        self._lost_ms: int | None = None
        """Since when nothing is taken."""

    def run(self) -> SinkTally:
        """Until asked to stop or pause. Raises what hub.sdk.errors names, but no TransientError of its sink."""
        while not self._ended():
            try:
                self._carry()
            except TransientError as error:
                self._rest(error)
        return self.tally

    def _ended(self) -> bool:
        return self._stop.is_set() or self._wish() is not None

    def _carry(self) -> None:
        try:
            self._sink.connect()
            reader = self._readers()
            try:
                reader.subscribe(lambda lost: self._given_back(reader, lost), self._standpoints)
                while not self._ended():
                    self._turn(reader)
                reader.commit(self._done)
            finally:
                self._done = {}
                reader.close()
        finally:
            self._sink.close()

    def _standpoints(self) -> SinkStandpoints:
        positions = self._sink.positions()
        logs = self._sink.topic_ids()
        return {place: Standpoint(offset, logs.get(place, "")) for place, offset in positions.items()}

    def _turn(self, reader: Records) -> None:
        records = reader.read(self._sink.batch, _TURN_SECONDS)
        if records:
            deliveries = [each.delivery for each in records if each.delivery is not None]
            after = {each.place: each.offset + 1 for each in records}
            self._write(DeliveryBatch(deliveries, after, {place: reader.topic_id(place) for place in after}))
            self.tally.left_out(sum(each.delivery is None and not each.is_marker for each in records))
            self._done |= after
        self._sink.idle()
        if time.monotonic() >= self._next_show:
            self._next_show = time.monotonic() + _SHOW_SECONDS
            behind = reader.behind()
            if behind == 0:
                self._takes()
            self.tally.show(behind or 0, self._lost_ms, 1, None)
            reader.commit(self._done)

    def _write(self, batch: DeliveryBatch) -> None:
        """Return when it is written, or set aside in hub.dead."""
        left: DeliveryBatch | None = batch
        while left is not None:
            answers = self._sink.write(left)
            self._takes()
            if not any(answers or ()):
                self.tally.done(len(left.deliveries))
                return
            left = self._without_refused(left, answers or ())

    def _without_refused(self, batch: DeliveryBatch, answers: Sequence[Answer]) -> DeliveryBatch:
        left: list[Delivery] = []
        for delivery, answer in zip(batch.deliveries, answers, strict=True):
            if isinstance(answer, Never):
                self._letters.set_aside(delivery, answer.why)
                self.tally.done(0, 1)
            elif isinstance(answer, Later):
                raise ContractError(f"{self.tally.name}: a sink that remembers answered `Later` for one delivery")
            else:
                left.append(delivery)
        return DeliveryBatch(left, batch.after, batch.topic_ids)

    def _takes(self) -> None:
        self._backoff.reset()
        self._lost_ms = None
        self.tally.takes_again()

    def _rest(self, error: TransientError) -> None:
        seconds = min(error.wait_seconds, _MOST_ASKED_SECONDS) if error.asked else self._backoff.next_seconds()
        self.tally.failure("", str(error), seconds, lost=True)
        self._lost_ms = self._lost_ms or wall_ms()  # what waits is at least as old, as far as anything does
        self.tally.show(0, self._lost_ms, 1, in_wall_ms(seconds))
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._ended():
            self._stop.wait(min(left, _LOOK_SECONDS))
            self.tally.board.beat()

    def _given_back(self, reader: Records, lost: bool) -> None:
        if not lost:
            reader.commit(self._done)
        self._done = {}
