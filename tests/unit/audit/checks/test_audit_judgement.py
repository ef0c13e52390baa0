"""A right run has nothing to say against it; each kind of defect is found and named."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.report import AuditReport
from hub.audit.run import judge_tables
from hub.audit.tables import HERE, ORIGIN
from hub.model.ids import case_id
from tests.unit.audit.made_up import HOUR, T0, MadeUpRun, good_run

_LETTERS_WITHOUT_ORIGIN = "connector:police"


def said(report: AuditReport) -> dict[str, int]:
    """What an audit holds against a run."""
    return {
        each.what: each.count for each in (report.lost, report.waiting, report.twice, *report.defects) if each.count
    }


def names(report: AuditReport) -> str:
    return "; ".join(said(report))


def test_a_right_run_is_good_and_adds_up() -> None:
    report = judge_tables(good_run().tables())
    assert said(report) == {}
    assert report.good
    assert sum(report.taken_in.values()) == sum(report.outcomes.values()) == 11
    assert report.outcomes["case 案件 linked"] == 1
    assert report.outcomes["dead letter 死信 route/undecodable"] == 1
    assert report.outcomes["update applied 反馈"] == 2
    assert report.connector_letters == 1
    assert report.cases == 3


def test_what_was_moved_to_its_partition_is_accounted_for_there() -> None:
    run = good_run()
    run.repeats("police", "P7", moved_to=1)
    run.opens("police", "P7")
    report = judge_tables(run.tables())
    assert said(report) == {}
    assert report.outcomes["moved to its partition 移至所属分区"] == 1
    assert sum(report.taken_in.values()) == sum(report.outcomes.values()) == 13


def test_a_report_that_was_taken_out_is_owed_the_replies_of_its_own_case_only() -> None:
    run = good_run()
    lead, wrong = ("hotline", "H1"), ("police", "P1")
    case = case_id(*lead)
    own = run.unlinks(case, lead, *wrong)
    assert said(judge_tables(run.tables())) == {}
    run.update("roads", "U7", case)
    run.reply(case, "U7", *lead)
    run.update("roads", "U8", own)
    assert "replies owed" in names(judge_tables(run.tables()))
    run.reply(own, "U8", *wrong)
    report = judge_tables(run.tables())
    assert said(report) == {}
    assert report.cases == 4
    run.rows["orders"] = [row for row in run.rows["orders"] if row["case_id"] != own]
    assert "orders owed and not sent" in names(judge_tables(run.tables()))


def test_nothing_at_all_is_good() -> None:
    assert judge_tables(MadeUpRun().tables()).good


_LOSSES = [
    ("events", lambda row: True),
    ("updates", lambda row: True),
    ("repeats", lambda row: True),
    ("cases", lambda row: True),
    ("dead", lambda row: row["stage"] != _LETTERS_WITHOUT_ORIGIN),
    ("orders", lambda row: True),
    ("replies", lambda row: True),
    ("receipts", lambda row: True),
    ("deadlines", lambda row: row["kind"] in ("WARNED", "BREACHED")),
]
"""Tables of which every record (that the second says) is missed when it is gone."""


@given(st.data())
def test_whatever_one_record_is_gone_it_is_missed(data: st.DataObject) -> None:
    run = good_run()
    table, missed = data.draw(st.sampled_from(_LOSSES))
    chosen = data.draw(st.sampled_from([row for row in run.rows[table] if missed(row)]))
    run.rows[table].remove(chosen)
    assert not judge_tables(run.tables()).good, (table, chosen)


@given(st.data())
def test_whatever_one_record_is_there_twice_it_is_seen(data: st.DataObject) -> None:
    run = good_run()
    tables = [name for name in run.rows if name != "closures"]
    table = data.draw(st.sampled_from(tables))
    chosen = data.draw(st.sampled_from([row for row in run.rows[table] if row.get("stage") != _LETTERS_WITHOUT_ORIGIN]))
    run.rows[table].append(copy.copy(chosen) | {HERE: run.place("hub.again")})
    assert not judge_tables(run.tables()).good, (table, chosen)


def test_a_receipt_that_says_otherwise_is_seen() -> None:
    run = good_run()
    run.rows["receipts"][0]["outcome"] = "not_allowed"
    assert "receipts that say otherwise 回执不符" in said(judge_tables(run.tables()))
    run = good_run()
    stray = run.arrive("city.police.events")
    run.letter("deduplicate", "undecodable", stray)
    run.add("receipts", "dept.roads.receipts", origin=stray, outcome="undecodable")
    assert said(judge_tables(run.tables())) == {"receipts that say otherwise 回执不符": 1}


def test_lost_and_doubled_are_named_by_place() -> None:
    run = good_run()
    lost = run.arrive("city.police.events")
    run.rows["repeats"].append(run.rows["repeats"][0] | {HERE: run.place("hub.repeats")})
    report = judge_tables(run.tables())
    assert (report.unaccounted, report.doubled) == (1, 1)
    assert report.lost.first == (run.identities.show(lost),) == ("city.police.events[0]@3",)
    assert report.twice.first == ("city.hotline.events[0]@1",)


def test_an_event_that_route_swallowed_is_lost() -> None:
    run = good_run()
    run.event("police", "P10")
    assert said(judge_tables(run.tables())) == {"lost 丢失": 1}


def test_what_no_agent_has_read_yet_waits() -> None:
    run = good_run()
    run.reached = {"deduplicate": {("city.police.events", 0): 3}, "route": {("hub.events", 0): 6}, "track": {}}
    run.arrive("city.police.events")
    run.event("hotline", "H7")
    assert said(judge_tables(run.tables())) == {"not read yet 待处理": 2}


def test_no_reply_is_owed_for_what_track_has_not_applied() -> None:
    run = good_run()
    case = run.rows["updates"][1]["case_id"]
    run.update("roads", "U3", case)
    assert said(judge_tables(run.tables())) == {"replies owed and not sent 缺少回复": 2}
    run.rows["receipts"].pop()
    assert said(judge_tables(run.tables())) == {"not read yet 待处理": 1}


def test_a_case_opened_again_after_it_was_over_is_no_defect() -> None:
    run = good_run()
    run.opens("petition", "T1")
    report = judge_tables(run.tables())
    assert report.good, said(report)
    assert report.reopened == 1


def test_a_case_opened_twice_while_it_was_open_is() -> None:
    run = good_run()
    run.opens("petition", "T2")
    assert "cases opened twice" in names(judge_tables(run.tables()))


@pytest.mark.parametrize("table", ["orders", "deadlines", "closures", "replies", "cases"])
def test_records_of_a_case_never_opened(table: str) -> None:
    run = good_run()
    run.rows[table].append(run.rows[table][-1] | {HERE: run.place("hub.x"), "case_id": "C-NEVER", "order_id": "O-X"})
    assert "of a case never opened" in names(judge_tables(run.tables()))


def test_a_change_before_the_opening() -> None:
    run = good_run()
    first, second = run.rows["cases"][:2]
    first[HERE], second[HERE] = second[HERE], first[HERE]
    assert said(judge_tables(run.tables())) == {"changes before their case opens 先于立案的变更": 1}


def test_an_order_without_a_cause() -> None:
    run = good_run()
    run.rows["orders"][0]["order_id"] = "O-OTHER"
    assert {"orders owed and not sent 缺少指令", "orders without a cause 无因指令"} <= set(
        said(judge_tables(run.tables()))
    )


@pytest.mark.parametrize(
    ("kind", "at", "corrects"),
    [("BREACHED", T0 + 1, False), ("MET", T0 + 1, False), ("ENDED_LATE", T0, False)],
)
def test_verdicts_that_cannot_be(kind: str, at: int, corrects: bool) -> None:
    run = good_run()
    run.ring(run.rows["cases"][0]["case_id"], "respond", kind, at=at, corrects=corrects)
    assert "contradict" in names(judge_tables(run.tables()))


def test_a_second_verdict_says_that_it_takes_back_the_first() -> None:
    run = good_run()
    case = run.rows["cases"][0]["case_id"]
    run.ring(case, "resolve", "MET", at=T0 - 3, corrects=True)
    assert judge_tables(run.tables()).good
    run.ring(case, "resolve", "MET", at=T0 - 4)
    assert "contradict" in names(judge_tables(run.tables()))


def test_a_second_round_that_ends_at_the_same_instant_takes_nothing_back() -> None:
    """A case that came back may have a clock that runs out when the one before would have: at the end of the same day."""
    run = good_run()
    case = run.rows["cases"][0]["case_id"]
    run.ring(case, "respond", "MET", at=T0 - 9)
    run.ring(case, "respond", "MET", at=T0 - 3, started=T0 - 5)
    assert said(judge_tables(run.tables())) == {}
    run.ring(case, "respond", "MET", at=T0 - 4, started=T0 - 5)
    assert "contradict" in names(judge_tables(run.tables()))


def test_a_clock_set_anew_may_be_cancelled_again() -> None:
    run = good_run()
    case = run.rows["cases"][0]["case_id"]
    run.ring(case, "respond", "WARNED", at=T0 - 5)
    run.ring(case, "respond", "CANCELLED", at=T0 - HOUR, corrects=True)
    run.ring(case, "respond", "WARNED", at=T0 - 5)
    run.ring(case, "respond", "CANCELLED", at=T0 - HOUR, corrects=True)
    assert said(judge_tables(run.tables())) == {}
    run.ring(case, "respond", "CANCELLED", at=T0 - HOUR, corrects=True)
    assert "deadline records twice" in names(judge_tables(run.tables()))


def test_a_clock_set_to_and_fro_may_ring_again() -> None:
    run = good_run()
    case = run.rows["cases"][0]["case_id"]
    run.ring(case, "respond", "WARNED", at=T0 - 5)
    run.ring(case, "respond", "CANCELLED", at=T0 - 4, corrects=True)
    run.ring(case, "respond", "WARNED", at=T0 - 5)
    run.ring(case, "respond", "MET", at=T0 - 3)
    assert said(judge_tables(run.tables())) == {}
    run.ring(case, "respond", "WARNED", at=T0 - 5)
    assert "deadline records twice" in names(judge_tables(run.tables()))


def test_outcomes_of_what_never_came_in() -> None:
    run = good_run()
    run.inputs["city.hotline.events"].pop()
    assert "never came in" in names(judge_tables(run.tables()))


def test_what_has_expired_from_its_topic_did_come_in() -> None:
    run = good_run()
    run.inputs["city.hotline.events"] = run.inputs["city.hotline.events"][2:]
    run.begins = {("city.hotline.events", 0): 2}
    assert said(judge_tables(run.tables())) == {}


def test_case_changes_that_track_could_not_read() -> None:
    run = good_run()
    run.letter("track", "unknown_schema", run.rows["cases"][0][HERE])
    assert said(judge_tables(run.tables())) == {"the hub's records that an agent could not read 未能读取": 1}


def test_both_repeat_and_admitted_is_doubled() -> None:
    run = good_run()
    run.rows["repeats"][0][ORIGIN] = run.rows["events"][0][ORIGIN]
    report = judge_tables(run.tables())
    assert (report.lost.count, report.doubled) == (1, 1)


@pytest.mark.parametrize(
    ("table", "name", "what"),
    [
        ("deadlines", "noticed_at", "deadlines noticed before"),
        ("orders", "issued_at", "orders dated before"),
        ("closures", "at", "closures dated before"),
        ("replies", "at", "replies dated before"),
    ],
)
def test_what_is_dated_before_what_it_is_about_is_named(table: str, name: str, what: str) -> None:
    run = good_run()
    run.rows[table][0][name] = T0 - 2 * HOUR
    assert what in names(judge_tables(run.tables()))


def test_a_reminder_before_its_clock_ran_out_is_named() -> None:
    run = good_run()
    reminder = next(row for row in reversed(run.rows["orders"]) if row["kind"] == "REMIND")
    reminder["issued_at"] = T0 - 1
    assert "orders dated before" in names(judge_tables(run.tables()))
