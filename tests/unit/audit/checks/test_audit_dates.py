"""What the account of times takes for the instant of a report."""

from __future__ import annotations

from hub.model.event import CaseEvent, EventKind, Place
from hub.model.update import Update, UpdateStatus
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub

NOON = 1_772_420_400_000
MINUTE = 60_000
CITY = load_city(ROOT / "ops" / "cities" / "demo")


def said(source: str, minute: int, revision: int = 0) -> CaseEvent:
    return CaseEvent(
        source=source, source_ref="R1", revision=revision, kind=EventKind.OPENED, reported_at=NOON + minute * MINUTE,
        category="water.burst", urgency="URGENT", place=Place(lat=30.5, lon=114.3, code="LT01"), title="", text="",
        channel="phone",
    )  # fmt: skip


def test_a_linked_report_that_was_made_earlier_than_was_known_may_be_answered_from_then() -> None:
    with MemoryHub(CITY, NOON + 120 * MINUTE) as hub:
        hub.publish(said("hotline", 0), said("police", 60, revision=1))
        hub.settle()
        (case,) = {record["case_id"] for record in hub.records("hub.cases")}
        department = hub.records("hub.cases")[0]["department"]
        hub.publish(said("police", 10))
        hub.settle()
        at = NOON + 30 * MINUTE
        hub.publish(
            Update(update_id="U1", department=department, case_id=case, status=UpdateStatus.RESOLVED, at=at, note="so")
        )
        hub.settle()
        assert {reply["source"]: reply["at"] for reply in hub.replies()} == {"hotline": at, "police": at}
        account, _ = hub.audit()
        assert account.good, account.as_dict()
