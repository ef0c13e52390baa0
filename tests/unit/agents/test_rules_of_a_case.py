"""A case is timed by the rules in force when it was reported, on its order as in its clocks, whatever folder came since."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub import topics
from hub.agents.live_policy import LivePolicy
from hub.agents.view import touched_cases
from hub.cli.cases.timeline import story_clocks
from hub.core.cases.touched import Touched
from hub.core.tracking.state import TrackRecord
from hub.inspect.story import Story
from hub.model.event import EventKind, Urgency
from hub.policy import load_city
from hub.settings import ROOT
from tests.unit.agents.any_order import CASE, statement
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub

OLD = CITY.version
DAY = 24 * 60 * MINUTE


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    with WholeHub(CITY, NOON + MINUTE) as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The demo city where, from the day after NOON's on, urgent matters are accepted in 7 minutes instead of 15."""
    folder = Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / "city"))
    deadlines, city = folder / "deadlines.yaml", folder / "city.yaml"
    text = deadlines.read_text("utf-8")
    mended = text.replace(
        "{id: accept.urgent, clock: accept, when: {urgency: [URGENT]}, duration: 15,",
        "{id: accept.urgent, clock: accept, when: {urgency: [URGENT]}, duration: 7,",
    )
    assert mended != text
    deadlines.write_text(mended, "utf-8")
    city.write_text(
        city.read_text("utf-8").replace("effective_from: 2026-01-01", "effective_from: 2026-03-03"), "utf-8"
    )
    (folder / "examples.yaml").write_text("examples: []\n", "utf-8")
    return folder


def due(record: Any, clock: str = "accept") -> int:
    """When a clock runs out, by an order or a change of the case."""
    (found,) = [each["due_at"] for each in record.get("deadlines", record.get("clocks")) if each["clock"] == clock]
    return int(found)


def clock(hub: WholeHub, name: str = "accept") -> Any:
    case = hub.tracked(CASE)
    assert case is not None
    (found,) = [each for each in case.clocks if each.clock == name]
    return found


def opened(hub: WholeHub, minute: int = 0, **what: Any) -> None:
    hub.report(statement("H1", 0, EventKind.OPENED, minute, **what))
    hub.run()


def story(hub: WholeHub) -> Story:
    """As `cityhub explain` reads it."""

    def found(records: list[Any]) -> list[Any]:
        return [dict(each) | {"kafka": {"offset": at}} for at, each in enumerate(records)]

    return Story(
        CASE,
        found(hub.records(topics.CASES.name, case_id=CASE)),
        orders=found(hub.orders(case_id=CASE)),
        deadlines=found(hub.records(topics.DEADLINES.name, case_id=CASE)),
    )


def test_a_report_made_under_the_old_folder_is_ordered_and_timed_by_it(hub: WholeHub, folder: Path) -> None:
    hub.reload(folder)
    opened(hub)
    (order,) = hub.orders(case_id=CASE, kind="ASSIGN")
    (change,) = hub.records(topics.CASES.name)
    assert due(order) == due(change) == clock(hub).due_ms == NOON + 15 * MINUTE
    hub.settle(NOON + 20 * MINUTE)
    notice = hub.records(topics.DEADLINES.name, clock="accept")[-1]
    assert (notice["kind"], notice["duration"], notice["due_at"]) == ("BREACHED", 15.0, NOON + 15 * MINUTE)
    assert {change["rules"], notice["rules"]} == {OLD}


