"""For each two families the radius and window that are worth their links: one price of a link for the whole city."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.core.columns import Flags, Ints
from hub.learn.links.pairs import RADII_M, WINDOWS_H, ReportColumns
from hub.learn.links.rates import Rates, smoothed

_ACROSS_LEAST = 1.0
"""Duplicates that must be believed before two different families are linked at all: half of them within what is linked."""
_HALVINGS = 30
_PRICES = tuple(np.geomspace(0.02, 0.8, 24).tolist())


@dataclass(frozen=True)
class Option:
    """One group's rectangle: positions in RADII_M and WINDOWS_H, later reports that it links, duplicates it should join."""

    radius: int
    window: int
    links: int
    joins: float


ChosenOptions = dict[int, Option]
"""By group."""


@dataclass(frozen=True)
class Choice:
    """The rectangles that are linked, and the reason for the price chosen."""

    chosen: ChosenOptions
    price: float
    """Duplicates that a link must promise."""
    links: int
    """Reports of the history that are linked."""
    aim: str


def options_of(rates: Rates) -> dict[int, list[Option]]:
    """The candidate rectangles of each group."""
    found: dict[int, list[Option]] = {}
    groups, starts = np.unique(rates.group, return_index=True)
    for group, start, end in zip(
        groups.tolist(), starts.tolist(), [*starts[1:].tolist(), len(rates.group)], strict=True
    ):
        rows = slice(start, end)
        within = group // rates.families == group % rates.families
        if within or rates.belief[rows].sum() >= _ACROSS_LEAST:
            found[group] = _rectangles(rates, rows, group, 0.0 if within else _ACROSS_LEAST / 2)
    return found


def _rectangles(rates: Rates, rows: slice, group: int, least: float) -> list[Option]:
    cell, later = rates.pairs.cell[rows], rates.pairs.later[rows]
    radius, window = np.divmod(cell, len(WINDOWS_H))
    joins = smoothed(rates, rows, group).reshape(len(RADII_M), len(WINDOWS_H)).cumsum(0).cumsum(1)
    found = []
    for wide in np.unique(radius).tolist():
        for long in np.unique(window[radius <= wide]).tolist():
            inside = (radius <= wide) & (window <= long)
            if rates.belief[rows][inside].sum() >= least:
                found.append(Option(wide, long, len(np.unique(later[inside])), float(joins[wide, long])))
    return found


def choose(options: dict[int, list[Option]], price: float) -> ChosenOptions:
    """The best rectangle of each group at this price; none where all cost more than they are worth."""
    found: ChosenOptions = {}
    for group, several in options.items():
        if not several:
            continue
        best = max(several, key=lambda each: (each.joins - price * each.links, -each.links))
        if best.joins > price * best.links:
            found[group] = best
    return found


def eligible(rates: Rates, chosen: ChosenOptions) -> Flags:
    """The candidates that the chosen rectangles link."""
    groups, number = np.unique(rates.group, return_inverse=True)
    limits = np.array([(o.radius, o.window) if (o := chosen.get(g)) else (-1, -1) for g in groups.tolist()])
    radius, window = np.divmod(rates.pairs.cell, len(WINDOWS_H))
    fits: Flags = (radius <= limits[number, 0]) & (window <= limits[number, 1])
    return fits


def linked(rates: Rates, chosen: ChosenOptions) -> Ints:
    """Rows of the reports that this choice would link to an earlier report."""
    return np.unique(rates.pairs.later[eligible(rates, chosen)])


def within_share(rates: Rates, reports: ReportColumns, most_share: float) -> Choice:
    """As many known duplicates as can be had for linking at most this share of all reports."""
    options, most = options_of(rates), most_share * len(reports)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        if len(linked(rates, choose(options, price))) > most:
            low = price
        else:
            high = price
    chosen = choose(options, high)
    aim = f"as many known duplicates as can be joined by linking at most {most_share:.0%} of all reports"
    return Choice(chosen, high, len(linked(rates, chosen)), aim)


def best_f1(rates: Rates, reports: ReportColumns) -> Choice:
    """Flags found best: where a city flags its duplicates as a rule, what is linked and not flagged is probably wrong."""
    options = options_of(rates)
    tried = [(_f1(rates, reports, chosen := choose(options, price)), price, chosen) for price in _PRICES]
    best = max(f1 for f1, _, _ in tried)
    price, chosen = next((price, chosen) for f1, price, chosen in tried if f1 == best)
    aim = f"flagged duplicates found best (F1 {best:.3f} on the history itself)"
    return Choice(chosen, price, len(linked(rates, chosen)), aim)


def _f1(rates: Rates, reports: ReportColumns, chosen: ChosenOptions) -> float:
    rows = linked(rates, chosen)
    flagged = int(reports.flagged.sum())
    return 2 * int(reports.flagged[rows].sum()) / max(len(rows) + flagged, 1)


def flagged_at_one_place(rates: Rates, reports: ReportColumns) -> float:
    """Share of the reports that were flagged, of those with another of their family at the same point, not three days old."""
    radius, window = np.divmod(rates.pairs.cell, len(WINDOWS_H))
    close = (
        (radius == 0)
        & (window <= WINDOWS_H.index(74))
        & (rates.group // rates.families == rates.group % rates.families)
    )
    rows = np.unique(rates.pairs.later[close])
    return float(reports.flagged[rows].mean()) if len(rows) else 0.0
