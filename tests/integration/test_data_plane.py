"""The data plane on a real Kafka, without Faust: what a session commits and what it leaves behind."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import FatalError, Reason, RetriableError
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.changelog.recovery import recover
from hub.stream.chunk import Chunk
from hub.stream.kafka.client import AbortableError
from hub.stream.outlet import Transaction
from hub.stream.publication import Publication
from hub.stream.writing.proof import TransactionProof
from hub.stream.writing.writer import Output
from hub.topics import DEAD
from tests.integration.small_plane import (
    AGENT,
    MEMORY,
    OUT,
    PARTITIONS,
    Count,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
    then,
)

pytestmark = pytest.mark.kafka


def test_changelog_lands_in_the_partition_whose_state_it_is(plane: Plane) -> None:
    """A partition inside a message of `produce_batch` is ignored: the same keys in every partition show where they went."""
    keys = [b"a", b"b", b"c", b"d"]
    for partition in range(PARTITIONS):
        plane.feed(*keys, partition=partition)
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, PARTITIONS * len(keys))
        assert settled(plane, session, state, messages, count_up(state)) == [None]
        counted = held_in(state)
    expected = [(partition, key) for partition in range(PARTITIONS) for key in keys]
    assert sorted((partition, key) for partition, key, _ in plane.committed(MEMORY)) == expected
    again = new_state()
    recover(plane.settings, again, [0, 1, 2], lambda: None)
    assert held_in(again) == counted == {p: dict.fromkeys("abcd", 1) for p in range(PARTITIONS)}


def test_records_with_headers_go_where_the_others_go_and_in_their_order(plane: Plane) -> None:
    """`produce_batch` takes no headers: those that have some are produced by themselves, between the others."""
    headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    messages = [
        {"key": b"k%d" % (number % 2), "value": b"%d" % number} | ({"headers": headers} if number % 3 == 1 else {})
        for number in range(12)
    ]
    state = new_state()
    with plane.session(state) as session:
        read_some(session, 0)
        output = Output(plane.settings.topic(OUT.name), None, messages, headed=True)
        asyncio.run(session.publish(Publication([output], {}, lambda: None)))
    found = [message for message in plane.committed_now() if message.topic().endswith(OUT.name)]
    for key in (b"k0", b"k1"):
        mine = sorted((message for message in found if message.key() == key), key=lambda message: message.offset())
        assert len({message.partition() for message in mine}) == 1
        assert [message.value() for message in mine] == [each["value"] for each in messages if each["key"] == key]
        assert [message.headers() for message in mine] == [
            each.get("headers") for each in messages if each["key"] == key
        ]


def test_outputs_changelog_and_offsets_commit_together(plane: Plane) -> None:
    plane.feed(b"a", b"b", b"a")
    state = new_state()
    with plane.session(state) as session:
        assert settled(plane, session, state, read_some(session, 3), count_up(state)) == [None]
        assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"a", b"b"]
        assert len(plane.committed(MEMORY)) == 2
        assert plane.offsets() == [3, 0, 0]
        assert held_in(state)[0] == {"a": 2, "b": 1}


@pytest.mark.parametrize("error", [RetriableError("try again"), FatalError("no use"), ZeroDivisionError("a defect")])
def test_an_error_in_the_block_leaves_nothing(plane: Plane, error: Exception) -> None:
    plane.feed(b"a")
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, 1)
        assert settled(plane, session, state, messages, then(count_up(state), error)) == [error]
        assert (plane.committed(OUT), plane.committed(MEMORY), plane.offsets()) == ([], [], [0, 0, 0])
        assert held_in(state)[0] == {}
        assert not list(state.changes())


def test_an_aborted_transaction_leaves_nothing_and_the_next_goes_through(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction fails after its records have reached the broker; the same chunk is tried once more."""
    plane.feed(b"a", b"b")
    state = new_state()
    with plane.session(state) as session:
        messages = read_some(session, 2)
        prove, seen = session._writer._prove, list[object]()

        def fail_once(proof: TransactionProof, until: float) -> None:
            prove(proof, until)
            if not seen:
                seen.append((plane.committed_now(), held_in(state)[0]))
                raise AbortableError("the broker says no")

        monkeypatch.setattr(session._writer, "_prove", fail_once)
        first, second = settled(plane, session, state, messages, count_up(state), count_up(state))
        assert isinstance(first, AbortableError)
        assert second is None
        assert seen == [([], {"a": 1, "b": 1})], "it did fail, with all of it written and none of it to be read"
        counted = held_in(state)
    assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"b"]
    assert len(plane.committed(MEMORY)) == 2
    assert plane.offsets() == [2, 0, 0]
    assert counted == {0: {"a": 1, "b": 1}, 1: {}, 2: {}}, "counted once, not twice"
    again = new_state()
    recover(plane.settings, again, [0, 1, 2], lambda: None)
    assert held_in(again) == counted, "what was aborted is not read back"


