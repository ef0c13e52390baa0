"""Stretches of a partition that an agent did not read, and the letter that says so. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.errors import Reason


class Gap(NamedTuple):
    """Records of one partition that were not read, and never will be."""

    topic: str
    """Without the namespace."""
    partition: int
    reason: Reason
    """One of hub.errors.GAPS."""
    begin: int
    """The offset that was to be read next."""
    until: int
    """Where reading goes on; not behind `begin` if the topic was made anew or cut."""
    detail: str

    @property
    def records_at_most(self) -> int:
        """Offsets that were passed over: records, and markers of transactions that are none."""
        return max(0, self.until - self.begin)

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.begin}-{self.until}"

    def letter(self, agent: str, at_ms: int) -> dict[str, Any]:
        """The `cityhub.DeadLetter` that stands for it. `at_ms`: when it was found."""
        origin = {"topic": self.topic, "partition": self.partition, "offset": self.begin, "ingested_at": at_ms}
        return {
            "stage": agent, "reason": str(self.reason), "detail": self.detail, "at": at_ms, "origin": origin,
            "until": self.until, "file": None, "line": None, "key": None, "value": None,
        }  # fmt: skip
