"""What a rebalance leaves as it was, and what it has read back; two sessions of one group on a real Kafka."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hub.settings import Settings
from hub.stream import holding as holding_module
from hub.stream.changelog.checkpoints import Trail
from hub.stream.changelog.recovery import recover
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import SessionLostError
from hub.stream.publication import Publication
from hub.stream.session import Session
from hub.stream.writing import writer as writer_module
from hub.stream.writing.proof import TransactionProof
from tests.integration.small_plane import (
    OUT,
    PARTITIONS,
    PATIENCE_SECONDS,
    CountBook,
    Plane,
    count_up,
    held_in,
    new_state,
    outlet_of,
    read_some,
    settled,
)

pytestmark = pytest.mark.kafka
Read = list[tuple[object, list[int]]]
"""Whose state was read back, of which partitions."""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    calls: Read = []

    def noting(
        settings: Settings, state: Any, partitions: Sequence[int], alive: Callable[[], None]
    ) -> dict[int, Trail]:
        calls.append((state, list(partitions)))
        return recover(settings, state, partitions, alive)

    monkeypatch.setattr(holding_module, "recover", noting)
    return calls


def _until(done: Callable[[], bool], *sessions: Session) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < until, [session.own_numbers for session in sessions]
        for session in sessions:
            session.fill(100, 0.05)


def _feed_all(plane: Plane, value: bytes) -> None:
    for partition in range(PARTITIONS):
        plane.feed(value, partition=partition)


def test_only_what_changes_hands_is_read_back(plane: Plane, read: Read) -> None:
    _feed_all(plane, b"a")
    with plane.session(mine := new_state(), "one") as one:
        assert settled(plane, one, mine, read_some(one, 3), count_up(mine)) == [None]
        read.clear()
        tenures = [one.tenure]
        with plane.session(theirs := new_state(), "two") as two:
            _until(lambda: (one.own_numbers, two.own_numbers) == ([0, 1], [2]), one, two)
            tenures.append(one.tenure)
            assert read == [(theirs, [2])]
            assert held_in(mine) == {0: {"a": 1}, 1: {"a": 1}}
            _feed_all(plane, b"a")
            assert settled(plane, one, mine, read_some(one, 2), count_up(mine)) == [None]
            assert settled(plane, two, theirs, read_some(two, 1), count_up(theirs)) == [None]
        assert held_in(theirs) == {}, "who leaves remembers nothing"
        _until(lambda: len(one.own_numbers) == PARTITIONS, one)
        assert read == [(theirs, [2]), (mine, [2])]
        assert held_in(mine) == {0: {"a": 2}, 1: {"a": 2}, 2: {"a": 2}}
        assert len({*tenures, one.tenure}) == 3, "rejects are counted anew"


def test_before_anything_is_committed_all_is_read_back(plane: Plane, read: Read) -> None:
    """There is no telling then whether others have held the partitions meanwhile."""
    _feed_all(plane, b"a")
    with plane.session(state := new_state(), "one") as one:
        assert settled(plane, one, state, read_some(one, 3), count_up(state)) == [None]
    with plane.session(mine := new_state(), "one") as one:
        _until(lambda: len(one.own_numbers) == PARTITIONS, one)
        read.clear()
        with plane.session(new_state(), "two") as two:
            _until(lambda: (one.own_numbers, two.own_numbers) == ([0, 1], [2]), one, two)
            assert sorted(partitions for _, partitions in read) == [[0, 1], [2]]
            assert held_in(mine) == {0: {"a": 1}, 1: {"a": 1}}


def _decided(plane: Plane, session: Session, state: JournaledState[CountBook]) -> Publication:
    messages = read_some(session, 3)

    async def decide() -> Any:
        chunk = Chunk(session, asyncio.get_running_loop().create_future(), caught_up=False)
        chunk.fill(messages, plane.settings.namespace)
        async with outlet_of(plane, state).transaction(chunk) as tx:
            count_up(state)(tx, chunk)
        return await chunk.settled

    publication = asyncio.run(decide())
    assert isinstance(publication, Publication)
    return publication


def test_what_is_decided_is_written_before_the_partitions_go(plane: Plane, read: Read) -> None:
    _feed_all(plane, b"a")
    with plane.session(mine := new_state(), "one") as one:
        one.pending = _decided(plane, one, mine)
        assert plane.offsets() == [0, 0, 0]
        read.clear()
        with plane.session(theirs := new_state(), "two") as two:
            _until(lambda: (one.own_numbers, two.own_numbers) == ([0, 1], [2]), one, two)
            assert one.pending is None
            assert plane.offsets() == [1, 1, 1]
            assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * 3
            assert read == [(theirs, [2])]
            assert (held_in(mine), held_in(theirs)) == ({0: {"a": 1}, 1: {"a": 1}}, {2: {"a": 1}})


def test_a_write_that_never_ends_does_not_hold_up_the_rebalance(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """As librdkafka has done after its broker was killed: the session is over, and others get the partitions."""
    _feed_all(plane, b"a")
    released = threading.Event()
    with plane.session(mine := new_state(), "one") as one:
        one.pending = _decided(plane, one, mine)

        def never(proof: TransactionProof, until: float) -> None:
            released.wait(PATIENCE_SECONDS)
            raise SessionLostError("too late")

        monkeypatch.setattr(one._writer, "_prove", never)
        with plane.session(theirs := new_state(), "two") as two:
            monkeypatch.setattr(writer_module, "_STUCK_SECONDS", 0.5)
            with pytest.raises(SessionLostError, match="does not come back"):
                _until(lambda: False, one, two)
            assert held_in(mine) == {}
            one.close()
            released.set()
            monkeypatch.setattr(writer_module, "_STUCK_SECONDS", PATIENCE_SECONDS)
            with plane.session(again := new_state(), "one") as heir:  # ends the transaction that was left open
                _until(lambda: (heir.own_numbers, two.own_numbers) == ([0, 1], [2]), heir, two)
                assert (held_in(again), held_in(theirs)) == ({0: {}, 1: {}}, {2: {}})
                assert plane.committed(OUT) == []


def test_who_has_dropped_more_than_it_holds_begins_anew(plane: Plane, read: Read) -> None:
    _feed_all(plane, b"a")
    with plane.session(mine := new_state(), "one") as one:
        assert settled(plane, one, mine, read_some(one, 3), count_up(mine)) == [None]
        mine.wasteful = lambda: True  # type: ignore[method-assign]
        read.clear()
        with plane.session(new_state(), "two") as two:
            _until(lambda: (one.own_numbers, two.own_numbers) == ([0, 1], [2]), one, two)
            assert (mine, [0, 1]) in read
            assert held_in(mine) == {0: {"a": 1}, 1: {"a": 1}}
