"""What the ledger reads: each partition of its topics from where the ledger is, also one that was added since."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from hub.errors import FatalError, RetriableError
from hub.inspect.reading import OffsetSpan
from hub.ledger import feed
from hub.settings import Settings
from hub.stream.kafka.standpoint import Standpoint


class Assigned:
    """A consumer that keeps what it was told to read."""

    def __init__(self) -> None:
        self.places: list[tuple[str, int, int]] = []

    def incremental_assign(self, places: Iterable[TopicPartition]) -> None:
        self.places += [(place.topic, place.partition, place.offset) for place in places]


def as_ids(logs: dict[str, str]) -> Callable[[Collection[str]], dict[str, str]]:
    return lambda topics: {name: logs[name] for name in topics if name in logs}


def test_a_partition_that_was_added_is_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    partitions = {"hub.cases": 1, "dept.roads.orders": 1}

    def spans(settings: Settings, topics: Iterable[str]) -> dict[tuple[str, int], OffsetSpan]:
        return {(name, number): OffsetSpan(3, 9) for name in topics for number in range(partitions[name])}

    monkeypatch.setattr(feed, "spans", spans)
    consumer: Any = Assigned()
    reading = feed._Reading(Settings(namespace="n."), consumer, {("hub.cases", 0): Standpoint(5)}, as_ids({}))
    reading.take_up(dict(partitions))
    assert sorted(consumer.places) == [("n.dept.roads.orders", 0, 3), ("n.hub.cases", 0, 5)]
    partitions["dept.roads.orders"] = 2
    reading.take_up(dict(partitions))
    assert consumer.places[2:] == [("n.dept.roads.orders", 1, 3)]


def test_a_topic_that_was_made_anew_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "spans", lambda settings, topics: {("hub.cases", 0): OffsetSpan(0, 2)})
    consumer: Any = Assigned()
    reading = feed._Reading(Settings(), consumer, {("hub.cases", 0): Standpoint(5)}, as_ids({}))
    with pytest.raises(FatalError, match=r"hub\.cases\[0\] ends at 2.*ledger rebuild"):
        reading.take_up({"hub.cases": 1})


def read_on(monkeypatch: pytest.MonkeyPatch, kept: Standpoint, logs: dict[str, str]) -> feed._Reading:
    """A ledger that is at `kept` in hub.cases[0], which has 9 records, and has taken it up."""
    monkeypatch.setattr(feed, "spans", lambda settings, topics: {("hub.cases", 0): OffsetSpan(0, 9)})
    consumer: Any = Assigned()
    reading = feed._Reading(Settings(), consumer, {("hub.cases", 0): kept}, as_ids(logs))
    reading.take_up({"hub.cases": 1})
    return reading


def test_a_topic_made_anew_with_more_than_was_read_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FatalError, match=r"hub\.cases\[0\] is another topic.*made anew.*ledger rebuild"):
        read_on(monkeypatch, Standpoint(5, "first"), {"hub.cases": "second"})


def test_a_topic_made_anew_while_it_is_read_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = {"hub.cases": "first"}
    reading = read_on(monkeypatch, Standpoint(5), logs)  # as a release before kept it
    reading.take_up({"hub.cases": 1})
    logs["hub.cases"] = "second"
    with pytest.raises(FatalError, match=r"made anew.*ledger rebuild"):
        reading.take_up({"hub.cases": 1})


def test_a_position_without_an_id_is_taken_and_gains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = read_on(monkeypatch, Standpoint(5), {"hub.cases": "first"})
    assert reading.standpoint(("hub.cases", 0), 5) == Standpoint(5, "first")


@pytest.mark.parametrize("there", ["", "first"])
def test_a_topic_without_an_id_and_the_same_topic_are_read_on(monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    read_on(monkeypatch, Standpoint(5, "first"), {"hub.cases": there})


def test_of_a_topic_made_anew_of_which_nothing_was_read_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = read_on(monkeypatch, Standpoint(0, "first"), {"hub.cases": "second"})
    assert reading.standpoint(("hub.cases", 0), 9) == Standpoint(9, "second")


def test_a_ledger_that_cannot_be_written_does_not_say_that_it_is_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be read, and the disk is full: whoever goes by its word hears none, and so raises the alarm."""

    class AtEnd:
        positions: dict[tuple[str, int], Standpoint] = {}  # noqa: RUF012 - as the real one has it
        level_ms = 0

        def take_up(self, topics: object) -> None:
            """All there is."""

        def read(self) -> tuple[list[Any], dict[Any, int]]:
            return [], {}

        def standing(self, records: int) -> feed.LedgerStanding:
            return feed.LedgerStanding(0, 0.0, records)

    class Full:
        def positions(self) -> dict[Any, int]:
            return {}

        def stand(self, name: str, level_ms: int, behind: int) -> None:
            raise RetriableError("database or disk is full")

    class Consumer:
        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(feed, "_Reading", lambda *_: AtEnd())
    monkeypatch.setattr(feed, "on_broker", lambda *_: dict)
    monkeypatch.setattr(feed.Feed, "_consumer", lambda _: Consumer())
    noted: list[feed.LedgerStanding] = []
    reader: Any = None
    store: Any = Full()
    with pytest.raises(RetriableError):
        feed.Feed(Settings(), reader, store, threading.Event(), noted.append)._follow(None)
    assert noted == []
