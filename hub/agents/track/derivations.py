"""How each due time came about, as columns of `cityhub.DeadlineEvent`: compact, but enough for anyone to recompute it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hub.core.columns import any_said
from hub.core.deadlines.decision import described
from hub.core.deadlines.derivations import counted_stretches
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.terms import Terms
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.rings import Ring
from hub.core.tracking.state import DueAdjustment
from hub.units import UNITS, unit_of

_Row = tuple[float, str, str, float, str]
_UNKNOWN: _Row = (0.0, "", "", 0.0, "")
"""The source's own due time, or a row that is gone."""
_PLAIN = {_UNKNOWN[1], *(name for name, unit in UNITS.items() if unit.continuous)}
"""Units in which all time counts: nothing is to be said of single stretches."""


def derivation_columns(versions: RuleVersions, rings: Sequence[Ring]) -> dict[str, Any]:
    """The columns from `duration` to `provisional`, and `rules`; one entry a ring."""
    names = [ring.clock.rules or ring.case.rules for ring in rings]
    known = {rules.version: rules for rules in versions.every}
    rules = [known.get(name) or _rules(versions, ring) for name, ring in zip(names, rings, strict=True)]
    followed = [(of, ring.clock.policy) for of, ring in zip(rules, rings, strict=True)]
    rows = {each: _row(*each) for each in set(followed)}
    duration, unit, calendar, extension, extension_unit = zip(*map(rows.__getitem__, followed), strict=True)
    moved = [ring.clock.moved for ring in rings]
    return {
        "duration": duration,
        "unit": unit,
        "calendar": calendar,
        "provisional": [ring.clock.provisional for ring in rings],
        "rules": names,
        **any_said(
            stretches=[
                _stretches(of, ring.clock.policy, ring.clock.started_ms, _base_ms(ring)) if by not in _PLAIN else ()
                for of, ring, by in zip(rules, rings, unit, strict=True)
            ],
            extension=extension,
            extension_unit=extension_unit,
            **(_moved_columns(moved) if any(moved) else {}),
        ),
    }


def _moved_columns(moved: Sequence[DueAdjustment | None]) -> dict[str, Any]:
    return {
        "pauses": [_pauses(each) if each else () for each in moved],
        "extensions": [each.extensions if each else () for each in moved],
    }


def _rules(versions: RuleVersions, ring: Ring) -> DeadlineRules | None:
    """By which a clock was reckoned whose rules are not known here, or not named: others, if by these it is due at the same
    instant; else None, for nobody may recompute it by them."""
    clock, named = ring.clock, ring.clock.rules or ring.case.rules
    rules = versions.of(named, ring.case.opened_ms)
    if not named:
        return rules
    rule = rules.rule(clock.policy)
    if rule is None or not rule.runs:
        return None
    due_ms = rules.reckon(rule, np.array([clock.started_ms], dtype=np.int64))
    return rules if int(due_ms[0]) == _base_ms(ring) else None


def _row(rules: DeadlineRules | None, policy: str) -> _Row:
    rule = rules.rule(policy) if rules is not None else None
    if rules is None or rule is None or not rule.runs:
        return _UNKNOWN
    added = Terms(rules).added(rule.extension, rule) if rule.extension else (0.0, "")
    return (*described(rules, policy), *added)


def _base_ms(ring: Ring) -> int:
    """Where the row alone puts the due time: extensions and pauses are told beside it."""
    return ring.clock.due_ms if ring.clock.moved is None else ring.clock.moved.base_ms


@lru_cache(maxsize=20_000)
def _stretches(rules: DeadlineRules | None, policy: str, started_ms: int, due_ms: int) -> tuple[int, ...]:
    """A clock says several things: that it warns, and what it came to."""
    rule = rules.rule(policy) if rules is not None else None
    if rules is None or rule is None or not rule.runs or unit_of(rule.unit).continuous or due_ms <= started_ms:
        return ()
    return counted_stretches(rules, rule, started_ms, due_ms)


def _pauses(moved: DueAdjustment) -> list[int]:
    return [at for pause in moved.pauses for at in pause if at is not None]
