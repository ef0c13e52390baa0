"""A producer that Kafka has ended for good is an error of the hub's wherever it is met, and never one that nobody expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer

from hub.errors import Reason
from hub.model.admitted import DeadLetter
from hub.sdk.errors import UndeliveredError
from hub.sdk.publishing import publisher as publisher_module
from hub.sdk.publishing.publisher import KafkaPublisher
from hub.sdk.sinks import letters as letters_module
from hub.sdk.sinks.letters import SinkLetters
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import SessionLostError, flushed, served
from hub.stream.letters.gaps import Gap
from tests.producers import end_for_good

_NOBODY: dict[str, Any] = {"bootstrap.servers": "127.0.0.1:1", "enable.idempotence": True, "log_level": 0}
_LETTER = DeadLetter(stage="s", reason=Reason.INVALID, detail="d", at=1, key=b"k", value=b"v")
_GAP = Gap("orders", 0, Reason.GAP, 0, 3, "d")


def _calling(error: KafkaError, _: Message) -> None:
    error.name()


_HEARD: dict[int, KafkaError] = {}


def _noting(error: KafkaError, _: Message) -> None:
    _HEARD[0] = error


def _mending(error: KafkaError, _: Message) -> None:
    """It meets an error of its own, and handles it."""
    try:
        _HEARD[-1]
    except KeyError:
        _HEARD[0] = error


@pytest.mark.parametrize("serve", [flushed, served])
@pytest.mark.parametrize("records", [0, 1, 3])
@pytest.mark.parametrize("hear", [_calling, _noting, _mending])
def test_it_is_said_where_deliveries_are_heard(
    serve: Callable[[Producer, float], int], records: int, hear: Callable[[KafkaError, Message], None]
) -> None:
    producer = Producer(_NOBODY)
    for _ in range(records):
        producer.produce("t", b"v", on_delivery=hear)
    end_for_good(producer)
    with pytest.raises(SessionLostError, match="made up"):
        serve(producer, 1.0)


@pytest.mark.parametrize("flush", [False, True])
def test_a_connector_ends_and_says_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch, flush: bool) -> None:
    monkeypatch.setattr(publisher_module, "producer_config", lambda *_: dict(_NOBODY))
    publisher = KafkaPublisher(Settings(), "hotline")
    publisher.set_aside(_LETTER)
    end_for_good(publisher._producer)
    with pytest.raises(UndeliveredError, match=r"made up.*Nothing is lost"):
        publisher.flush() if flush else publisher.poll()


def test_a_sinks_letters_have_another_producer_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters_module, "producer_config", lambda *_: dict(_NOBODY))
    monkeypatch.setattr(letters_module, "_FLUSH_SECONDS", 0.1)
    letters = SinkLetters(Settings(), Codec(FileRegistry()), "s", "sink.s")
    end_for_good(first := letters._made())
    with pytest.raises(UndeliveredError):
        letters.note_gap(_GAP)
    with pytest.raises(UndeliveredError, match="did not take"):
        letters.note_gap(_GAP)
    assert letters._producer is not first
