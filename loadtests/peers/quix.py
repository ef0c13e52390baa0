"""Quix Streams as its documentation writes stateful deduplication: own (de)serializers, the key's state, exactly-once."""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State
from quixstreams.models import Deserializer, Serializer

from loadtests.job.work import Work
from loadtests.peers.given import Given


class EventDeserializer(Deserializer):
    """A framed Avro event as a dictionary."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def __call__(self, value: bytes, ctx: Any) -> dict[str, Any]:
        return self._work.decode(value)


class OrderSerializer(Serializer):
    """An order as framed Avro."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def __call__(self, value: dict[str, Any], ctx: Any) -> bytes:
        return self._work.encode(value)


def first_sighting(event: dict[str, Any], state: State) -> bool:
    """The record's key is the reference, so the state is already the reference's own."""
    revision = str(event["revision"])
    if state.exists(revision):
        return False
    state.set(revision, 1)
    return True


def main() -> None:
    given = Given.from_env()
    work = Work(given.rules())
    app = Application(
        broker_address=given.bootstrap,
        consumer_group=given.run,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=float(given.settings.get("commit_interval_seconds", 5.0)),
        commit_every=int(given.settings.get("commit_every", 0)),
        state_dir=given.state,
        producer_extra_config={"compression.type": "lz4", "linger.ms": 5, "partitioner": "murmur2_random"},
        loglevel="WARNING",
    )
    events = app.topic(given.events, key_deserializer="bytes", value_deserializer=EventDeserializer(work))
    orders = app.topic(given.orders, key_serializer="bytes", value_serializer=OrderSerializer(work))
    stream = app.dataframe(events).filter(first_sighting, stateful=True).apply(work.order)
    stream.to_topic(orders, key=lambda order: order["case_id"].encode())
    app.run()


if __name__ == "__main__":
    main()
