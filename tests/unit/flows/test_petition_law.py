"""信访工作条例, played: every due time below is counted from the regulation and the calendar of 2026, not from the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import city_of, clocks, figures, orders, played, refused, replies


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "petition-law", "mediation")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "petition-law", "2026-12-01T00:00")


def test_a_petition_from_its_register_to_its_end(hub: MemoryHub) -> None:
    """Received on Monday, 2 March 2026. A day that is counted in days ends at midnight (民法典 第203条)."""
    assert clocks(hub, "petition", "XF1") == {
        # 15 days, art. 22 and 23 (2); from the assignment on 5 March 15 more for whoever got it, art. 23 (3)
        "register": ("MET", "2026-03-05T09:00", "2026-03-18T00:00"),
        "notify": ("MET", "2026-03-05T09:00", "2026-03-18T00:00"),
        "acknowledge": ("MET", "2026-03-10T10:00", "2026-03-21T00:00"),
        # 5 working days from the assignment on Thursday, 5 March, art. 23: 6, 9, 10, 11 and 12 March
        "refuse": ("MET", "2026-03-10T10:00", "2026-03-13T00:00"),
        # 60 days from the acceptance on 10 March and 30 more that the head approved, art. 34
        "resolve": ("MET", "2026-05-20T16:00", "2026-06-09T00:00"),
        # 30 days from the reply on 21 May, art. 35: 20 June is in the Dragon Boat holiday, Monday is the 22nd
        "review_apply": ("MET", "2026-06-15T10:00", "2026-06-23T00:00"),
        "review": ("MET", "2026-07-10T10:00", "2026-07-16T00:00"),
        # 30 days from the opinion on 10 July, art. 36: 9 August is a Sunday
        "recheck_apply": ("MET", "2026-08-05T10:00", "2026-08-11T00:00"),
        "recheck": ("MET", "2026-09-01T10:00", "2026-09-05T00:00"),
    }


def test_the_petition_office_hands_over_and_the_petitioner_is_told(hub: MemoryHub) -> None:
    first, *then = orders(hub, "petition", "XF1")
    assert first == ("petition_office", "ASSIGN")
    assert sorted(then) == [("housing_office", "ASSIGN"), ("petition_office", "WITHDRAW")]
    assert replies(hub, "petition", "XF1") == [
        "ACCEPTED", "EXTENSION_GRANTED", "RESOLVED", "REVIEW_REPLIED", "RECHECK_REPLIED", "FINISHED",
    ]  # fmt: skip


def test_an_objection_in_its_five_working_days_is_settled_and_led_to_mediation(hub: MemoryHub) -> None:
    """Assigned on Wednesday, 4 March; objected on the 11th, the fifth working day. Then 访调对接."""
    found = clocks(hub, "petition", "XF2")
    assert found["refuse"] == ("MET", "2026-03-11T17:00", "2026-03-12T00:00")
    assert found["acknowledge"] == ("MET", "2026-03-13T10:00", "2026-03-20T00:00")  # 15 days from 4 March
    assert "resolve" not in found  # the 60 days run from an acceptance; this one was never accepted as a petition
    assigned = [department for department, kind in orders(hub, "petition", "XF2") if kind == "ASSIGN"]
    assert assigned == ["petition_office", "labour_office", "dispatch_desk", "justice_office"]
    assert replies(hub, "petition", "XF2") == ["TOLD_IN_WRITING", "TO_MEDIATION", "RESOLVED"]


def test_after_the_window_the_assignment_stands(hub: MemoryHub) -> None:
    """Assigned on 5 March, returned on the 16th, after 12 March: too late, and nobody was told in writing by the 20th."""
    assert [update for update, _ in refused(hub)] == ["petition-law-24"]
    found = clocks(hub, "petition", "XF5")
    assert found["refuse"] == ("BREACHED", "2026-03-13T00:00", "2026-03-13T00:00")
    assert found["notify"] == ("MET", "2026-03-05T10:00", "2026-03-18T00:00")  # whom it was handed to has to tell
    assert found["acknowledge"] == ("BREACHED", "2026-03-21T00:00", "2026-03-21T00:00")


@pytest.mark.parametrize(("ref", "reason"), [("XF3", "discipline"), ("XF4", "petition"), ("XF6", "other")])
def test_what_is_not_accepted_makes_no_order_and_is_told(hub: MemoryHub, ref: str, reason: str) -> None:
    """检举控告 (art. 30), pending at the level below (art. 19), finished by a recheck (art. 36)."""
    assert orders(hub, "petition", ref) == []
    assert replies(hub, "petition", ref) == [reason]


def test_figures(hub: MemoryHub, city: City) -> None:
    """One limit to resolve, met; two matters came out, one of them mediated."""
    counts = figures(hub, city)
    assert (counts.in_time, counts.due, counts.on_time_rate) == (1, 1, 1.0)
    assert (counts.handled, counts.concluded, counts.settled, counts.disputes) == (2, 2, 1, 1)


def test_no_account_is_wrong(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings


def test_the_pack_stands_without_mediation(tmp_path: Path) -> None:
    assert city_of(tmp_path, "petition-law").included == ("petition-law", "base")
