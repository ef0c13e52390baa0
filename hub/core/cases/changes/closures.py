"""What `track` tells `route` of a case, as `route` reads it, by name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from hub.core.cases.changes.unlinking import Unlinking
from hub.core.columns import flags, from_columns, lists, millis, shared_values
from hub.core.tracking.columns.history import read_held
from hub.core.tracking.state import HolderLine
from hub.model.outputs import ClosureStep, Outcome


class ClosureRow(msgspec.Struct, frozen=True, gc=False):
    """A `cityhub.Closure`; time in ms."""

    case_id: str
    outcome: Outcome
    department: str
    at_ms: int
    step: ClosureStep = ClosureStep.AS_OUTCOME
    to: str | None = None
    members: Sequence[str] = ()
    reason: str | None = None
    report: str | None = None
    by_hand: bool = False
    ledger: tuple[HolderLine, ...] = ()
    """Who has held the case by what `track` knows, if that may have changed."""
    until_ms: int | None = None
    """Of a case that is over already: how long it is to be remembered at least."""

    @property
    def by(self) -> str:
        """Who said so, and why."""
        return self.department + (f": {self.reason}" if self.reason else "")


def closures_of(batch: pa.RecordBatch) -> list[ClosureRow]:
    """`cityhub.Closure`s, in their order."""
    found = from_columns(
        ClosureRow,
        case_id=batch.column("case_id").to_pylist(),
        outcome=shared_values(batch.column("outcome"), Outcome),
        department=shared_values(batch.column("department")),
        at_ms=millis(batch.column("at")),
        step=shared_values(batch.column("step"), ClosureStep),
        to=batch.column("to").to_pylist(),
        members=lists(batch.column("members")),
        reason=batch.column("reason").to_pylist(),
        report=batch.column("report").to_pylist(),
        by_hand=flags(batch.column("by_hand")),
        ledger=read_held(batch.column("held")),
        until_ms=millis(batch.column("until")),
    )
    return list(found)


def unlinking_of(closure: ClosureRow) -> Unlinking:
    """That a report is to leave its case."""
    return Unlinking(closure.case_id, closure.report or "", closure.department, closure.by, closure.at_ms)
