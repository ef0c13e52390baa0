"""How long a delivery takes to a receiver that is well, while others of the same sink are dead or slow."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaError, Message, Producer

from hub.sdk.running.status import Board
from hub.sdk.sink_contract import SinkContext
from hub.sdk.sinks.served import run_sink
from hub.sdk.sinks.webhook.sink import WebhookSettings, WebhookSink
from hub.sdk.streams import EVERY, SinkSpec, Stream
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import IN_FLIGHT, producer_config
from hub.testing.sinks import order
from hub.topics import DEAD, dept_orders
from loadtests.scenario import Receivers
from loadtests.stage import Stage

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_CALM_SECONDS = 5.0
_WELL, _ILL = "all well", "some dead, some slow"
Milliseconds = npt.NDArray[np.float64]
_LIMIT_SECONDS = 300.0


def receivers(here: Stage, scenario: Receivers) -> dict[str, Any]:
    """Milliseconds from the order's commit in Kafka to its arrival, of receivers that are well in both runs."""
    names = [f"r{number:05d}" for number in range(scenario.receivers)]
    shuffled = random.Random(scenario.seed).sample(names, len(names))
    dead = shuffled[: round(len(names) * scenario.dead)]
    slow = shuffled[len(dead) : len(dead) + round(len(names) * scenario.slow)]
    took: dict[str, list[Milliseconds]] = {_WELL: [], _ILL: []}
    for _ in range(scenario.rounds):
        for label, so_far in took.items():
            so_far.append(_run(here, scenario, names, dead, slow, ill=label == _ILL))
            here.say(f"{label}: p50 {np.percentile(so_far[-1], 50):.0f} ms, p99 {np.percentile(so_far[-1], 99):.0f} ms")
    rows = [{"run": label} | _figures(np.concatenate(so_far)) for label, so_far in took.items()]
    both = len(names) - len(dead) - len(slow)
    note = (
        f"One webhook sink, {len(names):,} receivers, {scenario.rate:g} orders a second for {scenario.seconds:g} s, to receivers "
        f"by chance; {scenario.rounds} rounds of both runs in turn, taken together. In the second run {len(dead)} are dead (half "
        f"refuse the connection, half take it and never answer) and {len(slow)} answer after {scenario.slow_seconds:g} s. Times "
        f"are of the same {both:,} receivers in both runs, from the order's sending to its arrival by a call over loopback."
    )
    return {"rows": rows, "note": note}


def _run(
    here: Stage, scenario: Receivers, names: list[str], dead: list[str], slow: list[str], *, ill: bool
) -> Milliseconds:
    namespace = f"load-{uuid.uuid4().hex[:8]}-"
    settings = Settings(
        bootstrap_servers=here.cluster.bootstrap, namespace=namespace, state_dir=here.folder / namespace
    )
    ensure_topics(settings, [*(dept_orders(name) for name in names), DEAD])
    well = set(names) - set(dead) - set(slow)
    with _receiving() as (port, came), socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and nobody listens
        urls = dict.fromkeys(names, f"http://127.0.0.1:{port}/")
        if ill:
            urls |= dict.fromkeys(slow, f"http://127.0.0.1:{port}/slow/{scenario.slow_seconds}")
            urls |= dict.fromkeys(dead[::2], f"http://127.0.0.1:{port}/hang")
            urls |= {name: f"http://127.0.0.1:{closed.getsockname()[1]}/" for name in dead[1::2]}
        with _sink(settings, urls) as board:
            orders = _Orders(settings)
            _prime(orders, sorted(well), board)
            sent = _send(orders, scenario, names)
            wanted = {name for name, (receiver, _) in sent.items() if receiver in well}
            time.sleep(_CALM_SECONDS)
        arrived = came()
    first: dict[str, float] = {}
    for at, name in arrived:
        first.setdefault(name, at)
    missing = wanted - first.keys()
    assert not missing, f"{len(missing)} of {len(wanted)} deliveries to receivers that are well did not arrive"
    return np.array([first[name] - sent[name][1] for name in sorted(wanted)]) * 1000


def _figures(took: Milliseconds) -> dict[str, float]:
    shares = {f"p{share} ms": float(np.percentile(took, share)) for share in (50, 95, 99)}
    return {"deliveries": float(len(took)), **shares, "max ms": float(took.max())}


@contextmanager
def _receiving() -> Iterator[tuple[int, Any]]:
    """The port, and what gives the calls that came, once."""
    with subprocess.Popen(
        [sys.executable, "-m", "loadtests.receiving"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())

        def came() -> list[tuple[float, str]]:
            said, _ = process.communicate(timeout=_LIMIT_SECONDS)
            return [(float(at), name) for at, name in (line.split() for line in said.splitlines())]

        try:
            yield port, came
        finally:
            process.kill()


@contextmanager
def _sink(settings: Settings, urls: dict[str, str]) -> Iterator[Board]:
    """Delivering for the block."""
    os.environ["CITYHUB_LOAD_SECRET"] = _SECRET
    config = WebhookSettings.model_validate(
        {
            "receivers": {name: {"url": url, "secret": "env:CITYHUB_LOAD_SECRET"} for name, url in urls.items()},
            "allow": ["127.0.0.0/8"],
        }
    )
    stop, board = threading.Event(), Board("load", "webhook", None)
    spec = SinkSpec(kind="webhook", departments=EVERY, take=frozenset({Stream.ORDERS}))
    sink = WebhookSink(config, SinkContext("load", settings.namespace, stop=stop))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_sink, sink, "load", spec, settings, board, stop, group="sink-load")
        try:
            yield board
        finally:
            stop.set()
        running.result()


class _Orders:
    """Sends orders. Several requests are under way at a time: each is of one topic, and there are a thousand."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._codec = settings, Codec(FileRegistry())
        self._producer = Producer(producer_config(settings, "load") | {IN_FLIGHT: 5})
        self.left = 0

    def send(self, number: int, name: str, order_id: str) -> None:
        made = order(number, f"C-{order_id}", name)
        value = self._codec.encode_one("cityhub.Order", {**made.values, "order_id": order_id})
        self.left += 1
        topic = self._settings.topic(dept_orders(name).name)
        self._producer.produce(topic, value, made.case.encode(), on_delivery=self._delivered)
        self._producer.poll(0)

    def flush(self) -> None:
        self._producer.flush(_LIMIT_SECONDS)
        assert not self.left, f"{self.left} orders were not taken"

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self.left -= error is None


def _prime(orders: _Orders, names: list[str], board: Board) -> None:
    """Return when an order to each of these has arrived: the sink has its partitions, and connections stand."""
    for number, name in enumerate(names):
        orders.send(number, name, f"first-{name}")
    orders.flush()
    limit = time.monotonic() + _LIMIT_SECONDS
    while board.status.published < len(names):
        assert time.monotonic() < limit, f"{board.status.published} of {len(names)} arrived"
        time.sleep(0.1)


def _send(orders: _Orders, scenario: Receivers, names: list[str]) -> dict[str, tuple[str, float]]:
    """By order, its receiver, and when it was sent."""
    chance = random.Random(scenario.seed)
    sent: dict[str, tuple[str, float]] = {}
    begin = time.monotonic()
    for number in range(round(scenario.rate * scenario.seconds)):
        time.sleep(max(0.0, begin + number / scenario.rate - time.monotonic()))
        name = chance.choice(names)
        sent[f"O-{number}"] = name, time.time()
        orders.send(number, name, f"O-{number}")
    orders.flush()
    return sent
