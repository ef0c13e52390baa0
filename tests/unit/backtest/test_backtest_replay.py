"""History through the core: every report decided once, clocks judged by the report's own times, whatever the order of updates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backtest.updates import HistoryUpdate
from hub.policy.city import City
from tests.unit.backtest.small_past import HOUR_MS, START_MS, by_ref, closed, report, run, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return small_city(tmp_path_factory.mktemp("city"))


_hours = st.integers(0, 200).map(lambda quarter: quarter / 4)
_reports = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(12)]),
    st.tuples(_hours, st.sampled_from(["hole", "lamp", "unheard of"]), st.sampled_from([30.05, 30.0505, 31.0, None])),
    min_size=1,
)
_ends = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(12)]), st.integers(0, 400).map(lambda q: q / 4)
)


def _events(reports: dict[str, tuple[float, str, float | None]]) -> list:
    return [
        report(ref, hours, category=category, place={} if lat is None else {"lat": lat, "lon": 100.05})
        for ref, (hours, category, lat) in reports.items()
    ]


@given(_reports, _ends)
def test_every_report_is_decided_once_and_breached_as_its_own_end_says(city: City, reports: dict, ends: dict) -> None:
    ends = {ref: max(hours, reports[ref][0]) for ref, hours in ends.items() if ref in reports}
    updates = [closed(ref, hours) for ref, hours in ends.items()]
    # a linked report that is closed by itself makes all closings the reports' own
    played = run(city, _events(reports), updates, hours=100)
    assert sorted(each.report.ref for each in played.decisions) == sorted(reports)
    each_is_closed = any(each.linked and each.report.ref in ends for each in played.decisions)
    decided = by_ref(played)
    for ref, (hours, category, _) in reports.items():
        own = decided[ref]
        assert own.category == category
        if category != "hole":
            assert (own.due_ms, own.breached_ms) == (None, None)
            continue
        assert own.due_ms == START_MS + round(hours * HOUR_MS) + 24 * HOUR_MS
        end = ends.get(ref)
        if end is None and not each_is_closed and own.lead_ref in ends:
            end = max(ends[own.lead_ref], hours)
        late = hours + 24 < (100 if end is None else end)
        assert (own.breached_ms is not None) == late, ref
        assert own.breached_ms in (None, own.due_ms)


@given(_reports, _ends, st.randoms())
def test_decisions_do_not_depend_on_the_order_of_updates(city: City, reports: dict, ends: dict, random) -> None:
    updates = [closed(ref, hours) for ref, hours in ends.items()]
    before = run(city, _events(reports), updates)
    random.shuffle(updates)
    assert run(city, _events(reports), updates).decisions == before.decisions


@given(_reports, _ends, st.integers(1, 5))
def test_decisions_do_not_depend_on_how_many_are_taken_at_once(
    city: City, reports: dict, ends: dict, size: int
) -> None:
    updates = [closed(ref, hours) for ref, hours in ends.items()]
    whole = run(city, _events(reports), updates)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.backtest.replay._CHUNK", size)
        assert run(city, _events(reports), updates).decisions == whole.decisions


@given(_reports)
def test_a_repeat_changes_nothing(city: City, reports: dict) -> None:
    events = _events(reports)
    once = {each.report.ref: (each.case_id, each.department, each.due_ms) for each in run(city, events).decisions}
    again = {
        each.report.ref: (each.case_id, each.department, each.due_ms)
        for each in run(city, [*events, *events]).decisions
    }
    assert again == once


def test_linked_reports_share_their_case_and_keep_their_own_clock(city: City) -> None:
    played = by_ref(run(city, [report("a", 0), report("b", 2)], [closed("a", 30), closed("b", 25)]))
    lead, linked = played["a"], played["b"]
    assert (lead.linked, linked.linked) == (False, True)
    assert linked.case_id == lead.case_id
    assert linked.lead_ref == "a"
    assert linked.link_score is not None
    assert lead.link_score is None
    assert (linked.department, linked.queue) == ("roads", "Road gang")
    assert lead.breached_ms == lead.due_ms, "closed 30 hours after it was made"
    assert linked.breached_ms is None, "closed 23 hours after it was made"
    assert linked.due_ms == START_MS + 26 * HOUR_MS


def test_where_only_cases_are_closed_linked_reports_end_with_them(city: City) -> None:
    played = by_ref(run(city, [report("a", 0), report("b", 2)], [closed("a", 20)]))
    assert played["b"].breached_ms is None
    assert played["b"].ended_ms == START_MS + 20 * HOUR_MS


def test_a_withdrawn_report_is_not_late_afterwards(city: City) -> None:
    played = by_ref(run(city, [report("a", 0)], [closed("a", 5, "WITHDRAWN")]))
    assert played["a"].breached_ms is None
    assert played["a"].ended_ms == START_MS + 5 * HOUR_MS


def test_the_sources_due_time_counts_only_where_it_is_asked_for_or_there_is_no_clock(city: City) -> None:
    own = START_MS + 3 * HOUR_MS
    events = [report("a", 0, due_at=own), report("b", 0, category="lamp", due_at=own, place={})]
    played = by_ref(run(city, events))
    assert (played["a"].due_ms, played["a"].due_policy) == (START_MS + 24 * HOUR_MS, "resolve.hole")
    assert (played["b"].due_ms, played["b"].due_policy) == (own, "source")
    played = by_ref(run(city, events, source_due=True))
    assert (played["a"].due_ms, played["a"].due_policy) == (own, "source")


def test_closing_said_before_the_report_counts_from_the_report_on(city: City) -> None:
    played = run(city, [report("a", 10)], [closed("a", 4)])
    assert played.applied == 1
    decided = by_ref(played)["a"]
    assert decided.breached_ms is None
    assert decided.due_ms == START_MS + 34 * HOUR_MS, "the clock started, as there was a report"


def test_updates_of_nobody_and_after_the_end_are_told(city: City) -> None:
    played = run(city, [report("a", 0)], [closed("zz", 4), closed("a", 50)], hours=40)
    assert [each.ref for each in played.unknown] == ["zz"]
    assert played.later == 1
    assert by_ref(played)["a"].breached_ms is not None


def test_a_refusal_moves_the_case_to_the_desk(city: City) -> None:
    played = by_ref(run(city, [report("a", 0)], [closed("a", 1, "REFUSED")]))
    assert played["a"].department == "desk"


def test_what_another_department_did_in_history_counts_as_the_holders_but_not_its_refusal(city: City) -> None:
    def by(department: str, hours: float, status: str) -> HistoryUpdate:
        return replace(closed("a", hours, status), department=department)

    played = run(
        city, [report("a", 0)], [by("power", 1, "REFUSED"), by("power", 2, "ACCEPTED"), by("roads", 3, "RESPONDED")]
    )
    assert (played.applied, played.elsewhere) == (3, 2)
    assert by_ref(played)["a"].held_by == "roads"


def test_closings_of_the_events_themselves_count(city: City) -> None:
    events = [report("a", 0), report("a", 5, revision=1, kind="CLOSED")]
    played = run(city, events)
    assert len(played.decisions) == 1
    assert by_ref(played)["a"].ended_ms == START_MS + 5 * HOUR_MS


def test_the_same_reference_of_two_sources_is_two_reports(tmp_path: Path, city: City) -> None:
    events = [report("a", 0), report("a", 1, source="police", place={})]
    played = run(city, events, [closed("a", 3)])
    assert [each.report.source for each in played.decisions] == ["hotline", "police"]
    assert all(each.ended_ms == START_MS + 3 * HOUR_MS for each in played.decisions)


def test_a_linked_report_is_routed_by_itself_and_its_case_is_held_by_the_leads(tmp_path: Path) -> None:
    routes = "routes:\n  - {id: web, when: {channel: [web]}, department: power, queue: Net}\n  - {id: all, department: roads}\n"
    played = by_ref(run(small_city(tmp_path, routes_yaml=routes), [report("a", 0), report("b", 1, channel="web")]))
    assert played["b"].linked
    assert (played["b"].department, played["b"].queue) == ("power", "Net")
    assert (played["b"].held_by, played["b"].held_queue) == ("roads", None)
    assert (played["a"].department, played["a"].held_by) == ("roads", "roads")
