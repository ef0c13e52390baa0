"""A source with too many rejects is paused, and nobody else; on a real Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.errors import Reason
from hub.inspect.sources import ends_of, let_go_on, log_of
from hub.signing import signature
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.kafka.client import producer_config
from hub.stream.pauses.standings import Standing
from hub.topics import DEAD, SOURCES, Topic
from tests.integration.small_plane import (
    AGENT,
    IN,
    OUT,
    PATIENCE_SECONDS,
    Plane,
    new_state,
    outlet_of,
    plane_on,
    read_some,
)
from tests.integration.test_inlet import BareApp

pytestmark = pytest.mark.kafka
OTHER = Topic("plane.other", "key", None)
LIMIT = 10  # as `plane_on` sets it


@pytest.fixture
def plane(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Plane:
    """Of a hub with a secret: who is paused is signed all the way."""
    settings = plane_on(kafka_bootstrap, namespace, tmp_path).settings
    return Plane(settings.model_copy(update={"control_key": SecretStr("a secret of this test")}), OTHER)


def _feed(plane: Plane, topic: Topic, *values: bytes) -> None:
    producer = Producer(producer_config(plane.settings, "feed"))
    for number, value in enumerate(values):
        producer.produce(plane.settings.topic(topic.name), value, b"k", number % 3)
    assert producer.flush(PATIENCE_SECONDS) == 0


@asynccontextmanager
async def _running(plane: Plane, instance: str = "one") -> AsyncIterator[Inlet]:
    """An agent that passes records on, and rejects those that begin with "bad"."""
    settings = plane.settings.model_copy(update={"chunk_records": 7, "instance": instance})
    state = new_state()
    inlet, outlet = Inlet(BareApp(), settings, AGENT, [IN.name, OTHER.name], state), outlet_of(plane, state)

    async def agent() -> None:
        while True:
            chunk: Chunk = await inlet.channel.get()
            async with outlet.transaction(chunk) as tx:
                good = [value for value in chunk.values if not (value or b"").startswith(b"bad")]
                tx.publish(OUT, [value or b"" for value in good], [b"k"] * len(good))
                tx.account("counted", len(good))
                for row, value in enumerate(chunk.values):
                    if (value or b"").startswith(b"bad"):
                        tx.reject(row, Reason.INVALID, "no good")

    await inlet.start()
    task = asyncio.create_task(agent())
    try:
        yield inlet
    finally:
        await inlet.stop()
        task.cancel()


async def _until(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(what):
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


def _out(plane: Plane) -> Counter[bytes]:
    return Counter(value or b"" for _, _, value in plane.committed(OUT))


def _letters(plane: Plane) -> Counter[bytes]:
    codec = Codec(FileRegistry())
    return Counter(codec.decode_one(value or b"")[1]["value"] for _, _, value in plane.committed(DEAD))


def _say(plane: Plane, said: Standing, secret: str | None = None) -> None:
    """As the hub would, or whoever has another secret."""
    signed = signature(
        said.encode(), secret or plane.settings.control_secret, plane.settings.topic(SOURCES.name), IN.name
    )
    with Sender(plane.settings) as sender:
        sender.send(SOURCES.name, IN.name.encode(), said.encode(), signed)


def _let_go_on(plane: Plane, *, skip: bool = False, secret: str | None = None) -> None:
    log = log_of(plane.settings, IN.name)
    said = let_go_on(ends_of(plane.settings, IN.name), wall_ms(), "a test", log=log, skip=skip)
    _say(plane, said, secret)


def test_a_paused_source_is_let_go_on_without_what_lies_there(plane: Plane) -> None:
    asyncio.run(asyncio.wait_for(_let_go_on_without(plane), 3 * PATIENCE_SECONDS))


async def _let_go_on_without(plane: Plane) -> None:
    bad = [b"bad %d" % n for n in range(40)]
    _feed(plane, IN, *bad)
    async with _running(plane) as inlet:
        await _until(lambda: bool(inlet.paused))
        reached = await asyncio.to_thread(plane.offsets)
        await asyncio.to_thread(_let_go_on, plane, skip=True)
        _feed(plane, IN, b"mended")
        await _until(lambda: b"mended" in _out(plane))
    async with _running(plane, "two"):
        _feed(plane, IN, b"more")
        await _until(lambda: b"more" in _out(plane))
    codec = Codec(FileRegistry())
    letters = [codec.decode_one(value or b"")[1] for _, _, value in plane.committed(DEAD)]
    gaps = {each["origin"]["partition"]: (each["origin"]["offset"], each["until"]) for each in letters if each["until"]}
    assert {each["reason"] for each in letters if each["until"]} == {"skipped"}
    assert gaps == {number: (reached[number], end) for number, end in enumerate((14, 13, 13))}, "one of each partition"
    assert len(letters) == sum(reached) + len(gaps), "each record is a letter or in a gap"


def test_one_source_is_paused_over_restarts_and_let_go_on_with_what_is_bad(plane: Plane) -> None:
    asyncio.run(asyncio.wait_for(_paused_and_let_go_on(plane), 3 * PATIENCE_SECONDS))


async def _paused_and_let_go_on(plane: Plane) -> None:
    bad, good, more = ([b"%s %d" % (kind, n) for n in range(40)] for kind in (b"bad", b"good", b"more"))
    _feed(plane, IN, *bad)
    _feed(plane, OTHER, *good)
    async with _running(plane) as inlet:
        await _until(lambda: set(_out(plane)) == set(good) and bool(inlet.paused))
        assert inlet.paused.keys() == {IN.name}
        letters = _letters(plane)
        assert sum(letters.values()) < LIMIT
        _feed(plane, OTHER, *more)
        await _until(lambda: set(_out(plane)) == {*good, *more})
    async with _running(plane, "two") as inlet:  # another worker, after a restart
        await _until(lambda: bool(inlet.paused))
        _feed(plane, OTHER, b"last")
        _feed(plane, IN, b"mended")
        await _until(lambda: b"last" in _out(plane))
        assert _letters(plane) == letters, "not a letter more"
        assert b"mended" not in _out(plane)
        await asyncio.to_thread(_let_go_on, plane, skip=True, secret="somebody else's")  # nothing is left out for it
        await asyncio.to_thread(_let_go_on, plane)
        await _until(lambda: b"mended" in _out(plane))
        await _until(lambda: len(_letters(plane)) == len(bad))
        await _until(lambda: not inlet.paused)
        assert _letters(plane) == Counter(bad), "each once"
        assert _out(plane) == Counter([*good, *more, b"last", b"mended"])
        _feed(plane, IN, *bad[:LIMIT])
        await _until(lambda: bool(inlet.paused))


def test_all_workers_hear_of_a_pause_and_of_its_end(plane: Plane) -> None:
    asyncio.run(asyncio.wait_for(_two_workers(plane), 3 * PATIENCE_SECONDS))


async def _two_workers(plane: Plane) -> None:
    """One partition has rubbish; the worker that does not hold it stops reading the topic as well."""
    async with _running(plane, "one") as one, _running(plane, "two") as two:
        plane.feed(*[b"bad %d" % n for n in range(40)], partition=0)
        await _until(lambda: bool(one.paused) and bool(two.paused))
        plane.feed(b"waits", partition=2)
        _feed(plane, OTHER, b"a", b"b", b"c")
        await _until(lambda: set(_out(plane)) == {b"a", b"b", b"c"})
        await asyncio.to_thread(_let_go_on, plane)
        await _until(lambda: b"waits" in _out(plane))
        await _until(lambda: not one.paused and not two.paused)
        assert await asyncio.to_thread(lambda: len(_letters(plane))) <= 40


def test_a_word_that_is_said_meanwhile_is_not_taken_back(plane: Plane) -> None:
    """Two workers find the same at once; somebody lets the source go on before the second has said so."""
    bad = [b"bad %d" % n for n in range(LIMIT)]
    plane.feed(*bad)
    with plane.session(new_state()) as session:
        read_some(session, LIMIT)
        for paused in (True, False):
            through = {} if paused else {0: LIMIT}
            _say(plane, Standing(paused=paused, at_ms=wall_ms(), by="another", why="", through=through))
        session.pause({IN.name: "too many"})
        assert not session.paused
        assert session.let_go_on[IN.name].through == {0: LIMIT}
        assert len(read_some(session, LIMIT)) == LIMIT, "they come again, and do not count"


def test_who_paused_a_source_first_is_who_is_named(plane: Plane) -> None:
    plane.feed(b"bad")
    with plane.session(new_state()) as session:
        read_some(session, 1)
        said = Standing(paused=True, at_ms=1, by="another", why="its own reason")
        _say(plane, said)
        session.pause({IN.name: "too many", OTHER.name: "these too"})
        assert session.paused[IN.name] == said
        assert session.paused[OTHER.name].why == "these too"
