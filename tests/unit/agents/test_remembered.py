"""A case that is over is remembered for as long as a procedure of it may go on, by `route` as by `track`: else an update to it
comes to nothing, or to a move of which nobody is sent an order."""

from __future__ import annotations

from datetime import datetime

from hub.model.update import Update, status_and_step
from hub.testing.memory import MemoryHub
from tests.unit.agents.test_own_steps import CASE, OPENED, template
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import SOURCES

DESK, OFFICE = "dispatch_desk", "petition_office"


def at(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T10:00+08:00").timestamp() * 1000)


def say(hub: MemoryHub, day: str, word: str, by: str = DESK) -> None:
    hub.settle(at(day))
    status, step = status_and_step("CUSTOM" if word.islower() else word)
    code = {"code": word} if word.islower() else {}
    hub.publish(Update(update_id=word, department=by, case_id=CASE, status=status, step=step, at=at(day), **code))
    hub.settle()


def pass_to(hub: MemoryHub, day: str) -> None:
    """With another report then, as an agent forgets when it has something to do."""
    hub.settle(at(day))
    hub.publish(report(f"H-{day}", at(day)))
    hub.run()


def remembered(hub: MemoryHub) -> list[bool]:
    """Whether `route` and `track` know the case."""
    return [CASE in dict(hub.state(agent)[0].items()) for agent in ("route", "track")]


def hub_at_review() -> MemoryHub:
    """A petition that was resolved on 1 April, whose review runs out on 1 July (信访工作条例 第35条)."""
    hub = MemoryHub(template(), OPENED, sources=SOURCES)
    hub.__enter__()
    hub.publish(report("P1", OPENED, source="petition", category="petition.claim"))
    hub.run()
    say(hub, "2026-03-05", "ACCEPTED", OFFICE)
    say(hub, "2026-04-01", "RESOLVED", OFFICE)
    say(hub, "2026-05-20", "reply_received", OFFICE)
    say(hub, "2026-06-01", "review_requested")
    return hub


def test_who_reopens_it_after_a_review_has_an_order_given() -> None:
    with hub_at_review() as hub:
        pass_to(hub, "2026-07-20")  # 110 days after it was resolved
        assert remembered(hub) == [True, True]
        say(hub, "2026-07-21", "REOPENED")
        assert [(each["kind"], each["issued_at"]) for each in hub.orders(case_id=CASE, department=OFFICE)][-1] == (
            "ASSIGN",
            at("2026-07-21"),
        )


def test_both_forget_it_ninety_days_after_its_last_clock() -> None:
    """The review is due at the end of 1 July; 90 days later is the end of 29 September."""
    with hub_at_review() as hub:
        pass_to(hub, "2026-09-28")
        assert remembered(hub) == [True, True]
        hub.restart()
        pass_to(hub, "2026-09-29")
        assert remembered(hub) == [True, True]
        pass_to(hub, "2026-09-30")
        assert remembered(hub) == [False, False]


def test_one_that_no_clock_outlives_is_forgotten_after_ninety_days() -> None:
    with MemoryHub(template(), OPENED, sources=SOURCES) as hub:
        hub.publish(report("P1", OPENED, source="petition", category="petition.claim"))
        hub.run()
        say(hub, "2026-03-05", "ACCEPTED", OFFICE)
        say(hub, "2026-04-01", "RESOLVED", OFFICE)
        pass_to(hub, "2026-06-30")
        assert remembered(hub) == [True, True]
        pass_to(hub, "2026-07-01")
        assert remembered(hub) == [False, False]
