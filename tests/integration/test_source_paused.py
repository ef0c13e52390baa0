"""600 bad records of one source, beside others, through a running hub: what the operator sees, and both ways on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli.terminal.sending import Sender
from hub.topics import city_events
from tests.integration.small_hub import SmallHub, case_event, metric, page, ready, running_hub, wait_for
from tests.waiting import wait_for_value

pytestmark = pytest.mark.kafka
BAD = 600
LIMIT = 500
POLICE = city_events("police").name


@pytest.fixture
def hub(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Iterator[SmallHub]:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as found:
        yield found


def shown(hub: SmallHub, name: str) -> Any:
    return page(hub.settings, name).json()


def _spoil(hub: SmallHub) -> None:
    with Sender(hub.settings) as sender:
        for number in range(BAD):
            sender.send(POLICE, b"P%d" % number, b"\0\0\0\0\1rubbish %d" % number)


@pytest.mark.parametrize("skip", [False, True])
def test_one_source_waits_and_the_others_go_on(hub: SmallHub, skip: bool) -> None:
    wait_for(lambda: ready(hub.settings), "the worker serves")
    _spoil(hub)
    hub.publish(case_event("hotline", "H1"))
    wait_for(lambda: hub.audit().cases == 1, "the other source is served")
    wait_for(lambda: shown(hub, "sources")["paused"], "police is not paused")
    ready_without = {"status": "ready", "paused_sources": [POLICE]}
    wait_for_value(
        lambda: shown(hub, "readyz"), ready_without, "it says that it is ready, and of what it does not read"
    )
    wait_for_value(lambda: shown(hub, "healthz")["status"], "ok", "a paused source is no illness")
    (row,) = hub.json("source", "list")
    assert row["topic"] == POLICE
    assert 0 < row["waiting"] <= BAD
    assert "CITYHUB_DEAD_LETTER_RUN" in row["why"]
    wait_for(lambda: metric(hub.settings, "hub_source_paused", topic=POLICE) == 1, "no metric says so")

    assert f"1 paused 暂停: {POLICE}" in hub.type("doctor").output
    letters = sum(count for what, count in hub.audit().outcomes.items() if "deduplicate/" in what)
    assert letters == BAD - row["waiting"] < LIMIT
    hub.restart()
    hub.publish(case_event("hotline", "H2"), case_event("police", "P-good"))
    wait_for(
        lambda: hub.audit().outcomes.get("case 案件 linked") == 1, "the other source is served after a restart too"
    )
    report = hub.audit()
    assert report.waiting.count >= row["waiting"], "what is paused waits, and is not lost"
    assert not report.lost.count

    said = hub.json("source", "resume", "police", *(["--skip"] if skip else []))
    assert said == {"topic": POLICE, "waiting": row["waiting"] + 1, "skipped": skip}
    hub.publish(case_event("police", "P-later"))
    report = hub.settle(lambda found: found.outcomes.get("case 案件 linked", 0) >= (2 if skip else 3))
    assert report.good, report
    of_dead = sum(count for what, count in report.outcomes.items() if "deduplicate/" in what)
    assert of_dead == (letters if skip else BAD), "none twice"
    wait_for(lambda: not shown(hub, "sources")["paused"], "it is still said to be paused")
    assert hub.json("source", "list") == []
