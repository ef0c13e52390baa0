"""The way in to an agent: a service that reads chunks from Kafka, hands each to its agent and waits until it is settled."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mode

from hub.errors import RetriableError
from hub.metrics import READY
from hub.settings import Settings
from hub.stream.chunk import Chunk
from hub.stream.kafka import SessionLostError
from hub.stream.session import Session
from hub.stream.state import State

log = logging.getLogger(__name__)
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)
_SAME_CHUNK_TRIES = 5


class Inlet(mode.Service):
    """Feeds one agent through `channel`.

    A lost session (fenced, rebalanced away, broker gone for too long) is begun anew: join again, read the state back. A
    RetriableError brings the same chunk again, five times at most before the session is begun anew. A FatalError, or any
    other, ends the worker with a non-zero exit.
    """

    def __init__(
        self,
        app: Any,
        settings: Settings,
        agent: str,
        topics: Sequence[str],
        state: State,
        *,
        tick_seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.channel = app.channel(maxsize=1)
        self._settings = settings
        self._agent = agent
        self._topics = list(topics)
        self._state = state
        self._tick_seconds = tick_seconds
        self._stopping = threading.Event()
        READY.labels(agent).set(0)

    async def on_stop(self) -> None:
        self._stopping.set()

    @mode.Service.task
    async def _serve(self) -> None:
        failures = 0
        while not self.should_stop:
            try:
                await self._session()
                failures = 0
            except RetriableError as error:
                wait = max(error.wait_seconds, _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
                failures += 1
                log.warning("%s: begins anew in %.1f s: %s", self._agent, wait, error)
                READY.labels(self._agent).set(0)
                await self.sleep(wait)

    async def _session(self) -> None:
        call = asyncio.get_running_loop().run_in_executor
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"inlet-{self._agent}")
        try:
            session: Session = await call(
                thread, Session, self._settings, self._agent, self._topics, self._state, thread, self._stopping
            )
            try:
                await self._feed(session)
            finally:
                try:
                    # a stuck thread would never get to it, and the group must not wait for a member that is gone
                    await call(None if session.stuck else thread, session.close)
                except RetriableError as error:
                    log.warning("%s", error)
        finally:
            thread.shutdown(wait=False)

    async def _feed(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        ticked = loop.time()
        while not self.should_stop:
            messages = await session.call(
                session.read, self._settings.chunk_records, self._settings.chunk_wait_ms / 1000
            )
            if not messages:
                if self._tick_seconds is None or not session.held or loop.time() - ticked < self._tick_seconds:
                    continue
                ticked = loop.time()
            chunk = Chunk(session, loop.create_future(), caught_up=not messages and session.behind == 0)
            chunk.fill(messages, self._settings.namespace)
            await self._settle(chunk)

    async def _settle(self, chunk: Chunk) -> None:
        for attempt in range(_SAME_CHUNK_TRIES):
            await self.channel.put(chunk)
            error = await chunk.settled
            if error is None:
                return
            if isinstance(error, SessionLostError) or not isinstance(error, RetriableError):
                raise error
            log.warning(
                "%s: tries the same %s records again in %.1f s: %s", self._agent, len(chunk), error.wait_seconds, error
            )
            await self.sleep(error.wait_seconds * (attempt + 1))
            chunk.settled = asyncio.get_running_loop().create_future()
        raise SessionLostError(f"{self._agent}: {_SAME_CHUNK_TRIES} tries at the same chunk failed")
