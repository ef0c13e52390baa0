"""An inlet on a real Kafka: what it brings again, what it decides ahead, and when it begins anew."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from hub.errors import RetriableError
from hub.stream import holding as holding_module
from hub.stream.changelog.checkpoints import Trail
from hub.stream.changelog.recovery import recover
from hub.stream.changelog.state import JournaledState
from hub.stream.inlet import Inlet
from hub.stream.kafka.client import AbortableError
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
    held_in,
    new_state,
    outlet_of,
)

pytestmark = pytest.mark.kafka


def test_the_inlet_brings_an_aborted_chunk_once_more_with_its_state_undone(plane: Plane) -> None:
    plane.feed(b"a", b"b")
    state = new_state()
    asyncio.run(asyncio.wait_for(_try_twice(plane, state), PATIENCE_SECONDS))
    assert sorted(value or b"" for _, _, value in plane.committed(OUT)) == [b"a", b"b"]
    assert plane.offsets() == [2, 0, 0]
    again = new_state()
    recover(plane.settings, again, [0], lambda: None)
    assert held_in(again) == {0: {"a": 1, "b": 1}}


async def _try_twice(plane: Plane, state: JournaledState[CountBook]) -> None:
    inlet = Inlet(BareApp(), plane.settings, AGENT, [IN.name], state)
    outlet = outlet_of(plane, state)
    await inlet.start()
    try:
        handled, tries = list[bytes | None](), list[list[bytes | None]]()
        while len(handled) < 2:
            chunk = await inlet.channel.get()
            assert held_in(state)[0] == dict.fromkeys([(v or b"").decode() for v in handled], 1), (
                "nothing of the failure"
            )
            tries.append(chunk.values)
            async with outlet.transaction(chunk) as tx:
                count_up(state)(tx, chunk)
                if len(tries) == 1:
                    raise RetriableError("once", wait_seconds=0.01)
                handled += chunk.values
        assert tries[0] == tries[1], "the same records again"
        assert sum(map(len, tries[1:])) == 2, "and no record a third time"
    finally:
        await inlet.stop()


def test_a_chunk_decided_while_the_one_before_it_fails_is_undone_with_it(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second chunk is decided by what the first has changed, before the first turns out not to commit."""
    records = 40
    plane.feed(*[b"a"] * records)
    state, commit, seen = new_state(), Session.commit, list[int]()
    done, failed = 0, list[int]()

    def fail_once(session: Session, outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
        nonlocal done
        until = time.monotonic() + 1
        while not failed and len(seen) < done + 2 and time.monotonic() < until:
            time.sleep(0.01)
        if not failed and len(seen) == done + 2:
            failed.append(done)
            raise AbortableError("the broker says no", wait_seconds=0.01)
        commit(session, outputs, ends)
        done += 1

    monkeypatch.setattr(Session, "commit", fail_once)
    asyncio.run(asyncio.wait_for(_counted(plane, state, seen, records), PATIENCE_SECONDS))
    (first,) = failed
    assert seen[first + 1] == seen[first] + 1, "the second was decided by the first"
    assert seen[first + 2] == seen[first], "and both again"
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * records
    again = new_state()
    recover(plane.settings, again, [0], lambda: None)
    assert held_in(again) == {0: {"a": records}}


async def _counted(plane: Plane, state: JournaledState[CountBook], seen: list[int], records: int) -> None:
    """Run an agent record by record until so many have committed; `seen` gets its count after each."""
    settings = plane.settings.model_copy(update={"chunk_records": 1})
    inlet, outlet = Inlet(BareApp(), settings, AGENT, [IN.name], state), outlet_of(plane, state)

    async def agent() -> None:
        while True:
            chunk = await inlet.channel.get()
            async with outlet.transaction(chunk) as tx:
                count_up(state)(tx, chunk)
            seen.append(held_in(state)[0]["a"])

    await inlet.start()
    agent_task = asyncio.create_task(agent())
    try:
        await asyncio.to_thread(plane.await_offset, records)
    finally:
        await inlet.stop()
        agent_task.cancel()


def test_a_session_that_cannot_read_its_state_back_is_begun_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a changelog's partition has no leader yet: the partitions are given, and nothing is known of them."""
    plane.feed(b"a", b"a", b"a")
    state, seen = new_state(), list[int]()
    fails = iter([RetriableError("not leader for partition", wait_seconds=0.01)])

    def sometimes(*args: Any) -> dict[int, Trail]:
        for error in fails:
            raise error
        return recover(*args)

    monkeypatch.setattr(holding_module, "recover", sometimes)
    asyncio.run(asyncio.wait_for(_counted(plane, state, seen, 3), PATIENCE_SECONDS))
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * 3
    assert plane.offsets() == [3, 0, 0]


def test_who_aborts_again_and_again_begins_anew(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    plane.feed(b"a", b"a", b"a")
    state, commit, seen = new_state(), Session.commit, list[int]()
    sessions = list[Session]()

    def only_in_a_second(session: Session, outputs: list[Output], ends: dict[tuple[str, int], int]) -> None:
        if session not in sessions:
            sessions.append(session)
        if len(sessions) == 1:
            raise AbortableError("the broker says no", wait_seconds=0.01)
        commit(session, outputs, ends)

    monkeypatch.setattr(Session, "commit", only_in_a_second)
    asyncio.run(asyncio.wait_for(_counted(plane, state, seen, 3), PATIENCE_SECONDS))
    assert len(sessions) == 2
    assert [value for _, _, value in plane.committed(OUT)] == [b"a"] * 3
