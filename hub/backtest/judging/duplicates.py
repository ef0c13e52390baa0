"""Judges links: known pairs joined, links made, flags found, identical texts brought together."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.backtest.decided import Decided
from hub.backtest.judging.pairs import Reported, known_pairs
from hub.backtest.judging.truth import TruthTable

_LEAST_TEXT = 10
"""Characters below which two equal texts may well be about two matters."""


@dataclass
class Rate:
    """Of what the city flagged (`flagged`) and what the hub linked (`linked`), how much agrees."""

    agreed: int
    linked: int
    flagged: int

    def as_dict(self) -> dict[str, Any]:
        precision = self.agreed / self.linked if self.linked else None
        recall = self.agreed / self.flagged if self.flagged else None
        f1 = 2 * self.agreed / (self.linked + self.flagged) if self.linked + self.flagged else None
        return {
            "agreed": self.agreed, "linked": self.linked, "flagged": self.flagged,
            "precision": precision, "recall": recall, "f1": f1,
        }  # fmt: skip


@dataclass
class DuplicateScore:
    """Duplicate truth is mostly incomplete: precision is a lower bound, recall is sound."""

    links: int
    """Reports linked to another, which leads."""
    pairs: int
    """Known pairs, both in the files."""
    joined: int
    told_pairs: int
    """Pairs told by place and time, as the city only flags."""
    told_joined: int
    flags: Rate | None
    """Report by report: was the flagged one linked to another, earlier one."""
    clusters: Rate | None
    """The same without regard to which of a cluster was flagged: as many links are right as reports were flagged in it."""
    identical: int
    """Groups of reports with the same text, blanks and full width aside."""
    identical_joined: int
    """Those of them that are one case as a whole."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "links": self.links,
            "pairs": {"known": self.pairs, "joined": self.joined, "share": _share(self.joined, self.pairs)},
            "told_pairs": {
                "known": self.told_pairs, "joined": self.told_joined, "share": _share(self.told_joined, self.told_pairs),
            },
            "flags": self.flags.as_dict() if self.flags else None,
            "clusters": self.clusters.as_dict() if self.clusters else None,
            "identical_texts": {
                "groups": self.identical, "joined": self.identical_joined,
                "share": _share(self.identical_joined, self.identical),
            },
        }  # fmt: skip


def score_duplicates(
    decisions: Sequence[Decided], chosen: Sequence[Decided], truth: TruthTable | None
) -> DuplicateScore:
    """Judge the links of `chosen`, some of `decisions`. Pairs are counted by the report that was flagged."""
    case_of = {each.report.ref: each.case_id for each in decisions}
    inside = {each.report.ref for each in chosen}
    known, told = [0, 0], [0, 0]
    for pair in known_pairs(reported(decisions), truth.rows) if truth else ():
        if pair.child in inside:
            count = told if pair.by_place else known
            count[0] += 1
            count[1] += any(case_of[other] == case_of[pair.child] for other in pair.others)
    groups = _identical(chosen)
    flags = truth is not None and "duplicate" in truth.tells
    return DuplicateScore(
        links=sum(each.linked for each in chosen),
        pairs=known[0],
        joined=known[1],
        told_pairs=told[0],
        told_joined=told[1],
        flags=_flags(chosen, truth) if truth and flags else None,
        clusters=_clusters(decisions, chosen, truth) if truth and flags else None,
        identical=len(groups),
        identical_joined=sum(len({each.case_id for each in group}) == 1 for group in groups),
    )


def reported(decisions: Sequence[Decided]) -> list[Reported]:
    """The reports as pairing needs them."""
    said = (each.report for each in decisions)
    return [Reported(each.ref, each.at_ms, each.address, each.lat, each.lon) for each in said]


def _flagged(decided: Decided, truth: TruthTable) -> bool:
    said = truth.rows.get(decided.report.ref)
    return bool(said and said.duplicate)


def _flags(chosen: Sequence[Decided], truth: TruthTable) -> Rate:
    flagged = [_flagged(each, truth) for each in chosen]
    agreed = sum(flag and each.linked for flag, each in zip(flagged, chosen, strict=True))
    return Rate(agreed, sum(each.linked for each in chosen), sum(flagged))


def _clusters(decisions: Sequence[Decided], chosen: Sequence[Decided], truth: TruthTable) -> Rate:
    size: dict[str, int] = defaultdict(int)
    for each in decisions:
        size[each.case_id] += 1
    links: dict[str, int] = defaultdict(int)
    flags: dict[str, int] = defaultdict(int)
    for each in chosen:
        links[each.case_id] += each.linked
        flags[each.case_id] += _flagged(each, truth)
    agreed = sum(min(count, size[case] - 1, max(links[case], 0)) for case, count in flags.items())
    return Rate(agreed, sum(links.values()), sum(flags.values()))


def _identical(chosen: Sequence[Decided]) -> list[list[Decided]]:
    groups: dict[str, list[Decided]] = defaultdict(list)
    for each in chosen:
        text = "".join(unicodedata.normalize("NFKC", each.report.text).split())
        if len(text) >= _LEAST_TEXT:
            groups[text].append(each)
    return [group for group in groups.values() if len(group) > 1]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
