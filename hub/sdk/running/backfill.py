"""Back-fill: what a system said in a stretch of the past, read once more beside the live edge, which it does not touch.

It has a position of its own, so that it goes on where it was stopped. What was published before is a repeat for the hub; what it
publishes bears a mark in its headers, never in its content, or it would be no repeat.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hub.clock import iso
from hub.errors import FatalError
from hub.sdk.contract import Batch, Item, ItemOutcome, Position, Source
from hub.sdk.errors import ConfigurationError
from hub.sdk.publishing.publisher import KafkaPublisher, Publisher
from hub.sdk.running.edges import Edge, edges_folder
from hub.sdk.running.runner import Run, RunnerOptions, Summary
from hub.sdk.running.status import Board, Lock
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import BACKFILL, CLOCKS_AS_REPORTED, DEAD, city_events


class TimeStretch(NamedTuple):
    """From an instant on, and before another; ms since 1970 UTC. By when things were reported."""

    from_ms: int
    to_ms: int

    def has(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms

    def __str__(self) -> str:
        return f"{iso(self.from_ms)}/{iso(self.to_ms)}"


class Window(Source):
    """Another source's items of a stretch; the others are left out. It ends where that one has no more at present."""

    def __init__(self, inner: Source, stretch: TimeStretch) -> None:
        super().__init__(inner.config, inner.context)
        self._inner, self._stretch = inner, stretch
        self.adds = inner.adds
        self._latest = stretch.from_ms

    def check(self) -> str:
        return self._inner.check()

    def connect(self, position: Position | None) -> None:
        """None: from where the stretch begins, or from the system's start if it has no position for a time."""
        self._inner.connect(self._beginning() if position is None else position)

    def read(self, timeout_seconds: float) -> Batch:
        batch = self._inner.read(timeout_seconds)
        return replace(batch, items=[self._judged(item) for item in batch.items])

    def close(self) -> None:
        self._inner.close()

    @property
    def system(self) -> str:
        return self._inner.system

    @property
    def reads(self) -> frozenset[str]:
        return self._inner.reads

    def progress(self) -> tuple[int, int] | None:
        """By bytes, or by time where nobody knows them."""
        return self._inner.progress() or (
            self._latest - self._stretch.from_ms,
            self._stretch.to_ms - self._stretch.from_ms,
        )

    def _beginning(self) -> Position | None:
        try:
            return self._inner.position_at(self._stretch.from_ms)
        except ConfigurationError:  # of what else is wrong `connect` tells
            return None

    def _judged(self, item: Item) -> Item:
        outcome = self.context.outcome(item)
        if outcome.rejection is not None:
            return item
        events = [event for event in outcome.events if self._stretch.has(event.reported_at)]
        self._latest = max([self._latest, *(event.reported_at for event in events)])
        return item._replace(outcome=ItemOutcome(events[0], others=tuple(events[1:])) if events else ItemOutcome())


def backfill(
    edge: Edge,
    stretch: TimeStretch,
    settings: Settings,
    options: RunnerOptions,
    publisher: Publisher | None = None,
    *,
    clocks_as_reported: bool = False,
) -> Summary:
    """Read a stretch of an edge's past, to its end or until asked to stop; then the same call goes on.

    Clocks of what it opens run from when the hub takes it, or with `clocks_as_reported` from when it was reported.

    Raises FatalError: the stretch is none, the edge's kind of source tells nothing twice, another back-fill of this edge is at
    work, or what a run raises.
    """
    if stretch.from_ms >= stretch.to_ms:
        raise FatalError(
            f"{stretch} is no stretch of time: it ends where it begins, or before; exchange --from and --to"
        )
    options = edge.options(options)
    intake = edge.intake()
    source = Window(edge.source(intake, edge.context(intake, options)).past(), stretch)
    position = edge.position(settings, f".backfill-{stretch.from_ms}-{stretch.to_ms}")
    name = f"{settings.namespace}{edge.name}.backfill"
    with Lock(edges_folder(settings), name):
        if publisher is None:
            ensure_topics(settings, [city_events(edge.connector), DEAD])
            if edge.spec.department is not None:
                raise ConfigurationError(f"{edge.name}: updates are not read again; reset the edge instead")
            mark = f"{stretch}{CLOCKS_AS_REPORTED if clocks_as_reported else ''}"
            publisher = KafkaPublisher(settings, edge.connector, {BACKFILL: mark})
        summary = Run(source, intake, position, options, publisher, Board(name, edge.connector, None)).run()
        if not summary.stopped:
            position.forget()
    return summary
