"""Who held a case and when it was over, by the records of `hub.cases`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.core.figures.ledger import Turn

_MOVES = ("OPENED", "REROUTED")


def turns_of(changes: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The turns in order of time, with those in which it was over. Records may be dated in any order."""
    ends: list[tuple[int, bool]] = []
    for change in changes:
        _note_end(ends, change["at"], over=change["over"])
    return _in_order(holds_of(changes), ends)


def holds_of(changes: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Since when who has held the case; a holder ledger takes the place of all that was said before it."""
    holds: list[tuple[int, str]] = []
    for change in changes:
        if change.get("held"):
            holds = [(hold["since"], hold["department"]) for hold in change["held"]]
        elif change["change"] in _MOVES and not change["reopens"] and change["department"] != _last(holds):
            holds.append((change["at"], change["department"]))
    return [(changes[-1]["opened_at"], holds[0][1]), *holds[1:]] if holds else []


def _last(holds: Sequence[tuple[int, str]]) -> str | None:
    """Who holds it by these; where that is who held it before, only others help now."""
    return holds[-1][1] if holds else None


def _note_end(ends: list[tuple[int, bool]], at_ms: int, *, over: bool) -> None:
    if over == (bool(ends) and ends[-1][1]):
        return
    if not over and at_ms < ends[-1][0]:
        ends.pop()  # it was never over
    else:
        ends.append((at_ms, over))


def _in_order(holds: list[tuple[int, str]], ends: list[tuple[int, bool]]) -> list[Turn]:
    found: list[Turn] = []
    holder, over = "", False
    moves: list[tuple[int, str | None, bool]] = [(at_ms, department, False) for at_ms, department in holds]
    moves += [(at_ms, None, ended) for at_ms, ended in ends]
    for at_ms, department, ended in sorted(moves, key=lambda each: each[0]):
        if department is None:
            over = ended
        else:
            holder = department
        found.append(Turn(at_ms, None if over else holder))
    return found
