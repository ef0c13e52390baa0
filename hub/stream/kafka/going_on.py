"""How a consumer goes on elsewhere in one partition of its group's, and where it is in all others."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Consumer

from hub.stream.numbers import PartitionPlace


def go_on_at(consumer: Consumer, moved: PartitionPlace, offsets: Mapping[PartitionPlace, int], otherwise: int) -> None:
    """Read on at `moved`, named as on the broker, where `offsets` say, and at all others where they are; at those of which nothing
    was read yet also where `offsets` say, or `otherwise`. Ends every pause. Raises KafkaException.

    XXX: to seek does nothing once the broker had nothing at the offset before (auto.offset.reset=error).
    """
    places = consumer.position(consumer.assignment())
    for each in places:
        place = (each.topic, each.partition)
        if place == moved or each.offset < 0:
            each.offset = offsets.get(place, otherwise)
    consumer.assign(places)
