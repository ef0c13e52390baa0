"""One edge, supervised: run, and run again after what passes by itself; one that waits, fails or is paused stops nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.errors import FatalError, RetriableError
from hub.sdk.at_limit import AtLimitError, Way
from hub.sdk.edges import Edge, edges_folder
from hub.sdk.errors import EdgeError, UndeliveredError
from hub.sdk.publisher import KafkaPublisher, Publisher
from hub.sdk.runner import Options, Run, Summary
from hub.sdk.status import Board, Lock, State, Wish
from hub.settings import Settings
from hub.stream.admin import ensure_topics
from hub.topics import DEAD, of_source

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 300.0
Publishers = Callable[[str], Publisher]


class Supervised:
    """Paused and failed until somebody acts."""

    def __init__(self, edge: Edge, settings: Settings, options: Options, publishers: Publishers | None = None) -> None:
        self._edge, self._settings = edge, settings
        self._options = edge.options(options)
        self._publishers = publishers or self._publisher
        self._folder = edges_folder(settings)
        self._name = f"{settings.namespace}{edge.name}"
        self._board = Board(self._name, edge.connector, self._folder)
        self._wish = Wish(self._folder, self._name)
        self._backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS)
        self._stop = options.stop

    def run(self) -> Summary | None:
        """Until it is done, or asked to stop; the summary of its last run. Raises what is a defect."""
        summary = None
        try:
            while not self._stop.is_set():
                if (why := self._wish.paused) is not None:
                    self._board.enter(State.PAUSED, why, owner="operator")
                    self._stop.wait(_LOOK_SECONDS)
                    continue
                summary = self._once()
                if summary is not None and not summary.stopped:
                    self._board.enter(State.DONE)
                    return summary
        except BaseException as error:
            self._board.enter(State.FAILED, f"a defect: {type(error).__name__}", owner="developer")
            _log.exception("%s ends by a defect; the others go on", self._name)
            raise
        if self._stop.is_set():
            self._board.enter(State.DONE, "asked to stop")
        return summary

    def _once(self) -> Summary | None:
        """One run; None if it ended badly, and it was waited until another makes sense."""
        try:
            with Lock(self._folder, self._name):
                return self._run()
        except (RetriableError, UndeliveredError) as error:
            self._wait(str(error))
        except AtLimitError as error:
            self._hold(State.PAUSED, error, "operator")
        except FatalError as error:
            self._hold(State.FAILED, error, error.owner if isinstance(error, EdgeError) else "operator")
        return None

    def _run(self) -> Summary:
        self._board.enter(State.CHECKING)
        way = self._wish.take()
        options = replace(self._options, at_limit=Way(way)) if way else self._options
        intake = self._edge.intake()
        source = self._edge.source(intake, self._edge.context(intake, options))
        position = self._edge.position(self._settings)
        publisher = self._publishers(self._edge.connector)
        summary = Run(source, intake, position, options, publisher, self._board, lambda: self._wish.paused).run()
        self._backoff.reset()
        return summary

    def _wait(self, why: str) -> None:
        seconds = self._backoff.next_seconds()
        if self._board.enter(State.WAITING, why, owner="system", until=wall_ms() + round(seconds * 1000)):
            _log.warning("%s: %s; waiting, nothing is lost", self._name, why)
        self._stop.wait(seconds)

    def _hold(self, state: State, error: FatalError, owner: str) -> None:
        """Until somebody has mended it and says so (`resume`), or pauses it, or the process is started anew."""
        if self._board.enter(state, str(error), owner=owner):
            _log.error("%s: %s", self._name, error)
        while not (self._wish.resumed or self._wish.paused or self._stop.wait(_LOOK_SECONDS)):
            self._board.beat()

    def _publisher(self, domain: str) -> Publisher:
        try:
            ensure_topics(self._settings, [*of_source(domain), DEAD])
        except FatalError as error:
            raise UndeliveredError(str(error)) from error
        return KafkaPublisher(self._settings, domain)
