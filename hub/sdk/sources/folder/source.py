"""The source of many files, one after the other: each as hub/sdk/sources/file reads one.

A file that cannot be read is one dead letter, and the next is taken. Nothing is moved before Kafka has acknowledged what came of a
file and its position is stored; a position names the file in hand, and those that are done and not moved yet.
"""

from __future__ import annotations

import glob
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from pydantic import ValidationError

from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.contract import Batch, Context, Item, KeptPosition, Position, Source
from hub.sdk.errors import ConfigurationError, PositionLostError, TransientError
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.sdk.sources.file.watched import ChangedError
from hub.sdk.sources.folder.config import FolderConfig, Renamed
from hub.sdk.sources.folder.shelf import DIGEST_CHARS, FolderFile, FolderShelf

MAX_FILES = 3_000
"""So many files are remembered in a position."""
_LOOK_SECONDS = 0.5
_UNREADABLE = "the file cannot be read as a whole: it is set aside, and what came before the fault was taken"


class FolderPlace(KeptPosition):
    """`file`: digest of the file in hand, and `within` how far it was read. `done`, `failed`: digests, one behind the other, of
    those that are over: of a folder's until they are moved, of a pattern's as long as they are remembered."""

    kind: Literal["folder"] = "folder"
    file: str = ""
    within: Position | None = None
    done: str = ""
    failed: str = ""


class _InHand(NamedTuple):
    listed: FolderFile
    digest: str


class _Over(NamedTuple):
    """A file that is over once the batch is acknowledged. `why`: it could not be read."""

    batch: Batch
    file: _InHand
    why: str | None


class _OneOfMany(FileSource):
    alone: ClassVar[bool] = True

    def turn_to(self, path: Path) -> None:
        """The next `connect` is to this file."""
        self.inputs = (self.inputs[0].model_copy(update={"file": path}),)


