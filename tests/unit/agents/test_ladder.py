"""A ladder of a city's own (督办阶梯): each rung to whoever stands above the holder, with its own due date; and who stands above
others has power below it, not everywhere. What must come out is written down from the folder here, not from the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.declared.problems import DeclarationError
from hub.model.ids import case_id
from hub.model.update import Update, status_and_step
from hub.policy import City, load_city
from tests.unit.agents.small_world import MINUTE
from tests.unit.agents.test_own_steps import at
from tests.unit.agents.test_units import leak
from tests.unit.agents.whole_hub import WholeHub
from tests.unit.policy.test_divisions import folder_of

NOON = at("2026-03-02T12:00")
HOUR = 60 * MINUTE
CASE = case_id("hotline", "H1")
DEPARTMENTS = """\
departments:
  - {id: desk, name: {en: Desk, zh: 派单台}}
  - {id: county, name: {en: County, zh: 县网格中心}}
  - {id: centre, name: {en: Centre, zh: 市中心}}
  - {id: city_gov, name: {en: City, zh: 市政府}}
  - {id: roads, name: {en: Roads, zh: 道路}}
  - {id: bureau, name: {en: Bureau, zh: 市局}}
"""
ROUTES = """\
routes:
  - {id: roads, when: {family: [road]}, department: roads}
  - {id: grids, when: {area: ["530402"]}, department: county, unit_of_area: true}
"""
ORGANISATION = """\
departments:
  county: {parent: centre, kind: county, areas: ["530402"]}
  centre: {parent: city_gov, kind: city}
  roads: {parent: bureau}
units:
  - {id: town, parent: county, kind: town, areas: ["530402001"]}
  - {id: village, parent: town, kind: village, areas: ["530402001003"]}
  - {id: grid7, parent: village, kind: grid, areas: ["530402001003007"]}
ladder:
  - {rung: reminded}
  - {rung: reported_up, above: 1}
  - {rung: supervised, above: 2}
  - {rung: notified, kind: county}
  - {rung: interviewed, kind: city}
  - {rung: listed, above: 4}
  - {rung: rectified, above: 9}
"""
RUNGS = ("reminded", "reported_up", "supervised", "notified", "interviewed", "listed", "rectified")
STEPS = """\
steps:
  reported_up: {name: {en: reported up, zh: 上报}, by: desk}
  interviewed: {name: {en: called in, zh: 约谈}, by: desk}
  listed: {name: {en: listed, zh: 挂牌督办}, by: desk}
  rectified: {name: {en: to be put right by a date, zh: 限期整改}, by: desk}
