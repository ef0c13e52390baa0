"""Rules that change while the hub runs: taken whole or not at all, and never for reports made before they held."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.agents.live_policy import APPLIED, POLICY_REFUSED, LivePolicy, announcement, answer, limited
from hub.agents.route.desks import RuleSets
from hub.control.records import MAX_LINES, MAX_SEALED_BYTES
from hub.core.cases.cases import Case, CaseBook
from hub.core.linking import Incidents
from hub.core.report import Sighting
from hub.errors import RetriableError
from hub.policy import load_city
from hub.settings import ROOT
from hub.stream.changelog.state import JournaledState
from hub.stream.kafka.known import KnownTopics
from hub.topics import ROUTE_CHANGELOG

DAY_MS = 86_400_000
PROCESS = "0" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / "city"))


def change(folder: Path, *, effective: str = "2026-06-01") -> None:
    """All of one category to another department, from a day on."""
    routes = folder / "routes.yaml"
    head, rows = routes.read_text("utf-8").split("routes:\n", 1)
    mine = "  - {id: all_bursts, when: {category: [water.burst]}, department: roads}\n"
    routes.write_text(f"{head}routes:\n{mine}{rows}", "utf-8")
    city = folder / "city.yaml"
    lines = [
        f"effective_from: {effective}" if line.startswith("effective_from") else line
        for line in city.read_text("utf-8").splitlines()
    ]
    city.write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "examples.yaml").write_text("examples: []\n", "utf-8")


def sighting(ref: str, at_ms: int) -> Sighting:
    return Sighting(
        0, "hotline", ref, 0, "OPENED", at_ms, "water.burst", "ROUTINE", "phone", None, "p", None, 34.02, 114.515, b"e"
    )


def test_a_good_folder_is_taken_and_decides_what_is_reported_from_its_day_on(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    state = JournaledState(ROUTE_CHANGELOG, Case, lambda _: CaseBook(Incidents(policy.latest)))
    desks = RuleSets(policy)
    change(folder)
    result, lines = policy.reload(folder, load_city(folder).fingerprint)
    assert result == APPLIED
    assert any("all_bursts" in line for line in lines)
    day_ms = policy.latest.effective_ms
    state.remake()
    before, after = desks.take_all(state.journal(0), [sighting("H1", day_ms - 30 * DAY_MS), sighting("H2", day_ms)])
    assert (before.case.rule == "all_bursts", after.case.rule) == (False, "all_bursts")
    assert after.case.department == "roads"


def test_a_bad_folder_changes_nothing(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    first = policy.latest
    (folder / "routes.yaml").write_text("routes:\n  - {id: x, department: nobody}\n", "utf-8")
    result, lines = policy.reload(folder, None)
    assert result == POLICY_REFUSED
    assert any("nobody" in line for line in lines)
    assert policy.latest is first


def test_a_comment_makes_another_fingerprint_and_that_is_taken_too(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    routes = folder / "routes.yaml"
    routes.write_text(routes.read_text("utf-8") + "# a comment\n", "utf-8")
    proposed = load_city(folder)
    told = ["nothing that decides 规则未变: comments, layout or names"]
    assert policy.reload(folder, proposed.fingerprint) == (APPLIED, told)
    assert policy.latest.fingerprint == proposed.fingerprint


def test_another_folder_than_the_announced_one_is_refused(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    announced = announcement(policy.latest)
    change(folder)
    said = answer(announced, policy, folder, "w1", PROCESS)
    assert said.result == POLICY_REFUSED
    assert "copy that here first" in said.lines[0]
    assert said.fingerprint == policy.latest.fingerprint


def add_department(folder: Path) -> None:
    departments = folder / "departments.yaml"
    departments.write_text(
        departments.read_text("utf-8") + "  - {id: newcomer, name: {en: Newcomer, zh: 新部门}}\n", "utf-8"
    )


def test_a_new_department_is_taken_once_its_topics_are_there(folder: Path) -> None:
    there: set[str] = set()
    policy = LivePolicy(load_city(folder), KnownTopics((), lambda: there))
    told: list[int] = []
    policy.listeners.append(lambda: told.append(len(policy.departments)))
    add_department(folder)
    there |= {"dept.newcomer.orders", "dept.newcomer.updates"}
    result, (line,) = policy.reload(folder, None)
    assert (result, told) == (POLICY_REFUSED, [])
    assert "'newcomer' is new" in line
    assert "dept.newcomer.receipts; run `cityhub topics --create`" in line
    there.add("dept.newcomer.receipts")
    result, (line,) = policy.reload(folder, None)
    assert (result, line) == (APPLIED, "department 部门 newcomer: new")
    assert "newcomer" in policy.departments
    assert told == [len(policy.departments)]


def test_without_an_answer_about_topics_a_new_department_is_refused_and_a_later_try_may_do(folder: Path) -> None:
    def away() -> set[str]:
        raise RetriableError("no broker answers")

    policy = LivePolicy(load_city(folder), KnownTopics((), away))
    add_department(folder)
    result, (line,) = policy.reload(folder, None)
    assert result == POLICY_REFUSED
    assert "no broker answers" in line


def test_a_department_that_is_gone_is_heard_until_the_worker_ends(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    add_department(folder)
    policy.reload(folder, None)
    departments = folder / "departments.yaml"
    text = departments.read_text("utf-8")
    departments.write_text(text[: text.index("  - {id: newcomer")], "utf-8")
    assert policy.reload(folder, None)[0] == APPLIED
    assert "newcomer" in policy.departments


@given(st.lists(st.text(max_size=5_000), max_size=400))
def test_an_answer_fits_into_a_record_however_much_changes(lines: list[str]) -> None:
    kept = limited(lines)
    assert len(kept) <= MAX_LINES + 1
    assert len(json.dumps(kept)) <= MAX_SEALED_BYTES
    if all(len(line) < 100 for line in lines) and len(lines) < 100:
        assert list(kept) == lines


def test_a_state_made_anew_holds_the_same(folder: Path) -> None:
    policy = LivePolicy(load_city(folder))
    state = JournaledState(ROUTE_CHANGELOG, Case, lambda _: CaseBook(Incidents(policy.latest)))
    RuleSets(policy).take_all(state.journal(0), [sighting("H1", DAY_MS)])
    before = dict(state[0].items())
    state.commit()
    state.remake()
    assert dict(state[0].items()) == before
    assert state[0].of_report("hotline", "H1") is not None


def test_a_deadline_that_asks_for_a_channel_holds_for_cases_that_came_by_it(folder: Path) -> None:
    deadlines = folder / "deadlines.yaml"
    head, rows = deadlines.read_text("utf-8").split("deadlines:\n", 1)
    mine = "  - {id: by_phone, clock: accept, when: {condition: ['channel=phone']}, duration: 7, unit: minute}\n"
    deadlines.write_text(f"{head}deadlines:\n{mine}{rows}", "utf-8")
    (folder / "examples.yaml").write_text("examples: []\n", "utf-8")
    policy = LivePolicy(load_city(folder))
    desks = RuleSets(policy)
    desk, rules = desks.latest, desks.rules.latest
    state = JournaledState(ROUTE_CHANGELOG, Case, lambda _: CaseBook(Incidents(policy.latest)))
    for channel, row in (("phone", "by_phone"), ("web", None)):
        seen = msgspec.structs.replace(sighting(channel, DAY_MS), channel=channel, kind="OPENED", lat=None, lon=None)
        (step,) = desk.casework.take(state.journal(0), seen)
        case = step.case
        dues = rules.due_one(case.category, "hotline", case.urgency, case.area, DAY_MS, case.conditions)
        assert (next(due.policy for due in dues if due.clock == "accept") == "by_phone") is (row is not None)
