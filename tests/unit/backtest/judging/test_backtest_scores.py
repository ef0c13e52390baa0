"""Scores: what equals the truth counts, what differs does not, and what cannot be compared is not judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backtest.judging.difference import difference
from hub.backtest.judging.pairs import Reported, known_pairs
from hub.backtest.judging.scores import score
from hub.backtest.judging.truth import TruthRow, TruthTable
from hub.policy.city import City
from tests.unit.backtest.small_past import HOUR_MS, START_MS, closed, report, run, small_city

NOW_MS = START_MS + 1000 * HOUR_MS
ALL = frozenset({"due", "closed", "department", "queue", "duplicate", "duplicate_of"})


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return small_city(tmp_path_factory.mktemp("city"))


def _truth(**rows: TruthRow) -> TruthTable:
    return TruthTable(dict(rows), ALL)


@given(st.integers(-200, 200))
def test_a_due_time_counts_within_a_minute(city: City, seconds: int) -> None:
    played = run(city, [report("a", 0)])
    due_ms = START_MS + 24 * HOUR_MS + seconds * 1000
    scores = score(city, played.decisions, _truth(a=TruthRow(due_ms=due_ms)), NOW_MS)
    assert scores.due.right == (abs(seconds) <= 60)


def test_what_agrees_counts_and_what_differs_does_not(city: City) -> None:
    played = run(city, [report("a", 0), report("b", 0, place={})], [closed("a", 30), closed("b", 3)])
    due_ms = START_MS + 24 * HOUR_MS
    good = TruthRow(
        due_ms=due_ms, closed_ms=START_MS + 30 * HOUR_MS, department="ROADS", queue="road  gang", overdue=True
    )
    bad = TruthRow(due_ms=due_ms, closed_ms=START_MS + 3 * HOUR_MS, department="Power", queue="Lamps", overdue=True)
    scores = score(city, played.decisions, _truth(a=good, b=bad), NOW_MS)
    for name in ("department", "queue", "breach", "breach_source"):
        assert (getattr(scores, name).judged, getattr(scores, name).right) == (2, 1), name
    assert scores.due.share == 1.0


def test_by_its_chinese_name_a_department_is_known_too(city: City) -> None:
    played = run(city, [report("a", 0)])
    assert score(city, played.decisions, _truth(a=TruthRow(department="道路")), NOW_MS).department.right == 1


def test_another_vocabulary_is_not_judged(city: City) -> None:
    played = run(city, [report("a", 0, category="lamp")])
    scores = score(city, played.decisions, _truth(a=TruthRow(department="DPW-7", queue="q1")), NOW_MS)
    assert scores.department.share is None
    assert scores.queue.share is None


def test_open_cases_are_late_at_the_snapshot_only_if_they_were_due_by_then(city: City) -> None:
    played = run(city, [report("a", 0)])
    said = _truth(a=TruthRow(due_ms=START_MS + 24 * HOUR_MS, overdue=False))
    said.snapshot_ms = START_MS + 20 * HOUR_MS
    assert score(city, played.decisions, said, NOW_MS).breach_source.share == 1.0


def test_only_the_period_is_judged(city: City) -> None:
    played = run(city, [report("a", 0), report("b", 10, place={})])
    rows = {ref: TruthRow(department="Roads") for ref in "ab"}
    at_ms = START_MS + 5 * HOUR_MS
    assert score(city, played.decisions, _truth(**rows), NOW_MS, from_ms=at_ms).department.judged == 1
    assert score(city, played.decisions, _truth(**rows), NOW_MS, until_ms=at_ms).department.judged == 1


def test_pairs_and_flags(city: City) -> None:
    far = {"lat": 31.0, "lon": 101.0}
    events = [report("a", 0), report("b", 1), report("c", 2), report("d", 3, place=far), report("e", 4, place={})]
    played = run(city, events)
    truth = _truth(
        b=TruthRow(duplicate=True, duplicate_of="a"), d=TruthRow(duplicate=True, duplicate_of="a"),
        e=TruthRow(duplicate=True, duplicate_of="not there"),
    )  # fmt: skip
    said = score(city, played.decisions, truth, NOW_MS).duplicates
    assert said is not None
    assert (said.links, said.pairs, said.joined) == (2, 2, 1)
    assert said.flags is not None
    assert (said.flags.agreed, said.flags.linked, said.flags.flagged) == (1, 2, 3)


def test_clusters_do_not_ask_which_was_flagged(city: City) -> None:
    played = run(city, [report("a", 0), report("b", 1)])
    said = score(city, played.decisions, _truth(a=TruthRow(duplicate=True)), NOW_MS).duplicates
    assert said is not None
    assert said.flags is not None
    assert said.clusters is not None
    assert (said.flags.agreed, said.clusters.agreed) == (0, 1)


def test_identical_texts_are_counted_by_group(city: City) -> None:
    text = "路灯已经坏了三天，晚上很黑，请尽快修理。"
    far = {"lat": 31.0, "lon": 101.0}
    events = [report("a", 0, text=text), report("b", 1, text=text), report("c", 2, text=text + "！", place=far)]
    said = score(city, run(city, events).decisions, _truth(), NOW_MS).duplicates
    assert said is not None
    assert (said.identical, said.identical_joined) == (1, 1)


_at = st.integers(0, 50)


@given(st.lists(st.tuples(_at, st.none() | _at, st.booleans(), st.sampled_from("xyz")), max_size=12))
def test_told_pairs_were_alive_together_at_one_place(reports: list) -> None:
    found = [Reported(str(n), at, place, None, None) for n, (at, _, _, place) in enumerate(reports)]
    ends = [None if end is None else max(at, end) for at, end, _, _ in reports]
    rows = {str(n): TruthRow(closed_ms=ends[n], duplicate=flag) for n, (_, _, flag, _) in enumerate(reports)}
    pairs = {pair.child: pair.others for pair in known_pairs(found, rows)}
    for n, (at, _, flag, place) in enumerate(reports):
        fair = {
            str(m)
            for m, (other_at, _, _, other_place) in enumerate(reports)
            if flag and m != n and place == other_place
            and at <= (ends[m] if ends[m] is not None else 99) and other_at <= (ends[n] if ends[n] is not None else 99)
        }  # fmt: skip
        assert set(pairs.get(str(n), ())) == fair


def test_a_policy_differs_from_itself_in_nothing(city: City) -> None:
    played = run(city, [report("a", 0), report("b", 1)], [closed("a", 40)])
    assert difference(played.decisions, played.decisions).changes == []


def test_the_difference_names_what_moved(city: City, tmp_path: Path) -> None:
    other = small_city(
        tmp_path,
        routes_yaml="routes: [{id: all, department: power}]\n",
        linking_yaml="linking: []\n",
        deadlines_yaml="deadlines: [{id: r, clock: resolve, duration: 48, unit: hour}]\n",
    )
    events, updates = [report("a", 0), report("b", 1)], [closed("a", 40), closed("b", 2)]
    found = difference(run(city, events, updates).decisions, run(other, events, updates).decisions)
    counts = found.counts()
    assert (counts["moved"], counts["link_lost"], counts["due_moved"], counts["breach_removed"]) == (2, 1, 2, 1)
    assert found.load["roads"][0].reports == 2
    assert found.load["power"][1].cases == 2
