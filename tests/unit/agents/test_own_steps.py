"""Steps of a city's own (自定步骤): declared in steps.yaml, they start and stop clocks, by whom the city says and where, and
reporters are told. What must come out is written down from the law that each test names."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.core.tracking.vocabulary import Vocabulary
from hub.declared.problems import DeclarationError
from hub.model.event import CaseEvent, EventKind
from hub.model.ids import case_id
from hub.model.update import Update, event_of, status_and_step
from hub.policy import City, load_city
from hub.policy.models import Name, StepSpec
from hub.settings import ROOT
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.policy_folder import write_folder

DAY = 24 * 60 * MINUTE
CASE = case_id("petition", "P1")


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


OPENED = at("2026-03-02T10:00")


@cache
def template() -> City:
    """China's national rules."""
    return load_city(ROOT / "ops" / "cities" / "cn-template")


def said(number: int, word: str, at_ms: int, by: str = "petition_office", **more: Any) -> Update:
    """A step of the city's own if it is in lower case."""
    own = {"code": word} if word.islower() else {}
    status, step = status_and_step("CUSTOM" if own else word)
    return Update(
        update_id=f"U{number}", department=by, case_id=CASE, status=status, step=step, at=at_ms, **own, **more
    )


def hub_of(city: City, *updates: Update, category: str = "petition.claim", until_ms: int | None = None) -> WholeHub:
    hub = WholeHub(city, OPENED)
    hub.__enter__()
    hub.report(_opening(category))
    hub.run()
    for each in sorted(updates, key=lambda each: each.at):
        hub.settle(max(each.at, hub.clock.now_ms))
        hub.say(each)
        hub.settle()
    hub.settle(OPENED + 200 * DAY if until_ms is None else until_ms)
    return hub


def _opening(category: str) -> CaseEvent:
    return report("P1", OPENED, source="petition", revision=0, kind=EventKind.OPENED, category=category)


def words(hub: WholeHub, clock: str) -> list[tuple[str, int, int]]:
    found = [ring for ring in hub.records(topics.DEADLINES.name, case_id=CASE) if ring["clock"] == clock]
    return [(r["kind"], r["at"], r["due_at"]) for r in found if r["kind"] != "WARNED"]


def outcomes(hub: WholeHub) -> dict[str, str]:
    return {r["update_id"]: r["outcome"] for r in hub.receipts()}


def test_a_written_notice_meets_its_clock_and_a_public_criticism_does_not() -> None:
    """信访工作条例 第22、23条: the petitioner is told in writing within 15 days. 通报 of the department is another thing."""
    due = at("2026-03-18T00:00")  # the 15th day after the first, to its end
    notice = said(1, "told_in_writing", OPENED + 10 * DAY)
    criticism = said(2, "NOTIFIED", OPENED + 5 * DAY, by="dispatch_desk")
    with hub_of(template(), notice, criticism) as hub:
        assert words(hub, "notify") == [("MET", OPENED + 10 * DAY, due)]
        assert set(outcomes(hub).values()) == {"accepted"}
    with hub_of(template(), criticism) as hub:
        assert words(hub, "notify") == [("BREACHED", due, due)]


def test_a_review_that_is_asked_has_thirty_days() -> None:
    """信访工作条例 第35条: asked within 30 days of the reply, and answered within 30 days of the asking."""
    asked = OPENED + 40 * DAY
    steps = [
        said(1, "ACCEPTED", OPENED + DAY),
        said(2, "RESOLVED", OPENED + 20 * DAY),
        said(3, "reply_received", OPENED + 21 * DAY),
        said(4, "review_requested", asked, by="dispatch_desk"),
    ]
    with hub_of(template(), *steps) as hub:
        assert [(kind, when) for kind, when, _ in words(hub, "review_apply")] == [("MET", asked)]
        ((kind, _, due),) = words(hub, "review")
        assert (kind, due) == ("BREACHED", at("2026-05-12T00:00"))  # asked on 11 April
        assert outcomes(hub)["U4"] == "accepted"


def test_mediation_of_a_consumer_complaint_is_told_within_seven_working_days_of_its_end() -> None:
    """市场监督管理投诉举报处理暂行办法 第21条."""
    steps = [
        said(1, "ACCEPTED", OPENED + DAY, by="market_office"),
        said(2, "mediation_ended", at("2026-03-09T10:00"), by="market_office"),
        said(3, "told_in_writing", at("2026-03-12T10:00"), by="market_office"),
    ]
    with hub_of(template(), *steps, category="market.complaint", until_ms=OPENED + 30 * DAY) as hub:
        assert words(hub, "mediate") == [("MET", at("2026-03-09T10:00"), words(hub, "mediate")[0][2])]
        assert words(hub, "mediate_notify") == [("MET", at("2026-03-12T10:00"), at("2026-03-19T00:00"))]


