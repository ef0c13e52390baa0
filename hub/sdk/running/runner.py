"""Runs a source: items to events to Kafka, bad ones to the dead letters, the position behind what is acknowledged."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.backoff import Backoff
from hub.clock import wall_ms
from hub.errors import RejectedRecordError
from hub.metrics import ROWS
from hub.sdk.contract import Batch, Context, Item, Position, Source
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest
from hub.sdk.publishing.dead_letters import dead_letter
from hub.sdk.publishing.encoding import Encoded
from hub.sdk.publishing.publisher import Checkpoints, KafkaPublisher, ManyPublisher, Publisher
from hub.sdk.running.at_limit import AtLimit, Way
from hub.sdk.running.drift import ColumnDrift
from hub.sdk.running.pacing import Anchor, Pace
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.progress import Bar
from hub.sdk.running.status import Board, EdgeState, Lock
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.source import FileSource, file_config
from hub.sdk.sources.file.succession import SETTLE_SECONDS
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import DEAD, of_source
from hub.traces import CALLER

_log = logging.getLogger(__name__)
_BATCH_ITEMS = 500
_MANY = 8
"""Fewer items are not worth the making of columns."""
_READ_SECONDS = 1.0
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 300.0
_MOST_ASKED_SECONDS = 3600.0
"""Nobody makes an edge wait longer by asking for it."""


@dataclass(frozen=True)
class RunnerOptions:
    """How to run. `speed` is data seconds a wall second; None: as fast as possible."""

    follow: bool = False
    speed: float | None = None
    anchor: Anchor | None = None
    cursor_dir: Path | None = None
    """None: `cursors` in the settings' state_dir."""
    max_rejects_in_a_row: int = 1000
    at_limit: Way | None = None
    """How to go on where too many rejects have stopped an earlier run; None: not at all."""
    checkpoint_rows: int = 20_000
    """Save the position after so many items, or after a second, whichever is first."""
    show_progress: bool = False
    last_line_whole: bool = False
    """Take a last line without a line end as it stands. Else it is left for the next run, as somebody may be writing it."""
    settle_seconds: float = SETTLE_SECONDS
    """How long a file that was renamed is quiet before it counts as ended."""
    rhythm_seconds: float | None = None
    """Something comes at least so often, or the edge is degraded."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it (from a signal handler, say) to end cleanly after the present batch."""

    @property
    def batch_items(self) -> int:
        """One where each item is sent at its own time: a clean stop is then exact."""
        return 1 if self.speed is not None else min(_BATCH_ITEMS, self.checkpoint_rows)


@dataclass
class Summary:
    """What a run did. Every item read is one of published, rejected, filtered, however many statements its mapping makes of it."""

    source: str
    published: int = 0
    filtered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    rows_before: int = 0
    """Done in earlier runs, by the position."""
    stopped: bool = False
    unfinished: str | None = None
    """A last line without a line end that was left for the next run, in words."""
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        return self.published + self.filtered + self.rejected.total()

    @property
    def empty(self) -> bool:
        return not self.rows and not self.rows_before and not self.stopped


def run_source(
    manifest: Manifest,
    inputs: Sequence[Input],
    settings: Settings,
    options: RunnerOptions | None = None,
    publisher: Publisher | None = None,
) -> Summary:
    """Read the files `inputs` to their end (or, following, until told to stop) and publish what they hold.

    Delivery is at least once: after a crash the rows since the last position come again, in order. Blocks; run it in a thread or a
    process of its own. Raises FatalError: file, mapping, broker, another process that reads them, or too many rejects in a row. The
    position then is behind what was set aside, and the next run raises the same at once, unless it is told how to go on.
    """
    options = options or RunnerOptions()
    intake = MappingSet(manifest)
    if any(intake.mapping(each.mapping).update is not None for each in inputs):
        raise ConfigurationError(f"{manifest.domain}: its rows are updates; read them by an edge with `department`")
    config = file_config(
        inputs=tuple(inputs),
        follow=options.follow,
        last_line_whole=options.last_line_whole,
        settle_seconds=options.settle_seconds,
    )
    source = FileSource(config, context_of(manifest.domain, intake, options))
    if publisher is None:
        ensure_topics(settings, [*of_source(manifest.domain), DEAD])
        publisher = KafkaPublisher(settings, manifest.domain)
    position = PositionFile.of_files(
        options.cursor_dir or settings.state_dir / "cursors",
        settings.namespace,
        manifest.domain,
        [(each.file, each.mapping or manifest.default_mapping) for each in inputs],
    )
    with Lock(position.path.parent, position.path.stem):
        return Run(source, intake, position, options, publisher, Board(manifest.domain, manifest.domain, None)).run()


