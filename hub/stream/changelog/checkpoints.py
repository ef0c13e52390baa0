"""What a changelog says of the commits that wrote it, so that a state which is not what was committed is found. Pure.

Every commit writes a checkpoint into the changelog of each partition whose offsets or state it changes, and the checkpoint's
number beside those offsets. Both are in one transaction. Whoever reads the state back compares: the last checkpoint in the
changelog is that of the last commit, and none is missing before it. It also says how far each topic had been read, for a group
whose offsets the broker has forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self

import msgspec

from hub.packed import msgpack_decoder
from hub.stream.numbers import PartitionPlace

_KEY = b"\0"
"""How the key of a checkpoint begins. No key of a record of state begins so."""
_FIRST = _KEY + b"first"
RING = 64
"""How many checkpoints stay in a changelog that keeps only the last record of each key, beside the first."""


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """One commit, as the changelog of one partition has it."""

    sequence: int
    """The commits of this partition are counted: 1, 2, 3 ..."""
    at_ms: int
    previous_ms: int
    """When the checkpoint before this one was written; 0 for the first."""
    ends: list[tuple[str, int, int]]
    """Topic (without the namespace), partition and the next offset to read: of every place that counts to this
    partition or, if `logs` is empty, of those places that moved with this commit."""
    logs: dict[str, str] = {}
    """The ids of the topics, by name. A topic that is deleted and made anew has another id."""
    low: int = 0
    """The changelog's low watermark at that time. It never moves in a changelog that is compacted."""
    anew: bool = False
    """True if what was missing before this commit is known and accepted."""
    first: int = 0
    """Of a changelog that is compacted, the sequence of the checkpoint that stays there for good; 0 where none does. In a topic
    that was made anew under its writer it is not."""

    def key(self, *, compacted: bool) -> bytes:
        """The key of the record that holds this checkpoint. Without compaction the key holds all of it, and the
        record may be one of state with a value of its own."""
        if not compacted:
            return _KEY + _ENCODER.encode(self)
        return _FIRST if self.sequence == self.first else _KEY + b"%d" % (self.sequence % RING)

    def value(self) -> bytes:
        return _ENCODER.encode(self)


_ENCODER = msgspec.msgpack.Encoder()
_decode = msgpack_decoder(Checkpoint)


def is_checkpoint(key: bytes | None) -> bool:
    """True for a record, by its key, that is no record of state or has a checkpoint in its key."""
    return key is not None and key.startswith(_KEY)


def read_checkpoint(key: bytes | None, value: bytes | None, *, compacted: bool) -> Checkpoint | None:
    """The checkpoint that a record of a changelog is or carries, or None.

    Raises msgspec.DecodeError if it should be one and cannot be read.
    """
    if key is None or not is_checkpoint(key):
        return None
    found: Checkpoint = _decode((value or b"") if compacted else key[len(_KEY) :])
    return found


class CommitMark(NamedTuple):
    """What is written as metadata beside a committed offset."""

    claim: str
    """The claim of the hold that committed the offset; empty if somebody set it by hand."""
    sequence: int = 0
    """The sequence of the checkpoint in the same transaction; 0 if a version of the hub committed it that wrote
    none."""
    at_ms: int = 0

    def __str__(self) -> str:
        return f"{self.claim} {self.sequence} {self.at_ms}"

    @classmethod
    def read(cls, metadata: str | None) -> Self:
        """Parse the metadata of a committed offset. Without a mark of the hub, or with one of an older version, there
        is no sequence."""
        claim, *numbers = (metadata or "").split(" ")
        if len(numbers) != 2 or not all(each.isdecimal() for each in numbers):
            return cls(claim)
        return cls(claim, *map(int, numbers))

    @property
    def accepts_loss(self) -> bool:
        return self.claim == LOSS_ACCEPTED


LOSS_ACCEPTED = "accepted"
"""Stands in place of a claim where somebody has accepted that state is lost."""


_NO_POSITION = "the group has no committed offset, and it has state of which nobody knows how far it goes"


@dataclass
class Trail:
    """What the changelog of one partition says of its commits. Its records are taken oldest first."""

    compacted: bool
    low: int = 0
    """The changelog's low watermark: what lay before it was deleted."""
    last: Checkpoint | None = None
    ends: dict[PartitionPlace, int] = field(default_factory=dict)
    """The next offset to read of each topic (without the namespace) and partition."""
    logs: dict[str, str] = field(default_factory=dict)
    stays: int = 0
    """The sequence of the checkpoint that stays for good, where one is there."""
    _first: Checkpoint | None = None
    _began: bool = False
    _breaks: list[tuple[int, int]] = field(default_factory=list)
    """Pairs of sequences of checkpoints that follow each other and should not."""

    def take(self, checkpoint: Checkpoint | None) -> None:
        """Take in one more record of the changelog, with its checkpoint if it has one."""
        if checkpoint is None:
            self._began = True
            return
        before = 0 if self.last is None else self.last.sequence
        if checkpoint.anew:
            self._breaks.clear()
            self._first = checkpoint
        elif self.last is None and not self.compacted:
            self._first = None if self._began else checkpoint
        elif checkpoint.sequence != before + 1:
            self._breaks.append((before, checkpoint.sequence))
        self._began = True
        self.last = checkpoint
        if checkpoint.sequence == checkpoint.first:
            self.stays = checkpoint.first
        self.ends.update({(topic, partition): end for topic, partition, end in checkpoint.ends})
        self.logs.update(checkpoint.logs)

    def fault(self, mark: CommitMark | None, needed_since_ms: int) -> str | None:
        """Why this is not the state that was committed with `mark`, or None. What is expected, then what was found.

        No mark: the group has no offset. `needed_since_ms`: of a changelog that forgets by age, since when nothing of it may be
        missing.
        """
        if mark is None:
            return _NO_POSITION if self._began and self.last is None else self._other(self.last)
        if mark.accepts_loss or not mark.sequence:
            return None
        if self.last is None:
            if not self.compacted and mark.at_ms < needed_since_ms:
                return None  # nothing was written since, and what was has expired
            return f"commit {mark.sequence} is its last, and it has no record of any"
        if self.last.sequence != mark.sequence:
            return f"commit {mark.sequence} is its last, and it ends with commit {self.last.sequence}"
        return self._other(self.last) or self._hole(self.last) or self._beginning(self.last, needed_since_ms)

    def _other(self, last: Checkpoint | None) -> str | None:
        """Whoever held the state may have gone on writing into a topic that was made anew, where nothing from before is."""
        if last is None or last.first in (0, self.stays):
            return None
        return f"commit {last.first} stays in it for good, and is not there: it was made anew"

    def _hole(self, last: Checkpoint) -> str | None:
        superseded = last.sequence - RING if self.compacted else 0
        for before, after in self._breaks:
            if after <= before or after - 1 > superseded:
                return f"commit {before + 1} follows commit {before}, and what it has there is commit {after}"
        return None

    def _beginning(self, last: Checkpoint, needed_since_ms: int) -> str | None:
        if self.compacted:
            if self.low == last.low:
                return None
            return f"it begins at offset {last.low}, and everything before offset {self.low} was deleted"
        first = self._first
        if first is None or first.anew or first.sequence == 1 or first.previous_ms < needed_since_ms:
            return None
        return f"commit {first.sequence - 1} is needed, and it begins with commit {first.sequence}"
