"""How much one case takes: changes, reports, updates and their notes. Pure."""

from __future__ import annotations

from hub.core.stored import MAX_ANSWERS, MAX_NOTE_CHARS, MAX_REPORTS, MAX_TURNS
from hub.core.tracking.state import TrackedCase
from hub.model.outputs import ChangeKind

_FEW = 8
_LINKED = ChangeKind.LINKED


def is_full(case: TrackedCase, kind: ChangeKind) -> bool:
    """True if the case takes no other change of this kind."""
    if kind == _LINKED and len(case.reports) + len(case.left) >= MAX_REPORTS:
        return True
    return len(case.marks) + len(case.ledger) >= MAX_TURNS


def has_no_room(case: TrackedCase, note: str) -> bool:
    """True if the case has no room for another update with this note."""
    if len(case.answers) < _FEW and len(note) < MAX_NOTE_CHARS // 2 // _FEW:
        return False
    chars = sum(len(answer.note) for answer in case.answers) + len(note)
    return len(case.answers) >= MAX_ANSWERS or chars > MAX_NOTE_CHARS


def no_room(case: TrackedCase) -> str:
    """Why a case takes no other update, and the way out."""
    return (
        f"the case has {len(case.answers)} updates; it takes {MAX_ANSWERS} at most, with {MAX_NOTE_CHARS:,} characters of "
        "notes together; have its source report the matter again"
    )
