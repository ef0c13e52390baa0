"""Runs a source: rows to events to Kafka, bad rows to the dead letters, the cursor behind what is acknowledged."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.errors import RejectedRecordError
from hub.metrics import ROWS
from hub.sdk.at_limit import AtLimit, Way
from hub.sdk.cursor import CursorFile
from hub.sdk.dead_letters import dead_letter
from hub.sdk.join import Input
from hub.sdk.lines import Stopped
from hub.sdk.manifest import Manifest
from hub.sdk.order import Feed
from hub.sdk.pacing import Anchor, Pace
from hub.sdk.progress import Bar
from hub.sdk.publisher import Checkpoints, KafkaPublisher, Publisher
from hub.sdk.rows import BadRow
from hub.sdk.source import FileSource, Mapped, load_source
from hub.settings import Settings
from hub.stream.admin import ensure_topics
from hub.topics import DEAD, city_events

_log = logging.getLogger(__name__)
_POLL_EVERY_ROWS = 500


@dataclass(frozen=True)
class Options:
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
    """Save the cursor after so many rows, or after a second, whichever is first."""
    show_progress: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it (from a signal handler, say) to end cleanly after the present row."""


@dataclass
class Summary:
    """What a run did. Every row read is one of published, rejected, filtered."""

    source: str
    published: int = 0
    filtered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    rows_before: int = 0
    """Done in earlier runs, by the cursor."""
    stopped: bool = False
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
    options: Options | None = None,
    publisher: Publisher | None = None,
) -> Summary:
    """Read `inputs` to their end (or, following, until told to stop) and publish what they hold.

    Delivery is at least once: after a crash the rows since the last cursor come again, in order. Blocks; run it in a thread or a
    process of its own. Raises FatalError: file, mapping, broker, or too many rejects in a row. The cursor then is behind what was
    set aside, and the next run raises the same at once, unless it is told how to go on.
    """
    options = options or Options()
    config = {"inputs": tuple(inputs), "follow": options.follow}
    source_type = load_source(manifest)
    source = source_type(manifest, source_type.Config(**config))
    if publisher is None:
        ensure_topics(settings, [city_events(manifest.domain), DEAD])
        publisher = KafkaPublisher(settings, manifest.domain)
    started = time.monotonic()
    summary = _Run(source, settings, options, publisher).run()
    summary.seconds = time.monotonic() - started
    return summary


class _Run:
    """One run of one source."""

    def __init__(self, source: FileSource, settings: Settings, options: Options, publisher: Publisher) -> None:
        manifest, inputs = source.manifest, source.config.inputs
        self._source, self._options, self._publisher = source, options, publisher
        self._summary = Summary(manifest.domain)
        self._pace = Pace(options.speed, options.anchor)
        self._checkpoints = Checkpoints(options.checkpoint_rows)
        self._rejects_in_a_row = 0
        self._domain = manifest.domain
        self._files = [each.file.name for each in inputs]
        self._feed = Feed(source, options.stop)
        self._cursor = CursorFile(
            options.cursor_dir or settings.state_dir / "cursors",
            settings.namespace,
            manifest.domain,
            [(each.file, each.mapping or manifest.default_mapping) for each in inputs],
        )
        self._at_limit = AtLimit(manifest.domain, self._cursor.path)
        self._offset, self._line = 0, 1

    def run(self) -> Summary:
        try:
            self._at_limit.leave(self._options.at_limit)
            cursor, notice = self._cursor.load()
            if notice:
                _log.warning("%s: %s", self._domain, notice)
            self._summary.rows_before = cursor.rows
            self._offset, self._line = cursor.offset, cursor.line
            if self._feed.seekable:
                self._feed.readers[0].resume(cursor.offset, cursor.line)
            with self._bar() as bar:
                self._read(cursor.rows, bar)
            self._publisher.flush()
            self._save()
        finally:
            self._feed.close()
        return self._summary

    def _read(self, resume_rows: int, bar: Bar) -> None:
        stop = self._options.stop
        try:
            for index, mapped in self._feed.rows(resume_rows):
                if stop.is_set() or not self._take(index, mapped):
                    self._summary.stopped = True
                    return
                bar.update(self._summary.rows)
        except Stopped:
            self._summary.stopped = True
        bar.update(self._summary.rows, now=True)

    def _take(self, index: int, mapped: Mapped) -> bool:
        """Do one row and move on behind it. False: asked to stop while waiting, the row is still to do."""
        row, event, rejection = mapped
        if not row.finished and isinstance(row, BadRow):
            _log.warning(
                "%s: %s line %d is not finished; it is read when it is", self._domain, self._files[index], row.line
            )
            return True
        if event is not None:
            if not self._pace.wait(event.reported_at, self._options.stop, self._meanwhile):
                return False
            try:
                self._publisher.send(event)
            except RejectedRecordError as error:
                rejection = error
        if rejection is not None:
            self._publisher.set_aside(dead_letter(self._domain, self._files[index], row, rejection))
        self._count(mapped, rejection)
        if row.finished:  # else it is read again when it has grown
            self._offset, self._line = row.end, row.line + row.lines
        if self._rejects_in_a_row >= self._options.max_rejects_in_a_row and rejection is not None:
            self._checkpoint()
            raise self._at_limit.enter(
                f"{self._rejects_in_a_row} rows in a row could not be used, the last at {self._files[index]} line {row.line} "
                f"({rejection.reason})"
            )
        if self._summary.rows % _POLL_EVERY_ROWS == 0:
            self._publisher.poll()
        if self._checkpoints.due():
            self._checkpoint()
        return True

    def _count(self, mapped: Mapped, rejection: RejectedRecordError | None) -> None:
        if rejection is not None:
            self._summary.rejected[rejection.reason] += 1
            if not self._rejects_in_a_row:
                self._at_limit.remember()
            self._rejects_in_a_row += 1
            ROWS.labels(self._domain, "rejected").inc()
        elif mapped.event is not None:
            self._summary.published += 1
            self._rejects_in_a_row = 0
            ROWS.labels(self._domain, "published").inc()
        else:
            self._summary.filtered += 1
            ROWS.labels(self._domain, "filtered").inc()

    def _meanwhile(self) -> None:
        self._publisher.poll()
        if self._checkpoints.due(0):
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._publisher.flush()
        self._save()
        self._checkpoints.done()

    def _save(self) -> None:
        rows = self._summary.rows_before + self._summary.rows
        offset, line = (self._offset, self._line) if self._feed.seekable else (0, 1)
        self._cursor.save(rows, offset, line)

    def _bar(self) -> Bar:
        return Bar(
            self._domain,
            shown=self._options.show_progress,
            total=self._feed.bytes_total,
            done=self._feed.bytes_read,
        )
