"""What examples say of their cases: outcomes, dates, states, clocks that end or stand still 挂账, what reporters are told. What
holds is written down from the calendar and the folder; each expectation is seen to fail when it is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.core.rules.examples import check_examples
from hub.declared.problems import DeclarationError
from hub.policy import load_city
from tests.unit.policy.policy_folder import write_folder

STEPS = """\
steps:
  filed: {name: {en: filed, zh: 立案}, by: holder}
outcomes:
  mediated: {name: {en: both sides agreed, zh: 调解成功}, counts: mediated, tell: {en: You have agreed., zh: 双方已达成协议。}}
  to_court: {name: {en: led to court, zh: 引导诉讼}, counts: led_to_court, by: desk}
  parked: {name: {en: hung up, zh: 挂账}, counts: hung_up, by: holder}
"""
DEADLINES = """\
deadlines:
  - {id: accept.all, clock: accept, duration: 2, unit: natural_day}
  - id: resolve.all
    clock: resolve
    duration: 5
    unit: work_day
    calendar: office
    pause: {reasons: [挂账], times: 1, duration: 12, unit: month}
"""
CALENDARS = """\
calendars:
  office:
    week: {mon: ["09:00-17:00"], tue: ["09:00-17:00"], wed: ["09:00-17:00"], thu: ["09:00-17:00"], fri: ["09:00-17:00"]}
    holidays: [2026-10-01, 2026-10-02, 2026-10-05, 2026-10-06, 2026-10-07]
"""
HEAD = """\
examples:
  - name: a quarrel about a hole
    event: {source: hotline, category: road.hole, opened: 2026-09-24T10:00:00+08:00}
    expect: {department: roads}
    then:
