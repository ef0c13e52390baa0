"""The source of files: one that grows, or several merged by time. Which columns are which field, the connector's mapping says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.access.paths import LocalPath
from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.cursor import Cursor
from hub.sdk.sources.file.join import Input, Joined
from hub.sdk.sources.file.lines import Stopped, Watch
from hub.sdk.sources.file.order import RowFeed, Single, make_feed
from hub.sdk.sources.file.patience import PatientWork
from hub.sdk.sources.file.reader import FileReader, open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.sdk.sources.file.succession import SETTLE_SECONDS, Following
from hub.sdk.sources.file.trail import FileTrail

_POLL_SECONDS = 0.1


class FileConfig(Config):
    """`file` with its mapping, or several `inputs`, whose rows are merged by report time."""

    file: LocalPath | None = Field(None, description="the file to read")
    mapping: str | None = Field(None, description="how it is read; without it the connector's default")
    join: LocalPath | None = Field(None, description="second file, where the mapping takes columns from one")
    inputs: tuple[Input, ...] = Field((), description="several files, each with its mapping")
    follow: bool = Field(False, description="wait at the end of the file for more, until <file>.done exists")
    last_line_whole: bool = Field(
        False, description="take a last line without a line end too: nobody writes to the file any more"
    )
    settle_seconds: float = Field(
        SETTLE_SECONDS, ge=0, description="how long a renamed file is quiet before it is over"
    )

    @model_validator(mode="after")
    def _file_or_inputs(self) -> Self:
        if (self.file is None) == (not self.inputs):
            raise ValueError("give `file`, or `inputs` for several")
        return self

    @property
    def files(self) -> tuple[Input, ...]:
        if self.file is None:
            return self.inputs
        return (Input(file=self.file, mapping=self.mapping, join=self.join),)


class FileSource(Source):
    """Reads what stands in files. A row that cannot be read is an item with a fault."""

    Config: ClassVar[type[FileConfig]] = FileConfig
    version = 1
    alone: ClassVar[bool] = False
    """Whether the file is one of many, and is to be as it is: see Following."""

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        self.inputs = config.files
        self._mappings: list[Mapping] = [context.mapping(each.mapping) for each in self.inputs]
        self._joins = [
            Joined(mapping.join, each.join, mapping) for mapping, each in zip(self._mappings, self.inputs, strict=True)
        ]
        self._require_followable()
        self._feed: RowFeed | None = None
        self._rows: Iterator[tuple[Row | BadRow, Item]] = iter(())
        self._done = 0
        self._waiting: PatientWork | None = None
        """Gathers rows of a file that is followed: the next may be half there, or its file not at all."""
        self._gathered = _Gathered()
        self._bytes: tuple[int, int] | None = None
        self._was_read = False

    def check(self) -> str:
        reader = self.open(0, Watch())
        try:
            return f"{self.inputs[0].file.name} is {reader.read_as}"
        finally:
            reader.lines.close()

    def connect(self, position: Position | None) -> None:
        """Raises FatalError if a file is missing, is of no kind that is read, or lacks columns that its mapping uses, and
        TransientError if one that was read before cannot be opened now."""
        self._was_read = position is not None
        with self._passing():
            self._connect(position)

    def _connect(self, position: Position | None) -> None:
        try:
            cursor = None if position is None else Cursor.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of a file") from error
        self._end_waiting()
        config, halt = self.config, threading.Event()
        stop = halt if config.follow else self.context.stop
        how = Following(config.follow, stop, config.settle_seconds, config.last_line_whole, self.alone)
        self._feed = make_feed(self, how, cursor, self.context.say)
        self._rows = self._feed.rows()
        self._done, self._gathered = 0, _Gathered()
        self._waiting = PatientWork(self._gather, halt) if config.follow else None

    def read(self, timeout_seconds: float) -> Batch:
        """Raises as `connect`, and TransientError if the file system does not answer."""
        with self._passing():
            return self._read(timeout_seconds)

    @contextmanager
    def _passing(self) -> Iterator[None]:
        """What passes by itself is no fault of the file: a share that is away, a right that is given after the file is made."""
        try:
            yield
        except OSError as error:
            raise _away(error) from error
        except FatalError as error:
            if self._was_read and not self.alone and isinstance(error.__cause__, OSError):
                raise _away(error.__cause__) from error
            raise

    def _read(self, timeout_seconds: float) -> Batch:
        feed, waiting = self._opened, self._waiting
        if waiting is None:
            self._gather()
        elif waiting.is_under_way or self._await(feed, timeout_seconds):
            waiting.go_on(timeout_seconds, self.context.stop)
        gathered = self._gathered
        with gathered.lock:
            items, gathered.items = gathered.items, []
            self._done += len(items)
            self._was_read = self._was_read or bool(items)
            after = feed.cursor(feed.rows_before + self._done).model_dump(mode="json") if items else None
            return Batch(items, after, gathered.last, left=gathered.left)

    def _gather(self) -> None:
        """Take rows, as many as a batch may have. Of a file that is followed this may wait; what there is can be had meanwhile."""
        feed, gathered, follow = self._opened, self._gathered, self.config.follow
        with suppress(Stopped):
            while len(gathered.items) < self.context.batch_items:
                found = next(self._rows, None)
                with gathered.lock:
                    if found is None or not found[0].finished:
                        gathered.last, gathered.left = True, None if found is None else _left(found[1])
                        return
                    row, item = found
                    feed.take(row)
                    gathered.items.append(item)
                if follow and feed.may_wait():  # nothing is held meanwhile
                    return

    def close(self) -> None:
        self._end_waiting()
        if self._feed is not None:
            self._feed.close()

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.end()
            self._waiting = None

    def past(self) -> FileSource:
        """Of what lies at the path now; what was rotated away is read by a `folder` source with a `glob`."""
        return FileSource(self.config.model_copy(update={"follow": False}), self.context)

    def position_at(self, at_ms: int) -> Position | None:
        """Before the first row that was reported at this instant or later."""
        source = self.past()
        source.connect(None)
        feed, count = source._opened, 0
        try:
            for row, item in source._rows:
                if not row.finished or any(event.reported_at >= at_ms for event in self.context.outcome(item).events):
                    break
                feed.take(row)
                count += 1
            return feed.cursor(count).model_dump(mode="json") if count else None
        finally:
            source.close()

    def recognise(self, others: Iterator[Position]) -> Position | None:
        """That of a file which was read under another name."""
        if len(self.inputs) > 1 or not self._mappings[0].sorted:
            return None
        for each in others:
            with suppress(ValidationError):
                if Single(self, Following(), Cursor(), self.context.say).knows(Cursor.model_validate(each)):
                    self.context.say(
                        f"{self.inputs[0].file.name} was read before under another name; going on where it was left"
                    )
                    return each
        return None

    @property
    def items_before(self) -> int | None:
        return self._feed.rows_before if self._feed else None

    def progress(self) -> tuple[int, int] | None:
        if self._feed is not None and not (self._waiting and self._waiting.is_under_way):
            with suppress(OSError):  # the file system is away, which reading says
                self._bytes = self._feed.bytes_read(), self._feed.bytes_total()
        return self._bytes

    # -- rows ----------------------------------------------------------------------------------------------------------------

    def item(self, index: int, row: Row | BadRow) -> Item:
        """A row of input `index`, with the columns of its second file."""
        file, mapping = self.inputs[index].file.name, self.inputs[index].mapping
        if isinstance(row, BadRow):
            fault = RejectedRecordError(Reason.TOO_LARGE if row.too_large else Reason.BAD_ROW, row.detail)
            return Item(None, file, row.line, row.raw, mapping, fault, row.size_bytes, row.sha256)
        try:
            self._joins[index].add(row.values)
        except RejectedRecordError as error:
            return Item(row.values, file, row.line, row.raw, mapping, error)
        return Item(row.values, file, row.line, row.raw, mapping)

    def is_sorted(self, index: int) -> bool:
        return self._mappings[index].sorted

    def open(
        self,
        index: int,
        watch: Watch,
        *,
        trail: FileTrail | None = None,
        path: Path | None = None,
        header: Sequence[str] = (),
    ) -> FileReader:
        """Open input `index`, or the file at `path` as if it were that. Raises FatalError."""
        file = path or self.inputs[index].file
        return open_reader(file, self._mappings[index], watch=watch, trail=trail, header=header)

    @property
    def _opened(self) -> RowFeed:
        if self._feed is None:
            raise FatalError(f"{self.context.domain}: read before connect")
        return self._feed

    def _await(self, feed: RowFeed, seconds: float) -> bool:
        """True once there is something to read, or something was done to the file; False after `seconds`, or if asked to stop."""
        waited = 0.0
        while feed.idle():
            if waited >= seconds or self.context.stop.wait(_POLL_SECONDS):
                return False
            waited += _POLL_SECONDS
        return True

    def _require_followable(self) -> None:
        if not self.config.follow:
            return
        for each, mapping in zip(self.inputs, self._mappings, strict=True):
            if not mapping.sorted:
                raise ConfigurationError(
                    f"{each.file.name}: mapping {each.mapping} sorts its rows first, so the file cannot be followed"
                )
        if len(self.inputs) > 1:
            raise ConfigurationError("only one file can be followed; make an edge of each, or leave out `follow`")


@dataclass
class _Gathered:
    """Rows that were taken and not handed on yet. `last`: no more will come, and `left` is what is left behind."""

    items: list[Item] = field(default_factory=list)
    last: bool = False
    left: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def _away(error: OSError) -> TransientError:
    return TransientError(
        f"a file that was read cannot be read now: {error.strerror or type(error).__name__}; give the right to it again, or mend "
        "the share"
    )


def _left(item: Item) -> str:
    return (
        f"the last line of {item.of} (line {item.number}) has no line end yet and is left for the next run; if it never gets one, "
        "run with --last-line-whole"
    )


def file_config(**settings: Any) -> FileConfig:
    """Raises ConfigurationError, in words."""
    try:
        return FileConfig(**settings)
    except ValidationError as error:
        raise ConfigurationError("; ".join(each["msg"] for each in error.errors())) from None