def test_reporters_are_told_what_the_department_writes_or_what_the_city_says() -> None:
    steps = [said(1, "told_in_writing", OPENED + DAY), said(2, "told_in_writing", OPENED + 2 * DAY, note="信字1号"),
             said(3, "forwarded", OPENED + 3 * DAY)]  # fmt: skip
    with hub_of(template(), *steps, until_ms=OPENED + 4 * DAY) as hub:
        told = [(reply["status"], reply["text"]) for reply in hub.replies()]
        assert told == [("TOLD_IN_WRITING", "已书面告知。 You are told in writing."), ("TOLD_IN_WRITING", "信字1号")]
        assert [r["said"] for r in hub.receipts()] == ["told_in_writing", "told_in_writing", "forwarded"]


STEPS = {
    "filed": StepSpec(name=Name(en="filed", zh="立案"), by="holder"),
    "accepted_late": StepSpec(name=Name(en="after", zh="事后"), by="desk", states=("resolved",)),
}


@pytest.mark.parametrize(
    ("update", "why"),
    [
        (said(1, "filed", OPENED + DAY, by="market_office"), "filed 立案 is for who holds the case"),
        (said(1, "fild", OPENED + DAY), "one of steps.yaml; there are: filed, accepted_late"),
        (said(1, "resolved", OPENED + DAY), "one of steps.yaml"),
        (said(1, "accepted_late", OPENED + DAY, by="dispatch_desk"), "is not allowed while the case is dispatched"),
        (said(1, "accepted_late", OPENED + DAY, by="market_office"), "the dispatch desk or a supervisor"),
    ],
)
def test_who_may_say_a_step_and_when_is_the_citys_to_say(update: Update, why: str) -> None:
    city = dataclasses.replace(template(), steps=STEPS)
    with hub_of(city, update, until_ms=OPENED + 2 * DAY) as hub:
        (waiting, receipt) = hub.receipts()
        assert (waiting["outcome"], receipt["outcome"]) == ("waiting", "not_allowed")
        assert why in receipt["detail"]


def test_what_was_said_stays_though_the_city_declares_it_no_more() -> None:
    older = dataclasses.replace(template(), steps=STEPS)
    now = Vocabulary(template(), [older])
    assert now.unknown("filed") is None
    gone = dataclasses.replace(template(), steps={})
    assert Vocabulary(gone, [older]).rule("filed").name == "filed 立案"
    assert Vocabulary(gone).rule("filed").who == "who holds the case or helps, or the desk 主办、协办或派单台"
    assert Vocabulary(gone, [older]).unknown("filed") is not None


@pytest.mark.parametrize(
    ("step", "code", "event"),
    [
        ("CUSTOM", "filed", "FILED"),
        ("CUSTOM", "resolved", "CUSTOM"),
        ("CUSTOM", None, "CUSTOM"),
        ("AS_STATUS", "filed", "ACCEPTED"),
        ("ARRIVED", "filed", "ARRIVED"),
    ],
)
def test_a_code_counts_with_its_step_alone_and_is_no_other_name_of_a_step_of_every_city(
    step: str, code: str | None, event: str
) -> None:
    assert event_of("ACCEPTED", step, code) == event


def mistakes(folder: Path, files: dict[str, str]) -> Sequence[str]:
    write_folder(folder)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_city(folder)
    return str(caught.value).splitlines()


CLOCKS = """\
clocks:
  sign: {name: {en: sign, zh: 签收}, start: [dispatched], stop: [signed]}
deadlines:
  - {id: sign, clock: sign, duration: 1, unit: hour}
  - {id: late, clock: resolve, duration: 1, unit: hour, start: [signd]}
"""
SIGNED = "steps:\n  signed: {name: {en: signed, zh: 签收}}\n"


def test_a_clock_that_waits_for_what_nobody_can_say_is_a_mistake(tmp_path: Path) -> None:
    found = mistakes(tmp_path, {"deadlines.yaml": CLOCKS})
    assert any("line 2" in each or ":2" in each for each in found if "'signed'" in each)
    assert any(
        "nobody can say 'signed', so it never stops the clock; declare it in steps.yaml" in each for each in found
    )
    found = mistakes(tmp_path, {"deadlines.yaml": CLOCKS, "steps.yaml": SIGNED})
    assert any("'signd'" in each and "did you mean 'signed'?" in each for each in found)


def test_a_step_that_every_city_has_cannot_be_declared_anew(tmp_path: Path) -> None:
    found = mistakes(tmp_path, {"steps.yaml": "steps:\n  resolved: {name: {en: done, zh: 完成}}\n"})
    assert any("every city has 'resolved' already" in each for each in found)