"""


def differences(folder: Path, *words: str) -> list[str]:
    """A case of Thursday, 24 September 2026, and what is said of it."""
    write_folder(
        folder, deadlines_yaml=DEADLINES, calendars_yaml=CALENDARS,
        examples_yaml=HEAD + "".join(f"      - {word}\n" for word in words),
    )  # fmt: skip
    (folder / "steps.yaml").write_text(STEPS, encoding="utf-8")
    return check_examples(load_city(folder))


THURSDAY, FRIDAY = (f"said_at: 2026-09-2{day}T12:00:00+08:00" for day in (4, 5))
AGREED = (
    f"{{outcome: mediated, {FRIDAY}, "
    "expect: {state: resolved, ended: [accept, resolve], hung_up: [], reporters_told: 双方已达成协议}}"
)
PARKED = (
    f"{{outcome: parked, {FRIDAY}, until: 2026-10-14T00:00:00+08:00, expect: {{state: paused, hung_up: [resolve], "
    "ended: [], reporters_told: 挂账}}"
)
RESUMED = "{event: resumed, said_at: 2026-09-28T09:00:00+08:00, expect: {state: accepted, hung_up: []}}"


@pytest.mark.parametrize(
    "words",
    [
        [AGREED],
        [PARKED],
        [f"{{event: accepted, {THURSDAY}, expect: {{state: accepted, ended: [accept], reporters_told: ACCEPTED}}}}", AGREED],
        [f"{{event: filed, {FRIDAY}, expect: {{state: dispatched, ended: [], reporters_told: null}}}}"],
        [f"{{outcome: to_court, {FRIDAY}, by: desk, expect: {{state: resolved, reporters_told: 引导诉讼}}}}"],
        [f"{{outcome: to_court, {FRIDAY}, expect: {{refused: true}}}}"],
        [f"{{event: refused, {FRIDAY}, expect: {{department: desk, state: refused, reporters_told: null}}}}"],
        [PARKED, RESUMED, AGREED.replace("09-25", "09-29")],
        [f"{{event: resolved, {FRIDAY}, note: Filled in., expect: {{reporters_told: Filled in}}}}"],
        [f"{{event: whistled, {FRIDAY}, members: [desk], expect: {{department: roads}}}}"],
    ],
)  # fmt: skip
def test_what_holds(tmp_path: Path, words: list[str]) -> None:
    assert differences(tmp_path, *words) == []


@pytest.mark.parametrize(
    ("word", "what"),
    [
        (AGREED.replace("state: resolved", "state: paused"), "the case is resolved, expected paused"),
        (AGREED.replace("ended: [accept, resolve]", "ended: [accept]"), "clocks that ended 终止: accept, resolve; expected accept"),
        (PARKED.replace("hung_up: [resolve]", "hung_up: []"), "stand still 停止计时: resolve; expected none"),
        (PARKED.replace("told: 挂账", "told: 已解决"), "told '挂账（至 2026-10-14） hung up (until 2026-10-14)'"),
        (AGREED.replace("mediated", "medated"), "cannot be said 不能这样反馈: what it came to 办理结果 is a code of the outcomes"),
        (PARKED.replace("until: 2026-10-14T00:00:00+08:00, ", "event: resolved, "), "a case is hung up 挂账 by paused"),
        (PARKED.replace("2026-10-14", "2026-09-24"), "the date until which a case is hung up 挂账 comes after"),
        (f"{{outcome: to_court, {FRIDAY}}}", "led to court 引导诉讼 is for the dispatch desk"),
        (f"{{event: fild, {FRIDAY}}}", "a step of the city's own 自定步骤 is named by its code"),
        (f"{{event: verified, {FRIDAY}, by: desk}}", "verified 核查通过 is not allowed while the case is dispatched"),
        (f"{{event: accepted, {FRIDAY}, by: desks}}", "is for who holds the case or helps"),
        (f"{{event: accepted, {FRIDAY}, expect: {{refused: true}}}}", "may be said, expected that it may not"),
        (f"{{event: transferred, to: desk, {FRIDAY}, expect: {{department: roads}}}}", "desk holds it, expected roads"),
    ],
)  # fmt: skip
def test_what_does_not_is_said_in_words(tmp_path: Path, word: str, what: str) -> None:
    (told,) = differences(tmp_path, word)
    assert told.startswith(f"{tmp_path.name}/examples.yaml, 'a quarrel about a hole': ")
    assert what in told


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ([f"{{event: filed, {FRIDAY}, expect: {{DUE}}}}"], "10-08T10:00"),
        ([PARKED[:-2] + ", DUE}}"], "10-19T15:00"),
        ([PARKED.replace("10-14", "10-05")[:-2] + ", DUE}}"], "10-13T15:00"),
        ([PARKED, RESUMED[:-2] + ", DUE}}"], "10-08T15:00"),
    ],
)
def test_a_pause_over_holidays_gives_back_the_open_hours_that_it_took(
    tmp_path: Path, words: list[str], due: str
) -> None:
    """Five working days from Thursday, 24 September, 10:00 are Thursday, 8 October, as 1 to 7 October are free. From Friday noon to
    14 October 61 open hours are lost (5, three days, 8, 9, 12, 13 October); to 5 October, a holiday, 29; to Monday morning 5."""
    assert (
        differences(tmp_path, *(word.replace("DUE", f"due: {{resolve: 2026-{due}:00+08:00}}") for word in words)) == []
    )
    (told,) = differences(
        tmp_path, *(word.replace("DUE", "due: {resolve: 2026-10-02T10:00:00+08:00}") for word in words)
    )
    assert f"resolve is due 2026-{due}:00+08:00, expected 2026-10-02" in told


def test_what_is_settled_before_dispatch_has_nobody_to_speak_of_it(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        routes_yaml="exits:\n  - {id: court, when: {family: [road]}, exit: refuse, reason: litigation, "
        "reply: {en: At court., zh: 已诉讼。}}\n"
        "routes:\n  - {id: leaks, when: {family: [water]}, department: roads}\n",
        examples_yaml=HEAD.replace("department: roads", "department: desk")
        + f"      - {{event: resolved, {FRIDAY}}}\n",
    )
    assert any("settles it before dispatch" in each for each in check_examples(load_city(tmp_path)))


def test_a_word_that_is_none_is_a_mistake_of_its_line(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="state"):
        differences(tmp_path, f"{{event: resolved, {FRIDAY}, expect: {{state: finished}}}}")
