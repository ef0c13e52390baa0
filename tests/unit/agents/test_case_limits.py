"""One case may be reported and spoken of without end: no record of an agent's state outgrows what its changelog takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hub import topics
from hub.agents.route import agent as route
from hub.agents.track import agent as track
from hub.core.cases.cases import Case
from hub.core.stored import MAX_ANSWERS, MAX_NOTE_CHARS, MAX_REPORTS, MAX_STATEMENTS
from hub.core.tracking.state import TrackedCase
from hub.model.event import EventKind
from hub.model.ids import case_id
from hub.model.update import UpdateStatus
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_receipts import said
from tests.unit.agents.test_reopening import report
from tests.unit.agents.whole_hub import WholeHub

LONG = "案" * 190
HOLDER = "water_supply"


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    with WholeHub(CITY, NOON) as hub:
        yield hub


def records(hub: WholeHub, agent: str, kind: type) -> list[Any]:
    state = hub._agents[agent].state
    books = [state[partition] for partition in range(hub.settings.partitions)]
    return [record for book in books for _, record in book.items() if isinstance(record, kind)]


def must_fit(hub: WholeHub) -> None:
    for agent, topic in ((route.NAME, topics.ROUTE_CHANGELOG), (track.NAME, topics.TRACK_CHANGELOG)):
        for record in records(hub, agent, object):
            assert len(msgspec.msgpack.encode(record)) < topic.max_bytes


def test_a_case_of_very_many_reports_is_followed_by_another(hub: WholeHub) -> None:
    """Nobody's report is refused because others were quicker: the next case takes the next thousand."""
    count = 2 * MAX_REPORTS + 50
    for number in range(count):
        hub.report(report(f"{LONG}{number}", NOON, source="hotline"))
    hub.run()
    cases: list[Case] = records(hub, route.NAME, Case)
    assert sorted(len(case.reports) for case in cases) == [50, MAX_REPORTS, MAX_REPORTS]
    tracked: list[TrackedCase] = records(hub, track.NAME, TrackedCase)
    assert sorted(len(case.reports) for case in tracked) == [50, MAX_REPORTS, MAX_REPORTS]
    changes = Counter(each["change"] for each in hub.records(topics.CASES.name))
    assert changes == {"OPENED": 3, "LINKED": count - 3}
    assert not hub.records(topics.DEAD.name)
    must_fit(hub)


def test_a_report_that_is_amended_without_end_remembers_what_matters(hub: WholeHub) -> None:
    kinds = (EventKind.AMENDED, EventKind.CLOSED, EventKind.OPENED)
    for number in range(3 * MAX_STATEMENTS):
        kind = EventKind.OPENED if not number else kinds[number % 3]
        hub.report(report("H1", NOON + number, revision=number, kind=kind))
    hub.run()
    (case,) = records(hub, route.NAME, Case)
    assert len(case.reports[0].statements) == MAX_STATEMENTS
    assert case.reports[0].live
    assert len(hub.records(topics.CASES.name)) >= 3 * MAX_STATEMENTS
    assert not hub.records(topics.DEAD.name)


@pytest.mark.parametrize(("note", "most"), [("", MAX_ANSWERS), ("案" * 100_000, MAX_NOTE_CHARS // 100_000)])
def test_updates_past_the_limit_are_set_aside_and_their_sender_is_told(hub: WholeHub, note: str, most: int) -> None:
    hub.report(report("H1", NOON))
    hub.run()
    case = case_id("hotline", "H1")
    for number in range(most + 5):
        hub.say(said(UpdateStatus.RESPONDED, f"U{number}", HOLDER, case_id=case, at=NOON + MINUTE, note=note))
    hub.settle()
    hub.settle()
    (tracked,) = records(hub, track.NAME, TrackedCase)
    assert len(tracked.answers) == most
    must_fit(hub)
    letters = hub.records(topics.DEAD.name)
    assert [each["reason"] for each in letters] == ["not_allowed"] * 5
    assert f"the case has {most} updates; it takes {MAX_ANSWERS} at most" in letters[0]["detail"]
    receipts = hub.records(topics.dept_receipts(HOLDER).name)
    last = Counter(each["outcome"] for each in receipts if each["outcome"] != "waiting")
    assert last == {"accepted": most, "not_allowed": 5}


def test_forged_links_and_moves_without_end_are_left_out(hub: WholeHub, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever may write hub.cases may say that a case has any number of reports."""
    hub.report(report("H1", NOON))
    hub.run()
    case = case_id("hotline", "H1")
    value = hub.records(topics.CASES.name)[0]
    for number in range(MAX_REPORTS + 10):
        forged = value | {"change": "LINKED", "source_ref": f"{LONG}{number}", "origin": None}
        hub._append(topics.CASES.name, case.encode(), hub.codec.encode_one("cityhub.CaseChange", forged))
    hub.run()
    (tracked,) = records(hub, track.NAME, TrackedCase)
    assert len(tracked.reports) == MAX_REPORTS
    must_fit(hub)
    assert "11 changes are left out" in caplog.text
