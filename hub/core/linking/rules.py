"""A city's linking rows, made ready: for each family the families it is linked with, by which row, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass

from hub.millis import DAY_MS, HOUR_MS
from hub.policy.city import City
from hub.policy.models import LinkRule, TextRule


@dataclass(frozen=True, eq=False)
class Tie:
    """Says that a report of one family is linked with an incident of another, `family`, by `row`. Times in ms."""

    family: str
    row: LinkRule
    window_ms: float
    after_ms: float
    """How long after its closing an incident still matches."""

    @classmethod
    def of(cls, family: str, row: LinkRule) -> Tie:
        return cls(family, row, row.window_hours * HOUR_MS, row.after_close_days * DAY_MS)

    @classmethod
    def of_text(cls, row: LinkRule, text: TextRule) -> Tie:
        """The tie by text, which links reports of any two families."""
        hours = row.window_hours if text.window_hours is None else text.window_hours
        return cls("", row, hours * HOUR_MS, row.after_close_days * DAY_MS)


@dataclass(frozen=True, eq=False)
class FamilyRules:
    """All rows about reports of one family. `family` is None for a category that the city does not know."""

    ties: tuple[Tie, ...]
    """The ties of the family, that with itself first."""
    same: frozenset[str]
    """Names of what may be equal, where reports need not be near each other."""
    text: TextRule | None
    text_tie: Tie | None
    """How texts are compared, whatever the family of the other report."""
    window_ms: float
    """The longest span of time of all its ties."""
    after_ms: float
    radius_m: float
    """The largest radius within which incidents of this family are looked for."""


class LinkTable:
    """The rows of one city by family. Families that no row names have what the row for all families left says."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._between: dict[str, dict[str, LinkRule]] = {}
        for row in city.linking:
            if row.between is not None:
                one, other = row.between
                self._between.setdefault(one, {}).setdefault(other, row)
                self._between.setdefault(other, {}).setdefault(one, row)
        self._known: dict[str | None, FamilyRules | None] = {}

    def of(self, family: str | None) -> FamilyRules | None:
        """The rules of a family, or None if its reports are never linked."""
        if family not in self._known:
            self._known[family] = self._make(family)
        return self._known[family]

    def _make(self, family: str | None) -> FamilyRules | None:
        if family is None:  # not known what it is about, so neither place nor facility says that it is the same
            own = next((row for row in self._city.linking if row.family is None and row.between is None), None)
            ties: tuple[Tie, ...] = ()
        else:
            own = self._city.link_rule(family)
            rows = {family: own, **self._between.get(family, {})}
            ties = tuple(Tie.of(held, row) for held, row in rows.items() if row is not None and not row.never)
        text = own.text if own is not None else None
        if not ties and text is None:
            return None
        text_tie = Tie.of_text(own, text) if own is not None and text is not None else None
        reach = [*ties, *([text_tie] if text_tie is not None else [])]
        return FamilyRules(
            ties=ties,
            same=frozenset(name for tie in ties for name in tie.row.same),
            text=text,
            text_tie=text_tie,
            window_ms=max(tie.window_ms for tie in reach),
            after_ms=max(tie.after_ms for tie in reach),
            radius_m=max((tie.row.radius_m for tie in ties), default=0.0),
        )
