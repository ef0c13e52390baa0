"""How well rules for linking do on parts of the history that they were not learnt from: chosen by cross-validation.

Each part is a stretch of time. What is known of its duplicates is hidden, rules are learnt from the rest, and all may link the same
share of all reports, which can be told without knowing what is a duplicate. Then it is counted which of the part's known duplicates
they join. Where little is known, a rule for each family is mostly chance; so it is taken
only where it joins more than one plain rule for all by more than chance would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hub.core.columns import Flags
from hub.learn.links.choice import eligible, within_share
from hub.learn.links.families import families_of
from hub.learn.links.pairs import Pairs, ReportColumns
from hub.learn.links.rates import Rates, rates_of
from hub.learn.links.single import best_single

PARTS = 4
SHRINKAGES = (1.0, 10.0)
"""How many times the usual weight what is known of all families together has against what is known of one."""


@dataclass(frozen=True)
class Fitted:
    """What is believed, with each category a family by itself (`plain`), and with families as they were learnt."""

    plain: Rates
    reports: ReportColumns
    rates: Rates
    into: np.ndarray
    """The family of each category, by number."""


def fit(reports: ReportColumns, pairs: Pairs, families: int, shrinkage: float = 1.0) -> Fitted:
    """Learn from all that is known in these reports and pairs."""
    plain = rates_of(reports, pairs, families, shrinkage)
    into = families_of(plain, reports)
    if (into == np.arange(families)).all():
        return Fitted(plain, reports, plain, into)
    joined = replace(reports, family=into[reports.family])
    return Fitted(plain, joined, rates_of(joined, pairs, families, shrinkage), into)


@dataclass(frozen=True)
class HeldOutTrial:
    """What one way to choose did on all parts together: known duplicates joined, by whether each was, and links."""

    joined: Flags
    links: int

    @property
    def count(self) -> int:
        return int(self.joined.sum())

    def beats(self, other: HeldOutTrial) -> bool:
        """More joined, by more than chance: one standard error of what only one of the two joined."""
        mine, others = int((self.joined & ~other.joined).sum()), int((other.joined & ~self.joined).sum())
        return (mine - others) ** 2 > mine + others and mine > others


@dataclass(frozen=True)
class HeldOutVerdict:
    """How rules by family did with the better `shrinkage`, and one plain rule for all."""

    shrinkage: float
    by_family: HeldOutTrial
    single: HeldOutTrial

    @property
    def hidden(self) -> int:
        """Duplicates that were held out."""
        return len(self.single.joined)


def cross_validated(reports: ReportColumns, pairs: Pairs, families: int, most_share: float) -> HeldOutVerdict:
    """Try each way on each part of the history."""
    duplicates = _Known(reports, pairs)
    single, several = _Count(duplicates), {shrinkage: _Count(duplicates) for shrinkage in SHRINKAGES}
    for part in _parts(len(reports)):
        hidden = _hidden(reports, pairs, part)
        for shrinkage, count in several.items():
            found = fit(*hidden, families, shrinkage)
            choice = within_share(found.rates, found.reports, most_share)
            count.take(found.rates, eligible(found.rates, choice.chosen), part)
            if shrinkage == SHRINKAGES[0]:
                rule = best_single(found.plain, reports, most_share)
                if rule is not None:
                    single.take(found.plain, rule.fits(found.plain), part)
    shrinkage = max(SHRINKAGES, key=lambda each: (several[each].trial.count, each))
    return HeldOutVerdict(shrinkage, several[shrinkage].trial, single.trial)


def _parts(reports: int) -> list[Flags]:
    """Stretches of the history, as reports are in order of time."""
    number = np.arange(reports) * PARTS // max(reports, 1)
    return [number == part for part in range(PARTS)]


def _hidden(reports: ReportColumns, pairs: Pairs, part: Flags) -> tuple[ReportColumns, Pairs]:
    """As if nobody had said yet what the reports of this part are. What nobody could say speaks neither for nor against."""
    unknown = part[pairs.later]
    seen = replace(
        reports,
        flagged=reports.flagged & ~part,
        partner=np.where(part | part[np.maximum(reports.partner, 0)], -1, reports.partner),
    )
    return seen, replace(pairs, duplicate=np.where(unknown, 0.0, pairs.duplicate), judged=pairs.judged & ~unknown)


class _Known:
    """The known duplicates of a history: pairs, by their later report, and reports that were flagged without the other."""

    def __init__(self, reports: ReportColumns, pairs: Pairs) -> None:
        self.reports = reports
        paired = reports.partner >= 0
        paired[reports.partner[paired]] = True
        alone = reports.flagged & ~paired
        self.later = np.unique(np.concatenate((pairs.later[pairs.duplicate > 0], np.flatnonzero(alone))))
        self.alone = alone

    def joined_by(self, rates: Rates, fits: Flags) -> Flags:
        """Which of them these candidates join. Shape (known,)."""
        one, other = rates.pairs.earlier, rates.pairs.later
        partner = self.reports.partner
        right = (partner[other] == one) | (partner[one] == other) | self.alone[other]
        return np.isin(self.later, other[fits & right])


class _Count:
    def __init__(self, duplicates: _Known) -> None:
        self._known, self.trial = duplicates, HeldOutTrial(np.zeros(len(duplicates.later), dtype=np.bool_), 0)

    def take(self, rates: Rates, fits: Flags, part: Flags) -> None:
        """Count what is joined in one part."""
        mine = fits & part[rates.pairs.later]
        joined = self.trial.joined | self._known.joined_by(rates, mine)
        self.trial = HeldOutTrial(joined, self.trial.links + len(np.unique(rates.pairs.later[mine])))
