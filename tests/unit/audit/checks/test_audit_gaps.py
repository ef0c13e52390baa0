"""What an agent did not read is accounted for by the letter of the gap, is named, and does not pass for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.audit.run import judge_tables
from hub.audit.tables import HERE
from hub.errors import Reason
from hub.model.ids import case_id
from tests.unit.audit.made_up import MadeUpRun, good_run

TOPIC = "city.hotline.events"


def gap_at(run: MadeUpRun, agent: str, topic: str, begin: int, until: int, reason: Reason = Reason.GAP) -> None:
    run.letter(agent, reason, run.identity(topic, begin), until)


@given(st.integers(0, 20), st.integers(0, 20))
def test_what_was_gone_is_counted_and_named_and_no_more_is_excused(begin: int, size: int) -> None:
    run = good_run()
    left = [run.arrive(TOPIC) for _ in range(10)]  # nothing came of these
    first = int(run.identities.offsets(run.tables().inputs[TOPIC])[-10])
    gap_at(run, "deduplicate", TOPIC, first + begin, first + begin + size)
    report = judge_tables(run.tables())
    within = max(0, min(10, begin + size) - begin)
    assert report.gone == size
    assert report.outcomes.get("passed over 未读跳过", 0) == within
    assert report.lost.count == len(left) - within
    assert report.orphaned == report.doubled == 0, "the letter itself is no outcome of a record"
    assert report.good == (size == 0 and within == 10)
    if size:
        assert [each.first for each in report.losses if each.count] == [(f"{TOPIC}[0]@{first + begin}",)]


def test_a_topic_made_anew_is_named_though_nobody_knows_what_was_lost() -> None:
    run = good_run()
    gap_at(run, "deduplicate", TOPIC, 500, 0, Reason.MOVED_BACK)
    report = judge_tables(run.tables())
    assert (report.gone, report.unaccounted, report.doubled, report.orphaned) == (1, 0, 0, 0)
    assert not report.good
    assert not report.good_so_far


def test_what_somebody_skipped_is_accounted_for_and_no_loss() -> None:
    run = good_run()
    skipped = run.arrive(TOPIC)
    offset = int(run.identities.offsets(run.tables().inputs[TOPIC])[-1])
    gap_at(run, "deduplicate", TOPIC, offset, offset + 1, Reason.SKIPPED)
    report = judge_tables(run.tables())
    assert skipped
    assert report.good
    assert report.outcomes["passed over 未读跳过"] == 1
    assert sum(report.taken_in.values()) == sum(report.outcomes.values())


def test_what_route_or_track_did_not_read_is_passed_over_too() -> None:
    run = good_run()
    run.event("hotline", "H8")
    run.update("roads", "U9", case_id("hotline", "H1"), applied=False)
    for agent, table, topic in (("route", "events", "hub.events"), ("track", "updates", "hub.updates")):
        offset = int(run.identities.offsets(getattr(run.tables(), table).column(HERE).to_numpy())[-1])
        gap_at(run, agent, topic, offset, offset + 1)
    report = judge_tables(run.tables())
    assert report.outcomes["passed over 未读跳过"] == 2
    assert (report.unaccounted, report.doubled, report.orphaned, report.gone) == (0, 0, 0, 2)
