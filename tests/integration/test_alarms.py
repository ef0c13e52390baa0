"""Alarms reach somebody: the project's rules and routes in the real Prometheus and Alertmanager, beside made-up metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email import message_from_string, policy
from pathlib import Path

import pytest

from hub.serving import Page, PageServer
from loadtests.alarms.inbox import AlarmInbox
from loadtests.alarms.monitoring import Monitoring
from tests.waiting import wait_for

pytestmark = pytest.mark.process
PACE = 300.0
"""Five minutes are a second."""


class MetricsPage:
    """What a hub says of itself, as the test has it say."""

    def __init__(self) -> None:
        self.silent = 0
        self.progress_age = 0.0
        self.behind = 0

    def text(self) -> str:
        return (
            f'hub_source_silent{{source="police"}} {self.silent}\n'
            'hub_source_known_days{source="police"} 28\n'
            f'hub_progress_timestamp_seconds{{agent="route"}} {time.time() - self.progress_age}\n'
            f"hub_ledger_behind_seconds {self.behind}\n"
        )


@pytest.fixture(scope="module")
def page() -> MetricsPage:
    return MetricsPage()


@pytest.fixture(scope="module")
def inbox() -> Iterator[AlarmInbox]:
    with AlarmInbox() as made:
        yield made


@pytest.fixture(scope="module")
def monitoring(page: MetricsPage, inbox: AlarmInbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    pages = {"/metrics": lambda: Page(page.text().encode(), "text/plain; version=0.0.4")}
    with PageServer(pages, "127.0.0.1", 0) as served:
        targets = {"worker": [f"127.0.0.1:{served.port}"]}
        with Monitoring(Path(tmp_path_factory.mktemp("monitoring")) / "m", targets, inbox, PACE) as running:
            yield running


def _heard(inbox: AlarmInbox, alert: str, *, over: bool = False) -> bool:
    return any(each.alert == alert and each.is_over is over for each in inbox.heard)


def _bodies(inbox: AlarmInbox) -> list[str]:
    mails = [message_from_string(mail, policy=policy.default) for mail in inbox.mails]
    parts = [part for mail in mails for part in mail.walk() if part.get_content_type() == "text/plain"]
    return [f"{mail['subject']}" for mail in mails] + [part.get_content() for part in parts]


def test_a_page_comes_by_webhook_and_by_mail_and_so_does_its_end(
    page: MetricsPage, inbox: AlarmInbox, monitoring: Monitoring
) -> None:
    page.silent = 1
    wait_for(lambda: _heard(inbox, "HubSourceSilent"), "the webhook heard nothing")
    wait_for(lambda: any("来源 police 静默" in body for body in _bodies(inbox)), "no mail said so")
    wait_for(lambda: any("ops/runbooks/source-silent.md" in body for body in _bodies(inbox)), "no mail said what to do")
    page.silent = 0
    wait_for(lambda: _heard(inbox, "HubSourceSilent", over=True), "nobody said that it is over")


def test_what_follows_from_a_fault_is_held_back_while_it_is_told(
    page: MetricsPage, inbox: AlarmInbox, monitoring: Monitoring
) -> None:
    page.progress_age, page.behind = 300.0, 300
    wait_for(lambda: _heard(inbox, "HubKafkaAway"), "the fault itself was not told")
    wait_for(lambda: monitoring.inhibited() >= {"HubLedgerBehind", "HubAgentStalled"}, "what follows is not held back")
    assert monitoring.firing() >= {"HubKafkaAway", "HubLedgerBehind"}
    assert not _heard(inbox, "HubLedgerBehind")
    page.progress_age = page.behind = 0
    wait_for(lambda: _heard(inbox, "HubKafkaAway", over=True), "nobody said that it is over")
