"""The way past a batch of records that cannot be unpacked.

librdkafka unpacks no batch of zstd into more than receive.message.max.bytes, and by doubling its room: as set here 16 MB fit, more
than 32 MB never do, and 1 kB on the wire may be more. It then gives the same error for ever and goes no further in that partition
(confluentinc/librdkafka#5260). The error says with which offset the batch begins. Where it ends is found by trying: whatever is
read of its middle gives the same error.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka.client import consumer_config, kafka_errors
from hub.stream.numbers import PartitionPlace

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0
_GIVE_UP_SECONDS = 30.0
_BEHIND_IT = (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET)


def cannot_be_unpacked(error: KafkaError) -> bool:
    """Whether this is what a consumer says of such a batch; its message has the batch's first offset."""
    return bool(error.code() == KafkaError._BAD_COMPRESSION)


def end_of_batch(
    settings: Settings, place: PartitionPlace, begin: int, alive: Callable[[], None] = lambda: None
) -> int:
    """The offset behind the batch that begins at `begin` and cannot be unpacked. Calls `alive` after each try; most batches of
    that kind have one record and need one. Raises RetriableError if the broker does not say.
    """
    consumer = Consumer(
        consumer_config(settings, "unpacking", f"{settings.namespace}unpacking-{uuid.uuid4().hex}")
        # what may not be read yet lies behind the batch like anything else
        | {"isolation.level": "read_uncommitted", "enable.partition.eof": True, "auto.offset.reset": "error"}
    )
    try:
        with kafka_errors(f"looking for the end of a batch at {place[0]}[{place[1]}]@{begin}"):
            _, behind = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_SECONDS)
            within, step = begin, 1
            while behind - within > 1:
                middle = min(within + step, (within + behind) // 2)
                if _lies_in(consumer, place, middle, begin):
                    within, step = middle, 2 * step
                else:
                    behind = middle
                alive()
            return within + 1
    finally:
        consumer.close()


def _lies_in(consumer: Consumer, place: PartitionPlace, offset: int, begin: int) -> bool:
    """True if this offset lies in the batch."""
    consumer.assign([TopicPartition(*place, offset)])
    until = time.monotonic() + _GIVE_UP_SECONDS
    while time.monotonic() < until:
        for message in consumer.consume(1, 0.2):
            error = message.error()
            if error is None or error.code() in _BEHIND_IT:
                return False
            if cannot_be_unpacked(error):
                return bool(message.offset() == begin)
    raise RetriableError(f"{place[0]}[{place[1]}]@{offset} cannot be read")


class Steps:
    """Has a consumer that was assigned its partitions go on behind what cannot be unpacked, and says so."""

    def __init__(self, settings: Settings, consumer: Consumer, alive: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._consumer = consumer
        self._alive = alive
        self._until: dict[PartitionPlace, int] = {}

    def over(self, message: Message) -> int:
        """Step over the batch of which this message says that it cannot be unpacked: how many records it has. 0 if that is done,
        as a consumer may say so several times. Raises RetriableError if the broker does not answer."""
        place: PartitionPlace = message.topic(), message.partition()
        begin: int = message.offset()
        if begin < self._until.get(place, 0):
            return 0
        until = end_of_batch(self._settings, place, begin, self._alive)
        stretch = f"{place[0]}[{place[1]}]@{begin}-{until}"
        with kafka_errors(f"going on behind {stretch}"):
            self._consumer.seek(TopicPartition(*place, until))
        self._until[place] = until
        log.error("%s cannot be unpacked, or only into more than a reader takes, and was stepped over", stretch)
        return until - begin
