"""How each due time came about, as columns of `cityhub.DeadlineEvent`: compact, but enough for anyone to recompute it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hub.core.deadlines.derivations import stretches
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.core.tracking.rings import Ring
from hub.core.tracking.state import Moved
from hub.units import UNITS, unit_of

_Row = tuple[float, str, str, float, str]
_UNKNOWN: _Row = (0.0, "", "", 0.0, "")
"""The source's own due time, or a row that is gone."""
_PLAIN = {_UNKNOWN[1], *(name for name, unit in UNITS.items() if unit.continuous)}
"""Units in which all time counts: nothing is to be said of single stretches."""


def derivation_columns(rules: DeadlineRules, rings: Sequence[Ring]) -> dict[str, Any]:
    """The columns from `duration` to `provisional`, one entry a ring."""
    rows = {policy: _row(rules, policy) for policy in {ring.clock.policy for ring in rings}}
    chosen = [rows[ring.clock.policy] for ring in rings]
    return {
        "duration": [row[0] for row in chosen],
        "unit": [row[1] for row in chosen],
        "calendar": [row[2] for row in chosen],
        "stretches": [
            _stretches(rules, ring.clock.policy, ring.clock.started_ms, _base_ms(ring)) if row[1] not in _PLAIN else ()
            for ring, row in zip(rings, chosen, strict=True)
        ],
        "pauses": [_pauses(ring.clock.moved) for ring in rings],
        "extensions": [ring.clock.moved.extensions if ring.clock.moved else () for ring in rings],
        "extension": [row[3] for row in chosen],
        "extension_unit": [row[4] for row in chosen],
        "provisional": [ring.clock.provisional for ring in rings],
    }


def _row(rules: DeadlineRules, policy: str) -> _Row:
    rule = rules.rule(policy)
    if rule is None or not rule.runs:
        return _UNKNOWN
    calendar = rules.calendar(rule).version if rule.calendar else ""
    added = Terms(rules).added(rule.extension, rule) if rule.extension else (0.0, "")
    return (rule.duration, rule.unit, calendar, *added)


def _base_ms(ring: Ring) -> int:
    """Where the row alone puts the due time: extensions and pauses are told beside it."""
    return ring.clock.due_ms if ring.clock.moved is None else ring.clock.moved.base_ms


@lru_cache(maxsize=20_000)
def _stretches(rules: DeadlineRules, policy: str, started_ms: int, due_ms: int) -> tuple[int, ...]:
    """A clock says several things: that it warns, and what it came to."""
    rule = rules.rule(policy)
    if rule is None or not rule.runs or unit_of(rule.unit).continuous or due_ms <= started_ms:
        return ()
    return stretches(rules, rule, started_ms, due_ms)


def _pauses(moved: Moved | None) -> list[int]:
    return [at for pause in moved.pauses for at in pause if at is not None] if moved else []
