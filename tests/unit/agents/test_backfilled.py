"""A back-fill starts no live clock in the past: what it opens is opened when the hub takes it, unless it was asked to do else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import topics
from hub.clock import ClockKind
from hub.millis import DAY_MS, HOUR_MS
from hub.model.event import EventKind, Place
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus, UpdateStep
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

STRETCH = "2026-01-01T00:00:00Z/2026-03-01T00:00:00Z"
BACKFILL = {topics.BACKFILL: STRETCH}
AS_REPORTED = {topics.BACKFILL: STRETCH + topics.CLOCKS_AS_REPORTED}
MONTH_AGO = NOON - 30 * DAY_MS


def started(hub: WholeHub, ref: str = "H1") -> list[tuple[str, int, int]]:
    """The clocks that `track` runs on a case: name, start and due time."""
    case = hub.tracked(case_id("hotline", ref))
    return [(clock.name, clock.started_ms, clock.due_ms) for clock in case.clocks] if case else []


def rings(hub: WholeHub) -> list[Any]:
    return hub.records(topics.DEADLINES.name)


def sound(hub: WholeHub) -> bool:
    account, state = hub.audit()
    return account.good and state.good


def test_what_it_opens_is_due_as_if_it_had_come_today() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.publish(report("H1", MONTH_AGO), headers=BACKFILL)
        hub.publish(report("H2", NOON, place=Place(code="LT02")))
        hub.settle(NOON + MINUTE)
        told, live = hub.orders(case_id=case_id("hotline", "H1")), hub.orders(case_id=case_id("hotline", "H2"))
        assert started(hub, "H1") == started(hub, "H2") != []
        assert [each["deadlines"] for each in told] == [each["deadlines"] for each in live]
        assert told[0]["event"]["reported_at"] == MONTH_AGO, "what was said stays as it was said"
        assert not rings(hub)


@pytest.mark.parametrize("headers", [None, AS_REPORTED])
def test_live_statements_and_those_asked_for_run_from_when_they_were_made(headers: dict[str, str] | None) -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.publish(report("H1", MONTH_AGO), headers=headers)
        hub.settle(NOON + MINUTE)
        assert {start for _, start, _ in started(hub)} == {MONTH_AGO}
        assert "BREACHED" in {ring["kind"] for ring in rings(hub)}


def test_a_replayed_history_goes_by_its_own_time() -> None:
    with WholeHub(CITY, NOON, clock=ClockKind.DATA) as hub:
        hub.publish(report("H1", MONTH_AGO), headers=BACKFILL)
        hub.run()
        assert {start for _, start, _ in started(hub)} == {MONTH_AGO}


def test_a_lost_statement_of_a_live_case_does_not_move_its_clocks() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.publish(report("H1", NOON - 2 * MINUTE, revision=2))
        hub.run()
        before = started(hub)
        hub.publish(report("H1", MONTH_AGO, revision=1), headers=BACKFILL)
        hub.settle(NOON + MINUTE)
        assert started(hub) == before
        assert not rings(hub)


def test_an_end_counts_from_when_it_was_and_nobody_is_late() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.publish(report("H1", MONTH_AGO), headers=BACKFILL)
        hub.publish(report("H1", MONTH_AGO + HOUR_MS, revision=1, kind=EventKind.CLOSED), headers=BACKFILL)
        hub.settle(NOON + 100 * DAY_MS)
        case = hub.tracked(case_id("hotline", "H1"))
        assert case is not None
        assert case.over_ms is not None
        assert not [ring for ring in rings(hub) if ring["kind"] == "BREACHED"]
        assert sound(hub)


def test_linking_goes_by_when_things_were_reported() -> None:
    here = Place(lat=34.02, lon=114.515)
    with WholeHub(CITY, NOON) as hub:
        for ref, at_ms in (("H1", MONTH_AGO), ("H2", MONTH_AGO + 10 * MINUTE), ("H3", MONTH_AGO + 9 * DAY_MS)):
            hub.publish(report(ref, at_ms, place=here), headers=BACKFILL)
            hub.run()
        hub.publish(report("H4", NOON, place=here))
        hub.run()
        linked = {c["source_ref"]: c["link"]["apart_seconds"] for c in hub.records(topics.CASES.name, change="LINKED")}
        assert linked == {"H2": 600.0}


def test_taken_out_of_its_case_it_is_opened_when_it_was_taken() -> None:
    here = Place(lat=34.02, lon=114.515)
    with WholeHub(CITY, NOON) as hub:
        for ref in ("H1", "H2"):
            hub.publish(report(ref, MONTH_AGO, place=here), headers=BACKFILL)
            hub.run()
        hub.restart()
        hub.clock.now_ms = NOON + HOUR_MS
        holder = hub.records(topics.CASES.name)[0]["department"]
        hub.publish(
            Update(
                update_id="U1", department=holder, case_id=case_id("hotline", "H1"), status=UpdateStatus.ACCEPTED,
                step=UpdateStep.UNLINKED, at=NOON + HOUR_MS, report="hotline:H2", note="another matter",
            )
        )  # fmt: skip
        hub.run()
        assert {start for _, start, _ in started(hub, "H2")} == {NOON}
        assert sound(hub)


@pytest.mark.parametrize("headers", [None, BACKFILL])
def test_a_record_that_is_moved_to_its_partition_keeps_its_mark(headers: dict[str, str] | None) -> None:
    with WholeHub(CITY, NOON, partitions=4) as hub:
        for number in range(4):
            hub.publish(report("H1", MONTH_AGO, revision=number), partition=number, headers=headers)
            hub.run()
        assert {start for _, start, _ in started(hub)} == {NOON if headers else MONTH_AGO}


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("H1", "H2")), st.integers(0, 4), st.sampled_from(list(EventKind)), st.integers(0, 40),
            st.booleans(), st.sampled_from(["water.burst", "road.sidewalk"]),
        ),
        min_size=1, max_size=7, unique_by=lambda each: each[:2],
    )
)  # fmt: skip
def test_no_clock_starts_before_the_first_live_word_or_the_first_arrival(statements: list[Any]) -> None:
    earliest: dict[str, int] = {}
    with WholeHub(CITY, NOON) as hub:
        for ref, revision, kind, days, live, category in statements:
            hub.clock.now_ms += HOUR_MS
            at_ms = NOON - days * DAY_MS
            earliest[ref] = min(earliest.get(ref, hub.clock.now_ms), at_ms if live else hub.clock.now_ms)
            place = Place(code="LT01" if ref == "H1" else "LT02")
            event = report(ref, at_ms, revision=revision, kind=kind, category=category, place=place)
            hub.publish(event, headers=None if live else BACKFILL)
            hub.run()
        hub.settle(hub.clock.now_ms + MINUTE)
        for ref, from_ms in earliest.items():
            assert all(start >= from_ms for _, start, _ in started(hub, ref))
