"""A Bytewax dataflow as its documentation writes it: Kafka source, keyed state, Kafka sink, recovery store on disk.

Its guarantees are its own: state and source positions are recovered from the last epoch, the sink is at-least-once.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from confluent_kafka import OFFSET_BEGINNING

from loadtests.job.work import Work
from loadtests.peers.given import Given

given = Given.from_env()
work = Work(given.rules())


def keyed(message: Any) -> tuple[str, dict[str, Any]]:
    event = work.decode(message.value)
    return work.identity(event), event


def first_sighting(seen: bool | None, event: dict[str, Any]) -> tuple[bool, dict[str, Any] | None]:
    return True, None if seen else event


def to_order(event: dict[str, Any]) -> KafkaSinkMessage[bytes, bytes]:
    order = work.order(event)
    return KafkaSinkMessage(order["case_id"].encode(), work.encode(order))


flow = Dataflow("orders")
source = KafkaSource(
    [given.bootstrap],
    [given.events],
    starting_offset=OFFSET_BEGINNING,
    tail=True,
    batch_size=int(given.settings.get("batch_size", 1000)),
)
stream = op.map("key", op.input("events", flow, source), keyed)
fresh = op.filter_value("first", op.stateful_map("seen", stream, first_sighting), lambda event: event is not None)
orders = op.map("order", op.map("unkey", fresh, lambda pair: pair[1]), to_order)
op.output(
    "orders",
    orders,
    KafkaSink(
        [given.bootstrap],
        given.orders,
        add_config={
            "compression.type": "lz4",
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
        },
    ),
)
