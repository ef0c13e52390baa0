"""Whether a sink keeps its contract (hub/sdk/sink_contract.py), rule by rule. Needs pytest and no network of its own:

    from hub.testing.sink_conformance import SinkBench, SinkConformance

    class TestMine(SinkConformance):
        @pytest.fixture
        def bench(self, tmp_path):
            return SinkBench(make=lambda: MySink(...), arrived=system.ids, secrets=("s3cr3t",))

Each rule of it has a planted fault which it catches, in tests/contract/test_sink_conformance.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import SkipTest

import pytest

from hub.errors import FatalError
from hub.sdk.errors import TransientError
from hub.sdk.running.status import Board
from hub.sdk.sink_contract import Delivery, DeliveryBatch, DeliveryPlace, Later, Never, Sink, SinkPositions
from hub.sdk.sinks.in_order import InOrder
from hub.sdk.sinks.run import SinkRun
from hub.testing.conformance import had
from hub.testing.sinks import MemoryReader, in_case_order, order


class SinkKilledError(BaseException):
    """Stands for kill -9: nothing after it is done."""


class MemoryLetters:
    """What was set aside: ids."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def set_aside(self, delivery: Delivery, why: str) -> None:
        assert why, "set aside without a reason"
        self.ids.append(delivery.id)


def _some(count: int) -> list[Delivery]:
    return [order(number, f"C-{number % 3}") for number in range(count)]


