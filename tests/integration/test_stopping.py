"""An inlet that is told to stop: it finishes in order, and does not wait for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from hub.stream import inlet as inlet_module
from hub.stream.changelog.state import JournaledState
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.kafka.client import client_config, kafka_errors
from hub.stream.outlet import Outlet
from hub.stream.session import Session
from hub.stream.writing.writer import Output
from tests.integration.small_plane import (
    AGENT,
    IN,
    OUT,
    PATIENCE_SECONDS,
    BareApp,
    CountBook,
    Plane,
    count_up,
    new_state,
    outlet_of,
)
from tests.waiting import wait_for_value

pytestmark = pytest.mark.kafka


class Running:
    """An inlet with an agent by hand."""

    def __init__(self, plane: Plane) -> None:
        self.state: JournaledState[CountBook] = new_state()
        self.inlet = Inlet(BareApp(), plane.settings, AGENT, [IN.name], self.state)
        self._outlet: Outlet = outlet_of(plane, self.state)

    async def decide(self, chunk: Chunk) -> None:
        async with self._outlet.transaction(chunk) as tx:
            count_up(self.state)(tx, chunk)


def patiently(work: object) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE_SECONDS))  # type: ignore[arg-type]


def test_what_an_agent_still_decides_when_told_to_stop_is_committed_and_the_group_is_left(plane: Plane) -> None:
    # A group that is not left is there until its session runs out: longer than anybody waits here.
    plane.settings = plane.settings.changed(session_timeout_ms=int(1_400 * PATIENCE_SECONDS))
    plane.feed(b"a")

    async def work() -> None:
        running = Running(plane)
        await running.inlet.start()
        chunk = await running.inlet.channel.get()
        stopping = asyncio.create_task(running.inlet.stop())
        await running.inlet.wait_until_stopped()  # asked to, that is
        await running.decide(chunk)
        await stopping

    patiently(work())
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"]
    assert plane.offsets() == [1, 0, 0]
    client = AdminClient(client_config(plane.settings, "look"))
    group = f"{plane.settings.namespace}{AGENT}"

    def state() -> ConsumerGroupState:
        with kafka_errors("asking whether a group is left"):
            return client.describe_consumer_groups([group])[group].result().state

    wait_for_value(state, ConsumerGroupState.EMPTY, "the group is not left")


def test_a_commit_that_does_not_come_back_is_waited_for_so_long_and_no_longer(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.feed(b"a")
    stuck, over = threading.Event(), threading.Event()

    def never(session: Session, outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
        stuck.set()
        over.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(Session, "commit", never)
    monkeypatch.setattr(inlet_module, "STOP_SECONDS", 0.2)

    async def work() -> None:
        running = Running(plane)
        await running.inlet.start()
        await running.decide(await running.inlet.channel.get())
        await asyncio.to_thread(stuck.wait, PATIENCE_SECONDS)
        try:
            await running.inlet.stop()
        finally:
            over.set()

    patiently(work())


def test_when_the_worker_crashes_nobody_waits_for_an_agent_that_answers_no_more(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.feed(b"a")
    monkeypatch.setattr(inlet_module, "STOP_SECONDS", 2 * PATIENCE_SECONDS)

    async def work() -> None:
        running = Running(plane)
        await running.inlet.start()
        await running.inlet.channel.get()
        await running.inlet.crash(RuntimeError("another agent's"))
        await running.inlet.stop()

    patiently(work())
    assert plane.committed(OUT) == []
