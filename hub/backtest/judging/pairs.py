"""Which reports a city knew to be of one incident: by reference, or, where it only flags duplicates, told by place and time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hub.backtest.judging.truth import TruthRow
from hub.policy.city import label_key

_NONE = TruthRow()


@dataclass(frozen=True, slots=True)
class Reported:
    """What pairing needs of a report. Degrees in WGS84, times in ms."""

    ref: str
    at_ms: int
    address: str | None
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """`child` was flagged a duplicate; it is found if it is joined with any of `others`, the likeliest first."""

    child: str
    others: tuple[str, ...]
    by_place: bool
    """By place and time, not by the city's own reference."""


def known_pairs(reports: Sequence[Reported], truth: Mapping[str, TruthRow]) -> Iterator[Pair]:
    """A pair for each duplicate whose other report can be told and is among `reports`.

    Where the city names the other report, that is the pair. Where it only flags, a fair pair is one that the person who
    flagged it can have meant: at the same address (or, without one, the same point to four decimals), both alive at one time -
    each opened before the other was closed. Reports that were not flagged come first, then the nearest in time.
    """
    refs = {each.ref for each in reports}
    by_place: dict[str, list[Reported]] | None = None
    for each in reports:
        said = truth.get(each.ref, _NONE)
        if said.duplicate_of:
            if said.duplicate_of in refs and said.duplicate_of != each.ref:
                yield Pair(each.ref, (said.duplicate_of,), by_place=False)
        elif said.duplicate:
            by_place = _by_place(reports) if by_place is None else by_place
            others = _alive_with(each, by_place.get(_place(each) or "", []), truth)
            if others:
                yield Pair(each.ref, others, by_place=True)


def _alive_with(report: Reported, near: Sequence[Reported], truth: Mapping[str, TruthRow]) -> tuple[str, ...]:
    closed = truth.get(report.ref, _NONE).closed_ms
    found: list[tuple[bool, int, str]] = []
    for other in near:
        said = truth.get(other.ref, _NONE)
        if other.ref == report.ref or (said.closed_ms is not None and said.closed_ms < report.at_ms):
            continue
        if closed is None or closed >= other.at_ms:
            found.append((bool(said.duplicate), abs(other.at_ms - report.at_ms), other.ref))
    return tuple(ref for _, _, ref in sorted(found))


def _by_place(reports: Sequence[Reported]) -> dict[str, list[Reported]]:
    found: dict[str, list[Reported]] = defaultdict(list)
    for each in reports:
        place = _place(each)
        if place is not None:
            found[place].append(each)
    return found


def _place(report: Reported) -> str | None:
    if report.address:
        return label_key(report.address)
    return None if report.lat is None or report.lon is None else f"@{report.lat:.4f},{report.lon:.4f}"
