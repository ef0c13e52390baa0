"""Decides where an agent reads on, and which stretches of a partition it therefore never reads: one letter stands for
each. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.errors import Reason
from hub.stream.kafka.extent import Extent
from hub.stream.kafka.standpoint import is_made_anew

BY_HAND = "somebody set the group's offset by hand"


class Gap(NamedTuple):
    """Records of one partition that were not read, and never will be."""

    topic: str
    """The topic, without the namespace."""
    partition: int
    reason: Reason
    """One of hub.errors.GAP_REASONS."""
    begin: int
    """The offset that was to be read next."""
    until: int
    """Where reading goes on; not behind `begin` if the topic was made anew or cut."""
    detail: str

    @property
    def records_at_most(self) -> int:
        """How many offsets were passed over: some are markers of transactions, which are no records."""
        return max(0, self.until - self.begin)

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.begin}-{self.until}"

    def letter(self, agent: str, at_ms: int) -> dict[str, Any]:
        """The `cityhub.DeadLetter` that stands for this gap. `at_ms`: when the gap was found."""
        origin = {"topic": self.topic, "partition": self.partition, "offset": self.begin, "ingested_at": at_ms}
        return {
            "stage": agent, "reason": str(self.reason), "detail": self.detail, "at": at_ms, "origin": origin,
            "until": self.until, "file": None, "line": None, "key": None, "value": None,
        }  # fmt: skip


class ReadSoFar(NamedTuple):
    """What is known of how far a partition was read. Every part may be unknown."""

    committed: int | None = None
    """The group's committed offset."""
    by_hand: bool = False
    """True if somebody other than the hub committed that offset."""
    end: int | None = None
    """The next offset to read, as the changelog has it."""
    log: str = ""
    """Id of the topic that was read; empty if unknown."""

    @property
    def position(self) -> int | None:
        """The offset to be read next."""
        return self.end if self.committed is None else self.committed


def resume(topic: str, partition: int, reach: ReadSoFar, extent: Extent) -> tuple[int, Gap | None]:
    """The offset at which reading goes on, and the gap that this leaves, if any.

    A partition that was never read begins where its log does: what was deleted before was never the hub's.
    """
    position = reach.position
    if position is None:
        return extent.low, None

    def gap(reason: Reason, begin: int, until: int, detail: str) -> tuple[int, Gap]:
        return until, Gap(topic, partition, reason, begin, until, detail)

    if is_made_anew(reach.log, extent.log):
        begin = reach.end if reach.by_hand and reach.end is not None else position
        if begin == 0:
            return extent.low, None  # nothing of the old one was ever read
        return gap(
            Reason.MOVED_BACK, begin, extent.low,
            f"the topic was deleted and made anew after it had been read to offset {begin}; what else it had is lost",
        )  # fmt: skip
    if position > extent.high:
        return gap(
            Reason.MOVED_BACK, position, extent.high if reach.log else extent.low,
            f"the topic was read to offset {position} and ends at {extent.high}: it was made anew, or brokers lost its end",
        )  # fmt: skip
    if reach.by_hand and reach.end is not None and reach.end < position:
        until = max(position, extent.low)
        return gap(Reason.SKIPPED, reach.end, until, f"{BY_HAND}: at most {until - reach.end} records were not read")
    if position < extent.low:
        return gap(
            Reason.GAP, position, extent.low,
            f"at most {extent.low - position} records were deleted before they were read: the agent was away or behind for "
            "longer than the topic's retention, or somebody deleted them",
        )  # fmt: skip
    return position, None
