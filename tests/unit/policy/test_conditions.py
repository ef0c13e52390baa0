"""Conditions beyond the category (立案条件) hold of live reports, by what the city declares: what must come out is its table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from hub import topics
from hub.core.rules.examples import check_examples
from hub.declared.problems import DeclarationError
from hub.model.event import CaseEvent, EventKind, Place
from hub.policy import load_city
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.policy_folder import write_folder
from tests.unit.policy.test_cn_template import chosen


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


OPENED = at("2026-03-06T16:30")


def said(title: str = "", text: str = "", **more: object) -> CaseEvent:
    fields = {"category": "road.cover", "place": Place(), "attributes": {}, "channel": "phone"} | more
    return report("M1", OPENED, source="citymgmt", revision=0, kind=EventKind.OPENED, title=title, text=text, **fields)


def dues(folder: Path, event: CaseEvent) -> dict[str, str]:
    """By clock, the row that the clock of the report's order follows."""
    with WholeHub(load_city(folder), OPENED) as hub:
        hub.report(event)
        hub.settle()
        (case,) = hub.records(topics.CASES.name)
        return {clock["clock"]: clock["policy"] for clock in case["clocks"]}


@pytest.mark.parametrize(
    ("title", "text", "row"),
    [
        ("井盖丢失", "", "cm.cover.yuncheng.missing"),
        ("", "路口井盖破损，请处理", "cm.cover.yuncheng.broken"),
        ("井盖松动异响", "", "cm.cover.yuncheng.rocking"),
        ("井盖周边路面下沉", "", "cm.cover.yuncheng.around"),
        ("Manhole cover MISSING", "", "cm.cover.yuncheng.missing"),
        ("井盖", "", None),
    ],
)
def test_a_cover_has_the_limit_of_its_condition(tmp_path: Path, title: str, text: str, row: str | None) -> None:
    """运城 table: a missing cover 2 urgent hours, a broken one 4 office hours, a rocking one 2 days, the surface 5 days."""
    assert dues(chosen(tmp_path, "[cover_yuncheng]"), said(title, text)).get("repair") == row


def test_a_condition_asks_for_attributes_and_words_together(tmp_path: Path) -> None:
    write_folder(tmp_path, deadlines_yaml=RULES)
    hole = {"category": "road.hole", "place": Place(lat=30.02, lon=100.02)}
    assert dues(tmp_path, said("deep", attributes={"size": "Large"}, **hole)) == {"resolve": "big"}
    assert dues(tmp_path, said("deep", **hole)) == {"resolve": "rest"}
    assert dues(tmp_path, said("", attributes={"size": "large"}, **hole)) == {"resolve": "rest"}


def test_a_condition_asks_for_the_class_of_area_and_the_channel(tmp_path: Path) -> None:
    write_folder(tmp_path, deadlines_yaml=RULES)
    core = {"category": "water.leak", "place": Place(lat=30.02, lon=100.02)}
    assert dues(tmp_path, said(channel="App", **core)) == {"resolve": "core"}
    assert dues(tmp_path, said(channel="phone", **core)) == {"resolve": "rest"}
    outer = {"category": "water.leak", "place": Place(lat=30.02, lon=100.15)}
    assert dues(tmp_path, said(channel="app", **outer)) == {"resolve": "rest"}


def test_a_condition_asks_for_a_part_of_the_year(tmp_path: Path) -> None:
    write_folder(tmp_path, deadlines_yaml=RULES)
    assert dues(tmp_path, said(category="road.hole", place=Place())) == {"resolve": "early"}


RULES = """\
area_classes: {A: [A1], B: [A2]}
conditions:
  Big: {keywords: [deep], attribute: {size: [large]}}
  core by app: {area_class: [A], channel: [app]}
  early in the year: {source: [citymgmt], category: [road.hole], placed: false, season: {first_day: "01-01", last_day: "03-31"}}
deadlines:
  - {id: big, clock: resolve, when: {condition: [big]}, duration: 1, unit: hour}
  - {id: core, clock: resolve, when: {condition: [core by app]}, duration: 2, unit: hour}
  - {id: early, clock: resolve, when: {condition: [early in the year]}, duration: 3, unit: hour}
  - {id: rest, clock: resolve, duration: 4, unit: hour}
"""
EXAMPLE = """\
examples:
  - name: a large hole
    event: {source: hotline, category: road.hole, title: A DEEP one, attributes: {size: large}, opened: 2026-03-02T09:00:00+08:00}
    expect: {department: roads, due: {resolve: 2026-03-02T10:00:00+08:00}}
  - name: by the app in the core
    event: {source: hotline, category: water.leak, channel: app, code: A1, opened: 2026-03-02T09:00:00+08:00}
    expect: {department: desk, due: {resolve: 2026-03-02T11:00:00+08:00}}
"""


