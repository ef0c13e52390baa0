"""What one batch of records says: rows that are kept as they are, and what changes cases and clocks. Pure data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FactRow = tuple[Any, ...]


class ChangeFact(NamedTuple):
    """A change of a case. `taken`: what the case is from now on, by the columns of hub.ledger.projection."""

    case_id: str
    change: str
    changed_at: int
    ends: bool
    over: bool
    taken: FactRow


@dataclass
class Facts:
    """In order of each topic's partition."""

    changes: list[ChangeFact] = field(default_factory=list)
    clocks: list[FactRow] = field(default_factory=list)
    """Given to cases: case, clock, policy, started, due, warn, provisional, duration, unit."""
    notices: list[FactRow] = field(default_factory=list)
    """Of clocks: case, clock, policy, started, kind, department, due, at, corrects."""
    reports: list[FactRow] = field(default_factory=list)
    """By the columns of `reports`; a later one of the same report and case takes the place of an earlier one."""
    placed_orders: list[FactRow] = field(default_factory=list)
    """That name an address: case, issued, order, address, source, ref."""
    accepted: list[FactRow] = field(default_factory=list)
    """Updates that were taken: case, decided, place of the update, event, the outcome they name and until when."""
    rows: dict[str, list[FactRow]] = field(default_factory=dict)
    """By table, for those that keep records: by their columns."""
    erasures: dict[tuple[str, str], str] = field(default_factory=dict)
    """Reports whose words are to go, and on whose word."""
    records: int = 0
    foreign: int = 0
    """That the hub did not write, and that are nobody's."""

    @property
    def cases(self) -> set[str]:
        """Of which some row may change."""
        parts: Iterable[Iterable[FactRow]] = (
            self.changes,
            self.clocks,
            self.notices,
            self.placed_orders,
            self.accepted,
        )
        return {row[0] for part in parts for row in part}

    def case_changes(self) -> Iterator[ChangeFact]:
        return iter(self.changes)

    def given_clocks(self) -> Iterator[FactRow]:
        return iter(self.clocks)

    def clock_notices(self) -> Iterator[FactRow]:
        return iter(self.notices)

    def addresses(self) -> Iterator[FactRow]:
        return (row[:4] for row in self.placed_orders)

    def accepted_updates(self) -> Iterator[FactRow]:
        return iter(self.accepted)

    def helpers(self) -> dict[str, list[str]]:
        """By case, as the last change has it."""
        at = _HELPERS
        return {change.case_id: _names(change.taken[at]) for change in self.changes}

    def without_words_of(self, erased: set[tuple[str, str]]) -> None:
        """Leave out the address that these reports named."""
        self.placed_orders = [row for row in self.placed_orders if row[4:] not in erased]
        if "orders" in self.rows:
            self.rows["orders"] = [
                (*row[:_ADDRESS], None, *row[_ADDRESS + 1 :]) if row[_ADDRESS - 2 : _ADDRESS] in erased else row
                for row in self.rows["orders"]
            ]


_HELPERS, _ADDRESS = 1, 15
"""Where they stand in `taken`, and in a row of `orders`."""


def _names(joined: str | None) -> list[str]:
    return list(dict.fromkeys(joined.split(", "))) if joined else []
