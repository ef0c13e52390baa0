"""Learns when two reports are one incident: categories that are one family, radius and window of each, and which families
duplicate each other. What it finds is a linking.yaml that a person can read, with what speaks for each row."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from hub.learn.history import History
from hub.learn.links.choice import Choice, Option, best_f1, eligible, flagged_at_one_place, within_share
from hub.learn.links.held_out import Fitted, HeldOutVerdict, cross_validated, fit
from hub.learn.links.pairs import RADII_M, WINDOWS_H, pairs_of, reports_of
from hub.learn.links.rates import Rates
from hub.learn.links.single import SingleRule, best_single
from hub.learn.links.texts import text_rule
from hub.learn.rows import Drafted
from hub.learn.taxonomy import Coded
from hub.policy.models import LinkRule, TextRule

MOST_SHARE = 0.12
"""Of all reports, how many may be linked where the city records only some of its duplicates."""
_SYSTEMATIC = 0.4
"""Where so many of the reports that repeat another at once are flagged, what is not flagged was looked at and is none."""
_ADDRESS = "address"
_UNPLACED = 0.01
_LEAST_KNOWN = 20
CAUTIOUS = LinkRule(id="default", radius_m=25, window_hours=74)
"""Where nothing is known of duplicates: the same place and three days."""


@dataclass
class LearntLinks:
    """Rows of linking.yaml, in order, and the family of each category of the taxonomy."""

    rows: list[Drafted]
    families: dict[str, str] = field(default_factory=dict)
    """By category; categories that are not named are families by themselves."""
    notes: list[str] = field(default_factory=list)

    def in_family(self, coded: Coded) -> Coded:
        """A category of the draft in the family that was learnt for it."""
        family = self.families.get(coded.category.code, coded.category.family)
        return replace(coded, category=coded.category.model_copy(update={"family": family}))


def learn_links(history: History, *, most_share: float = MOST_SHARE) -> LearntLinks:
    """Rows for a history's families. `most_share`: see MOST_SHARE; where duplicates are flagged as a rule it is not used."""
    text, same = text_rule(history), _same(history)
    reports, names = reports_of(history)
    if int((reports.partner >= 0).sum()) + int(reports.flagged.sum()) < _LEAST_KNOWN:
        note = "The truth names too few duplicates to learn from: linking.yaml has cautious rows, to be confirmed."
        rule = CAUTIOUS.model_copy(update={"text": text, "same": same})
        return LearntLinks([Drafted(rule, len(history), None, "not learnt")], notes=[note])
    pairs = pairs_of(reports)
    fitted = fit(reports, pairs, len(names))
    recorded = flagged_at_one_place(fitted.rates, fitted.reports)
    as_a_rule = recorded >= _SYSTEMATIC
    choice = (
        best_f1(fitted.rates, fitted.reports) if as_a_rule else within_share(fitted.rates, fitted.reports, most_share)
    )
    share = choice.links / len(reports) if as_a_rule else most_share
    verdict = cross_validated(reports, pairs, len(names), share)
    single = best_single(fitted.plain, reports, share)
    humble = verdict.single.beats(verdict.by_family) if as_a_rule else not verdict.by_family.beats(verdict.single)
    if single is not None and humble:
        return _plain_rule(
            fitted, single, text, same, [_habit(recorded), _judged(verdict, taken="one plain rule for all")]
        )
    if verdict.shrinkage != 1 and not as_a_rule:
        fitted = fit(reports, pairs, len(names), verdict.shrinkage)
        choice = within_share(fitted.rates, fitted.reports, most_share)
    learnt = _by_family(fitted, choice, names, text, same, recorded)
    learnt.notes.append(_judged(verdict, taken="rules by family"))
    return learnt


def _by_family(
    fitted: Fitted, choice: Choice, names: list[str], text: TextRule | None, same: tuple[str, ...], recorded: float
) -> LearntLinks:
    families = {name: names[number] for name, number in zip(names, fitted.into.tolist(), strict=True)}
    rows = _rows(fitted.rates, choice, names, sorted(set(families.values())), text, same)
    return LearntLinks(rows, families, list(_notes(choice, recorded, len(fitted.reports))))


