"""Puts all that is known of a case in order of time, as the happenings of its life."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter, itemgetter

from hub.core.tracking.lifecycle import RANK
from hub.core.tracking.lives.life import Amendment, Happening
from hub.core.tracking.state import TrackedCase, UpdateDetails, Version
from hub.core.tracking.vocabulary import rank
from hub.model.update import UpdateStatus

_NOTHING = UpdateDetails()
ORDER_IN_TIME = itemgetter(0, 1, 2, 4)
"""Sort key of happenings: the instant, and for those of one instant rank, id and department. What one department says under one id
of one instant is in the order of its revisions already."""
_REVISED = attrgetter("revision", "note")


def happenings_of(case: TrackedCase, amendments: Sequence[Version]) -> list[Happening | Amendment]:
    """All happenings of a case, in order. `amendments`: its versions but the first."""
    amended = (_amendment(number, case, version) for number, version in enumerate(amendments))
    return sorted((*amended, *_said(case)), key=ORDER_IN_TIME)


def _said(case: TrackedCase) -> Iterator[Happening]:
    for mark in case.marks:
        yield happening_of(mark.event, max(mark.at_ms, case.opened_ms), "~", "", mark.at_ms)
    if case.over_ms is not None and not case.marks and all(one.status != UpdateStatus.RESOLVED for one in case.answers):
        yield happening_of("closed", case.over_ms, "~", "")  # ended before marks were kept
    for answer in sorted(case.answers, key=_REVISED):
        event, at_ms = answer.event, max(answer.at_ms, case.opened_ms)
        yield Happening(
            at_ms=at_ms,
            rank=rank(event),
            id=answer.update_id,
            event=event,
            department=answer.department,
            note=answer.note,
            details=answer.details or _NOTHING,
            said_ms=answer.at_ms,
            arrived_ms=answer.arrived_ms,
            revision=answer.revision,
        )


def _amendment(number: int, case: TrackedCase, version: Version) -> Amendment:
    """An amendment in order: behind moves by hand at the same instant, and before everything else."""
    at_ms = max(version.at_ms, case.opened_ms)
    return Amendment(
        at_ms=at_ms,
        rank=RANK["dispatched"],
        id=f"~{number:06}",
        event="amended",
        department="",
        note="",
        version=version,
    )


def happening_of(event: str, at_ms: int, id_: str, department: str, said_ms: int | None = None) -> Happening:
    """A happening that no update brought: it follows from the sources of the case, or from the rules."""
    return Happening(
        at_ms=at_ms,
        rank=RANK[event],
        id=id_,
        event=event,
        department=department,
        note="",
        details=_NOTHING,
        said_ms=at_ms if said_ms is None else said_ms,
    )
