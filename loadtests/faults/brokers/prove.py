"""What is proved at the end of a round, from the topics and from the three brokers' own logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.audit import AuditReport, StateReport, judge_state, judge_tables
from hub.audit.changelogs import read_changelogs
from hub.audit.reading import read_tables
from hub.settings import Settings
from loadtests.faults.fencing import Fencing
from loadtests.faults.segments import batches


@dataclass(frozen=True)
class Look:
    """The account and the state at one moment of rest."""

    audit: AuditReport
    state: StateReport
    admitted: tuple[int, int]
    """Events and updates admitted."""
    taken_in: Mapping[str, int]

    @property
    def good(self) -> bool:
        return self.audit.good and self.state.good

    def as_dict(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "audit": self.audit.as_dict(),
            "state": self.state.as_dict(),
            "admitted": list(self.admitted),
        }


@dataclass(frozen=True)
class Proof:
    """Of one round. Good if all of it is."""

    first: Look
    """After the faults."""
    again: Look
    """After everything was sent once more."""
    fresh: int
    """Events sent that had not been sent before: as many as were admitted."""
    sent: int
    """Records sent before they were sent once more: as many as came in."""
    fencing: Mapping[int, Fencing]
    """By node."""
    replicas_differ: tuple[str, ...]
    """Partitions that are not the same on all nodes."""

    @property
    def admitted_again(self) -> int:
        """Of what was sent once more, what was taken for new."""
        return sum(self.again.admitted) - sum(self.first.admitted)

    @property
    def good(self) -> bool:
        return (
            self.first.good
            and self.again.good
            and not self.admitted_again
            and self.first.admitted[0] == self.fresh
            and sum(self.first.taken_in.values()) == self.sent
            and sum(self.again.taken_in.values()) == 2 * self.sent
            and all(one.good for one in self.fencing.values())
            and not self.replicas_differ
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "fresh": self.fresh,
            "sent": self.sent,
            "came_in": sum(self.first.taken_in.values()),
            "admitted_again": self.admitted_again,
            "first": self.first.as_dict(),
            "again": self.again.as_dict(),
            "fencing": {str(node): one.as_dict() for node, one in self.fencing.items()},
            "replicas_differ": list(self.replicas_differ),
        }


def look(settings: Settings, sources: list[str], departments: list[str]) -> Look:
    """Of a hub at rest. Raises FatalError, RetriableError as `hub.audit.audit` does."""
    tables = read_tables(settings, sources, departments)
    report = judge_tables(tables)
    state = judge_state(tables, read_changelogs(settings, tables.identities))
    return Look(report, state, (len(tables.events), len(tables.updates)), report.taken_in)


def differing(folders: Iterable[Path], namespace: str) -> tuple[str, ...]:
    """Partitions whose batches are not the same in all log folders."""
    kept = [{(batch.partition, batch.first): batch for batch in batches(folder, namespace)} for folder in folders]
    odd = {place[0] for one in kept for place, batch in one.items() if any(o.get(place) != batch for o in kept)}
    return tuple(sorted(odd))
