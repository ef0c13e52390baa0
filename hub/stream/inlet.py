"""The way in to an agent: a service that reads chunks from Kafka, hands each to its agent and commits what comes of it.

While one chunk commits, which is mostly waiting for the broker, the agent may decide the next. Nothing of the next is written
before the one before it has committed; if that fails, both are forgotten and their records read again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mode

from hub.backoff import Backoff
from hub.errors import RetriableError
from hub.metrics import READY, TRANSACTIONS
from hub.settings import Settings
from hub.stream.changelog.state import AgentState
from hub.stream.chunk import Chunk
from hub.stream.gate import Gate
from hub.stream.kafka.client import AbortableError, SessionLostError
from hub.stream.pauses.limits import TooManyRejectsError
from hub.stream.pauses.standings import Standing
from hub.stream.publication import Publication
from hub.stream.reading.reads import Reads
from hub.stream.session import Session
from hub.stream.watch.progress import progressed

log = logging.getLogger(__name__)
_MOST_SECONDS = 5.0
_TRIES = 5
STOP_SECONDS = 6.0
"""How long a stop may take. With a broker that answers, a commit and leaving the group take less."""
_GATE_SECONDS = 0.1


def _backoff() -> Backoff:
    return Backoff(1.0, _MOST_SECONDS)


class Inlet(mode.Service):
    """Feeds one agent through `channel`. A source with too many rejects is paused, and the chunk comes again without it.

    A RetriableError of the agent brings the same chunk again, an aborted transaction goes back to the last commit; five times at
    most. Then, and after any other RetriableError (fenced, rebalanced away, broker gone for too long), the session is begun
    anew: join again, read the state back. While the gate is closed there is no session. A FatalError, or any other, ends the
    worker with a non-zero exit.

    `stop` returns when what the agent has decided is committed and the group is left, or after STOP_SECONDS: what is not
    committed by then is decided again by whoever takes over. It needs the agent to answer until it returns.
    """

    def __init__(
        self,
        app: Any,
        settings: Settings,
        agent: str,
        reads: Reads | Sequence[str],
        state: AgentState,
        *,
        tick_seconds: float | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__()
        self.channel = app.channel(maxsize=1)
        self._settings = settings
        self._agent = agent
        self.reads = reads if isinstance(reads, Reads) else Reads(reads)
        """The topics that its agent reads."""
        self.memory = state
        """The state of the agent."""
        self._tick_seconds = tick_seconds
        self._gate = gate or Gate()
        self._stopping = threading.Event()
        self._serving: asyncio.Task[None] | None = None
        self._session_now: Session | None = None
        self.paused: dict[str, Standing] = {}
        """Sources whose topics are not read, by topic, and why."""
        self._given_up = False
        self._ticked = 0.0
        READY.labels(agent).set(0)

    @property
    def topics(self) -> Sequence[str]:
        """What is read now, without the namespace."""
        return self.reads.topics

    def look_soon(self) -> None:
        """Look for new topics before that is due. May be called from any thread."""
        if (session := self._session_now) is not None:
            session.look_soon()

    async def on_stop(self) -> None:
        """Wait for the work to end by itself: what mode does next is to cancel it."""
        self._stopping.set()
        serving = self._serving
        if serving is None:
            return
        if self.crashed:  # the agent may answer no more
            serving.cancel()
        await asyncio.wait({serving}, timeout=STOP_SECONDS)
        if not serving.done():
            self._given_up = True
            log.warning(
                "%s: not done %.0f s after being told to stop; what is not committed by now is decided again",
                self._agent,
                STOP_SECONDS,
            )

    @mode.Service.task
    async def _serve(self) -> None:
        self._serving = asyncio.current_task()
        backoff = _backoff()
        while not self.should_stop:
            try:
                await self._wait_for_the_gate()
                await self._session()
                backoff.reset()
            except RetriableError as error:
                if self.should_stop:
                    log.warning("%s: what was not committed is decided again by who takes over: %s", self._agent, error)
                    return
                wait = backoff.next_seconds(error.wait_seconds)
                log.warning("%s: begins anew in %.1f s: %s", self._agent, wait, error)
                READY.labels(self._agent).set(0)
                await self.sleep(wait)

    async def _wait_for_the_gate(self) -> None:
        """Wait while the gate is closed, outside of the group, so that others have the partitions meanwhile."""
        READY.labels(self._agent).set(0)
        while self._gate.closed is not None and not self.should_stop:
            progressed(self._agent)
            await self.sleep(_GATE_SECONDS)

    async def _session(self) -> None:
        call = asyncio.get_running_loop().run_in_executor
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"inlet-{self._agent}")
        try:
            session: Session = await call(
                thread, Session, self._settings, self._agent, self.reads, self.memory, thread, self._stopping
            )
            self._session_now = session
            try:
                await self._feed(session)
            finally:
                self._session_now = None
                leaving = call(thread, session.close)
                try:
                    if not self._given_up:
                        await leaving
                except RetriableError as error:
                    log.warning("%s", error)
        finally:
            thread.shutdown(wait=False)

    async def _feed(self, session: Session) -> None:
        self._ticked = asyncio.get_running_loop().time()
        backoff = _backoff()
        while not self.should_stop and self._gate.closed is None:
            try:
                if await self._turn(session):
                    backoff.reset()
            except AbortableError as error:
                wait = backoff.next_seconds(error.wait_seconds)
                if backoff.tries >= _TRIES:
                    raise SessionLostError(f"{error}; {_TRIES} times in a row") from error
                log.warning("%s: goes back to the last commit in %.1f s: %s", self._agent, wait, error)
                TRANSACTIONS.labels(self._agent, "aborted").inc()
                await self.sleep(wait)
                await session.call(session.rewind)
        if (writing := session.write_pending()) is not None:
            await writing

    async def _turn(self, session: Session) -> bool:
        """Read a chunk, commit the one before it, and have this one decided meanwhile if there is more than enough to
        do.

        True if anything has committed.
        """
        limit, full, writing = self._settings.chunk_records, False, None
        self.paused = session.paused
        if session.stale:
            await self._read_anew(session)
        if session.pending is not None:
            full = await session.call(session.fill, limit, 0.0)
            writing = session.write_pending()
            if writing is not None and not full:
                await writing
        if not full:
            await session.call(session.fill, limit, self._settings.chunk_wait_ms / 1000)
        messages = session.take()
        if not messages and not self._tick_is_due(session):
            return writing is not None
        settled = asyncio.get_running_loop().create_future()
        chunk = Chunk(session, settled, caught_up=not messages and session.behind == 0)
        chunk.fill(messages, self._settings.namespace)
        too_many: TooManyRejectsError | None = None
        try:
            publication = await self._decide(chunk)
        except TooManyRejectsError as error:
            too_many = error
        finally:
            if writing is not None:
                await writing
        if too_many is not None:
            await session.call(session.pause, too_many.why)
            return True
        if messages or publication.outputs:
            session.pending = publication
        return writing is not None

    async def _read_anew(self, session: Session) -> None:
        """Commit what is decided, so that the state is what the commit says, and begin to read anew."""
        if (writing := session.write_pending()) is not None:
            await writing
        await session.call(session.read_anew)

    def _tick_is_due(self, session: Session) -> bool:
        now = asyncio.get_running_loop().time()
        if self._tick_seconds is None or not session.own_numbers or now - self._ticked < self._tick_seconds:
            return False
        self._ticked = now
        return True

    async def _decide(self, chunk: Chunk) -> Publication:
        """Hand a chunk to the agent and wait for what it makes of it; the same chunk again after a RetriableError."""
        backoff = _backoff()
        for _ in range(_TRIES):
            await self.channel.put(chunk)
            outcome = await chunk.settled
            if not isinstance(outcome, BaseException):
                return outcome
            if isinstance(outcome, SessionLostError) or not isinstance(outcome, RetriableError):
                raise outcome
            wait = backoff.next_seconds(outcome.wait_seconds)
            log.warning("%s: tries the same %s records again in %.1f s: %s", self._agent, len(chunk), wait, outcome)
            await self.sleep(wait)
            chunk.settled = asyncio.get_running_loop().create_future()
        raise SessionLostError(f"{self._agent}: {_TRIES} tries at the same chunk failed")
