"""Laws that hold if no zombie ever got a word in, checked on the broker's own log. Pure but for the look at the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.faults.segments import Batch, Transaction, batches, transactions

_NUMBERS = 2**31
"""Sequence numbers begin again at 0 after so many."""


@dataclass(frozen=True)
class Fencing:
    """What the broker's log says. Good if nothing overlaps, comes after its fencing, is still open or was skipped."""

    committed: int
    aborted: int
    overlapping: tuple[str, ...]
    """Pairs of committed transactions in one changelog partition of which one began before the other had ended."""
    late: tuple[str, ...]
    """Batches of an epoch that was over already."""
    still_open: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    """Where a producer's numbers leave some out: the broker never had these records, whatever the producer was told."""
    hollow: tuple[str, ...] = ()
    """Where a producer's transaction was committed without a record, after an abort of the same producer and epoch: what it
    wrote there was aborted in its stead."""
    expired: tuple[str, ...] = ()
    """Transactions in which a worker was caught and that the broker ended for it."""

    @property
    def good(self) -> bool:
        return not (self.overlapping or self.late or self.still_open or self.skipped or self.hollow)

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good, **vars(self)}


def check_fencing(
    folder: Path, namespace: str, changelogs: Sequence[str], caught: Iterable[tuple[str, int]] = ()
) -> Fencing:
    """`folder`: the broker's log folder. `caught`: partitions and offsets where transactions of paused workers began."""
    found = list(batches(folder, namespace))
    all_of_them = transactions(found)
    names = {f"{namespace}{name}" for name in changelogs}
    return Fencing(
        committed=sum(one.committed for one in all_of_them),
        aborted=sum(one.ended is not None and not one.committed for one in all_of_them),
        overlapping=tuple(overlapping([one for one in all_of_them if one.partition.rpartition("-")[0] in names])),
        late=tuple(late(found)),
        still_open=tuple(shown(one) for one in all_of_them if one.ended is None),
        skipped=tuple(skipped(found)),
        hollow=tuple(hollow(found)),
        expired=tuple(
            shown(one) for one in all_of_them if not one.committed and (one.partition, one.first) in set(caught)
        ),
    )


def overlapping(some: Iterable[Transaction]) -> list[str]:
    """Only who holds a partition writes its changelog, and reads it to the end before: committed transactions there follow one
    another. One that was begun before a takeover and committed after the other's first would be a zombie's."""
    found = []
    last: dict[str, Transaction] = {}
    for one in some:
        if not one.committed or one.ended is None:
            continue
        before = last.get(one.partition)
        if before is not None and before.ended is not None and one.first < before.ended:
            found.append(f"{shown(before)} and {shown(one)}")
        if before is None or before.ended is None or one.ended > before.ended:
            last[one.partition] = one
    return found


def late(batches: Iterable[Batch]) -> list[str]:
    """In each partition a producer's epochs only rise: what is fenced off writes no more."""
    newest: dict[tuple[str, int], int] = {}
    wrong = []
    for batch in batches:
        place = batch.partition, batch.producer
        if batch.epoch < newest.get(place, batch.epoch):
            wrong.append(f"{batch.partition}@{batch.first} of producer {batch.producer} epoch {batch.epoch}")
        newest[place] = max(batch.epoch, newest.get(place, batch.epoch))
    return wrong


def skipped(batches: Iterable[Batch]) -> list[str]:
    """In each partition an idempotent producer numbers its records from 0 in every epoch, and leaves none out."""
    following: dict[tuple[str, int, int], int] = {}
    wrong = []
    for batch in batches:
        if batch.commit is not None or batch.sequence < 0:
            continue
        writer = batch.partition, batch.producer, batch.epoch
        wanted = following.get(writer, 0)
        if batch.sequence != wanted:
            wrong.append(
                f"{batch.partition}@{batch.first} of producer {batch.producer} epoch {batch.epoch}: {batch.sequence - wanted}"
            )
        following[writer] = (batch.sequence + batch.last - batch.first + 1) % _NUMBERS
    return wrong


def hollow(batches: Iterable[Batch]) -> list[str]:
    """Markers that commit nothing, after one that aborted. Two of a kind in turn are one that was written twice."""
    last: dict[tuple[str, int, int], bool | None] = {}
    wrong = []
    for batch in batches:
        writer = batch.partition, batch.producer, batch.epoch
        if batch.commit and last.get(writer) is False:
            wrong.append(f"{batch.partition}@{batch.first} of producer {batch.producer} epoch {batch.epoch}")
        if batch.transactional:
            last[writer] = batch.commit
    return wrong


def shown(transaction: Transaction) -> str:
    end = (
        "open"
        if transaction.ended is None
        else f"{'commit' if transaction.committed else 'abort'} at {transaction.ended}"
    )
    writer = f"producer {transaction.producer} epoch {transaction.epoch}"
    return f"{transaction.partition}@{transaction.first}-{transaction.last} {writer}, {end}"
