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
from hub.sdk.manifest import Manifest
from hub.sdk.pacing import Anchor, Pace
from hub.sdk.progress import Bar
from hub.sdk.publisher import Checkpoints, KafkaPublisher, Publisher
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.lines import Stopped
from hub.sdk.sources.file.order import make_feed
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.source import FileSource, Mapped, load_source
from hub.sdk.sources.file.succession import SETTLE_SECONDS, Following
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
    last_line_whole: bool = False
    """Take a last line without a line end as it stands. Else it is left for the next run, as somebody may be writing it."""
    settle_seconds: float = SETTLE_SECONDS
    """How long a file that was renamed is quiet before it counts as ended."""
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
        self._cursor = CursorFile(
            options.cursor_dir or settings.state_dir / "cursors",
            settings.namespace,
            manifest.domain,
            [(each.file, each.mapping or manifest.default_mapping) for each in inputs],
        )
        self._at_limit = AtLimit(manifest.domain, self._cursor.path)
        how = Following(options.follow, options.stop, options.settle_seconds, options.last_line_whole)
        self._at_limit.leave(options.at_limit)
        self._feed = make_feed(source, how, self._cursor, self._warn)

    def run(self) -> Summary:
        try:
            with self._bar() as bar:
                self._read(bar)
            self._publisher.flush()
            self._save()
        finally:
            self._feed.close()
        return self._summary

    def _read(self, bar: Bar) -> None:
        stop = self._options.stop
        try:
            for index, mapped in self._feed.rows():
                if not mapped.row.finished:
                    self._leave(index, mapped.row)
                    return
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
        self._feed.take(row)
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

    def _leave(self, index: int, row: Row | BadRow) -> None:
        """A last line without a line end: published as it stands, it would stand in the way of the whole one."""
        self._summary.unfinished = (
            f"the last line of {self._files[index]} (line {row.line}) has no line end yet and is left for the next run; if it "
            "never gets one, run with --last-line-whole"
        )
        self._warn(self._summary.unfinished)

    def _warn(self, said: str) -> None:
        _log.warning("%s: %s", self._domain, said)

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
        self._summary.rows_before = self._feed.rows_before
        self._cursor.save(self._feed.cursor(self._summary.rows_before + self._summary.rows))

    def _bar(self) -> Bar:
        return Bar(
            self._domain,
            shown=self._options.show_progress,
            total=self._feed.bytes_total,
            done=self._feed.bytes_read,
        )