"""


def deadlines() -> str:
    """`resolve` has a day, and each rung so many hours as it has rungs below it, and two more."""
    clocks, rows = "clocks:\n", "deadlines:\n"
    rows += "  - {id: resolve.day, clock: resolve, duration: 24, unit: hour, climbs: reminded, extension: {times: 1, "
    rows += "duration: 24, unit: hour, approved_by: city}}\n"
    for height, rung in enumerate(RUNGS):
        clocks += f"  on_{rung}: {{name: {{en: {rung}, zh: {rung}}}, start: [{rung}], stop: [resolved]}}\n"
        climbs = "" if rung == RUNGS[-1] else f", climbs: {RUNGS[height + 1]}"
        rows += f"  - {{id: row.{rung}, clock: on_{rung}, duration: {height + 2}, unit: hour{climbs}}}\n"
    return clocks + rows


def city_of(folder: Path, organisation: str = ORGANISATION, steps: str = STEPS, rows: str | None = None) -> City:
    ladder = ORGANISATION[ORGANISATION.index("ladder:") :]
    organisation = organisation.replace(ladder, ladder.replace("above: 9", "above: 5"))
    folder_of(
        folder, departments_yaml=DEPARTMENTS, routes_yaml=ROUTES, examples_yaml="examples: []\n",
        deadlines_yaml=rows or deadlines(),
    )  # fmt: skip
    (folder / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (folder / "steps.yaml").write_text(steps, encoding="utf-8")
    return load_city(folder)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return city_of(tmp_path)


def said(number: int, word: str, hour: float, by: str, **more: Any) -> Update:
    own = {"code": word} if word.islower() else {}
    status, step = status_and_step("CUSTOM" if own else word)
    return Update(
        update_id=f"U{number}", department=by, case_id=CASE, status=status, step=step, at=NOON + int(hour * HOUR), **own,
        **more,
    )  # fmt: skip


def reminders(hub: WholeHub, department: str) -> list[tuple[str | None, str, float, dict[str, float]]]:
    """Unit, rule, hours after the opening, and due hours by row."""
    orders = hub.records(topics.dept_orders(department).name, kind="REMIND")
    return [
        (
            each["unit"], each["rule"], (each["issued_at"] - NOON) / HOUR,
            {due["policy"]: (due["due_at"] - NOON) / HOUR for due in each["deadlines"]},
        )
        for each in orders
        if "warned" not in each["reason"]
    ]  # fmt: skip


CLIMBED = [24, 26, 29, 33, 38, 44, 51]
"""When each rung is reached: a day, and then two hours, three, four, five, six and seven."""


@pytest.mark.parametrize("at_once", [False, True], ids=["hour by hour", "after an outage"])
def test_a_report_walks_the_whole_ladder_to_the_top(city: City, at_once: bool) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.run()
        for hour in [70] if at_once else range(1, 71):
            hub.settle(NOON + hour * HOUR + MINUTE)
        above = {
            rung: (NOON + hour * HOUR, f"row.{rung}", hour + height + 2)
            for height, (rung, hour) in enumerate(zip(RUNGS, CLIMBED, strict=True))
        }
        told = {
            (who, unit, rule): due
            for who in ("county", "centre", "city_gov")
            for unit, rule, _, due in reminders(hub, who)
            if rule in RUNGS
        }
        assert told == {
            ("county", "village", "reported_up"): {"row.reported_up": above["reported_up"][2]},
            ("county", "town", "supervised"): {"row.supervised": above["supervised"][2]},
            ("county", None, "notified"): {"row.notified": above["notified"][2]},
            ("centre", None, "interviewed"): {"row.interviewed": above["interviewed"][2]},
            ("centre", None, "listed"): {"row.listed": above["listed"][2]},
            ("city_gov", None, "rectified"): {"row.rectified": above["rectified"][2]},
        }
        holder = [(unit, rule) for unit, rule, _, _ in reminders(hub, "county") if rule not in RUNGS]
        assert holder == [("grid7", "resolve.day"), *(("grid7", f"row.{rung}") for rung in RUNGS)]
        breached = hub.records(topics.DEADLINES.name, kind="BREACHED")
        assert [(ring["at"] - NOON) / HOUR for ring in breached] == [*CLIMBED, 51 + 8]
        if not at_once:
            issued = [hour for who in ("county", "centre", "city_gov") for _, rule, hour, _ in reminders(hub, who)
                      if rule in RUNGS]  # fmt: skip
            assert [int(hour) for hour in sorted(issued)] == CLIMBED[1:]
        assert not hub.records(topics.dept_orders("bureau").name)
        account, state = hub.audit()
        assert account.good, [each for each in account.findings if each.count]
        assert state.good, state.findings


def test_who_stands_above_says_a_rung_and_a_case_does_not_come_down(city: City) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007"))
        hub.settle(NOON + HOUR)
        hub.say(said(1, "interviewed", 1, "centre"))
        hub.settle(NOON + 2 * HOUR)
        hub.say(said(2, "SUPERVISED", 2, "centre"))
        hub.settle(NOON + 3 * HOUR)
        outcomes = {each["update_id"]: each["outcome"] for each in hub.receipts()}
        assert outcomes == {"U1": "accepted", "U2": "not_allowed"}
        assert reminders(hub, "county") == [("grid7", "interviewed", 1, {"row.interviewed": 7})]
        assert reminders(hub, "centre") == [(None, "interviewed", 1, {"row.interviewed": 7})]


@pytest.mark.parametrize(
    ("category", "word", "by", "more", "outcome"),
    [
        ("water.leak", "EXTENSION_GRANTED", "centre", {"clock": "resolve"}, "accepted"),
        ("water.leak", "EXTENSION_GRANTED", "city_gov", {"clock": "resolve"}, "accepted"),
        ("water.leak", "EXTENSION_GRANTED", "desk", {"clock": "resolve"}, "accepted"),
        ("water.leak", "EXTENSION_GRANTED", "bureau", {"clock": "resolve"}, "not_allowed"),  # not below it
        ("water.leak", "EXTENSION_GRANTED", "county", {"clock": "resolve"}, "not_allowed"),  # its own case
        ("road.hole", "EXTENSION_GRANTED", "bureau", {"clock": "resolve"}, "accepted"),
        ("road.hole", "EXTENSION_GRANTED", "centre", {"clock": "resolve"}, "not_allowed"),
        ("water.leak", "SUPERVISED", "centre", {}, "accepted"),
        ("road.hole", "SUPERVISED", "city_gov", {}, "not_allowed"),
        ("water.leak", "DESIGNATED", "city_gov", {"to": "town"}, "accepted"),
        ("water.leak", "DESIGNATED", "city_gov", {"to": "city_gov"}, "accepted"),  # 提级办理
        ("water.leak", "DESIGNATED", "city_gov", {"to": "roads"}, "not_allowed"),
        ("water.leak", "DESIGNATED", "desk", {"to": "roads"}, "accepted"),
    ],
)
def test_power_is_below_not_everywhere(
    city: City, category: str, word: str, by: str, more: dict[str, Any], outcome: str
) -> None:
    with WholeHub(city, NOON) as hub:
        hub.report(leak("530402001003007").model_copy(update={"category": category}))
        hub.settle(NOON + HOUR)
        if word == "EXTENSION_GRANTED":
            holder = "roads" if category == "road.hole" else "county"
            hub.say(said(0, "EXTENSION_ASKED", 1, holder, clock="resolve"))
            hub.settle(NOON + HOUR + MINUTE)
        hub.say(said(1, word, 1, by, **more))
        hub.settle(NOON + 3 * HOUR)
        last = [each["outcome"] for each in hub.receipts() if each["update_id"] == "U1"][-1]
        assert last == outcome


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("{rung: reported_up", "{rung: reported_app", "organisation.yaml:11", "nobody can say 'reported_app'"),
        ("kind: city}\n  - {rung: listed", "kind: province}\n  - {rung: listed", "organisation.yaml:14", "此级无人"),
        ("above: 4", "above: 6", "organisation.yaml:15", "at most 5 stand above anybody"),
        ("{rung: listed", "{rung: interviewed", "organisation.yaml:15", "stands here a second time"),
        ("above: 4}", "above: 4, kind: city}", "organisation.yaml:15", "give one of `above` and `kind`"),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    text = ORGANISATION.replace("above: 9", "above: 5")
    assert old in text
    with pytest.raises(DeclarationError) as told:
        city_of(tmp_path, text.replace(old, new, 1))
    assert any(str(each).startswith(where) and what in str(each) for each in told.value.problems), told.value


def test_a_row_climbs_to_a_rung_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="there is no rung 'endorsed'"):
        city_of(tmp_path, rows=deadlines().replace("climbs: listed", "climbs: endorsed"))
