"""The longer legal limit wins (法定时限更长的从其规定), as a rule of the table: 潍坊市12345政务服务便民热线条例 第20条."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from hub import topics
from hub.cli.cases.timeline import _gave_way
from hub.cli.terminal.words import Words
from hub.core.deadlines.rules import DeadlineRules
from hub.declared.problems import DeclarationError
from hub.model.event import EventKind, Place
from hub.model.ids import case_id
from hub.model.update import Update
from hub.policy import load_city
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.policy_folder import write_folder
from tests.unit.policy.test_cn_template import chosen

RULES = """\
deadlines:
  - {id: hotline, clock: resolve, yields: true, when: {source: [hotline]}, duration: 5, unit: work_day, calendar: office}
  - {id: hole, clock: resolve, legal: true, when: {category: [road.hole]}, duration: 60, unit: natural_day}
  - {id: leak, clock: resolve, legal: true, when: {category: [water.leak]}, duration: 1, unit: hour}
  - {id: rest, clock: resolve, duration: 900, unit: natural_day}
"""


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


OPENED = at("2026-03-02T09:00")


@pytest.mark.parametrize(
    ("source", "category", "row", "shorter"),
    [
        ("hotline", "road.hole", "hole", "hotline"),
        ("hotline", "water.leak", "hotline", None),  # the law's is shorter here
        ("police", "road.hole", "hole", None),
        ("police", "water.leak", "leak", None),
        ("hotline", "other", "hotline", None),  # what is longer is no law's
    ],
)
def test_of_a_row_that_yields_and_a_longer_limit_of_law_the_longer_applies(
    tmp_path: Path, source: str, category: str, row: str, shorter: str | None
) -> None:
    city = load_city(write_folder(tmp_path, deadlines_yaml=RULES, examples_yaml="examples: []\n"))
    rules = DeadlineRules(city)
    what = (category, source, "ROUTINE", None)
    (due,) = rules.due_one(*what, OPENED)
    assert due.policy == row
    assert rules.gave_way(row, *what) == shorter


def test_a_labour_matter_through_the_hotline_has_sixty_working_days_not_five(tmp_path: Path) -> None:
    """劳动保障监察条例 第17条: 60 working days from the filing."""
    city = load_city(chosen(tmp_path, "[hotline_weifang]"))
    with WholeHub(city, OPENED) as hub:
        hub.report(
            report(
                "L1", OPENED, source="hotline", revision=0, kind=EventKind.OPENED, category="labour.case", place=Place()
            )
        )
        hub.settle()
        case = case_id("hotline", "L1")
        filed = {"update_id": "U1", "department": "labour_office", "case_id": case, "status": "ACCEPTED"}
        hub.say(Update.model_validate({**filed, "step": "CUSTOM", "code": "filed", "at": OPENED}))
        hub.settle()
        hub.settle(OPENED + 200 * 86_400_000)
        late = hub.records(topics.DEADLINES.name, case_id=case, kind="BREACHED", clock="resolve")
        assert [ring["policy"] for ring in late] == ["labour.resolve"]
        # after 2 March: 21 in March, 21 in April (the 6th is Qingming), 18 in May to the 28th (1-5 are free, Saturday 9 is worked)
        assert late[0]["due_at"] == at("2026-05-29T00:00")
        opened = hub.records(topics.CASES.name, case_id=case)[0]
        assert list(_gave_way(late[0], opened, Words(city))) == [
            "longer by law than row h45.wf.resolve 法定时限更长，从其规定"
        ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("legal: true, ", "", "nothing to yield to; add that row"),
        ("yields: true", "yields: true, legal: true", "keep one of legal and yields"),
        ("duration: 900, unit: natural_day", "runs: false, legal: true", "remove legal, yields"),
    ],
)
def test_what_cannot_be_longer_or_shorter_is_a_mistake(tmp_path: Path, old: str, new: str, why: str) -> None:
    write_folder(tmp_path, deadlines_yaml=RULES.replace(old, new))
    with pytest.raises(DeclarationError) as caught:
        load_city(tmp_path)
    assert why in str(caught.value)


@pytest.mark.parametrize("day", ["2026-01-01", "2026-02-10", "2026-04-28", "2026-09-29", "2026-06-01"])
@pytest.mark.parametrize(("days", "wins"), [(6, False), (8, True), (10, True)])
def test_which_is_longer_does_not_hang_on_the_day_from_which_the_folder_holds(
    tmp_path: Path, day: str, days: int, wins: bool
) -> None:
    """Five working days are a week or a little more, over a year; that the folder begins before a holiday makes them no longer."""
    week = "{mon: [W], tue: [W], wed: [W], thu: [W], fri: [W]}".replace("W", '"09:00-17:00"')
    free = [*range(1, 8)], "2026-10-0{}"
    spring = ", ".join(f"2026-02-{each}" for each in range(15, 24))
    holidays = ", ".join(
        ["2026-01-01", "2026-01-02", spring, "2026-05-01", "2026-05-04", *(free[1].format(n) for n in free[0])]
    )
    calendars = f"calendars:\n  office:\n    week: {week}\n    holidays: [{holidays}]\n"
    rows = (
        "deadlines:\n"
        "  - {id: hotline, clock: resolve, yields: true, when: {source: [hotline]}, duration: 5, unit: work_day, "
        "calendar: office}\n"
        f"  - {{id: hole, clock: resolve, legal: true, when: {{category: [road.hole]}}, duration: {days}, unit: natural_day}}\n"
    )
    folder = write_folder(tmp_path, deadlines_yaml=rows, calendars_yaml=calendars, examples_yaml="examples: []\n")
    text = (folder / "city.yaml").read_text("utf-8")
    (folder / "city.yaml").write_text(text.replace("2026-01-01", day), encoding="utf-8")
    (due,) = DeadlineRules(load_city(folder)).due_one("road.hole", "hotline", "ROUTINE", None, at("2026-11-02T09:00"))
    assert due.policy == ("hole" if wins else "hotline")


def test_of_several_legal_limits_the_longest_applies_wherever_it_stands(tmp_path: Path) -> None:
    rows = RULES.replace(
        "  - {id: leak",
        "  - {id: longest, clock: resolve, legal: true, when: {family: [road]}, duration: 3, unit: month}\n  - {id: leak",
    )
    city = load_city(write_folder(tmp_path, deadlines_yaml=rows, examples_yaml="examples: []\n"))
    (due,) = DeadlineRules(city).due_one("road.hole", "hotline", "ROUTINE", None, OPENED)
    assert due.policy == "longest"
    (first,) = DeadlineRules(city).due_one("road.hole", "police", "ROUTINE", None, OPENED)
    assert first.policy == "hole"  # it does not yield, so the first that matches applies
