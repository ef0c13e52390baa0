"""What is learnt of linking from made-up cities whose rule is known."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hub.core.linking import CaseClues, Clue, Incidents
from hub.learn.history import History
from hub.learn.links.learn import CAUTIOUS, learn_links
from hub.learn.links.pairs import RADII_M, WINDOWS_H, pairs_of, reports_of
from hub.learn.rows import plain
from hub.policy import load_city
from hub.policy.models import LinkRule, TextRule
from hub.settings import ROOT

HOUR = 3_600_000
DAY = 24 * HOUR
Row = tuple[int, str, float, float, int | None, bool, int | None]
"""Opened (ms), category, latitude, longitude, closed (ms), flagged, row of the other report."""


def history(rows: list[Row], texts: list[str] | None = None) -> History:
    opened, category, lat, lon, closed, flagged, other = (list(column) for column in zip(*rows, strict=True))
    count, names = len(rows), [f"r{number}" for number in range(len(rows))]
    none = pa.nulls(count, pa.string())
    return History(
        source=pa.array(["hotline"] * count), ref=pa.array(names), opened_ms=pa.array(opened, pa.int64()),
        category=pa.array(category), label=pa.array(category), channel=pa.array(["phone"] * count),
        urgency=pa.array(["ROUTINE"] * count), lat=pa.array(lat, pa.float64()), lon=pa.array(lon, pa.float64()),
        address=none, title=none, text=pa.array(texts, pa.string()) if texts else none, due_ms=pa.nulls(count, pa.int64()),
        closed_ms=pa.array(closed, pa.int64()), department=none, queue=none, duplicate=pa.array(flagged, pa.bool_()),
        duplicate_of=pa.array([None if at is None else names[at] for at in other], pa.string()), time_zone="UTC",
    )  # fmt: skip


def city(seed: int, *, share: float) -> History:
    """Lamps and poles are the same thing to people; trees are reported again, but never as duplicates."""
    draw = random.Random(seed)
    found: list[Row] = []
    for number in range(1_500):
        at = number * 2 * HOUR
        lat, lon = round(34 + draw.random() / 20, 4), round(114 + draw.random() / 20, 4)
        kind = draw.choice(["lamp", "pole", "tree"])
        found.append((at, kind, lat, lon, at + 30 * DAY, False, None))
        if draw.random() < 0.4:
            first, known = len(found) - 1, kind != "tree" and draw.random() < share
            again = kind if kind == "tree" else draw.choice(["lamp", "pole"])
            later = at + draw.randint(1, 40) * HOUR
            found.append((later, again, lat, lon, later + DAY, known, first if known else None))
        if kind != "tree" and draw.random() < 0.4:  # another lamp of the same post, weeks later
            found.append((at + 20 * DAY, kind, lat, lon, at + 25 * DAY, False, None))
    order = sorted(range(len(found)), key=lambda row: (found[row][0], row))
    place = {row: at for at, row in enumerate(order)}
    return history([(*found[row][:6], None if (o := found[row][6]) is None else place[o]) for row in order])


def test_categories_that_duplicate_each_other_become_a_family_with_the_right_window() -> None:
    learnt = learn_links(city(1, share=0.95))
    assert learnt.families["lamp"] == learnt.families["pole"] != learnt.families["tree"]
    row, rest = learnt.rows[0], learnt.rows[-1]
    assert isinstance(row.row, LinkRule)
    assert row.row.family == (learnt.families["lamp"],)
    assert row.row.radius_m <= RADII_M[1]
    assert 40 <= row.row.window_hours < 20 * 24
    assert row.confidence is not None
    assert row.confidence > 0.8
    assert row.support is not None
    assert isinstance(rest.row, LinkRule)
    assert rest.row.never
    assert any("as a rule" in note for note in learnt.notes)


def test_where_few_duplicates_are_recorded_no_more_is_linked_than_allowed() -> None:
    seen = city(2, share=0.15)
    learnt = learn_links(seen, most_share=0.1)
    assert any("now and then" in note for note in learnt.notes)
    assert 0 < sum(row.support or 0 for row in learnt.rows) <= 0.1 * len(seen) * 1.2


def test_the_same_history_teaches_the_same() -> None:
    first, second = learn_links(city(3, share=0.5)), learn_links(city(3, share=0.5))
    assert [plain(row.row) for row in first.rows] == [plain(row.row) for row in second.rows]


def test_rows_load_and_join_what_they_were_learnt_from() -> None:
    seen = city(4, share=0.95)
    learnt = learn_links(seen)
    demo = load_city(ROOT / "ops" / "cities" / "demo")
    rows = tuple(LinkRule.model_validate_json(each.row.model_dump_json()) for each in learnt.rows)
    index = Incidents(replace(demo, linking=rows))
    columns = (seen.ref, seen.opened_ms, seen.category, seen.lat, seen.lon, seen.closed_ms)
    joined = flagged = 0
    for (ref, at_ms, category, lat, lon, closed_ms), known in zip(
        zip(*(column.to_pylist() for column in columns), strict=True), seen.duplicate.to_pylist(), strict=True
    ):
        family = learnt.families[category]
        match = index.find(Clue(at_ms, family, lat, lon))
        flagged, joined = flagged + known, joined + (known and match is not None)
        if match is None:
            index.add(CaseClues(ref, family, lat, lon, at_ms, closed_ms))
    assert joined > 0.9 * flagged


def test_without_truth_rows_are_cautious() -> None:
    rows = [(number * HOUR, "lamp", 34.0 + number / 100, 114.0, None, False, None) for number in range(40)]
    learnt = learn_links(history(rows))
    assert [row.row for row in learnt.rows] == [CAUTIOUS]
    assert learnt.notes
    assert learnt.rows[0].confidence is None


@pytest.mark.parametrize(
    ("words", "compared"), [("{} 号楼的电梯坏了，请派人维修", True), ("请尽快处理这个问题", False)]
)
def test_texts_are_compared_only_where_people_write_their_own(words: str, compared: bool) -> None:
    rows = [(number * HOUR, "lamp", None, None, None, False, None) for number in range(40)]
    learnt = learn_links(history(rows, [words.format(number) for number in range(40)]))
    rule = learnt.rows[0].row
    assert isinstance(rule, LinkRule)
    assert isinstance(rule.text, TextRule) == compared


def test_candidates_are_near_open_and_in_order() -> None:
    reports, names = reports_of(city(5, share=0.3))
    pairs = pairs_of(reports)
    assert names == ["lamp", "pole", "tree"]
    assert len(pairs) > 300
    assert (pairs.earlier < pairs.later).all()
    assert (reports.closed_h[pairs.earlier] > reports.opened_h[pairs.later]).all()
    assert pairs.duplicate.sum() > 20
    assert len(np.unique(pairs.earlier * len(reports) + pairs.later)) == len(pairs)


def sparse_city(seed: int, *, kinds: int = 30, reports: int = 1_600, known: float = 0.1) -> tuple[History, list[Row]]:
    """People report again within two days what they see, of whatever kind; few of these repeats were ever recorded as duplicates.
    What is reported at the same place weeks later is another matter. Also all rows with every true duplicate."""
    draw = random.Random(seed)
    found: list[Row] = []
    for number in range(reports):
        at, kind = number * HOUR, f"kind{draw.randrange(kinds):02}"
        lat, lon = round(34 + draw.random() / 10, 4), round(114 + draw.random() / 10, 4)
        found.append((at, kind, lat, lon, at + 60 * DAY, False, None))
        first = len(found) - 1
        if draw.random() < 0.15:
            later = at + draw.randint(1, 48) * HOUR
            found.append((later, kind, lat + draw.choice((0, 0.0001)), lon, later + 5 * DAY, True, first))
        if draw.random() < 0.3:
            later = at + draw.randint(10, 50) * DAY
            found.append((later, kind, lat, lon, later + 5 * DAY, False, None))
    order = sorted(range(len(found)), key=lambda row: (found[row][0], row))
    place = {row: at for at, row in enumerate(order)}
    true = [(*found[row][:6], None if (o := found[row][6]) is None else place[o]) for row in order]
    recorded = [row if row[6] is None or draw.random() < known else (*row[:5], False, None) for row in true]
    return history(recorded), true


def joined(rows: list[LinkRule], families: dict[str, str], seen: list[Row]) -> tuple[int, int]:
    """How many of the true duplicates these rules join, and how many reports they link."""
    reports, names = reports_of(history(seen))
    pairs = pairs_of(reports)
    family = [families.get(name, name) for name in names]
    limits: dict[str, tuple[float, float]] = {}
    for name in set(family):
        row = next(each for each in rows if each.between is None and (each.family is None or name in each.family))
        limits[name] = (row.radius_m, row.window_hours)
    radius, window = np.array([(-1.0, -1.0) if limits[name][0] <= 0 else limits[name] for name in family]).T
    wide, long = np.divmod(pairs.cell, len(WINDOWS_H))
    own = reports.family[pairs.later]
    fits = own == reports.family[pairs.earlier]
    fits &= (np.array(RADII_M)[wide] <= radius[own]) & (np.array(WINDOWS_H)[long] <= window[own])
    return int(pairs.duplicate[fits].sum()), len(np.unique(pairs.later[fits]))


@pytest.mark.parametrize("seed", [2, 4])
def test_where_little_is_known_no_worse_than_one_plain_rule_for_all(seed: int) -> None:
    seen, true = sparse_city(seed)
    learnt = learn_links(seen, most_share=0.12)
    rows = [each.row for each in learnt.rows if isinstance(each.row, LinkRule)]
    mine, links = joined(rows, learnt.families, true)
    plain_rules = [LinkRule(id="one", radius_m=wide, window_hours=long) for wide in RADII_M for long in WINDOWS_H]
    best = max(duplicates for duplicates, many in (joined([one], {}, true) for one in plain_rules) if many <= links)
    assert mine >= best
    (note,) = [each for each in learnt.notes if "one plain rule for all" in each]
    assert "Taken: one plain rule for all" in note
