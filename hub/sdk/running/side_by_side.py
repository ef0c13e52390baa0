"""Edges and sinks of connectors.yaml side by side in one process; and, as it changes, those that came, went or are others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from hub.declared.texts import read_bytes
from hub.errors import FatalError
from hub.sdk.running.edges import Edge
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.running.supervisor import Publishers, Supervised, SupervisedSource
from hub.settings import Settings

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
_SETTLE_SECONDS = 0.5
"""A file that has not changed for so long is written."""


class Served(Protocol):
    """An edge, or what brings its own supervised run, such as a sink. Another `spec` makes it another."""

    @property
    def name(self) -> str: ...
    @property
    def spec(self) -> Any: ...
    def require_sound(self) -> None:
        """Raises ConfigurationError or FatalError for what can be seen without reaching the system."""


class SelfServed(Served, Protocol):
    def supervised(self, settings: Settings, stop: threading.Event) -> Supervised[Any]:
        """Its run."""


SideLoader = Callable[[], Mapping[str, Any]]


class EdgesFileWatch:
    """Gives the edges anew when the file has other content than it had, and has kept it for a moment.

    What cannot be used is said once, with every mistake, and the edges stay as they are.
    """

    def __init__(self, path: Path, load: SideLoader, now: Callable[[], float] = time.monotonic) -> None:
        """`load` reads the file; it raises FatalError for one that cannot be used."""
        self._path, self._load, self._now = path, load, now
        self._taken = self._seen = self._content()
        self._since = now()

    def look(self) -> Mapping[str, Served] | None:
        """None: as before."""
        content = self._content()
        if content != self._seen:
            self._seen, self._since = content, self._now()
        if content in (None, self._taken) or self._now() - self._since < _SETTLE_SECONDS:
            return None
        self._taken = content
        try:
            edges = self._load()
            for edge in edges.values():
                edge.require_sound()
        except FatalError as error:
            _log.error("%s is not taken, and the edges run on as they were 配置未生效: %s", self._path, error)
            return None
        return edges

    def _content(self) -> bytes | None:
        try:
            return read_bytes(self._path)
        except OSError:  # an editor is putting another in its place
            return None


class _Running:
    """One edge at work, in a thread of its own."""

    def __init__(
        self, edge: Edge | SelfServed, settings: Settings, options: RunnerOptions, publishers: Publishers | None
    ) -> None:
        self.edge = edge
        self.is_stopping = False
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"edge-{edge.name}")
        supervised: Supervised[Any] = (
            SupervisedSource(edge, settings, replace(options, stop=self._stop), publishers)
            if isinstance(edge, Edge)
            else edge.supervised(settings, self._stop)
        )
        self.ended: Future[Any] = self._pool.submit(supervised.run)
        self._pool.shutdown(wait=False)

    def stop(self) -> None:
        """Ask it to end behind what it has in hand."""
        self.is_stopping = True
        self._stop.set()


class SideBySide:
    """Edges by name. Each of a name begins when the one before has ended."""

    def __init__(self, settings: Settings, options: RunnerOptions, publishers: Publishers | None = None) -> None:
        self._settings, self._options, self._publishers = settings, options, publishers
        self._wanted: dict[str, Edge | SelfServed] = {}
        self._running: dict[str, _Running] = {}
        self.summaries: dict[str, Any] = {}
        """Of what has ended."""
        self.broken: set[str] = set()
        """Edges that had a defect."""

    def take(self, edges: Mapping[str, Any]) -> None:
        """Run these from now on, and no others. What has ended by itself runs again only if it is another."""
        for name in sorted(edges.keys() | self._wanted.keys()):
            before, after = self._wanted.get(name), edges.get(name)
            if after is None or before is None or after.spec != before.spec:
                self._change(name, after, is_said=bool(self._wanted))
        self._wanted = dict(edges)

    def _change(self, name: str, after: Edge | SelfServed | None, *, is_said: bool) -> None:
        if is_said:
            what = (
                "is taken out 已移除"
                if after is None
                else "is new 新增"
                if name not in self._wanted
                else "has changed 已更改"
            )
            _log.warning("edge %s %s", name, what)
        if name in self._running:
            self._running[name].stop()
        if after is not None and name not in self._running:
            self._begin(after)

    def _begin(self, edge: Edge | SelfServed) -> None:
        self._running[edge.name] = _Running(edge, self._settings, self._options, self._publishers)

    def look(self) -> bool:
        """Note what has ended, and begin what waited for it. True while anything runs."""
        for name, running in list(self._running.items()):
            if not running.ended.done():
                continue
            del self._running[name]
            self.summaries[name] = None
            if running.ended.exception() is not None:
                self.broken.add(name)
            else:
                self.summaries[name] = running.ended.result()
            if running.is_stopping and name in self._wanted:
                self._begin(self._wanted[name])
        return bool(self._running)

    def finish(self) -> None:
        """Have all end behind what they have in hand, and wait for that."""
        self._wanted = {}
        for running in self._running.values():
            running.stop()
        wait(running.ended for running in self._running.values())
        self.look()


def run_edges(
    edges: Iterable[Edge | SelfServed],
    settings: Settings,
    options: RunnerOptions,
    publishers: Publishers | None = None,
    watch: EdgesFileWatch | None = None,
) -> dict[str, Any]:
    """Run edges and sinks side by side until all are done, or `options.stop` is set. One that has a defect is said, and ends alone.

    Gives what each came to, a Summary of an edge. `watch` says which are to run from some moment on. Raises FatalError at the end,
    naming those that had a defect.
    """
    at_work = SideBySide(settings, options, publishers)
    at_work.take({edge.name: edge for edge in edges})
    while at_work.look() and not options.stop.wait(_LOOK_SECONDS):
        if watch is not None and (changed := watch.look()) is not None:
            at_work.take(changed)
    at_work.finish()
    if at_work.broken:
        named = ", ".join(sorted(at_work.broken))
        raise FatalError(f"ended by a defect: {named}; the others were not stopped by it")
    return at_work.summaries
