"""Proves that the records of a transaction lie where they were written, by the offsets that the broker gave to some
of them.

librdkafka also takes a record for delivered that the broker took for one it has already (its number among the
producer's was used before), or of which it only knows that a later one was taken (KAFKA-15591). Such a record has no
offset, or one that is too low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from hub.stream.numbers import PartitionPlace

_EVERY = 256
"""A report costs as much as publishing the record did, so of a partition's records only the first, the last and some between
them are reported. The broker takes or refuses them a batch at a time."""
_NOWHERE = -1


class DeliveryReport(NamedTuple):
    """The report on one record: its number among those of its partition in the transaction, and the offset it got."""

    nth: int
    offset: int


class TransactionProof:
    """Of one transaction. `watch` all messages, publish them, and when the producer is flushed ask for `faults`.

    `ends`: by place the offset after the last record that this producer has written there before. `alone`: places where nobody
    else has written since. There one marker follows, and then what is written next: where more lies between the two, the
    transaction before was ended by something else than its commit.
    """

    def __init__(self, ends: Mapping[PartitionPlace, int], alone: Collection[PartitionPlace] = ()) -> None:
        self._before = ends
        self._alone = alone
        self._written: dict[PartitionPlace, int] = defaultdict(int)
        self._asked: dict[PartitionPlace, int] = defaultdict(int)
        self._reports: dict[PartitionPlace, list[DeliveryReport]] = defaultdict(list)
        self.failed: dict[PartitionPlace, str] = {}
        """Places where a record was not taken, and what was said of the first."""

    def watch(self, place: PartitionPlace, messages: Sequence[dict[str, Any]]) -> None:
        """Have some of these messages reported, which are published to one partition next."""
        before = self._written[place]
        last = len(messages) - 1
        for at in sorted({0, last, *range(_EVERY, last, _EVERY)}):
            messages[at]["callback"] = partial(self._hear, place, before + at)
            self._asked[place] += 1
        self._written[place] += len(messages)

    def _hear(self, place: PartitionPlace, index: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.setdefault(place, error.str())
        self._reports[place].append(DeliveryReport(index, _NOWHERE if error is not None else message.offset()))

    def faults(self) -> list[str]:
        """What does not fit, in words; empty if all records are where they should be."""
        return [fault for place in self._written if (fault := self._fault(place)) is not None]

    def _fault(self, place: PartitionPlace) -> str | None:
        reports, where = sorted(self._reports[place]), f"{place[0]}[{place[1]}]"
        if place in self.failed:
            return f"{where} takes no more ({self.failed[place]}): `cityhub doctor` says whether its settings are as they must be"
        if len(reports) != self._asked[place]:
            return f"{where}: {self._asked[place] - len(reports)} of {self._asked[place]} records asked for were never reported"
        expected = self._before.get(place, 0)
        if place in self._alone and reports[0].offset > expected + 1:
            return f"{where}: {reports[0].offset - expected - 1} more than a marker lie between this transaction and the last"
        for one, later in pairwise([DeliveryReport(-1, expected - 1), *reports]):
            if later.offset - one.offset < later.nth - one.nth:
                return f"{where}: record {later.nth} of {self._written[place]} is said to lie at {later.offset}"
        return None

    def ends(self) -> dict[PartitionPlace, int]:
        """The offset after the last record, by place."""
        return {place: max(report.offset for report in reports) + 1 for place, reports in self._reports.items()}
