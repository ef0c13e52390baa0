"""Nothing the hub says is dated before what it is about, whatever its clock shows and whatever sources and departments claim."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.clock import ClockKind
from hub.model.event import EventKind, Urgency
from hub.model.ids import case_id
from hub.model.update import NEAREST, Update, UpdateStatus, UpdateStep
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

REFS = ("H1", "H2", "H3")
SAID = (*UpdateStatus, UpdateStep.REMINDED, UpdateStep.SUPERVISED, UpdateStep.REOPENED, UpdateStep.VERIFIED)

statements = st.lists(
    st.tuples(
        st.sampled_from(REFS),
        st.integers(0, 3),
        st.integers(-3000, 15),
        st.sampled_from(list(EventKind)),
        st.sampled_from(["water.burst", "road.sidewalk"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[:2],
)
updates = st.lists(
    st.tuples(st.sampled_from(REFS), st.sampled_from(SAID), st.integers(-5000, 15), st.booleans()), max_size=6
)


def update(number: int, ref: str, said: UpdateStatus | UpdateStep, minutes: int, desk: bool) -> Update:
    step = said if isinstance(said, UpdateStep) else UpdateStep.AS_STATUS
    status = said if isinstance(said, UpdateStatus) else NEAREST.get(said, UpdateStatus.ACCEPTED)
    return Update(
        update_id=f"U{number}", department="dispatch_desk" if desk else "water_supply", case_id=case_id("hotline", ref),
        status=status, step=step, at=NOON + minutes * MINUTE, note="because",
    )  # fmt: skip


def opened_ms(hub: WholeHub) -> dict[str, int]:
    found: dict[str, int] = {}
    for change in hub.records(topics.CASES.name):
        case = change["case_id"]
        found[case] = min(change["opened_at"], found.get(case, change["opened_at"]))
    return found


def early(hub: WholeHub) -> list[Any]:
    """All that is dated before what it is about."""
    opened = opened_ms(hub)
    found: list[Any] = [o for o in hub.orders() if o["issued_at"] < opened[o["case_id"]]]
    found += [o for o in hub.orders() if o["event"] and o["issued_at"] < o["event"]["reported_at"]]
    rings = hub.records(topics.DEADLINES.name)
    found += [r for r in rings if r["noticed_at"] < r["at"] or r["at"] < opened[r["case_id"]]]
    rung = {(r["case_id"], r["clock"], r["due_at"]): r["at"] for r in rings if r["kind"] in ("WARNED",)}
    for order in hub.orders():
        found += [
            order
            for due in order["deadlines"]
            if order["kind"] == "REMIND"
            and order["issued_at"] < rung.get((order["case_id"], due["clock"], due["due_at"]), 0)
        ]
    found += [c for c in hub.records(topics.CLOSURES.name) if c["at"] < opened[c["case_id"]]]
    return found + [r for r in hub.replies() if r["at"] < opened[r["case_id"]]]


@given(statements, updates, st.sampled_from(list(ClockKind)), st.data())
def test_nothing_is_dated_before_what_it_is_about(
    rows: list[Any], told: list[Any], clock: ClockKind, data: st.DataObject
) -> None:
    records = [
        report(ref, NOON + minutes * MINUTE, revision=revision, kind=kind, category=category, urgency=Urgency.EMERGENCY)
        for ref, revision, minutes, kind, category in rows
    ] + [update(number, *row) for number, row in enumerate(told)]
    with WholeHub(CITY, NOON, clock=clock) as hub:
        for record in data.draw(st.permutations(records)):
            hub.say(record) if isinstance(record, Update) else hub.report(record)
            if data.draw(st.booleans()):
                hub.run()
        hub.settle()
        assert early(hub) == []


def test_an_update_before_its_report_counts_as_at_the_report_and_is_marked() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON - 10 * MINUTE))
        hub.say(update(1, "H1", UpdateStatus.RESOLVED, -500, desk=False))
        hub.settle()
        rings = hub.records(topics.DEADLINES.name, clock="resolve")
        assert [(r["kind"], r["at"], r["said_at"]) for r in rings] == [("MET", NOON - 10 * MINUTE, NOON - 500 * MINUTE)]
        (reply,) = hub.replies()
        assert reply["at"] == NOON - 10 * MINUTE
        (closure,) = hub.records(topics.CLOSURES.name)
        assert closure["at"] == NOON - 10 * MINUTE


def test_an_update_that_counts_as_it_says_has_no_mark() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON - 10 * MINUTE))
        hub.say(update(1, "H1", UpdateStatus.RESOLVED, -5, desk=False))
        hub.settle()
        assert {r["said_at"] for r in hub.records(topics.DEADLINES.name)} == {None}


@pytest.mark.parametrize("waits", [False, True])
def test_the_receipt_of_an_update_is_not_dated_before_it_counts(waits: bool) -> None:
    """A department's clock may be some minutes ahead, and a case open later than that."""
    with WholeHub(CITY, NOON) as hub:
        told, rows = report("H1", NOON + 12 * MINUTE), [update(1, "H1", UpdateStatus.ACCEPTED, 10, desk=False)]
        rows.append(update(2, "H1", UpdateStatus.RESPONDED, 14, desk=False))
        for record in [*rows, told] if waits else [told, *rows]:
            hub.publish(record)
            hub.run()
        dated = {each["update_id"]: each["at"] for each in hub.receipts(outcome="accepted")}
        assert dated == {"U1": NOON + 12 * MINUTE, "U2": NOON + 14 * MINUTE}