class FolderSource(Source):
    """Reads the files of a drop folder or a pattern."""

    Config: ClassVar[type[FolderConfig]] = FolderConfig
    version = 1

    def __init__(self, config: FolderConfig, context: Context) -> None:
        super().__init__(config, context)
        self._shelf = FolderShelf(config)
        inputs = (Input(file=Path(), mapping=config.mapping, join=config.join),)
        self._reader = _OneOfMany(FileConfig(inputs=inputs, last_line_whole=True), context)
        self._sampling = False
        self._refused: set[Path] = set()
        self._begin(FolderPlace())

    def _begin(self, place: FolderPlace) -> None:
        self._place = place
        self._in_hand: _InHand | None = None
        self._over: deque[_Over] = deque()
        self._files: list[FolderFile] = []
        self._whole: deque[FolderFile] = deque()
        self._done, self._failed = dict.fromkeys(_listed(place.done)), dict.fromkeys(_listed(place.failed))
        self._known: set[str] = set()
        """Digests of files that were read and are safe: they need not be read again."""

    def check(self) -> str:
        """Raises ConfigurationError if the folder is not there, or files cannot be moved out of it."""
        try:
            self._shelf.require()
            found = self._shelf.files()
        except OSError as error:
            raise _away(error) from error
        return f"{self._where} has {len(found):,} files that count"

    def connect(self, position: Position | None) -> None:
        """Files that an earlier run has read and not moved any more are moved now. Raises TransientError, ConfigurationError."""
        try:
            place = FolderPlace() if position is None else FolderPlace.model_validate(position)
        except ValidationError as error:
            raise PositionLostError(f"{self.context.domain}: the position is none of a folder of files") from error
        self.close()
        self._begin(place)
        if position is not None and not self._shelf.is_there:
            raise TransientError(f"{self._where} is away, and was there before: a share that is not mounted, say")
        try:
            self._shelf.require()
            self._move_finished()
            self._known |= self._shelf.done_before()
        except OSError as error:
            raise _away(error) from error

    def read(self, timeout_seconds: float) -> Batch:
        try:
            if self._in_hand is None:
                fault = self._take_next()
                if fault is not None:
                    return fault
            return self._read(timeout_seconds) if self._in_hand else self._nothing()
        except OSError as error:
            raise _away(error) from error

    def ack(self, batch: Batch) -> None:
        """Move what is over."""
        while self._over and self._over[0].batch is batch:
            file, why = self._over.popleft()[1:]
            try:
                self._put_away(file, why)
            except OSError as error:
                raise ConfigurationError(
                    f"{file.listed.path.name} was read and cannot be moved away ({error.strerror}); mend it and start again: it "
                    "is not read twice"
                ) from error

    def close(self) -> None:
        self._reader.close()
        self._in_hand = None

    def sample(self, limit: int) -> Iterator[Item]:
        """Also of files that are not whole yet; nothing is moved."""
        self._sampling = True
        try:
            yield from super().sample(limit)
        finally:
            self._sampling = False

    def past(self) -> FolderSource:
        """Of the files that were read and moved; those that wait are for the live edge. Of a pattern all."""
        config = self.config
        if config.folder is not None:
            lying = str(Path(glob.escape(str(config.done_folder))) / "*")
            config = FolderConfig(glob=(lying,), order=config.order, mapping=config.mapping, join=config.join)
        update = {"follow": False, "complete": Renamed(kind="renamed")}
        return FolderSource(config.model_copy(update=update), self.context)

    def position_at(self, at_ms: int) -> Position | None:
        """Files that were written before that instant count as done: of a folder they are moved, and not read."""
        before = [each for each in self._shelf.files() if each.stamp[3] < at_ms * 1_000_000]
        if len(before) > MAX_FILES:
            raise ConfigurationError(
                f"{self._where} has {len(before):,} files from before; move what is over elsewhere"
            )
        digests = dict.fromkeys(filter(None, map(self._digest, before)))
        return FolderPlace(done="".join(digests)).model_dump(exclude_defaults=True) | {"kind": "folder"}

    def progress(self) -> tuple[int, int] | None:
        return self._reader.progress() if self._in_hand else None

    # -- choosing a file -------------------------------------------------------------------------------------------------------

    def _take_next(self) -> Batch | None:
        """Have the next file in hand, if there is one. A batch instead: the file is none that can be read."""
        for found in self._waiting():
            digest = self._digest(found)
            if digest is None or digest in self._done or digest in self._failed:
                continue
            if digest in self._known:
                if not self._sampling:
                    self._put_away(_InHand(found, digest), None)
                continue
            if self._is_full():
                return None
            self._in_hand = _InHand(found, digest)
            within = self._place.within if digest == self._place.file else None
            try:
                self._reader.turn_to(found.path)
                self._reader.connect(within)
            except FatalError as error:
                return self._unreadable(error)
            return None
        return None

    def _waiting(self) -> Iterator[FolderFile]:
        """Files that may be read now: those that were there at the last look, and when none is left, at one more."""
        while self._whole:
            yield self._whole.popleft()
        self._look()
        while self._whole:
            yield self._whole.popleft()

    def _look(self) -> None:
        """What is there, the file that was in hand before first. A folder of many files costs too much to be looked at for each."""
        found = self._files = self._shelf.files()
        self._shelf.forget_others(found)
        whole = found if self._sampling else self._shelf.whole(found)
        if self._place.file:
            whole = sorted(whole, key=lambda each: self._digest(each) != self._place.file)
        self._whole = deque(whole)

    def _digest(self, file: FolderFile) -> str | None:
        """None: not now. A file that may not be read stops no other."""
        try:
            return self._shelf.digest(file)
        except PermissionError:
            if file.path not in self._refused:
                self._refused.add(file.path)
                self.context.say(f"{file.path.name} may not be read by this user, and is left where it is")
            return None

    def _is_full(self) -> bool:
        """Whether no more can be remembered: of a folder, before what is over was moved."""
        if len(self._done) + len(self._failed) < MAX_FILES:
            return False
        if self.config.folder is not None:
            return True
        there = {self._digest(each) for each in self._files}
        for kept in (self._done, self._failed):
            for digest in [each for each in kept if each not in there]:
                del kept[digest]
        if len(self._done) + len(self._failed) >= MAX_FILES:
            raise ConfigurationError(
                f"{self._where} names {len(self._files):,} files, and at most {MAX_FILES:,} can be told from new ones; move what "
                "is over elsewhere, or use `folder`, which does that by itself"
            )
        return False

    def _nothing(self) -> Batch:
        """No file is whole at present."""
        if self.config.follow:
            return Batch(wait_seconds=_LOOK_SECONDS)
        over = {each.file.listed.path for each in self._over} | self._refused
        left = [each for each in self._shelf.files() if each.path not in over and not self._is_over(each)]
        if left and (self._over or self._shelf.decides_by_itself):
            return Batch(wait_seconds=_LOOK_SECONDS / 5)
        return Batch(last=True, left=f"{self._where}: {len(left):,} files are not whole yet" if left else None)

    def _is_over(self, file: FolderFile) -> bool:
        return self.config.folder is None and self._digest(file) in self._done | self._failed

    # -- reading it ------------------------------------------------------------------------------------------------------------

    def _read(self, timeout_seconds: float) -> Batch:
        file = self._hand
        try:
            batch = self._reader.read(timeout_seconds)
        except ChangedError:
            return self._changed(file)
        except FatalError as error:
            return self._unreadable(error)
        if not batch.last:
            within = batch.after or self._place.within
            self._place = self._place.model_copy(update={"file": file.digest, "within": within})
            return Batch(batch.items, self._position() if batch.items else None)
        if self._shelf.is_other(file.listed):
            return self._changed(file, batch)
        return self._finished(batch.items, None)

    def _finished(self, items: Sequence[Item], why: str | None) -> Batch:
        file = self._hand
        self._reader.close()
        self._in_hand = None
        (self._failed if why else self._done)[file.digest] = None
        self._place = FolderPlace()
        batch = Batch(items, self._position())
        self._over.append(_Over(batch, file, why))
        return batch

    def _unreadable(self, error: FatalError) -> Batch:
        file = self._hand
        if self._shelf.is_other(file.listed):
            return self._changed(file)
        self.context.say(f"{file.listed.path.name} cannot be read: {error}")
        fault = RejectedRecordError(Reason.BAD_ROW, _UNREADABLE)
        item = Item(None, file.listed.path.name, 1, b"", self.config.mapping, fault, file.listed.stamp[2], unit="file")
        return self._finished([item], str(error))

    def _changed(self, file: _InHand, batch: Batch | None = None) -> Batch:
        """It was not whole: it is read anew once it is, and what came of it is then a repeat."""
        self.context.say(f"{file.listed.path.name} was changed while it was read; reading it anew once it is whole")
        self._reader.close()
        self._in_hand = None
        self._place = FolderPlace()
        return Batch(batch.items if batch else (), self._position(), wait_seconds=_LOOK_SECONDS)

    # -- what is over ----------------------------------------------------------------------------------------------------------

    def _put_away(self, file: _InHand, why: str | None) -> None:
        if self.config.folder is None:
            return
        if self._shelf.is_other(file.listed):
            self.context.say(f"{file.listed.path.name} is another file by now, and is left where it is")
        else:
            self._shelf.put_away(file.listed, file.digest, why)
        (self._failed if why else self._done).pop(file.digest, None)
        if not why:
            self._known.add(file.digest)

    def _move_finished(self) -> None:
        """A process that was killed has not moved all that its position calls over."""
        if self.config.folder is None or not (self._done or self._failed):
            return
        moved = self._shelf.failed_before()  # what lies there, and here again, was dropped again: it is read
        for found in self._shelf.files():
            digest = self._digest(found)
            if digest in self._done:
                self._known.add(digest)
                self._shelf.put_away(found, digest, None)
            elif digest in self._failed.keys() - moved:
                self._shelf.put_away(found, digest, "it could not be read; the dead letter says when")
        self._known |= self._done.keys()
        self._done.clear()
        self._failed.clear()

    def _position(self) -> Position:
        place = self._place.model_copy(update={"done": "".join(self._done), "failed": "".join(self._failed)})
        return place.model_dump(exclude_defaults=True) | {"kind": place.kind}

    @property
    def _hand(self) -> _InHand:
        assert self._in_hand is not None
        return self._in_hand

    @property
    def _where(self) -> str:
        return str(self.config.folder or ", ".join(self.config.glob or ()))


def _listed(digests: str) -> list[str]:
    return [digests[at : at + DIGEST_CHARS] for at in range(0, len(digests), DIGEST_CHARS)]


def _away(error: OSError) -> TransientError:
    return TransientError(f"the files cannot be looked at: {error.strerror or type(error).__name__}")