def _plain_rule(
    fitted: Fitted, single: SingleRule, text: TextRule | None, same: tuple[str, ...], notes: list[str]
) -> LearntLinks:
    """One row for every family, each category one by itself."""
    known = float(fitted.plain.belief[single.fits(fitted.plain)].sum())
    rule = LinkRule(
        id="every_kind", radius_m=RADII_M[single.radius], window_hours=WINDOWS_H[single.window], same=same, text=text
    )
    told = Drafted(rule, single.links, min(known / max(single.links, 1), 1.0), f"{known:.1f} known duplicates")
    return LearntLinks([told], notes=notes)


def _judged(verdict: HeldOutVerdict, *, taken: str) -> str:
    """Both figures, for the README of the draft."""
    by_family, single = verdict.by_family, verdict.single
    return (
        "Judged on parts of the history that they were not learnt from, at the same share of links: rules by family join "
        f"{by_family.count:,} of {verdict.hidden:,} known duplicates ({by_family.links:,} links), one plain rule for all (same "
        f"kind, one radius, one window) joins {single.count:,} ({single.links:,} links). Taken: {taken}. Where few duplicates are "
        "recorded rules by family are taken only if they join more than chance would."
    )


def _same(history: History) -> tuple[str, ...]:
    """An address counts as a place where more than a few reports have one and no point."""
    lost = sum(
        said is not None and lat is None
        for said, lat in zip(history.address.to_pylist(), history.lat.to_pylist(), strict=True)
    )
    return (_ADDRESS,) if lost > _UNPLACED * len(history) else ()  # fmt: skip


def _rows(
    rates: Rates,
    choice: Choice,
    names: list[str],
    families: list[str],
    text: TextRule | None,
    same: tuple[str, ...],
) -> list[Drafted]:
    """Families first, the best known first; then pairs of them; then all families left, which places do not link."""
    speaks = _support(rates, choice)
    within: list[tuple[float, str, Drafted]] = []
    across: list[tuple[float, str, Drafted]] = []
    for group, option in choice.chosen.items():
        one, other = names[group // rates.families], names[group % rates.families]
        links, known = speaks[group]
        if one == other:
            row = _row(one, option, family=(one,), text=text, same=same)
        else:
            row = _row(f"{one[:36]}.{other[:36]}.{group}", option, between=(one, other), same=same)
        told = Drafted(row, links, min(known / max(links, 1), 1.0), f"{known:.1f} known duplicates")
        (within if one == other else across).append((-known, row.id, told))
    left = len(families) - len(within)
    rest = LinkRule(id="rest", radius_m=0, window_hours=1, text=text)
    rows = [told for _, _, told in [*sorted(within), *sorted(across)]]
    return [*rows, Drafted(rest, note=f"{left} families whose repeats are too seldom duplicates")] if left else rows


def _row(
    row_id: str,
    option: Option,
    *,
    family: tuple[str, ...] | None = None,
    between: tuple[str, str] | None = None,
    text: TextRule | None = None,
    same: tuple[str, ...] = (),
) -> LinkRule:
    return LinkRule(
        id=row_id, family=family, between=between, radius_m=RADII_M[option.radius],
        window_hours=WINDOWS_H[option.window], same=same, text=text,
    )  # fmt: skip


def _support(rates: Rates, choice: Choice) -> dict[int, tuple[int, float]]:
    """Of each group: reports that its rectangle links, and duplicates believed among them."""
    fits = eligible(rates, choice.chosen)
    later: dict[int, set[int]] = defaultdict(set)
    known: dict[int, float] = defaultdict(float)
    for group, row, belief in zip(
        rates.group[fits].tolist(), rates.pairs.later[fits].tolist(), rates.belief[fits].tolist(), strict=True
    ):
        later[group].add(row)
        known[group] += belief
    return {group: (len(later[group]), known[group]) for group in choice.chosen}


def _notes(choice: Choice, recorded: float, reports: int) -> list[str]:
    return [
        f"{_habit(recorded)} Linking therefore aims at: {choice.aim}.",
        f"It links {choice.links:,} of {reports:,} reports of the history; a link must promise {choice.price:.3f} known "
        "duplicates. Confidence is what was recorded, which is less than what is true where few are recorded.",
    ]


def _habit(recorded: float) -> str:
    habit = "as a rule" if recorded >= _SYSTEMATIC else "now and then"
    return (
        f"Of reports that repeat another of their family at one point within three days, {recorded:.0%} were flagged as "
        f"duplicates: this city flags {habit}."
    )
