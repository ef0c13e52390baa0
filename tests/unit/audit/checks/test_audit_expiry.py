"""Topics keep their records for unequal times: what has expired in one is not held against the others; what is young is judged."""

from __future__ import annotations

import pytest

from hub.audit.run import judge_tables
from hub.model.ids import case_id
from tests.unit.audit.made_up import MadeUpRun, good_run

TABLES = {"events": "hub.events", "updates": "hub.updates", "repeats": "hub.repeats", "closures": "hub.closures"}
"""What is kept for a month. What came in by the web, from departments, and what all of them were told is kept for three, cases for
a year."""


def grown_old(run: MadeUpRun) -> MadeUpRun:
    """All of it is old by now, and what is kept for the shortest time is gone."""
    run.since = {(topic, 0): end for topic, end in run.ends.items()}
    for table, topic in TABLES.items():
        run.begins[topic, 0] = run.ends[topic]
        run.rows[table].clear()
    return run


def test_what_expired_is_neither_lost_nor_a_defect() -> None:
    before = judge_tables(good_run().tables())
    run = grown_old(good_run())
    run.since.clear()
    assert not judge_tables(run.tables()).good, "else there is nothing to excuse"
    report = judge_tables(grown_old(good_run()).tables())
    assert report.good, report
    assert report.taken_in == before.taken_in
    assert report.outcomes["too old to be judged 已过期不可考"] == 4, (
        "a repeat, two updates, and what route could not read"
    )


def test_what_came_in_since_is_judged_as_ever() -> None:
    run = grown_old(good_run())
    run.arrive("city.hotline.events")
    run.event("hotline", "H8")
    run.order("ASSIGN", run.change(run.event("hotline", "H9"), case_id("hotline", "H0"), "LINKED", "hotline", "H9"))
    report = judge_tables(run.tables())
    assert report.lost.count == 2
    assert report.orphaned >= 2, "a case never opened, an order without a cause"
    run = grown_old(good_run())
    run.reached = {"deduplicate": {("city.hotline.events", 0): 0}}
    assert judge_tables(run.tables()).waiting.count > 0, "however old it is: it was not read"


@pytest.mark.parametrize("agent", ["deduplicate", "route"])
def test_a_loss_on_the_border_is_on_one_side_of_it(agent: str) -> None:
    for young in (False, True):
        run = good_run()
        if agent == "deduplicate":
            run.arrive("city.hotline.events")
        else:
            run.event("hotline", "H8")
        run.since = {(topic, 0): end - young for topic, end in run.ends.items()}
        report = judge_tables(run.tables())
        assert report.lost.count == young
        assert report.outcomes.get("too old to be judged 已过期不可考", 0) == (not young)
