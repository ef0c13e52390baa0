"""One edge, supervised: run, and run again after what passes by itself; one that waits, fails or is paused stops nobody else."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.errors import FatalError, RetriableError
from hub.policy import load_city
from hub.sdk.errors import ConfigurationError, EdgeError, UndeliveredError
from hub.sdk.publishing.publisher import KafkaPublisher, Publisher, UpdatesPublisher
from hub.sdk.running.at_limit import AtLimitError, Way
from hub.sdk.running.edges import Edge, edges_folder
from hub.sdk.running.runner import Run, RunnerOptions, Summary
from hub.sdk.running.status import Board, EdgeState, Lock, LockedError, Wish
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import DEAD, of_department, of_source

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 300.0
Publishers = Callable[[str], Publisher]


_Result = TypeVar("_Result")


class Supervised(ABC, Generic[_Result]):
    """One edge or sink: run, and run again after what passes by itself; paused and failed until somebody acts."""

    def __init__(self, name: str, connector: str, settings: Settings, stop: threading.Event) -> None:
        self.name = name
        self._settings, self.stop = settings, stop
        self._folder = edges_folder(settings)
        self._full = f"{settings.namespace}{name}"
        self.board = Board(self._full, connector, self._folder)
        self._wish = Wish(self._folder, self._full)
        self._backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS)

    @property
    def paused(self) -> str | None:
        """Why it is to pause; None if it is not."""
        return self._wish.paused

    def run(self) -> _Result | None:
        """Until it is done, or asked to stop; what its last run came to. Raises what is a defect."""
        result = None
        try:
            while not self.stop.is_set():
                if (why := self.paused) is not None:
                    if not (self.board.stands_by and self.board.stored.is_elsewhere):
                        self.board.enter(EdgeState.PAUSED, why, owner="operator")
                    self.stop.wait(_LOOK_SECONDS)
                    continue
                result = self._once()
                if result is not None and self._is_done(result):
                    self.board.enter(EdgeState.DONE)
                    return result
        except BaseException as error:
            self.board.enter(EdgeState.FAILED, f"a defect: {type(error).__name__}", owner="developer")
            _log.exception("%s ends by a defect; the others go on", self._full)
            raise
        if self.stop.is_set():
            self._leave()
        return result

    def _leave(self) -> None:
        """Asked to stop. What somebody has to mend or to resume is shown as long as nobody has."""
        now = self.board.status
        if self.board.stands_by or now.state in (EdgeState.FAILED, EdgeState.PAUSED):
            self.board.leave()
        elif now.state is EdgeState.WAITING:
            self.board.enter(EdgeState.DONE, f"asked to stop while it waited: {now.why}")
        else:
            self.board.enter(EdgeState.DONE, "asked to stop")

    @abstractmethod
    def _run(self) -> _Result:
        """One run. Raises RetriableError and UndeliveredError for what passes by itself, FatalError for what is to be mended."""

    @abstractmethod
    def _is_done(self, result: _Result) -> bool:
        """True if there is nothing more to do."""

    def _once(self) -> _Result | None:
        """One run; None if it ended badly, and it was waited until another makes sense."""
        try:
            with Lock(self._folder, self._full):
                if self.board.stands_by:
                    _log.warning("%s: the process that ran it has ended; it is taken up here 已接管", self._full)
                result = self._run()
                self._backoff.reset()
                return result
        except LockedError as error:
            self._stand_by(error.holder)
        except (RetriableError, UndeliveredError) as error:
            self._wait(str(error))
        except AtLimitError as error:
            self._hold(EdgeState.PAUSED, error, "operator")
        except FatalError as error:
            self._hold(EdgeState.FAILED, error, error.owner if isinstance(error, EdgeError) else "operator")
        return None

    def _stand_by(self, holder: str) -> None:
        """Another process runs it: nothing is read twice, and this one takes it up when that one ends, however it ends."""
        why = f"{holder} runs it; this process stands by 待命, and takes it up when that one ends"
        if self.board.stand_by(why):
            _log.warning("%s: %s", self._full, why)
        self.stop.wait(_LOOK_SECONDS)

    def _wait(self, why: str) -> None:
        seconds = self._backoff.next_seconds()
        if self.board.enter(EdgeState.WAITING, why, owner="system", until=wall_ms() + round(seconds * 1000)):
            _log.warning("%s: %s; waiting, nothing is lost", self._full, why)
        self.stop.wait(seconds)

    def _hold(self, state: EdgeState, error: FatalError, owner: str) -> None:
        """Until somebody has mended it and says so (`resume`), or pauses it, or the process is started anew."""
        if self.board.enter(state, str(error), owner=owner):
            _log.error("%s: %s", self._full, error)
        while not (self._wish.resumed or self.paused or self.stop.wait(_LOOK_SECONDS)):
            if self._is_at_work_elsewhere():  # it was resumed there
                return
            self.board.beat()

    def _is_at_work_elsewhere(self) -> bool:
        stored = self.board.stored
        return stored.is_elsewhere and stored.state not in (EdgeState.FAILED, EdgeState.PAUSED)


class SupervisedSource(Supervised[Summary]):
    """One edge of connectors.yaml that reads."""

    def __init__(
        self, edge: Edge, settings: Settings, options: RunnerOptions, publishers: Publishers | None = None
    ) -> None:
        super().__init__(edge.name, edge.connector, settings, options.stop)
        self._edge = edge
        self._options = edge.options(options)
        self._publishers = publishers or self._publisher

    def _run(self) -> Summary:
        self.board.enter(EdgeState.CHECKING)
        way = self._wish.take()
        options = replace(self._options, at_limit=Way(way)) if way else self._options
        intake = self._edge.intake()
        self._edge.require_speaker(intake)
        source = self._edge.source(intake, self._edge.context(intake, options))
        position = self._edge.position(self._settings)
        publisher = self._publishers(self._edge.connector)
        return Run(source, intake, position, options, publisher, self.board, lambda: self.paused).run()

    def _is_done(self, result: Summary) -> bool:
        return not result.stopped

    def _publisher(self, domain: str) -> Publisher:
        department = self._edge.spec.department
        if department is not None:
            return self._of_department(department)
        try:
            ensure_topics(self._settings, [*of_source(domain), DEAD])
        except FatalError as error:
            raise UndeliveredError(str(error)) from error
        return KafkaPublisher(self._settings, domain)

    def _of_department(self, department: str) -> Publisher:
        if department not in load_city(self._settings.city).departments:
            raise ConfigurationError(f"there is no department {department!r}; `cityhub dept list` names them")
        try:
            ensure_topics(self._settings, [*of_department(department), DEAD])
        except FatalError as error:
            raise UndeliveredError(str(error)) from error
        return UpdatesPublisher(self._settings, department)
