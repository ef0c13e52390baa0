"""Keeps one ledger: made ready, filled from the topics, and rid of what is too old; with what others see of that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from hub import metrics
from hub.clock import ClockKind, wall_ms
from hub.errors import HubError, RetriableError
from hub.inspect.reading import spans
from hub.ledger.database import Database, address_of
from hub.ledger.feed import Feed, LedgerStanding, topics_in
from hub.ledger.heard import heard_sources
from hub.ledger.queries import newest_opened_ms
from hub.ledger.reading import FactReader
from hub.ledger.rhythms import RhythmGauges
from hub.ledger.store import LedgerStore
from hub.ledger.upkeep import delete_older
from hub.millis import DAY_MS
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.stream.kafka.known import on_broker
from hub.stream.numbers import PartitionPlace

log = logging.getLogger(__name__)

_FORGET_SECONDS = 3600.0
_RHYTHM_SECONDS = 60.0
_SHARE = 8.0
"""What took a second to ask is asked again after eight."""
READY_SECONDS = 30.0
"""Who lacks older records than that is not ready."""
_UNHEARD_SECONDS = 5.0
"""A turn takes less, where all answer."""


class Keeper:
    """From `__enter__` to `__exit__`. Raises what hub.sdk.errors names if the database cannot be had."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.database = Database(address_of(settings))
        self._store = LedgerStore(self.database)
        self._stop = threading.Event()
        self.standing: LedgerStanding | None = None
        """None before it has read anything."""
        self._noted = time.monotonic()

    def __enter__(self) -> Self:
        self.database.migrate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.database.close()

    @property
    def is_ready(self) -> bool:
        """Whether it is about as new as the topics."""
        return self.seconds_behind is not None and self.seconds_behind < READY_SECONDS

    @property
    def seconds_behind(self) -> float | None:
        """How old the oldest record is that it lacks, at most; None before it has read anything. What it lacks since the broker
        or the database answered last, nobody knows: that time counts too."""
        if self.standing is None:
            return None
        unheard = time.monotonic() - self._noted
        return self.standing.seconds + (unheard if unheard >= _UNHEARD_SECONDS else 0.0)

    def stop(self) -> None:
        """From any thread."""
        self._stop.set()

    def run(self) -> None:
        """Until stopped. Raises FatalError where people have to act."""
        beside = [threading.Thread(target=self._forget_again_and_again, name="upkeep", daemon=True)]
        if self._settings.clock is ClockKind.WALL:  # of history that is played again, nobody is to be called
            beside.append(threading.Thread(target=self._look_for_silence, name="rhythms", daemon=True))
        for each in beside:
            each.start()
        try:
            self._feed(self._note).run()
        finally:
            self.stop()
            for each in beside:
                each.join()

    def rebuild(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Make all that comes from the topics anew, to where they end now: how many records. Readers see it fill meanwhile."""
        ends = self._ends()
        self._store.empty()

        def note(standing: LedgerStanding) -> None:
            self._note(standing)
            on_progress(standing.records, standing.records + standing.behind)

        self._feed(note).run(ends)
        self.forget()
        return 0 if self.standing is None else self.standing.records

    def forget(self) -> int:
        """Delete what is older than the settings say: how many rows. Cases of history that is played again are as old as they are
        beside its newest; letters are dated by the wall."""
        kept_ms, now_ms = int(self._settings.ledger_days * DAY_MS), wall_ms()
        if self._settings.clock is ClockKind.WALL:
            return delete_older(self.database, now_ms - kept_ms)
        with self.database.transaction() as connection:
            newest_ms = newest_opened_ms(connection)
        return delete_older(self.database, newest_ms - kept_ms, letters_before_ms=now_ms - kept_ms)

    def _ends(self) -> dict[PartitionPlace, int]:
        names = on_broker(self._settings, "ledger")()
        return {place: span.end for place, span in spans(self._settings, topics_in(names)).items() if span.end}

    def _feed(self, note: Callable[[LedgerStanding], None]) -> Feed:
        registry = make_registry(self._settings)
        return Feed(self._settings, FactReader(registry, Codec(registry)), self._store, self._stop, note)

    def _note(self, standing: LedgerStanding) -> None:
        before = 0 if self.standing is None else self.standing.records
        self.standing, self._noted = standing, time.monotonic()
        metrics.LEDGER_RECORDS.inc(standing.records - before)
        metrics.LEDGER_BEHIND_RECORDS.set(standing.behind)
        metrics.LEDGER_BEHIND_SECONDS.set(standing.seconds)
        metrics.LEDGER_LOOKED.set_to_current_time()

    def _look_for_silence(self) -> None:
        gauges, took, names = RhythmGauges(self.database), 0.0, on_broker(self._settings, "ledger")
        while not self._stop.wait(max(_RHYTHM_SECONDS, _SHARE * took)):
            began = time.monotonic()
            try:
                self._store.hear(heard_sources(self._settings, names()))
                gauges.look()
            except HubError as error:
                log.warning("who is silent is not known for a while: %s", error)
            took = time.monotonic() - began

    def _forget_again_and_again(self) -> None:
        while not self._stop.wait(_FORGET_SECONDS):
            try:
                self.forget()
            except RetriableError as error:
                log.warning("what is too old stands another hour in the ledger: %s", error)
