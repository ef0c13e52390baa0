"""TCP proxies on loopback before each listener of each broker, to cut what goes through them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeVar

_HOST = "127.0.0.1"
_CHUNK_BYTES = 65_536
T = TypeVar("T")


class Cut(StrEnum):
    """How a listener is cut off."""

    CLOSED = "closed"
    """Connections are reset and new ones end at once."""
    STALLED = "stalled"
    """Nothing passes, either way; what was on its way arrives when the cut is over."""
    DEAF = "deaf"
    """What is asked arrives; the answers come when the cut is over."""


class _Listener:
    """One proxy. Used in the loop's thread alone."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cut: Cut | None = None
        self.asking, self.answering = asyncio.Event(), asyncio.Event()
        self.writers: set[asyncio.StreamWriter] = set()

    def set(self, cut: Cut | None) -> None:
        self.cut = cut
        for event, stops in ((self.asking, (Cut.STALLED,)), (self.answering, (Cut.STALLED, Cut.DEAF))):
            event.clear() if cut in stops else event.set()
        if cut is Cut.CLOSED:
            for writer in self.writers:
                writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = {writer}
        self.writers.add(writer)
        try:
            if self.cut is not Cut.CLOSED:
                there, back = await asyncio.open_connection(_HOST, self.port)
                mine.add(back)
                self.writers.add(back)
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pump(reader, back, self.asking))
                    both.create_task(_pump(there, writer, self.answering))
        except* OSError:
            pass  # one side is gone, so the other goes too
        finally:
            for each in mine:
                self.writers.discard(each)
                each.transport.abort()


class _OverError(OSError):
    """One side has closed: the other is closed too."""


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, open_: asyncio.Event) -> None:
    while data := await source.read(_CHUNK_BYTES):
        await open_.wait()
        sink.write(data)
        await sink.drain()
    raise _OverError


class Proxies:
    """All proxies of a cluster, in a thread of their own. `before` is what a KafkaCluster takes as `advertise`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._listeners: dict[tuple[int, str], _Listener] = {}
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def before(self, node: int, listener: str, port: int) -> int:
        """Put a proxy before a port; its own port."""
        return self._call(self._open(node, listener, port))

    async def _open(self, node: int, name: str, port: int) -> int:
        listener = self._listeners[node, name] = _Listener(port)
        listener.set(None)

        own = socket.create_server((_HOST, 0), backlog=256)
        self._servers.append(await asyncio.start_server(listener.serve, sock=own))
        return int(own.getsockname()[1])

    def cut(self, node: int, listener: str, how: Cut) -> None:
        self._tell(self._listeners[node, listener].set, how)

    def heal(self) -> None:
        """Everything passes again."""
        for listener in self._listeners.values():
            self._tell(listener.set, None)

    def close(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for listener in self._listeners.values():
            listener.set(Cut.CLOSED)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tell(self, call: Callable[[Cut | None], None], how: Cut | None) -> None:
        async def run() -> None:
            call(how)

        self._call(run())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
