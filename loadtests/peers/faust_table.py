"""A stock Faust agent as Faust's own guide writes it: a topic of events, a table of what was seen, a topic of orders.

At Faust's own guarantees, which are at-least-once: exactly_once is not used, as it leaves output for other topics outside
the transaction. The table keeps its changelog in Kafka; the store in memory is Faust's default and its fastest.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import faust
import uvloop

from loadtests.job.work import Work
from loadtests.peers.given import PARTITIONS, Given

uvloop.install()
given = Given.from_env()
work = Work(given.rules())
app = faust.App(
    given.run,
    broker=f"aiokafka://{given.bootstrap}",
    store=given.settings.get("store", "memory://"),
    datadir=str(given.state),
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    topic_disable_leader=True,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=int(given.settings.get("max_poll_records", 2000)),
    stream_buffer_maxsize=int(given.settings.get("buffer", 16_384)),
    producer_linger=0.005,
    producer_compression_type="lz4",
    web_enabled=False,
    autodiscover=False,
)
events = app.topic(given.events, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
orders = app.topic(given.orders, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
seen = app.Table("seen", key_type=str, value_type=int, default=int, partitions=PARTITIONS)


@app.agent(events)
async def order(stream: AsyncIterator[bytes]) -> None:
    async for value in stream:
        event = work.decode(value)
        identity = work.identity(event)
        if seen[identity]:
            continue
        seen[identity] = 1
        made = work.order(event)
        await orders.send(key=made["case_id"].encode(), value=work.encode(made))


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn", "--without-web"]
    app.main()