def context_of(domain: str, intake: MappingSet, options: RunnerOptions) -> Context:
    """What a source of `domain` is handed by a run with `options`."""

    def say(sentence: str) -> None:
        _log.warning("%s: %s", domain, sentence)

    return Context(domain, intake.outcome, intake.mapping, options.stop, say, options.batch_items)


class Run:
    """One run of one source, from connect to close. `wish` is asked between batches: why the edge is to pause, or None."""

    def __init__(
        self,
        source: Source,
        intake: MappingSet,
        position: PositionFile,
        options: RunnerOptions,
        publisher: Publisher,
        board: Board,
        wish: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._source, self._intake, self._options, self._publisher = source, intake, options, publisher
        self._board, self._wish = board, wish
        self._many = publisher if isinstance(publisher, ManyPublisher) else None
        self._domain = source.context.domain
        self._file = position
        self._at_limit = AtLimit(self._domain, position)
        self._drift = ColumnDrift(intake.mapping, board, source.adds, source.reads)
        self._summary = Summary(self._domain)
        self._pace, self._paced = Pace(options.speed, options.anchor), options.speed is not None
        self._checkpoints = Checkpoints(options.checkpoint_rows)
        self._backoff = Backoff(_FIRST_SECONDS, _MOST_SECONDS)
        self._position: Position | None = None
        self._before = 0
        self._unacknowledged: list[Batch] = []
        self._items = 0
        self._rejects_in_a_row = 0
        self._over_limit: str | None = None
        self._lost = False
        self._quiet_since = time.monotonic()

    def run(self) -> Summary:
        """Until the source has no more, or is asked to stop or pause. Raises what hub.sdk.errors names, but no TransientError."""
        started = time.monotonic()
        self._at_limit.leave(self._options.at_limit)
        self._position = self._stored()
        try:
            with Bar(self._domain, shown=self._options.show_progress, progress=self._source.progress) as bar:
                self._read(bar)
            self._checkpoint()
        finally:
            self._source.close()
        self._summary.seconds = time.monotonic() - started
        return self._summary

    def _stored(self) -> Position | None:
        stored = self._file.load()
        if stored is None:
            return self._source.recognise(self._file.others())
        if stored.system != self._source.system or stored.version > self._source.version:
            raise PositionLostError(
                f"{self._domain}: the position is of {stored.system or 'another system'}, and this reads "
                f"{self._source.system or 'files'}: set one with `cityhub connector reset NAME --to start|now|TIME`"
            )
        self._before = stored.items
        return stored.position

    def _read(self, bar: Bar) -> None:
        connected = False
        while not self._ended():
            try:
                if not connected:
                    self._source.connect(self._position)
                    connected = True
                batch = self._source.read(_READ_SECONDS)
            except TransientError as error:
                self._wait_for(error)
                connected = False
                continue
            self._arrived(batch)
            if not self._take(batch):
                self._summary.stopped = True
                return
            bar.update(self._summary.rows)
            if batch.last:
                self._summary.unfinished = batch.left
                if batch.left:
                    self._source.context.say(batch.left)
                break
            self._idle(batch)
        bar.update(self._summary.rows, now=True)

    def _ended(self) -> bool:
        if self._options.stop.is_set() or self._wish() is not None:
            self._summary.stopped = True
        return self._summary.stopped

    # -- one batch -------------------------------------------------------------------------------------------------------------

    def _take(self, batch: Batch) -> bool:
        """Publish what is in it and move on behind it. False: asked to stop while waiting, the batch is still to do."""
        done, is_called = self._counts(), self._source.awaited
        for item, record in zip(batch.items, self._encoded(batch.items), strict=True):
            if is_called:
                CALLER.set(item.caller)
            self._note(item)
            if record is not None and self._many is not None:
                self._many.send_encoded(record)
                self._summary.published += 1
                self._rejects_in_a_row = 0
            elif not self._take_item(item):
                return False
        if batch.after is not None:
            self._position = batch.after
        self._items += len(batch.items)
        self._unacknowledged.append(batch)
        self._publisher.poll()
        self._show(done)
        self._require_below_limit()
        # a position that moves without an item (an empty file, a quiet sweep) is stored in its time too
        if self._checkpoints.due(len(batch.items) or int(batch.after is not None)) or (
            self._source.awaited and batch.items
        ):
            self._checkpoint()
        return True

    def _encoded(self, items: Sequence[Item]) -> Sequence[Encoded | None]:
        """Of many items that go at once the records of those in which nothing is out of the ordinary."""
        if len(items) >= _MANY and not self._paced and self._many is not None:
            columns = self._intake.columns(items)
            if columns is not None:
                return self._many.encode(columns, len(items))
        return [None] * len(items)

    def _note(self, item: Item) -> None:
        if item.values is not None and (lost := self._drift.note(item.mapping, item.values.keys())):
            self._over_limit = lost
            if not self._rejects_in_a_row:
                self._at_limit.remember()

    def _take_item(self, item: Item) -> bool:
        outcome = self._intake.outcome(item)
        event, rejection = outcome.event, outcome.rejection
        if event is not None:
            if self._paced and not self._pace.wait(event.reported_at, self._options.stop, self._meanwhile):
                return False
            try:
                for each in outcome.events:
                    self._publisher.send(each)
            except RejectedRecordError as error:
                rejection = error
        if rejection is not None:
            self._publisher.set_aside(dead_letter(self._domain, self._intake.kept(item), rejection))
            self._reject(item, rejection)
        elif event is not None:
            self._summary.published += 1
            self._rejects_in_a_row = 0
        else:
            self._summary.filtered += 1
        return True

    def _reject(self, item: Item, rejection: RejectedRecordError) -> None:
        self._summary.rejected[rejection.reason] += 1
        if not self._rejects_in_a_row:
            self._at_limit.remember()
        self._rejects_in_a_row += 1
        if self._rejects_in_a_row >= self._options.max_rejects_in_a_row:
            count = self._rejects_in_a_row
            self._over_limit = f"{count} rows in a row could not be used, the last at {item.where} ({rejection.reason})"

    def _require_below_limit(self) -> None:
        """Once a batch is done: what was set aside of it is behind the position, and is not set aside again."""
        if self._over_limit is None:
            return
        self._checkpoint()
        raise self._at_limit.enter(self._over_limit)

    def _counts(self) -> tuple[int, int, int]:
        summary = self._summary
        return summary.published, summary.filtered, summary.rejected.total()

    def _show(self, before: tuple[int, int, int]) -> None:
        """What has changed since the counts were `before`."""
        published, filtered, rejected = (now - then for now, then in zip(self._counts(), before, strict=True))
        for result, count in (("published", published), ("filtered", filtered), ("rejected", rejected)):
            if count:
                ROWS.labels(self._domain, result).inc(count)
        self._board.progress(published + filtered + rejected, published, rejected)

    # -- waiting -----------------------------------------------------------------------------------------------------------------

    def _arrived(self, batch: Batch) -> None:
        """The system answers."""
        self._backoff.reset()
        known = self._source.items_before  # only reading shows that a file is another
        self._summary.rows_before = self._before if known is None else known
        if self._lost:
            self._lost = False
            _log.warning("%s: the system answers again", self._board.status.name)
        now, rhythm = time.monotonic(), self._options.rhythm_seconds
        if batch.items:
            self._quiet_since = now
        if rhythm is not None and now - self._quiet_since > rhythm:
            self._board.enter(
                EdgeState.DEGRADED, f"nothing came for {rhythm:,.0f} s, which is its rhythm", owner="system"
            )
        else:
            self._board.enter(EdgeState.RUNNING)

    def _wait_for(self, error: TransientError) -> None:
        """The other side is away: what was read is kept, and it is tried again."""
        self._checkpoint()
        self._source.close()
        seconds = min(error.wait_seconds, _MOST_ASKED_SECONDS) if error.asked else self._backoff.next_seconds()
        if not self._lost:
            self._lost = True
            _log.warning("%s: %s; waiting, nothing is lost", self._board.status.name, error)
        self._board.enter(EdgeState.WAITING, str(error), owner="system", until=wall_ms() + round(seconds * 1000))
        self._rest(seconds)

    def _idle(self, batch: Batch) -> None:
        if not batch.items and self._checkpoints.due(0):
            self._checkpoint()
        self._rest(batch.wait_seconds)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self._wish() is None:
            self._meanwhile()
            self._board.beat()
            if self._options.stop.wait(min(left, _READ_SECONDS)):
                return

    def _meanwhile(self) -> None:
        self._publisher.poll()
        if self._checkpoints.due(0):
            self._checkpoint()

    # -- the position ------------------------------------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        """Store the position of what was taken, once all of it is acknowledged, dead letters included."""
        self._publisher.flush()
        if self._unacknowledged and self._position is not None and not self._source.remembers:
            done = self._summary.rows_before + self._items
            self._file.save(self._position, done, version=self._source.version, system=self._source.system)
        for batch in self._unacknowledged:
            self._source.ack(batch)
        self._unacknowledged.clear()
        self._checkpoints.done()