def test_a_report_made_under_the_new_folder_is_ordered_and_timed_by_that(folder: Path) -> None:
    with WholeHub(CITY, NOON + DAY + MINUTE) as hub:
        hub.reload(folder)
        opened(hub, DAY // MINUTE)
        (order,) = hub.orders(case_id=CASE, kind="ASSIGN")
        assert due(order) == clock(hub).due_ms == NOON + DAY + 7 * MINUTE
        assert hub.records(topics.CASES.name)[-1]["rules"] == load_city(folder).version


def test_an_open_case_keeps_its_rules_when_it_is_amended_under_new_ones(hub: WholeHub, folder: Path) -> None:
    opened(hub, urgency=Urgency.ROUTINE)
    hub.reload(folder)
    hub.time.now_ms = NOON + 2 * DAY
    hub.report(statement("H1", 1, EventKind.AMENDED, 1, urgency=Urgency.URGENT))
    hub.run()
    (order,) = hub.orders(case_id=CASE, kind="AMEND")
    assert due(order) == clock(hub).due_ms == NOON + 15 * MINUTE
    assert hub.records(topics.CASES.name)[-1]["rules"] == OLD


def test_explain_shows_the_rules_of_a_running_clock_and_not_those_on_the_disk(hub: WholeHub, folder: Path) -> None:
    opened(hub)
    hub.reload(folder)
    (accept,) = [each for each in story_clocks(story(hub)) if each.clock == "accept"]
    assert (accept.state, accept.row.rules, accept.row.duration, accept.row.unit) == ("running", OLD, 15.0, "minute")
    hub.settle(NOON + 20 * MINUTE)
    (accept,) = [each for each in story_clocks(story(hub)) if each.clock == "accept"]
    assert (accept.state, accept.row.rules, accept.row.duration) == ("breached", OLD, 15.0)


def test_a_worker_that_knows_only_the_new_folder_runs_the_clocks_it_was_given(hub: WholeHub, folder: Path) -> None:
    opened(hub)
    hub._hub = replace(hub._hub, policy=LivePolicy(load_city(folder)))
    hub.restart()
    hub.settle(NOON + 20 * MINUTE)
    notice = hub.records(topics.DEADLINES.name, clock="accept")[-1]
    assert (notice["kind"], notice["due_at"], notice["rules"]) == ("BREACHED", NOON + 15 * MINUTE, OLD)
    assert notice["unit"] == ""  # by what it knows nobody comes to that instant


def test_changes_and_cases_of_before_rules_were_kept_are_read(hub: WholeHub) -> None:
    """`track` reckons what `route` did not decide on."""
    opened(hub)
    change = next(record for record in hub.broker.records(topics.CASES.name))
    _, told = hub.codec.decode_one(change.value or b"")
    with WholeHub(CITY, NOON + MINUTE) as other:
        old = {name: value for name, value in told.items() if name not in ("rules", "clocks")}
        other.send(topics.CASES.name, CASE.encode(), other.codec.encode_one("cityhub.CaseChange", old))
        other.run()
        kept, now = other.tracked(CASE), hub.tracked(CASE)
        assert kept is not None
        assert now is not None
        assert kept.clocks == now.clocks
        assert (kept.rules, now.rules) == ("", OLD)
        raw = msgspec.msgpack.decode(msgspec.msgpack.encode(kept))[:-2]
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(raw), type=TrackRecord) == kept
        other.settle(NOON + 20 * MINUTE)
        assert other.records(topics.DEADLINES.name, clock="accept")[-1]["duration"] == 15.0


def test_a_change_says_how_many_open_cases_it_touches(hub: WholeHub, folder: Path) -> None:
    for ref, what in (("H1", {}), ("H2", {}), ("H3", {"urgency": Urgency.ROUTINE})):
        hub.report(
            statement(ref, 0, EventKind.OPENED, 0, category="road.collapse" if ref == "H2" else "water.burst", **what)
        )
    hub.report(statement("H4", 0, EventKind.OPENED, 0, category="noise.site"))
    hub.report(statement("H4", 1, EventKind.WITHDRAWN, 0))
    hub.run()
    before = hub._hub.policy.latest
    hub.reload(folder)
    assert touched_cases([agent.view for agent in hub._agents.values()], before) == Touched(kept=2, moved=0)
    assert touched_cases([agent.view for agent in hub._agents.values()], hub._hub.policy.latest) == Touched(
        kept=2, moved=0
    )


def test_holidays_that_become_known_move_provisional_clocks_and_what_later_orders_say(tmp_path: Path) -> None:
    doubtful, known = (Path(shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / name)) for name in ("a", "b"))
    for folder, until, off in ((doubtful, "2020-01-01", ""), (known, "2099-12-31", "2026-03-04, 2026-03-05")):
        calendars = folder / "calendars.yaml"
        plain = re.sub(r"(holidays|extra_working_days): \[[^]]*]", r"\1: []", calendars.read_text("utf-8"))
        mended = plain.replace("  office:\n", f"  office:\n    known_until: {until}\n", 1)
        calendars.write_text(mended.replace("holidays: []", f"holidays: [{off}]", 1), "utf-8")
        (folder / "examples.yaml").write_text("examples: []\n", "utf-8")
    with WholeHub(load_city(doubtful), NOON + MINUTE) as hub:
        opened(hub, category="order.building", urgency=Urgency.ROUTINE)
        first = clock(hub, "resolve")
        before = hub._hub.policy.latest
        hub.reload(known)
        assert touched_cases([agent.view for agent in hub._agents.values()], before) == Touched(kept=0, moved=1)
        hub.settle(NOON + 2 * MINUTE)
        moved = clock(hub, "resolve")
        assert (first.provisional, moved.provisional, moved.due_ms - first.due_ms) == (True, False, 2 * DAY)
        assert moved.rules == load_city(known).version
        hub.report(statement("H1", 1, EventKind.AMENDED, 1, category="order.building", urgency=Urgency.ROUTINE))
        hub.run()
        (order,) = hub.orders(case_id=CASE, kind="AMEND")
        assert due(order, "resolve") == clock(hub, "resolve").due_ms == moved.due_ms
        (resolve,) = [each for each in story_clocks(story(hub)) if each.clock == "resolve"]
        assert (resolve.state, resolve.row.rules, resolve.row.unit) == ("running", moved.rules, "work_day")
