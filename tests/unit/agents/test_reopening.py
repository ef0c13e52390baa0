"""After a case came back, its orders carry the clocks that run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import pytest

from hub import topics
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.ids import case_id
from hub.model.update import Update, status_and_step
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub

HOUR = 60 * MINUTE
CASE = case_id("hotline", "H1")


def report(ref: str, at_ms: int, **changes: object) -> CaseEvent:
    fields = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": EventKind.OPENED, "reported_at": at_ms,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": Place(code="LT01", lat=34.02, lon=114.515), "title": "",
        "text": "", "channel": "phone",
    } | changes  # fmt: skip
    return CaseEvent.model_validate(fields)


def test_who_is_told_again_of_a_case_that_came_back_is_told_for_a_reason(hub: WholeHub) -> None:
    """Its clocks ran out long ago and ring again, with the same ids; so does what tells who stands above of the rung."""
    for revision, kind in enumerate((EventKind.OPENED, EventKind.CLOSED, EventKind.OPENED)):
        hub.report(report("H1", NOON - 40 * 24 * HOUR, revision=revision, kind=kind, urgency=Urgency.EMERGENCY))
        hub.settle(hub.time.now_ms + 1000)
    times = Counter(each["order_id"] for each in hub.orders(kind="REMIND", department="dispatch_desk"))
    assert max(times.values()) == 2
    account, state = hub.audit()
    assert (account.orphaned, state.good) == (0, True)


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    with WholeHub(CITY, NOON) as hub:
        yield hub


def say(hub: WholeHub, word: str, **more: object) -> None:
    status, step = status_and_step(word)
    fields = {
        "update_id": f"{word}@{hub.time.now_ms}",
        "case_id": CASE,
        "at": hub.time.now_ms,
        "department": "dispatch_desk",
    }
    hub.say(Update.model_validate(fields | {"status": status, "step": step} | more))
    hub.run()


def orders(hub: WholeHub) -> list[tuple[str, str, dict[str, int]]]:
    """Kind, department and due times of each order of the case, in order of time."""
    found = sorted(hub.orders(case_id=CASE), key=lambda order: order["issued_at"])
    return [(o["kind"], o["department"], {d["clock"]: d["due_at"] for d in o["deadlines"]}) for o in found]


def breaches(hub: WholeHub, after_ms: int) -> dict[str, int]:
    """What then runs out, by clock."""
    hub.settle(NOON + 1000 * HOUR)
    said = hub.records(topics.DEADLINES.name, case_id=CASE, kind="BREACHED")
    return {each["clock"]: each["due_at"] for each in said if each["at"] > after_ms}


def brought_back(hub: WholeHub) -> dict[str, int]:
    """Have a case resolved an hour after its report and brought back two hours later; what it was first told is due, by clock."""
    hub.report(report("H1", NOON))
    hub.run()
    first = orders(hub)[0][2]
    hub.settle(NOON + HOUR)
    say(hub, "RESOLVED", department="water_supply")
    hub.settle(NOON + 3 * HOUR)
    say(hub, "REOPENED")
    hub.settle(NOON + 4 * HOUR)
    return first


def test_the_order_of_a_case_that_a_desk_reopens_carries_the_clocks_that_run(hub: WholeHub) -> None:
    first = brought_back(hub)
    kind, department, due = orders(hub)[-1]
    assert (kind, department) == ("ASSIGN", "water_supply")
    assert due == {"resolve": first["resolve"] + 3 * HOUR}
    assert breaches(hub, NOON + 3 * HOUR) == due


def test_so_do_all_orders_after_it(hub: WholeHub) -> None:
    hub.report(report("H1", NOON))
    hub.run()
    first = orders(hub)[0][2]
    say(hub, "RESOLVED", department="water_supply")
    hub.settle(NOON + HOUR)
    say(hub, "REOPENED")
    hub.settle(NOON + 2 * HOUR)
    hub.report(report("H1", NOON + HOUR, revision=1, kind=EventKind.AMENDED))
    hub.run()
    hub.settle(NOON + 3 * HOUR)
    say(hub, "TRANSFERRED", to="roads")
    told = [each for each in orders(hub) if each[0] != "WITHDRAW"][-2:]
    assert [(kind, department) for kind, department, _ in told] == [("AMEND", "water_supply"), ("ASSIGN", "roads")]
    assert [due for _, _, due in told] == [{"resolve": first["resolve"] + HOUR}] * 2
    assert [due for kind, _, due in orders(hub) if kind == "WITHDRAW"] == [{}]


def test_a_report_that_brings_the_case_back_does_the_same() -> None:
    rows = tuple(row.model_copy(update={"after_close": "reopen", "after_close_days": 7}) for row in CITY.linking)
    with WholeHub(dataclasses.replace(CITY, linking=rows), NOON) as hub:
        hub.report(report("H1", NOON))
        hub.run()
        first = orders(hub)[0][2]
        say(hub, "RESOLVED", department="water_supply")
        hub.settle(NOON + HOUR)
        hub.report(report("P1", NOON + HOUR, source="police"))
        hub.run()
        assert [kind for kind, _, _ in orders(hub)] == ["ASSIGN", "ASSIGN"]
        due = orders(hub)[-1][2]
        assert due == {"resolve": first["resolve"] + HOUR}
        assert breaches(hub, NOON + HOUR) == due


def test_a_case_that_was_never_over_keeps_its_first_clocks(hub: WholeHub) -> None:
    """Who resolved it had given it back before: that comes in late."""
    hub.report(report("H1", NOON))
    hub.run()
    first = orders(hub)[0][2]
    hub.settle(NOON + HOUR)
    say(hub, "RESOLVED", department="water_supply")
    say(hub, "REFUSED", department="water_supply", at=NOON + HOUR // 2)
    given = [(department, due) for kind, department, due in orders(hub) if kind == "ASSIGN"]
    assert sorted(given, key=str) == [("dispatch_desk", first), ("water_supply", first), ("water_supply", first)]


@pytest.mark.parametrize("again", [False, True], ids=["open", "resolved again"])
@pytest.mark.parametrize(("word", "to"), [("REFUSED", None), ("TRANSFERRED", "roads")])
def test_a_case_that_came_back_but_was_never_over_runs_on_its_first_clocks(
    hub: WholeHub, word: str, to: str | None, again: bool
) -> None:
    """Who resolved it had given it away before: that comes in after a desk has brought it back."""
    first = brought_back(hub)
    if again:
        say(hub, "RESOLVED", department="water_supply")
        hub.settle(NOON + 5 * HOUR)
    say(hub, word, department="water_supply", at=NOON + HOUR // 2, to=to)
    hub.settle()
    kind, department, due = [each for each in orders(hub) if each[1] == (to or "dispatch_desk")][-1]
    assert (kind, department, due) == ("ASSIGN", to or "dispatch_desk", first)
    assert breaches(hub, NOON + 3 * HOUR) == {"resolve": first["resolve"]}


def test_who_holds_a_case_is_told_of_its_clocks_when_it_came_back_earlier_than_was_known(hub: WholeHub) -> None:
    first = brought_back(hub)
    say(hub, "REOPENED", at=NOON + 2 * HOUR)
    kind, department, due = orders(hub)[-1]
    assert (kind, department, due) == ("AMEND", "water_supply", {"resolve": first["resolve"] + 2 * HOUR})
    hub.settle(NOON + 5 * HOUR)
    say(hub, "TRANSFERRED", department="water_supply", to="roads")
    assert [each for each in orders(hub) if each[1] == "roads"] == [("ASSIGN", "roads", due)]
    assert breaches(hub, NOON + 3 * HOUR) == due


def test_an_earlier_return_that_comes_late_does_not_take_the_place_of_the_last(hub: WholeHub) -> None:
    hub.report(report("H1", NOON))
    hub.run()
    first = orders(hub)[0][2]
    for hour in (1, 4):
        hub.settle(NOON + hour * HOUR)
        say(hub, "RESOLVED", department="water_supply")
    hub.settle(NOON + 5 * HOUR)
    say(hub, "REOPENED")
    hub.settle(NOON + 6 * HOUR)
    say(hub, "REOPENED", at=NOON + 2 * HOUR)
    hub.settle(NOON + 7 * HOUR)
    say(hub, "TRANSFERRED", department="water_supply", to="roads")
    (given,) = [due for kind, who, due in orders(hub) if (kind, who) == ("ASSIGN", "roads")]
    assert given == {"resolve": first["resolve"] + 5 * HOUR}
    assert breaches(hub, NOON + 5 * HOUR) == given
