"""What is proved when a run is over, from the topics and the broker's log alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from hub.audit import AuditReport, StateReport, judge_state, judge_tables
from hub.audit.changelogs import read_changelogs
from hub.audit.reading import read_tables
from hub.audit.tables import Tables
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.simulator.truth import Truth
from hub.topics import DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG
from loadtests.faults.fencing import Fencing, check_fencing

CHANGELOGS = tuple(topic.name for topic in (DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG))


@dataclass(frozen=True)
class Proof:
    """Good if all of it is."""

    audit: AuditReport
    state: StateReport
    fencing: Fencing
    statements: dict[str, tuple[int, int]]
    """By source, what its system said that is new and can be read, and what was admitted: equal."""
    updates: tuple[int, int]
    """What departments sent, and what is there: equal, as their producer is idempotent."""

    @property
    def good(self) -> bool:
        told = (*self.statements.values(), self.updates)
        return self.audit.good and self.state.good and self.fencing.good and all(said == there for said, there in told)

    def as_dict(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "audit": self.audit.as_dict(),
            "state": self.state.as_dict(),
            "fencing": self.fencing.as_dict(),
            "statements_said_and_admitted": self.statements,
            "updates_sent_and_there": self.updates,
        }


def prove(
    settings: Settings, broker_logs: Path, truth: Truth, sent: int, caught: Iterable[tuple[str, int]] = ()
) -> Proof:
    """Of a hub at rest. `broker_logs`: the broker's log folder. `truth`: what the simulated systems said.

    Raises FatalError, RetriableError as `hub.audit.audit` does.
    """
    sources, departments = list(discover()), list(load_city(settings.city).departments)
    tables = read_tables(settings, sources, departments)
    report = judge_tables(tables)
    updates = sum(count for topic, count in report.taken_in.items() if topic.startswith("dept."))
    return Proof(
        audit=report,
        state=judge_state(tables, read_changelogs(settings, tables.identities)),
        fencing=check_fencing(broker_logs, settings.namespace, CHANGELOGS, caught),
        statements=statements(tables, truth),
        updates=(sent, updates),
    )


def statements(tables: Tables, truth: Truth) -> dict[str, tuple[int, int]]:
    """A connector that was killed sends rows again, and systems repeat themselves: both are repeats, and admitted once."""
    counted = pc.value_counts(tables.events.column("source")).to_pylist()
    admitted = Counter({each["values"]: each["counts"] for each in counted})
    said = {source: rows - truth.broken[source] - truth.repeats[source] for source, rows in truth.rows.items()}
    return {source: (said.get(source, 0), admitted[source]) for source in sorted({*said, *admitted})}
