"""What the proof of the alarms stands on, without a broker: promises, pace, the remembered past, the mistake, the inbox."""

from __future__ import annotations

import shutil
import smtplib
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest

from hub.clock import ClockKind
from hub.errors import FatalError
from hub.ledger.arrivals import department_arrivals, source_arrivals
from hub.model.event import CaseEvent
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub
from loadtests.alarms.__main__ import Seen
from loadtests.alarms.faults import _SILENCE_SECONDS, FAULTS
from loadtests.alarms.inbox import MAIL_HEADER, AlarmInbox
from loadtests.alarms.monitoring import quicker, routes_at, rules_at, seconds_of
from loadtests.alarms.page import PAGE, TABLE_BEGINS, TABLE_ENDS, put_into_page, shown
from loadtests.alarms.watched import (
    QUIET_MINUTES,
    SILENT_DEPARTMENT,
    SILENT_SOURCE,
    forget_route,
    remember,
    reports_of,
)
from tests.unit.web.board.city_days import BEGIN, city_ledger
from tests.waiting import PATIENCE_SECONDS, wait_for


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1d", 86400), ("250ms", 0.25)]
)
def test_durations_are_prometheus_own(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds
    assert seconds_of(quicker(text, 10)) == pytest.approx(max(1, seconds / 10))


def test_every_for_is_divided_and_nothing_else() -> None:
    whole, quick = rules_at(1), rules_at(20)
    for slow, fast in zip(whole["groups"], quick["groups"], strict=True):
        for rule, quicker_rule in zip(slow["rules"], fast["rules"], strict=True):
            assert rule | {"for": ""} == quicker_rule | {"for": ""}
            if seconds_of(rule.get("for", "0s")) >= 20:
                assert seconds_of(quicker_rule["for"]) == pytest.approx(seconds_of(rule["for"]) / 20)


def test_each_fault_promises_an_alarm_that_a_rule_raises() -> None:
    for fault in FAULTS:
        assert fault.seconds < fault.promised(20) < fault.promised(1)
    assert len({fault.alert for fault in FAULTS}) == len(FAULTS)


def test_what_is_remembered_is_silent_by_the_time_that_is_promised(tmp_path: Path) -> None:
    ledger = city_ledger(tmp_path)
    remember(ledger, BEGIN)
    for arrivals, sender in ((source_arrivals, SILENT_SOURCE), (department_arrivals, SILENT_DEPARTMENT)):
        with ledger.transaction() as connection:
            early, late = (
                arrivals(connection, BEGIN + round(seconds * 1000), ClockKind.WALL)[0]
                for seconds in (QUIET_MINUTES * 60, _SILENCE_SECONDS)
            )
        assert early.sender == late.sender == sender
        assert not early.silence.is_silent, "the fault is yet to come when the proof begins"
        assert late.silence.is_silent
        assert late.silence.known_days >= 7
    ledger.close()


def test_the_mistake_sends_cases_to_the_desk(tmp_path: Path) -> None:
    city = Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / "city"))
    departments = []
    for _ in range(2):
        rules = load_city(city)
        with MemoryHub(rules, BEGIN) as hub:
            for event in reports_of(rules.areas, "water.burst", range(30)):
                hub.publish(CaseEvent.model_validate(event | {"kind": "OPENED", "reported_at": BEGIN}))
            hub.run()
            opened = hub.records("hub.cases", change="OPENED")
            departments.append(Counter(each["department"] for each in opened))
        if len(departments) == 1:
            forget_route(city)
    before, after = departments
    assert rules.dispatch_desk not in before
    assert after[rules.dispatch_desk] > 20


def test_routes_end_in_the_inbox_and_it_hears(tmp_path: Path) -> None:
    with AlarmInbox() as inbox:
        routes = routes_at(20, inbox, tmp_path)
        assert {hook["url_file"] for each in routes["receivers"] for hook in each["webhook_configs"]} == {
            str(tmp_path / "alarm_webhook")
        }
        labels = {"alertname": "HubX", "severity": "page"}
        alerts = [{"labels": labels, "status": "resolved"}]
        httpx2.post(inbox.webhook_url, json={"alerts": alerts}, trust_env=False, timeout=PATIENCE_SECONDS)
        assert [(each.alert, each.is_over) for each in inbox.heard] == [("HubX", True)]
        host, _, port = inbox.mail_host.partition(":")
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = "告警", "a@example.org", "b@example.org"
        mail[MAIL_HEADER] = "firing:HubX resolved:HubY"
        with smtplib.SMTP(host, int(port)) as line:
            line.send_message(mail)
        wait_for(lambda: len(inbox.mails) == 1, "the mail did not come")
        assert [(each.alert, each.is_over) for each in inbox.mailed] == [("HubX", False), ("HubY", True)]


@pytest.mark.parametrize(
    ("raised", "mailed", "note", "kept"),
    [
        (9.0, 9.5, "", True),
        (9.0, None, "", False),
        (11.0, 11.5, "", False),
        (None, None, "", False),
        (None, None, "left out", True),
    ],
)
def test_a_promise_is_kept_if_it_came_in_time_and_by_both_ways(
    raised: float | None, mailed: float | None, note: str, kept: bool
) -> None:
    assert Seen("x", "HubX", 10.0, raised, mailed, None, note).is_kept is kept


def test_what_was_seen_takes_its_place_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{TABLE_BEGINS}old\n{TABLE_ENDS}after\n", "utf-8")
    for _ in range(2):
        put_into_page([Seen("x", "HubKafkaAway", 77.0, 71.2, 71.9, None)], 5, page)
    text = page.read_text("utf-8")
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "divided by 5" in text
    assert "| a broker restarts | `HubKafkaAway` | 30s | 420 s | 77 s | 71 s | 72 s | - |\n" in text
    page.write_text("no place\n", "utf-8")
    with pytest.raises(FatalError, match="no place for the table"):
        put_into_page([], 5, page)


def test_the_page_says_of_each_fault_what_its_rule_promises_now() -> None:
    """Whoever changes a rule makes the faults again."""
    rows = [
        line.split(" | ") for line in PAGE.read_text("utf-8").partition(TABLE_BEGINS)[2].splitlines() if "`Hub" in line
    ]
    assert [row[1:4] for row in rows] == [
        [f"`{fault.alert}`", fault.rule.get("for", "-"), shown(fault.promised(1))] for fault in FAULTS
    ]
