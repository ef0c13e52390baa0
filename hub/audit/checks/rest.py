"""Whether a hub is at rest, so that what its agents remember can be compared with what they published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.audit.checks.accounts import DEDUPLICATE, ROUTE, TRACK, ids
from hub.audit.identity import Ids
from hub.audit.tables import Tables
from hub.inspect.reading import OffsetSpan, Partition


@dataclass(frozen=True)
class Unrest:
    """State that could not be compared, and why: what an agent has not read yet, or what was written meanwhile."""

    why: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Nothing was proven."""
        return False

    @property
    def findings(self) -> tuple[()]:
        return ()

    def rows(self) -> list[tuple[str, str]]:
        return [(why, "") for why in self.why]

    def as_dict(self) -> dict[str, Any]:
        return {"good": None, "not_compared": list(self.why)}


def unrest(tables: Tables, ends: Mapping[Partition, OffsetSpan]) -> Unrest | None:
    """None of a hub at rest. `ends`: of the topics the tables were read from, after the state was read too. Pure."""
    why = [
        f"{agent} has {count:,} records to read yet" for agent, count in _unread(tables).items() if count
    ]  # before what was written meanwhile: a worker that is stopped writes nothing
    moved = sorted({topic for (topic, number), end in tables.cut.items() if ends[topic, number].end != end})
    if moved:
        shown = ", ".join(moved[:3]) + (", ..." if len(moved) > 3 else "")
        why.append(f"{shown} went on while it was read")
    return Unrest(tuple(why)) if why else None


def _unread(tables: Tables) -> dict[str, int]:
    reads: dict[str, list[Ids]] = {
        DEDUPLICATE: list(tables.inputs.values()),
        ROUTE: [ids(tables.events), ids(tables.closures)],
        TRACK: [ids(tables.cases), ids(tables.updates)],
    }
    return {
        agent: sum(int((~tables.identities.before(some, tables.reached.get(agent, {}))).sum()) for some in topics)
        for agent, topics in reads.items()
    }