def test_examples_take_channel_attributes_and_texts(tmp_path: Path) -> None:
    city = load_city(write_folder(tmp_path, deadlines_yaml=RULES, examples_yaml=EXAMPLE))
    assert check_examples(city) == []
    wrong = EXAMPLE.replace("T10:00", "T13:00")
    city = load_city(write_folder(tmp_path, deadlines_yaml=RULES, examples_yaml=wrong))
    (found,) = check_examples(city)
    assert "by row big" in found


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "[big]",
            "[bigg]",
            "no report can fulfil 'bigg'; declare under `conditions` when it holds: known are Big, core by app",
        ),
        ("[big]", "['channel=']", "no report can fulfil 'channel='"),
        ("[big]", "['attribute.=x']", "no report can fulfil"),
        ("{keywords: [deep], attribute: {size: [large]}}", "{}", "holds of every report"),
        ("area_class: [A]", "area_class: [C]", "there is no area_class 'C'"),
        ("category: [road.hole]", "category: [road.hol]", "there is no category 'road.hol'"),
    ],
)
def test_a_condition_that_no_report_can_fulfil_is_a_mistake(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in RULES
    write_folder(tmp_path, deadlines_yaml=RULES.replace(old, new))
    with pytest.raises(DeclarationError, match=None) as caught:
        load_city(tmp_path)
    assert why in str(caught.value)


def test_what_holds_by_itself_needs_no_declaration(tmp_path: Path) -> None:
    rules = RULES.replace("[big]", "['channel=sms', attribute.size=large]")
    assert load_city(write_folder(tmp_path, deadlines_yaml=rules)).deadlines


CLOCK = "clocks:\n  repair: {name: {en: repair, zh: 修复}, start: [dispatched], stop: [resolved]}\n"
REST = "  - {id: resolve.all, clock: resolve, duration: 5, unit: natural_day}\n"


@pytest.mark.parametrize(
    ("condition", "when", "refused"),
    [
        ("{category: [water.leak], keywords: [deep]}", "category: [road.hole]", True),
        ("{family: [water]}", "family: [road]", True),
        ("{family: [water]}", "category: [road.hole]", True),
        ("{source: [police]}", "source: [hotline]", True),
        ("{urgency: [URGENT, EMERGENCY]}", "urgency: [ROUTINE]", True),
        ("{area: [A1]}", "area: [A2]", True),
        ("{area_class: [A]}", "area_class: [B]", True),
        ("{area_class: [A]}", "area: [A2]", True),
        ("{area_class: [A, B]}", "area: [A2]", False),
        ("{category: [road.hole], family: [water]}", "source: [hotline]", True),
        ("{keywords: ['  ']}", "category: [road.hole]", True),
        ("{category: [road.hole], keywords: [deep]}", "family: [road]", False),
        ("{urgency: [URGENT], area: [A1, A2]}", "area: [A2], urgency: [URGENT, ROUTINE]", False),
        ("{channel: [web], attribute: {size: [large]}}", "category: [road.hole]", False),
    ],
)
def test_a_condition_that_no_report_of_its_row_can_fulfil_is_a_mistake(
    tmp_path: Path, condition: str, when: str, refused: bool
) -> None:
    row = f"  - {{id: r, clock: repair, when: {{{when}, condition: [deep]}}, duration: 2, unit: hour}}\n"
    rows = f"area_classes: {{A: [A1], B: [A2]}}\nconditions:\n  deep: {condition}\n{CLOCK}deadlines:\n{row}{REST}"
    folder = write_folder(tmp_path, deadlines_yaml=rows, examples_yaml="examples: []\n")
    if not refused:
        load_city(folder)
        return
    with pytest.raises(DeclarationError) as told:
        load_city(folder)
    assert any("互相排斥" in str(each) or "blanks alone" in str(each) for each in told.value.problems), told.value
