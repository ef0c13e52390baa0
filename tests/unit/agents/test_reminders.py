"""Reminders of clocks to departments."""

from __future__ import annotations

from hub.model.event import EventKind, Urgency
from tests.unit.agents.any_order import CASE, DESK, WIDER, findings, statement, update
from tests.unit.agents.small_world import MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub


def test_a_reminder_of_another_due_time_has_an_id_of_its_own() -> None:
    """Who leaves out what he has had by its id, as the contract says, must hear of the new one."""
    with WholeHub(WIDER, NOON) as hub:
        hub.report(statement("H1", 0, EventKind.OPENED, 0, category="safety.person", urgency=Urgency.ROUTINE))
        hub.settle()
        case = hub.tracked(CASE)
        assert case is not None
        (due_ms,) = (clock.due_ms for clock in case.clocks if clock.name == "resolve")
        hub.settle(due_ms - 10 * MINUTE)
        hub.say(update(0, DESK, "EXTENSION_GRANTED", (due_ms - NOON) // MINUTE - 10, clock="resolve"))
        hub.settle()
        hub.settle(due_ms + 30 * 24 * 60 * MINUTE)
        warned = [order for order in hub.orders(kind="REMIND") if order["reason"] == "resolve warned"]
        assert [order["deadlines"][0]["due_at"] for order in warned] == [due_ms, due_ms + 600 * MINUTE]
        assert len({order["order_id"] for order in warned}) == 2
        assert findings(hub) == []