def test_what_is_not_accounted_for_does_not_commit(plane: Plane) -> None:
    plane.feed(b"a", b"b")
    state = new_state()

    def forget_one(tx: Transaction, chunk: Chunk) -> None:
        state.journal(0).put("a", Count(1))
        tx.publish(OUT, [b"a"], [b"a"])
        tx.account("counted", len(chunk) - 1)

    def count_one_twice(tx: Transaction, chunk: Chunk) -> None:
        tx.account("counted", len(chunk))
        tx.reject(0, Reason.INVALID, "and rejected too")

    with plane.session(state) as session:
        messages = read_some(session, 2)
        for said in settled(plane, session, state, messages, forget_one, count_one_twice):
            assert isinstance(said, FatalError)
            assert "2 records came in" in str(said)
        assert (plane.committed(OUT), plane.committed(MEMORY), plane.offsets()) == ([], [], [0, 0, 0])
        assert plane.committed(DEAD) == []
        assert held_in(state)[0] == {}


def test_a_rejected_record_is_set_aside_in_the_same_transaction(plane: Plane) -> None:
    plane.feed(b"bad")
    state = new_state()

    def reject(tx: Transaction, chunk: Chunk) -> None:
        tx.reject(0, Reason.INVALID, "no good")

    with plane.session(state) as session:
        messages = read_some(session, 1)
        assert settled(plane, session, state, messages, then(reject, RetriableError("once"))) != [None]
        assert (plane.committed(DEAD), plane.offsets()) == ([], [0, 0, 0])
        assert settled(plane, session, state, messages, reject) == [None]
    ((_, key, value),) = plane.committed(DEAD)
    assert key == b"k"
    letter = Codec(FileRegistry()).decode_one(value or b"")[1]
    assert (letter["value"], letter["reason"], letter["stage"]) == (b"bad", "invalid", AGENT)
    assert plane.offsets() == [1, 0, 0]


def test_a_chunk_tried_again_counts_once_towards_the_limit(plane: Plane) -> None:
    """Six of at most nine in a row, tried three times: they are six, not eighteen."""
    plane.feed(*[b"bad"] * 6)
    state = new_state()

    def reject(tx: Transaction, chunk: Chunk) -> None:
        for row in range(len(chunk)):
            tx.reject(row, Reason.INVALID, "no good")

    with plane.session(state) as session:
        messages, commit = read_some(session, 6), session.commit
        failures = iter([AbortableError("no"), AbortableError("no")])

        def sometimes(outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
            for error in failures:
                raise error
            commit(outputs, ends)

        session.commit = sometimes  # type: ignore[method-assign,assignment]
        said = settled(plane, session, state, messages, reject, reject, reject)
        assert [type(each) for each in said] == [AbortableError, AbortableError, type(None)]
    assert len(plane.committed(DEAD)) == 6