@dataclass(frozen=True)
class SinkBench:
    """A sink on a system that the test has in hand.

    `make` gives a new sink of that system, as a new process would. `arrived` gives the ids of the deliveries that have had their
    effect there, in the order in which they had it; an id twice had it twice. `deliveries` makes so many that the sink takes.
    `away`: while it is entered, the system cannot be reached. `poison`: makes a delivery that the system never takes. Where one is
    None, `cannot` says by its name why there is no such thing, in a sentence, and with that its rule is skipped; where it does
    not, the rule is broken.
    """

    make: Callable[[], Sink]
    arrived: Callable[[], Sequence[str]]
    deliveries: Callable[[int], Sequence[Delivery]] = _some
    away: Callable[[], AbstractContextManager[object]] | None = None
    poison: Callable[[int], Delivery] | None = None
    secrets: Sequence[str] = ()
    cannot: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> Any:
        """What the bench can do under this name. SkipTest if there is no such thing; AssertionError if nobody says why."""
        return had(self, name)

    def run(
        self,
        sink: Sink,
        deliveries: Sequence[Delivery],
        group: SinkPositions | None = None,
        logs: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Hand over all, as the hub does; the ids set aside. What the group has committed is noted in `group`. `logs`: the ids of
        topics."""
        stop, letters = threading.Event(), MemoryLetters()
        board = Board("sink", "sink", None)
        if sink.remembers:
            reader = MemoryReader(deliveries, group, stop.set, logs)
            InOrder(sink, lambda: reader, letters, board, stop).run()
        else:
            reader = MemoryReader(deliveries, group)
            count = sum(each.offset >= reader.group.get(each.place, 0) for each in deliveries)
            run = SinkRun(sink, reader, letters, board, 1e9, stop, lambda: None)
            _stop_when(run, stop, count)
            run.run()
        return letters.ids


def _stop_when(run: SinkRun, stop: threading.Event, count: int) -> None:
    """Ask it to stop once so many are delivered or set aside."""
    done = run.tally.done

    def counted(delivered: int, set_aside: int = 0) -> None:
        done(delivered, set_aside)
        if run.tally.delivered + run.tally.set_aside >= count:
            stop.set()

    run.tally.done = counted  # type: ignore[method-assign]


def _ids_kept(sink: Sink) -> Mapping[DeliveryPlace, str]:
    """As a sink that has just been started gives them."""
    sink.connect()
    try:
        sink.positions()
        return dict(sink.topic_ids())
    finally:
        sink.close()


class _Dying:
    """A sink whose process dies after so many calls of `write`: the system has what they brought, and nobody knows."""

    def __init__(self, sink: Sink, calls: int) -> None:
        self._sink, self._left = sink, calls
        self.remembers, self.parallel = sink.remembers, 1
        self.batch = 1 if not sink.remembers else 2
        self.context = sink.context

    def __getattr__(self, name: str) -> object:
        return getattr(self._sink, name)

    def write(self, batch: DeliveryBatch) -> object:
        answers = self._sink.write(batch)
        self._left -= 1
        if self._left <= 0:
            raise SinkKilledError
        return answers


class SinkConformance:
    """The rules. `bench` is the sink under test."""

    def test_all_arrive_in_the_order_of_their_cases(self, bench: SinkBench) -> None:
        deliveries = bench.deliveries(7)
        assert bench.run(bench.make(), deliveries) == [], "something was set aside"
        assert sorted(bench.arrived()) == sorted(each.id for each in deliveries), "not each of them once"
        assert in_case_order(bench.arrived(), deliveries), "of one case the later came before the earlier"

    def test_a_crash_behind_any_call_loses_nothing(self, bench: SinkBench) -> None:
        deliveries = bench.deliveries(6)
        group: SinkPositions = {}
        for calls in (1, 1, 1):
            with pytest.raises(SinkKilledError):
                bench.run(_Dying(bench.make(), calls), deliveries, group)  # type: ignore[arg-type]
        bench.run(bench.make(), deliveries, group)
        arrived = bench.arrived()
        assert set(arrived) == {each.id for each in deliveries}, "something is lost, or its id is another each time"
        assert in_case_order(arrived, deliveries)
        if bench.make().remembers:
            assert len(arrived) == len(deliveries), "a sink that remembers has done something twice"

    def test_its_positions_cover_what_it_has_and_no_more(self, bench: SinkBench) -> None:
        if not bench.make().remembers:
            raise SkipTest("the hub remembers how far it has come: its system does not")
        deliveries = bench.deliveries(5)
        sink = bench.make()
        sink.connect()
        assert sink.positions() == {}, "it knows of something that it never got"
        sink.close()
        bench.run(sink, deliveries)
        again = bench.make()
        again.connect()
        try:
            assert again.positions() == {deliveries[0].place: deliveries[-1].offset + 1}
        finally:
            again.close()

    def test_a_topic_made_anew_is_taken_from_its_beginning(self, bench: SinkBench) -> None:
        """Its offsets say nothing of what is in it now; who keeps no id of topics cannot know, and says so by giving none."""
        if not bench.make().remembers:
            raise SkipTest("the hub remembers how far it has come: its system does not")
        deliveries = bench.deliveries(5)
        place, sink = deliveries[0].place, bench.make()
        bench.run(sink, deliveries[:2], logs={place.topic: "former"})
        if not _ids_kept(bench.make()):
            raise SkipTest("it keeps no ids of topics, and goes on at its offset")
        anew = [replace(each, offset=number) for number, each in enumerate(deliveries[2:])]
        bench.run(bench.make(), anew, logs={place.topic: "latter"})
        assert sorted(bench.arrived()) == sorted(each.id for each in deliveries), "not each of them once"
        assert _ids_kept(bench.make()) == {place: "latter"}, "it goes by the id of a topic that is no more"

    def test_what_is_refused_is_said_of_that_delivery_alone(self, bench: SinkBench) -> None:
        make = bench.has("poison")
        deliveries = list(bench.deliveries(4))
        poison = make(deliveries[-1].offset + 1)
        assert bench.run(bench.make(), [*deliveries, poison]) == [poison.id]
        assert sorted(bench.arrived()) == sorted(each.id for each in deliveries), "others suffer for it"

    def test_who_is_away_is_told_apart_from_who_refuses(self, bench: SinkBench) -> None:
        away = bench.has("away")
        sink = bench.make()
        deliveries = bench.deliveries(1)
        with away():
            answers: Sequence[object]
            try:
                sink.connect()
                answers = sink.write(DeliveryBatch(deliveries, {deliveries[0].place: 1})) or [None]
            except TransientError:
                answers = [Later("away")]
            finally:
                sink.close()
        assert all(isinstance(each, Later) for each in answers), "nobody was there, and it says taken or refused"
        bench.run(bench.make(), deliveries)
        assert set(bench.arrived()) == {deliveries[0].id}

    def test_each_delivery_has_its_answer(self, bench: SinkBench) -> None:
        sink = bench.make()
        deliveries = bench.deliveries(min(3, sink.batch))
        sink.connect()
        try:
            answers = sink.write(DeliveryBatch(deliveries, {deliveries[0].place: deliveries[-1].offset + 1}))
        finally:
            sink.close()
        assert answers is None or len(answers) == len(deliveries)
        assert all(answer is None or isinstance(answer, Later | Never) for answer in answers or ())

    def test_check_changes_nothing(self, bench: SinkBench) -> None:
        sink = bench.make()
        assert sink.check(), "check says in a sentence what is there"
        sink.close()
        assert not bench.arrived(), "check has delivered something"
        deliveries = bench.deliveries(2)
        bench.run(bench.make(), deliveries)
        assert len(bench.arrived()) == 2, "check has taken something"

    def test_close_may_come_twice_and_first(self, bench: SinkBench) -> None:
        sink = bench.make()
        sink.close()
        sink.connect()
        sink.close()
        sink.close()
        bench.run(sink, bench.deliveries(1))
        assert len(bench.arrived()) == 1, "it cannot be connected again"

    def test_no_secret_is_shown(self, bench: SinkBench) -> None:
        sink = bench.make()
        shown = [repr(sink), repr(sink.config), str(sink.config), repr(sink.__dict__)]
        if bench.away is not None:
            with bench.away():
                try:
                    shown.append(sink.check())
                except (FatalError, TransientError) as error:
                    shown.append(str(error))
        sink.close()
        assert not [secret for secret in bench.secrets if secret in " ".join(shown)], "a secret is shown"
