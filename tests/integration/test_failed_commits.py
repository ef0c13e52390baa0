"""A transaction that failed: what its producer has under way is fenced off, and what became of it is asked of the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from hub.metrics import UNPROVEN
from hub.stream.kafka.client import AbortableError, producer_config
from hub.stream.writing import writer as writer_module
from hub.stream.writing.proof import TransactionProof
from tests.integration.small_plane import (
    AGENT,
    MEMORY,
    OUT,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
)
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
NO_ANSWER = KafkaException(KafkaError(KafkaError._TIMED_OUT, "nobody answers", retriable=True))


class Unlucky(Producer):
    """A producer whose calls fail as the test says: before they are made, or after."""

    made: list[Producer]
    fails: dict[str, bool]
    """By call, whether it is made before it fails. Each fails once."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.made.append(self)

    def _fail(self, call: str) -> None:
        """If it is to fail without being made."""
        if self.fails.get(call) is False:
            del self.fails[call]
            raise NO_ANSWER

    def _unanswered(self, call: str) -> None:
        if self.fails.pop(call, False):
            raise NO_ANSWER

    def send_offsets_to_transaction(self, *args: Any) -> None:
        self._fail("offsets")
        super().send_offsets_to_transaction(*args)
        self._unanswered("offsets")

    def commit_transaction(self, *args: Any) -> None:
        self._fail("commit")
        super().commit_transaction(*args)
        self._unanswered("commit")


@pytest.fixture
def unlucky(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Unlucky]]:
    monkeypatch.setattr(Unlucky, "made", [], raising=False)
    monkeypatch.setattr(Unlucky, "fails", {}, raising=False)
    monkeypatch.setattr(writer_module, "Producer", Unlucky)
    yield Unlucky
    Unlucky.made.clear()


@pytest.mark.parametrize(("call", "was_made"), [("offsets", False), ("offsets", True), ("commit", False)])
def test_a_producer_whose_transaction_failed_writes_no_other_and_is_fenced_off(
    call: str, was_made: bool, plane: Plane, unlucky: type[Unlucky]
) -> None:
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        unlucky.fails[call] = was_made
        messages = read_some(session, 1)
        (said,) = settled(plane, session, state, messages, count_up(state))
        assert isinstance(said, AbortableError)
        assert held_in(state)[0] == {}, "it is undone"
        again = read_some(session, 1)
        assert [message.offset() for message in again] == [0]
        assert settled(plane, session, state, again, count_up(state)) == [None]
        old, new = unlucky.made
        assert session._writer._producer is new
        with pytest.raises(KafkaException) as refused:
            old.abort_transaction(PATIENCE_SECONDS)  # it still has one open, and does not know that it is over
        assert refused.value.args[0].code() in (
            KafkaError._FENCED,
            KafkaError._STATE,
            KafkaError.INVALID_PRODUCER_EPOCH,
        )
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"]
    assert len(plane.committed(MEMORY)) == 1
    assert plane.offsets() == [1, 0, 0]


def test_a_commit_that_went_through_unanswered_is_not_done_again(plane: Plane, unlucky: type[Unlucky]) -> None:
    plane.feed(b"a", b"b")
    with plane.session(state := new_state()) as session:
        unlucky.fails["commit"] = True
        messages = read_some(session, 2)
        (said,) = settled(plane, session, state, messages, count_up(state))
        assert isinstance(said, AbortableError)
        assert held_in(state)[0] == {"a": 1, "b": 1}, "as it is in the changelog"
        plane.feed(b"a")
        more = read_some(session, 1)
        assert [message.offset() for message in more] == [2], "and none of the records before it"
        assert settled(plane, session, state, more, count_up(state)) == [None]
    assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"a", b"b"]
    assert plane.offsets() == [3, 0, 0]


def test_what_is_not_where_it_should_be_is_not_committed(
    plane: Plane, unlucky: type[Unlucky], monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.feed(b"a")
    seen, faults = list[list[str]](), TransactionProof.faults

    def once(proof: TransactionProof) -> list[str]:
        seen.append(faults(proof))
        return ["a record lies elsewhere"] if len(seen) == 1 else seen[-1]

    monkeypatch.setattr(TransactionProof, "faults", once)
    before = UNPROVEN.labels(AGENT)._value.get()
    with plane.session(state := new_state()) as session:
        (said,) = settled(plane, session, state, read_some(session, 1), count_up(state))
        assert isinstance(said, AbortableError)
        assert (plane.committed_now(), plane.offsets()) == ([], [0, 0, 0])
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
    assert seen == [[], []]
    assert UNPROVEN.labels(AGENT)._value.get() == before + 1
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"]
    assert len(unlucky.made) == 2


def test_keys_go_where_other_clients_send_them(plane: Plane) -> None:
    values = [f"key {number}".encode() for number in range(200)] + [b"", b"x" * 300]
    producer = Producer(producer_config(plane.settings, "other"))
    for value in values:
        producer.produce(plane.settings.topic(OUT.name), value, value)
    assert producer.flush(PATIENCE_SECONDS) == 0
    plane.feed(*values)
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, len(values)), count_up(state)) == [None]
    places = dict[bytes | None, list[int]]()
    for partition, key, _ in plane.committed(OUT):
        places.setdefault(key, []).append(partition)
    assert len(places) == len(values)
    assert all(len(each) == 2 and len(set(each)) == 1 for each in places.values())
