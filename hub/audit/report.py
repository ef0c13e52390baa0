"""What an audit found: what came in, what became of it, and what does not add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = 5
"""Identities named of each finding."""


@dataclass(frozen=True)
class Finding:
    """Something that was looked for. Good if there is none of it."""

    what: str
    """In words, both languages."""
    count: int = 0
    first: tuple[str, ...] = ()
    """A few of them, to look at."""

    @classmethod
    def of(cls, what: str, examples: Iterable[str], count: int | None = None) -> Finding:
        some = list(examples)
        return cls(what, len(some) if count is None else count, tuple(some[:SHOWN]))


@dataclass(frozen=True)
class AuditReport:
    """One audit. `taken_in` by input topic, `outcomes` by agent and kind, one for each record that came in."""

    taken_in: Mapping[str, int]
    outcomes: Mapping[str, int]
    connector_letters: int
    """Rows that connectors set aside: they never came in."""
    cases: int
    reopened: int
    """Cases opened again after they were over and forgotten."""
    lost: Finding
    """Read by an agent, and nothing came of it."""
    waiting: Finding
    """Not read yet by the agent whose turn it is."""
    twice: Finding
    """With more than one outcome."""
    defects: tuple[Finding, ...]
    """Every other check, also those that found nothing."""
    foreign: Finding = Finding("")
    """Records in the hub's own topics that somebody else wrote: named, and nothing else."""
    losses: tuple[Finding, ...] = ()
    """What was gone before anybody read it: accounted for by letters in hub.dead, and lost all the same."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was looked for."""
        return (self.lost, self.waiting, self.twice, *self.losses, *self.defects, self.foreign)

    @property
    def unaccounted(self) -> int:
        """Records that came in and have no outcome, whether lost or waiting."""
        return self.lost.count + self.waiting.count

    @property
    def doubled(self) -> int:
        return self.twice.count

    @property
    def orphaned(self) -> int:
        """Whatever else does not add up."""
        return sum(finding.count for finding in self.defects)

    @property
    def gone(self) -> int:
        """Records that were gone before they were read, at most, and topics that were made anew or cut."""
        return sum(finding.count for finding in self.losses)

    @property
    def good(self) -> bool:
        return not self.unaccounted and self.good_so_far

    @property
    def good_so_far(self) -> bool:
        """Good but for what the agents have not read yet."""
        return not (self.lost.count or self.doubled or self.orphaned or self.gone)

    def rows(self) -> list[tuple[str, str]]:
        """For a table: what, how many."""
        said: list[tuple[str, str]] = [(topic, f"{count:,}") for topic, count in self.taken_in.items()]
        said.append(("records in 收到", f"{sum(self.taken_in.values()):,}"))
        said += [(outcome, f"{count:,}") for outcome, count in self.outcomes.items()]
        said.append(("connectors' dead letters 接入死信", f"{self.connector_letters:,}"))
        said.append(("cases 案件", f"{self.cases:,}"))
        if self.reopened:
            said.append(("cases opened again 重开案件", f"{self.reopened:,}"))
        said += [(each.what, f"{each.count:,}") for each in self.findings if each.count]
        passed = sum(not each.count for each in self.defects)
        said.append(("checks passed 通过检查", f"{passed} of {len(self.defects)}"))
        return said

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "good": self.good,
            "records_in": dict(self.taken_in),
            "outcomes": dict(self.outcomes),
            "connector_dead_letters": self.connector_letters,
            "cases": self.cases,
            "reopened": self.reopened,
            "unaccounted": self.unaccounted,
            "doubled": self.doubled,
            "orphaned": self.orphaned,
            "gone": self.gone,
            "findings": [{"what": each.what, "count": each.count, "first": list(each.first)} for each in self.findings],
        }
