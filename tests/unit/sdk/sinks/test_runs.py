"""What runs a sink: receivers fail by themselves, budgets end, positions cover what is done and no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hub.sdk.contract import Config
from hub.sdk.errors import AuthError, ContractError, EdgeError, PermanentError, TransientError
from hub.sdk.running.status import Board, EdgeState
from hub.sdk.sink_contract import Answer, Delivery, DeliveryBatch, DeliveryPlace, Later, Never, Sink, SinkContext
from hub.sdk.sinks.in_order import InOrder
from hub.sdk.sinks.run import SinkRun
from hub.testing.sink_conformance import MemoryLetters
from hub.testing.sinks import MemoryReader, order

_LIMIT_SECONDS = 120.0
ROADS, WATER = DeliveryPlace("dept.roads.orders", 0), DeliveryPlace("dept.water.orders", 0)


class Scripted(Sink):
    """`says` is asked for each delivery: an answer, or an exception to raise."""

    parallel = 2

    def __init__(self, says: Callable[[Delivery], Any], *, by_party: bool = False) -> None:
        super().__init__(Config(), SinkContext())
        self.says, self.by_party = says, by_party
        self.taken: list[str] = []

    def check(self) -> str:
        return "scripted"

    def receiver(self, delivery: Delivery) -> str:
        return delivery.party if self.by_party else ""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer]:
        answers = [self.says(each) for each in batch.deliveries]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        self.taken += [each.id for each, answer in zip(batch.deliveries, answers, strict=True) if answer is None]
        return answers

    def close(self) -> None: ...


class Stand:
    """A run in a thread of its own. Its clock runs a minute a second, so that back-offs are short."""

    def __init__(self, sink: Sink, *deliveries: Delivery, budget_seconds: float = 1e9) -> None:
        self.reader, self.letters, self.stop = MemoryReader(deliveries), MemoryLetters(), threading.Event()
        self.board = Board("s", "scripted", None)
        clock = lambda: time.monotonic() * 60  # noqa: E731
        self.run = SinkRun(sink, self.reader, self.letters, self.board, budget_seconds, self.stop, now=clock)
        self.error: BaseException | None = None

    def until(self, is_so: Callable[[], bool]) -> None:
        """Run until `is_so`, or until it ends by an error, which is kept."""
        thread = threading.Thread(target=self._run)
        thread.start()
        limit = time.monotonic() + _LIMIT_SECONDS
        while thread.is_alive() and not is_so():
            assert time.monotonic() < limit, "it did not come to that in two minutes"
            time.sleep(0.005)
        self.stop.set()
        thread.join()

    def _run(self) -> None:
        try:
            self.run.run()
        except (EdgeError, KeyError) as error:
            self.error = error


def test_a_receiver_that_is_away_holds_up_no_other() -> None:
    def says(delivery: Delivery) -> Any:
        return TransientError("away") if delivery.party == "water" else None

    sink = Scripted(says, by_party=True)
    water = [order(n, "C-1", "water") for n in range(3)]
    stand = Stand(sink, *water, *[order(n, f"C-{n}") for n in range(50)])
    degraded = EdgeState.DEGRADED
    stand.until(lambda: (len(sink.taken), stand.board.status.waiting, stand.board.status.state) == (50, 3, degraded))
    assert stand.reader.group == {ROADS: 50, WATER: 0}
    assert "1 of 2 receivers take nothing, first water: away" in stand.board.status.why


def test_one_receiver_that_is_away_is_waited_for() -> None:
    tries = iter([TransientError("away", wait_seconds=0.5)])
    sink = Scripted(lambda _: next(tries, None))
    stand = Stand(sink, order(0), order(1))
    stand.until(lambda: len(sink.taken) == 2)
    assert stand.run.tally.failed == 1
    assert stand.reader.group == {ROADS: 2}


def test_a_receiver_that_is_gone_ends_the_run_and_nothing_is_lost() -> None:
    sink = Scripted(lambda each: PermanentError("the receiver answered 410") if each.id == "O-1" else None)
    stand = Stand(sink, order(0), order(1))
    stand.until(lambda: False)
    assert isinstance(stand.error, PermanentError)
    assert "the receiver is gone. Nothing is lost" in str(stand.error)
    assert stand.reader.group == {ROADS: 1}


def test_of_several_receivers_one_that_is_gone_closes_itself_alone() -> None:
    calls: list[str] = []

    def says(delivery: Delivery) -> Any:
        calls.append(delivery.party)
        return PermanentError("gone") if delivery.party == "water" else None

    sink = Scripted(says, by_party=True)
    stand = Stand(sink, order(0, department="water"), *[order(n, f"C-{n}") for n in range(200)])
    stand.until(lambda: len(sink.taken) == 200 and "water" in calls)
    assert stand.error is None
    assert calls.count("water") == 1


def test_who_refuses_the_credentials_ends_the_run() -> None:
    stand = Stand(Scripted(lambda _: AuthError("who are you")), order(0))
    stand.until(lambda: False)
    assert isinstance(stand.error, AuthError)
    assert stand.reader.group == {ROADS: 0}


def test_what_is_not_taken_for_its_budget_is_set_aside_and_its_case_goes_on() -> None:
    sink = Scripted(lambda each: Later("500") if each.id == "O-0" else None)
    stand = Stand(sink, order(0), order(1), budget_seconds=1.0)
    stand.until(lambda: len(sink.taken) == 1)
    assert stand.letters.ids == ["O-0"]
    assert stand.reader.group == {ROADS: 2}


def test_what_is_refused_is_set_aside_at_once() -> None:
    sink = Scripted(lambda each: Never("the receiver answered 422") if each.id == "O-0" else None)
    stand = Stand(sink, order(0), order(1))
    stand.until(lambda: len(sink.taken) == 1)
    assert stand.letters.ids == ["O-0"]


def test_a_defect_of_a_sink_is_no_delivery() -> None:
    stand = Stand(Scripted(lambda _: KeyError("defect")), order(0))
    stand.until(lambda: False)
    assert isinstance(stand.error, KeyError)
    assert stand.reader.group.get(ROADS, 0) == 0


def test_a_sink_that_remembers_does_not_say_later_of_one() -> None:
    sink = Scripted(lambda _: Later("no"))
    sink.remembers = True  # type: ignore[misc]
    stop = threading.Event()
    with pytest.raises(ContractError, match="answered `Later`"):
        InOrder(sink, lambda: MemoryReader([order(0)]), MemoryLetters(), Board("s", "s", None), stop).run()


def test_a_sink_that_was_away_is_well_again_though_nothing_comes() -> None:
    """While it is away its age is shown, so that somebody is called; an hour of it is an alert."""
    sink, stop = Scripted(lambda _: None), threading.Event()
    board, tries, ages = Board("s", "s", None), iter([1]), []

    def connect() -> None:
        if next(tries, None):
            raise TransientError("away", wait_seconds=0.01)
        ages.append((board.status.state, board.status.oldest_at))

    sink.connect = connect  # type: ignore[method-assign]
    run = InOrder(
        sink, lambda: MemoryReader([]), MemoryLetters(), board, stop,
        lambda: "done" if ages and board.status.state is EdgeState.RUNNING else None,
    )  # fmt: skip
    run.run()
    ((state, oldest_at),) = ages
    assert state is EdgeState.WAITING
    assert oldest_at is not None
    assert (board.status.oldest_at, run.tally.lost) == (None, {})


def test_a_sink_that_remembers_is_connected_anew_after_a_failure() -> None:
    tries = iter([TransientError("away", wait_seconds=0.01), TransientError("away", wait_seconds=0.01)])
    sink = Scripted(lambda _: next(tries, None))
    stop = threading.Event()
    board = Board("s", "s", None)
    run = InOrder(
        sink,
        lambda: MemoryReader([order(0)]),
        MemoryLetters(),
        board,
        stop,
        lambda: (sink.taken and "done") or None,
    )
    assert (run.run().delivered, run.tally.failed, sink.taken) == (1, 2, ["O-0"])
