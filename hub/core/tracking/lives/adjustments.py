"""Applies extensions (延期) and pauses (中止) to the clocks of a case while its history is replayed."""

from __future__ import annotations

from collections.abc import Sequence

from hub.core.tracking.lives.life import Happening, Life, Term
from hub.core.tracking.lives.objections import Objections
from hub.model.outputs import CLOCKS_BETWEEN


class Adjustments:
    """`objections` say which clocks may be extended or paused. Changes terms in place."""

    def __init__(self, objections: Objections) -> None:
        self._objections = objections

    def take(self, life: Life, happening: Happening) -> None:
        """Apply an allowed event to the clocks. Events other than extensions, pauses and resumptions change nothing."""
        match happening.event:
            case "extension_asked":
                self._ask(life, happening)
            case "extension_granted":
                self._grant(life, happening)
            case "extension_denied":
                self._deny(life, happening)
            case "paused":
                self._pause(life, happening)
            case "resumed":
                self._resume(life, happening)

    def _ask(self, life: Life, happening: Happening) -> None:
        term = self._objections.extendable(life, happening)
        if isinstance(term, Term):
            term.asked_ms = happening.at_ms
            life.meant[happening.key] = term.name

    def _grant(self, life: Life, happening: Happening) -> None:
        term = self._objections.extendable(life, happening)
        if isinstance(term, Term):
            term.asked_ms = None
            life.meant[happening.key] = term.name
            term.extensions.append(happening.at_ms)
            reckon(term, happening.at_ms)

    def _deny(self, life: Life, happening: Happening) -> None:
        term = self._objections.running(life, happening)
        if isinstance(term, Term):
            term.asked_ms = None
            life.meant[happening.key] = term.name

    def _pause(self, life: Life, happening: Happening) -> None:
        pausing = [each for each in self._objections.pausable(life, happening) if isinstance(each, Term)]
        life.meant[happening.key] = _names(pausing)
        for term in pausing:
            assert term.rule is not None
            ends = (term.reckoner.pause_ends(term.rule, happening.at_ms), happening.details.until)
            term.pauses.append((happening.at_ms, min((each for each in ends if each is not None), default=None)))
            reckon(term, happening.at_ms)

    def _resume(self, life: Life, happening: Happening) -> None:
        going_on = []
        for term in life.terms:
            if happening.helper and term.department != happening.department:
                continue
            if term.pauses and term.ended_ms is None:
                from_ms, to_ms = term.pauses[-1]
                if to_ms is None or happening.at_ms < to_ms:
                    term.pauses[-1] = (from_ms, happening.at_ms)
                    reckon(term, happening.at_ms)
                    going_on.append(term)
        life.meant[happening.key] = _names(going_on)


def _names(terms: Sequence[Term]) -> str:
    """The clocks as records call them, each once."""
    return CLOCKS_BETWEEN.join(dict.fromkeys(term.name for term in terms))


def reckon(term: Term, at_ms: int) -> None:
    """Recompute the clock's due time from its extensions and pauses. `at_ms` is the instant of the change."""
    assert term.rule is not None
    term.changed_ms = at_ms
    pauses = tuple((from_ms, to_ms) for from_ms, to_ms in term.pauses if to_ms is not None)
    term.due_ms = term.reckoner.due(term.rule, term.started_ms, term.base_ms, len(term.extensions), pauses)
