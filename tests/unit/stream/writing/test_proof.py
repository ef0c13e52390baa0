"""What a transaction wrote is where it should be, or is said not to be: law over all ways in which batches are taken or lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.numbers import PartitionPlace
from hub.stream.writing.proof import TransactionProof

HERE: PartitionPlace = ("hub.events", 0)
LOG: PartitionPlace = ("hub.changelog", 0)


class Said:
    """As much of a delivered message as is asked of it."""

    def __init__(self, place: PartitionPlace, offset: int) -> None:
        self._place, self._offset = place, offset

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset


class Broker:
    """One partition that takes batches, or says that it has them already; others write to it too."""

    def __init__(self, place: PartitionPlace, end: int = 0) -> None:
        self.place, self.end = place, end

    def take(self, batches: Sequence[list[dict[str, Any]]], lost: Sequence[int | None], others: int = 0) -> None:
        """`lost`: None for a batch that is taken, else the offset that its first record is said to have."""
        for batch, said in zip(batches, lost, strict=True):
            first = self.end if said is None else said
            for at, message in enumerate(batch):
                if "callback" in message:
                    message["callback"](None, Said(self.place, first + at))
            if said is None:
                self.end += len(batch) + others

    def mark(self) -> None:
        self.end += 1


def written(sizes: Sequence[int]) -> list[list[dict[str, Any]]]:
    return [[{"value": b"x"} for _ in range(size)] for size in sizes]


SIZES = st.lists(st.integers(1, 600), min_size=1, max_size=5)


@given(st.lists(SIZES, min_size=1, max_size=4), st.integers(0, 3))
def test_what_an_honest_broker_takes_is_proven_whatever_others_write(chunks: list[list[int]], others: int) -> None:
    broker, ends = Broker(HERE, 10), dict[PartitionPlace, int]()
    for sizes in chunks:
        batches, proof = written(sizes), TransactionProof(ends)
        proof.watch(HERE, [message for batch in batches for message in batch])
        broker.take(batches, [None] * len(batches), others)
        assert proof.faults() == []
        ends |= proof.ends()
        broker.mark()


@given(SIZES, SIZES, st.data())
def test_a_batch_that_was_taken_for_an_older_one_is_missed(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    broker, ends = Broker(HERE), dict[PartitionPlace, int]()
    for sizes, loses in ((first, False), (second, True)):
        batches, proof = written(sizes), TransactionProof(ends)
        proof.watch(HERE, [message for batch in batches for message in batch])
        lost: list[int | None] = [None] * len(batches)
        if loses:
            # librdkafka says -1001 where the broker does not tell, else where the older batch lies
            old = data.draw(st.sampled_from([-1001, *range(min(ends.get(HERE, 0), 3))]))
            lost[data.draw(st.integers(0, len(batches) - 1))] = old
        broker.take(batches, lost)
        assert bool(proof.faults()) is loses
        ends |= proof.ends()
        broker.mark()


def test_what_was_never_reported_is_missed() -> None:
    proof = TransactionProof({})
    proof.watch(HERE, written([3])[0])
    assert proof.faults() == ["hub.events[0]: 2 of 2 records asked for were never reported"]


def test_what_was_refused_is_missed_and_said_why() -> None:
    """As where somebody lowers what a topic takes. What is refused behind it is refused for that alone."""
    proof, (messages,) = TransactionProof({}), written([2])
    proof.watch(HERE, messages)
    messages[0]["callback"](KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), Said(HERE, -1))
    messages[1]["callback"](KafkaError(KafkaError._PURGE_QUEUE), Said(HERE, -1))
    (fault,) = proof.faults()
    assert "hub.events[0]" in fault
    assert "size too large" in fault
    assert "`cityhub doctor`" in fault


@pytest.mark.parametrize(("place", "markers", "suspected"), [(LOG, 1, False), (LOG, 2, True), (HERE, 2, False)])
def test_where_nobody_else_writes_one_marker_lies_between_two_transactions(
    place: PartitionPlace, markers: int, suspected: bool
) -> None:
    broker, ends = Broker(place), dict[PartitionPlace, int]()
    for _ in range(2):
        proof, batches = TransactionProof(ends, {LOG} & ends.keys()), written([2])
        proof.watch(place, batches[0])
        broker.take(batches, [None])
        faults = proof.faults()
        ends |= proof.ends()
        for _ in range(markers):
            broker.mark()
    assert bool(faults) is suspected
