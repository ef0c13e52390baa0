"""The ceiling: confluent-kafka reads a batch and writes it again within a transaction, bytes untouched. No decoding, no
dedup, no lookup: what is left is what any exactly-once Python program on librdkafka pays.
"""

from __future__ import annotations

import signal

from confluent_kafka import Consumer, Producer, TopicPartition

from loadtests.peers.given import Given


def main() -> None:
    given = Given.from_env()
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
    producer = Producer(
        {
            "bootstrap.servers": given.bootstrap,
            "transactional.id": given.run,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.init_transactions(30)
    consumer = Consumer(
        {
            "bootstrap.servers": given.bootstrap,
            "group.id": given.run,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 65_536,
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.subscribe([given.events])
    records = int(given.settings.get("chunk_records", 10_000))
    while not stop:
        messages = consumer.consume(records, 0.05)
        if not messages:
            continue
        ends: dict[int, int] = {}
        batch = []
        for message in messages:
            if message.error():
                raise SystemExit(f"bare: {message.error()}")
            ends[message.partition()] = message.offset() + 1
            batch.append({"value": message.value(), "key": message.key()})
        producer.begin_transaction()
        producer.produce_batch(given.orders, batch)
        failed = next((message["_error"] for message in batch if "_error" in message), None)
        if failed:
            raise SystemExit(f"bare: {failed}")
        offsets = [TopicPartition(given.events, partition, end) for partition, end in ends.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
    consumer.close()


if __name__ == "__main__":
    main()
