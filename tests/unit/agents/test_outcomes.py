"""What a resolution came to (办理结果): the city's own list says which outcomes there are, what each counts as and who may say it;
a case that is hung up 挂账 stands still until its date and goes on by itself. Due times are written down from the calendar."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.core.figures.outcomes import outcome_table
from hub.core.figures.rates import ALL, CountedUpdate, Counts, Given, of_outcome, rates
from hub.declared.problems import DeclarationError
from hub.model.ids import case_id
from hub.model.update import Update, event_of, status_and_step
from hub.policy import City, load_city
from hub.policy.models import DeadlineRule, Name, OutcomeSpec, Pause
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.policy_folder import write_folder

HOUR = 60 * MINUTE
DAY = 24 * HOUR
CASE = case_id("hotline", "H1")
WATER, DESK = "water_supply", "dispatch_desk"
OUTCOMES = {
    "solved": OutcomeSpec(name=Name(en="solved", zh="已解决"), counts="solved"),
    "mediated": OutcomeSpec(name=Name(en="both sides agreed", zh="调解成功"), counts="mediated",
                            tell=Name(en="You have agreed.", zh="双方已达成协议。")),
    "failed": OutcomeSpec(name=Name(en="no agreement", zh="调解不成功"), counts="mediation_failed"),
    "sued": OutcomeSpec(name=Name(en="led to court", zh="引导诉讼"), counts="led_to_court", by="desk"),
    "parked": OutcomeSpec(name=Name(en="hung up", zh="挂账"), counts="hung_up", by="holder"),
}  # fmt: skip


@cache
def city(outcomes: bool = True) -> City:
    """Ten days for every matter; they stand still for what is hung up 挂账, once and for a year at most."""
    pause = Pause(reasons=("挂账",), times=1, duration=8760, unit="hour")
    row = DeadlineRule(id="ten.days", clock="resolve", duration=240, unit="hour", pause=pause)
    return dataclasses.replace(CITY, deadlines=(row,), outcomes=OUTCOMES if outcomes else {})


def said(number: int, word: str, hours: float, by: str = WATER, **more: Any) -> Update:
    status, step = status_and_step(word)
    at_ms = NOON + int(hours * HOUR)
    return Update(update_id=f"U{number}", department=by, case_id=CASE, status=status, step=step, at=at_ms, **more)


def hub_of(*updates: Update, rules: City | None = None, days: float = 30) -> WholeHub:
    hub = WholeHub(rules or city(), NOON)
    hub.__enter__()
    hub.report(report("H1", NOON))
    hub.run()
    for each in sorted(updates, key=lambda each: each.at):
        hub.settle(max(each.at, hub.clock.now_ms))
        hub.say(each)
        hub.settle()
    hub.settle(NOON + int(days * DAY))
    return hub


def words(hub: WholeHub) -> list[tuple[str, int, int]]:
    found = hub.records(topics.DEADLINES.name, case_id=CASE)
    return [(r["kind"], r["at"] - NOON, r["due_at"] - NOON) for r in found if r["kind"] not in ("WARNED", "CANCELLED")]


def last_receipts(hub: WholeHub) -> dict[str, Any]:
    return {each["update_id"]: each for each in hub.receipts()}


def test_an_outcome_goes_from_the_department_to_reporters_and_receipts() -> None:
    with hub_of(said(1, "RESOLVED", 1, outcome="Mediated")) as hub:
        (reply,) = hub.replies()
        assert (reply["status"], reply["outcome"]) == ("RESOLVED", "mediated")
        assert reply["text"] == "双方已达成协议。 You have agreed."
        receipt = last_receipts(hub)["U1"]
        assert (receipt["outcome"], receipt["said"], receipt["said_outcome"]) == ("accepted", "resolved", "mediated")
        assert words(hub) == [("MET", HOUR, 10 * DAY)]


def test_what_the_department_writes_is_told_and_else_the_name() -> None:
    with hub_of(said(1, "RESOLVED", 1, outcome="failed", note="请向法院起诉")) as hub:
        assert [(each["text"], each["outcome"]) for each in hub.replies()] == [("请向法院起诉", "failed")]
    with hub_of(said(1, "RESOLVED", 1, outcome="failed")) as hub:
        assert [each["text"] for each in hub.replies()] == ["调解不成功 no agreement"]


@pytest.mark.parametrize("word", ["PAUSED", "RESOLVED"])
def test_a_case_that_is_hung_up_stands_still_until_its_date_and_goes_on_by_itself(word: str) -> None:
    """Hung up on day 2 until day 22: of its ten days eight are left then, so it is due on day 30."""
    update = said(1, word, 48, outcome="parked", until=NOON + 22 * DAY)
    with hub_of(update, days=40) as hub:
        assert words(hub) == [("BREACHED", 30 * DAY, 30 * DAY)]
        assert [(r["status"], r["text"]) for r in hub.replies()] == [
            ("PAUSED", "挂账（至 2026-03-24） hung up (until 2026-03-24)")
        ]
        assert not hub.records(topics.CLOSURES.name)
        receipt = last_receipts(hub)["U1"]
        assert (receipt["said"], receipt["said_outcome"], receipt["said_until"]) == (
            "paused",
            "parked",
            NOON + 22 * DAY,
        )
    with hub_of(update, said(2, "RESOLVED", 29.5 * 24, outcome="solved"), days=40) as hub:
        assert words(hub) == [("MET", 29 * DAY + 12 * HOUR, 30 * DAY)]


def test_a_longer_time_than_the_row_allows_is_cut_and_who_resumes_earlier_goes_on_earlier() -> None:
    far = said(1, "PAUSED", 0, outcome="parked", until=NOON + 900 * DAY)
    with hub_of(far, days=380) as hub:
        assert words(hub) == [("BREACHED", 375 * DAY, 375 * DAY)]
    early = (said(1, "PAUSED", 24, outcome="parked", until=NOON + 22 * DAY), said(2, "RESUMED", 48))
    with hub_of(*early) as hub:
        assert words(hub) == [("BREACHED", 11 * DAY, 11 * DAY)]


def test_once_it_goes_on_the_case_is_in_hand_and_who_says_so_late_is_not_contradicted() -> None:
    hung = said(1, "PAUSED", 24, outcome="parked", until=NOON + 3 * DAY)
    for later in (
        said(2, "WHISTLED", 96, members=["roads"]),
        said(2, "RESUMED", 96),
    ):  # neither may be said of what is paused
        with hub_of(hung, later, days=5) as hub:
            assert last_receipts(hub)["U2"]["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("update", "why"),
    [
        (
            said(1, "RESOLVED", 1, outcome="mediatd"),
            "did you mean 'mediated'? there are: solved, mediated, failed, sued, parked",
        ),
        (said(1, "RESOLVED", 1, until=NOON + DAY), "there are: solved, mediated, failed, sued, parked"),
        (said(1, "RESOLVED", 1, outcome="sued"), "led to court 引导诉讼 is for the dispatch desk or a supervisor"),
        (
            said(1, "RESOLVED", 1, outcome="parked"),
            "a case is hung up 挂账 by paused 中止, with this outcome and the date",
        ),
        (said(1, "RESOLVED", 1, outcome="solved", until=NOON + DAY), "is said with resolved 办结, and without a date"),
        (said(1, "ACCEPTED", 1, outcome="solved"), "is said with resolved 办结, and without a date"),
        (said(1, "PAUSED", 1, outcome="parked", until=NOON), "comes after the time at which that is said"),
    ],
)
def test_what_cannot_be_said_is_set_aside_with_a_receipt_that_names_it(update: Update, why: str) -> None:
    with hub_of(update, days=0.5) as hub:
        receipt = last_receipts(hub)["U1"]
        known = update.outcome if update.outcome in OUTCOMES else None
        assert (receipt["outcome"], receipt["said_outcome"]) == ("not_allowed", known)
        assert why in receipt["detail"]
        assert not hub.replies()
        (letter,) = hub.records(topics.DEAD.name)
        assert update.outcome is None or update.outcome not in letter["detail"] or update.outcome in OUTCOMES


def test_the_desk_may_say_all_of_them_and_a_helper_only_what_is_for_helpers() -> None:
    with hub_of(said(1, "RESOLVED", 1, by=DESK, outcome="sued"), days=0.5) as hub:
        assert last_receipts(hub)["U1"]["outcome"] == "accepted"
    called = said(1, "WHISTLED", 1, members=["roads"])
    hung = said(2, "PAUSED", 2, by="roads", outcome="parked", until=NOON + DAY)
    with hub_of(called, hung, days=0.5) as hub:
        assert "hung up 挂账 is for who holds the case" in last_receipts(hub)["U2"]["detail"]


def test_what_was_said_stays_when_the_city_declares_it_no_more() -> None:
    with hub_of(said(1, "PAUSED", 24, outcome="parked", until=NOON + 3 * DAY), days=2) as hub:
        assert last_receipts(hub)["U1"]["outcome"] == "accepted"
    with hub_of(said(1, "RESOLVED", 1, outcome="solved"), rules=city(outcomes=False), days=0.5) as hub:
        assert "there are: none" in last_receipts(hub)["U1"]["detail"]


def test_a_resolution_until_a_date_is_a_pause_for_who_knows_no_city() -> None:
    assert event_of("RESOLVED", "AS_STATUS", None, NOON) == "PAUSED"
    assert event_of("RESOLVED", "VERIFIED", None, NOON) == "VERIFIED"
    assert event_of("RESOLVED", "AS_STATUS", None, None) == "RESOLVED"


# -- figures -----------------------------------------------------------------------------------------------------------


def test_what_each_outcome_counts_for() -> None:
    settled = Counts(concluded=1, handled=1, disputes=1, settled=1)
    assert of_outcome("mediated") == settled
    assert of_outcome("led_to_court") == of_outcome("mediation_failed") == Counts(concluded=1, handled=1, disputes=1)
    assert of_outcome("handed_on") == of_outcome("hung_up") == Counts(concluded=1)
    assert of_outcome("withdrawn") == of_outcome(None) == Counts()


MEANINGS = {code: spec.counts for code, spec in OUTCOMES.items()}


def word(case: str, status: str, hours: int, outcome: str | None = None, by: str = WATER) -> CountedUpdate:
    return CountedUpdate(case, by, status, NOON + hours * HOUR, None, outcome, by_desk=by == DESK)


def test_the_last_word_of_who_held_the_case_counts_for_who_held_it_then() -> None:
    given = [Given(case, WATER, NOON) for case in ("A", "B", "C", "D", "E")] + [Given("B", "roads", NOON + 5 * HOUR)]
    words_ = [
        word("A", "RESOLVED", 1, "failed"), word("A", "RESOLVED", 2, "mediated"), word("A", "RESOLVED", 3, "sued", by="power"),
        word("B", "RESOLVED", 4, "sued", by=DESK),
        word("C", "PAUSED", 1, "parked"), word("C", "RESUMED", 2),
        word("D", "RESOLVED", 1, "solved"), word("D", "REOPENED", 2, by=DESK),
        word("E", "PAUSED", 1, "parked"), word("A", "SATISFIED", 9, by=DESK),
    ]  # fmt: skip
    table = rates([], given, words_, lambda _: "-", MEANINGS)
    water = table[WATER, "-"]
    assert (water.concluded, water.handled, water.disputes, water.settled) == (3, 2, 2, 1)
    assert (water.handling_rate, water.settlement_rate) == (2 / 3, 1 / 2)
    assert table["roads", "-"].concluded == 0
    by_code = outcome_table(given, words_, lambda _: "-")
    assert {code: counts.cases for (who, _, code), counts in by_code.items() if who == ALL} == {
        "mediated": 1, "sued": 1, "parked": 1
    }  # fmt: skip
    assert by_code[WATER, "-", "mediated"].satisfaction_rate == 1.0


def test_figures_go_by_kind_and_area_too() -> None:
    given = [Given("A", WATER, NOON), Given("B", WATER, NOON)]
    kinds = {"A": "water.burst", "B": "road.pothole"}
    table = rates([], given, [word("A", "RESOLVED", 1, "solved")], lambda _: "-", MEANINGS, lambda case, _: kinds[case])
    assert (table["water.burst", "-"].handling_rate, table["road.pothole", "-"].handling_rate) == (1.0, None)


# -- the folder --------------------------------------------------------------------------------------------------------

HUNG = "outcomes:\n  parked: {name: {en: hung up, zh: 挂账}, counts: hung_up}\n"


def test_an_outcome_that_nothing_can_say_is_a_mistake(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "steps.yaml").write_text(HUNG, "utf-8")
    with pytest.raises(DeclarationError, match="that is in force has a pause for 'parked'"):
        load_city(tmp_path)
    rows = (tmp_path / "deadlines.yaml").read_text("utf-8")
    (tmp_path / "deadlines.yaml").write_text(rows + "    pause: {reasons: [挂账]}\n", "utf-8")
    assert load_city(tmp_path).outcomes["parked"].counts == "hung_up"


def test_what_an_outcome_counts_as_is_one_of_a_list(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "steps.yaml").write_text(HUNG.replace("counts: hung_up", "counts: parked"), "utf-8")
    with pytest.raises(DeclarationError, match=r"steps\.yaml:2.*counts"):
        load_city(tmp_path)
