"""What `track` tells `route` once the life of a case is told: who holds it and whether it is over, where that is not what `route`
has said or will say by itself. Pure.

`route` decides by what it has heard so far, and orders follow at once. What comes late may show that another department held the
case, or that it is not over: then `route` hears so, corrects its record with the whole holder ledger, and sends the
orders that undo.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hub.core.tracking.consequences import AS_REFUSED, AS_RESOLVED, Change, Effects, Ending
from hub.core.tracking.lives.life import Life
from hub.core.tracking.state import AppliedUpdate, HolderLine, TrackedCase, UpdateDetails
from hub.model.outputs import ChangeKind, ClosureStep
from hub.model.update import UpdateStep

_NOT_OVER = UpdateDetails(
    reason="by all that is known now it is not over: what came late has changed that 补报后案件未结"
)
_PASSED_ON = (UpdateStep.TRANSFERRED, UpdateStep.DESIGNATED)


def to_change(before: TrackedCase, case: TrackedCase, life: Life, change: Change, effects: Effects) -> None:
    """Tell `route` what it does not know, after a record of `route` that says where it believes the case to be."""
    rerouted = change.change == ChangeKind.REROUTED and not change.reopens
    elsewhere = rerouted and change.department != before.ledger[-1].department
    moved = (HolderLine(change.department, change.at_ms),) if elsewhere else ()
    decided = rerouted or change.history is not None
    if not _alike(case, (*before.ledger, *moved)) or (decided and life.holder != change.department):
        effects.endings.append(_held(case, life))
    over, explained = life.over_ms is not None, change.ends or change.reopens
    if change.over != over or ((before.over_ms is not None) != over and not explained):
        effects.endings.append(over_or_not(case, life, change.department))


def to_echo(case: TrackedCase, change: Change, tell: Callable[[TrackedCase], Life], effects: Effects) -> None:
    """Tell `route` what it does not know, after a record by which it does what it was told, or that changes nothing:
    it may have been told more since, or have decided something else before it heard."""
    if change.ledger and not (change.department == case.department and _alike(case, change.ledger)):
        effects.endings.append(_held(case, tell(case)))
    if change.over != (case.over_ms is not None):
        effects.endings.append(over_or_not(case, tell(case), change.department))


def to_update(
    before: TrackedCase, case: TrackedCase, life: Life, answer: AppliedUpdate, there: str | None, effects: Effects
) -> None:
    """Tell `route` what it does not know, after an update of whose own effect it was told already: the update may
    have shown that another department holds the case, or another unit of it has it, or that others help. `there`: to whom that
    effect gives the case; None: it leaves it where it is."""
    follows = not _alike(case, before.ledger) and _alike(case, (*before.ledger, case.ledger[-1]))
    moves = answer.status in (AS_REFUSED, *_PASSED_ON)
    elsewhere = there is not None and there != (life.unit or life.holder)
    back = answer.status == AS_REFUSED and answer.department in life.members  # it has left, and was called again since
    if elsewhere or back or not (_alike(case, before.ledger) or (follows and moves)):
        effects.endings.append(_held(case, life))


def _held(case: TrackedCase, life: Life) -> Ending:
    more = UpdateDetails(to=life.unit or life.holder, members=tuple(life.members))
    return Ending(case, AS_REFUSED, life.holder, case.ledger[-1].from_ms, ClosureStep.HELD, more, by_hand=life.by_hand)


def to_return(
    before: TrackedCase, case: TrackedCase, life: Life, tell: Callable[[TrackedCase], Life], effects: Effects
) -> None:
    """Tell `route` from when an open case has come back, or that it never was over, if that is known otherwise now: the clocks that
    its orders name run from then."""
    returns = any(answer.status == UpdateStep.REOPENED for answer in before.answers)
    if not returns and all(mark.event != "reopened" for mark in before.marks):
        return
    if before.over_ms is None and life.over_ms is None and tell(before).reopened_ms != life.reopened_ms:
        effects.endings.append(over_or_not(case, life, life.holder))


def over_or_not(case: TrackedCase, life: Life, department: str) -> Ending:
    """Tell `route` whether the case is over, by everything that is known now."""
    if life.over_ms is not None:
        return Ending(case, AS_RESOLVED, department, life.over_ms)
    at_ms = case.opened_ms if life.reopened_ms is None else life.reopened_ms
    return Ending(case, AS_REFUSED, department, at_ms, ClosureStep.REOPENED, _NOT_OVER)


def _alike(case: TrackedCase, ledger: tuple[HolderLine, ...]) -> bool:
    """True if the case's holder ledger equals this one, apart from the first entry's start, which is the opening."""
    return case.ledger[1:] == ledger[1:] and case.ledger[0].department == ledger[0].department


def handed_up_to(answer: AppliedUpdate, to: str) -> UpdateDetails:
    """What `route` is told of a case that a unit gives up: who has it now."""
    return UpdateDetails(to=to, reason=f"{answer.details.unit if answer.details else ''}: not its own 单位退回")


def why_told(answer: AppliedUpdate) -> UpdateDetails | None:
    """The details that `route` is told; the note stands for a missing reason."""
    more = answer.details
    return more if more is None or more.reason else msgspec.structs.replace(more, reason=answer.note or None)
