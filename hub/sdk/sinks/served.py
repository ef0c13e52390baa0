"""The sinks of an installation, each ready to be run: kind, settings with their secrets, what it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.declared.document import Document
from hub.errors import FatalError, RetriableError
from hub.policy import load_city
from hub.sdk.edges_file import read_edges_file, require_path
from hub.sdk.errors import TransientError
from hub.sdk.kinds import sink_type
from hub.sdk.running.edges import SettingsPlace, configured
from hub.sdk.running.status import Board, EdgeState
from hub.sdk.running.supervisor import Supervised
from hub.sdk.sink_contract import Sink, SinkContext
from hub.sdk.sinks.in_order import InOrder
from hub.sdk.sinks.letters import SinkLetters
from hub.sdk.sinks.reader import DeliveryReader
from hub.sdk.sinks.run import SinkRun
from hub.sdk.sinks.tally import SinkTally
from hub.sdk.streams import EVERY, SinkSpec
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry

_HOUR_SECONDS = 3600.0


@dataclass(frozen=True)
class SinkEdge:
    """One sink by its name in connectors.yaml. `group`: its consumer group, without the namespace."""

    name: str
    spec: SinkSpec
    file: Path
    document: Document = field(repr=False)

    @property
    def group(self) -> str:
        return f"sink-{self.name}"

    def sink(self, settings: Settings, stop: threading.Event | None = None) -> Sink:
        """Raises ConfigurationError, with the line of every mistake, and FatalError."""
        kind = sink_type(self.name, self.spec.kind, self.spec.connector)
        city = load_city(settings.city)
        unknown = [each for each in self.spec.departments if each not in city.departments]
        if self.spec.departments != EVERY and unknown:
            raise FatalError(f"sink {self.name}: there is no department {unknown[0]!r}; `cityhub dept list` names them")
        config = configured(kind.Config, self._place)
        zone = ZoneInfo(city.time_zone)
        return kind(
            config, SinkContext(self.name, settings.namespace, zone, self.spec.streams, stop or threading.Event())
        )

    @property
    def _place(self) -> SettingsPlace:
        return SettingsPlace(self.spec.settings, self.file, self.document, ("sinks", self.name, "settings"))

    def require_sound(self) -> None:
        """Raises ConfigurationError or FatalError for what can be seen without reaching the system."""
        kind = sink_type(self.name, self.spec.kind, self.spec.connector)
        configured(kind.Config, self._place)

    def supervised(self, settings: Settings, stop: threading.Event) -> SupervisedSink:
        return SupervisedSink(self, settings, stop)


def load_sinks(settings: Settings) -> dict[str, SinkEdge]:
    """All sinks by name. Raises FatalError if no file is named, DeclarationError with every mistake in its form."""
    path = require_path(settings)
    found, document = read_edges_file(path)
    return {name: SinkEdge(name, spec, path, document) for name, spec in found.sinks.items()}


def run_sink(
    sink: Sink, name: str, spec: SinkSpec, settings: Settings, board: Board,
    stop: threading.Event, wish: Callable[[], str | None] = lambda: None, *, group: str,
) -> SinkTally:  # fmt: skip
    """One run until `stop` is set or there is a `wish` to pause, as the sink remembers or not. `group`: without the namespace.

    Raises what hub.sdk.errors names, and RetriableError without Kafka.
    """
    codec = Codec(make_registry(settings))
    letters = SinkLetters(settings, codec, name, f"sink:{name}")

    def reader() -> DeliveryReader:
        topics = spec.topics(settings.namespace)
        made = DeliveryReader(settings, codec, name, group, topics, letters.note_gap)
        if spec.begin == "now":
            made.begin_now()
        return made

    if sink.remembers:
        return InOrder(sink, reader, letters, board, stop, wish).run()
    return SinkRun(sink, reader(), letters, board, spec.budget_hours * _HOUR_SECONDS, stop, wish).run()


class SupervisedSink(Supervised[SinkTally]):
    """One sink of connectors.yaml."""

    def __init__(self, edge: SinkEdge, settings: Settings, stop: threading.Event) -> None:
        super().__init__(edge.name, edge.spec.kind, settings, stop)
        self._edge = edge

    def _run(self) -> SinkTally:
        self.board.enter(EdgeState.CHECKING)
        self._wish.take()
        edge = self._edge
        sink = edge.sink(self._settings, self.stop)
        return run_sink(
            sink, edge.name, edge.spec, self._settings, self.board, self.stop, lambda: self.paused, group=edge.group
        )

    def _is_done(self, result: SinkTally) -> bool:
        return self.stop.is_set()


def reset_sink(edge: SinkEdge, settings: Settings, at_ms: int | None) -> None:
    """Have a sink go on from what was written then or later; None: from the start. What it hands over again has the same ids.

    Raises FatalError while it runs, without Kafka, and for a sink whose system knows by itself how far it has come.
    """
    if edge.sink(settings).remembers:
        raise FatalError(
            f"{edge.name}: its system keeps how far it has come, with what it has: empty what it has there, its positions too, and "
            "it is filled again from the start"
        )
    reader = DeliveryReader(
        settings, Codec(make_registry(settings)), edge.name, edge.group, edge.spec.topics(settings.namespace)
    )
    try:
        reader.move(at_ms)
    except RetriableError as error:
        raise FatalError(f"{edge.name} cannot be reset now: {error}") from error
    finally:
        reader.close()


def check_sink(edge: SinkEdge, settings: Settings) -> str:
    """Reach a sink's system; what it says. Raises FatalError if it cannot be reached, refuses, or is not what was declared."""
    try:
        return edge.sink(settings).check()
    except (TransientError, RetriableError) as error:
        raise FatalError(f"{edge.name} cannot be reached 无法连接: {error}") from error
