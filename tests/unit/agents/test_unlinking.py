"""A report linked by mistake is taken out again: all is as if it had never been linked, for the report and for the case."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.agents import waiting
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.core.cases import Case
from hub.core.linking import Incidents
from hub.core.statements import RouteBook, RouteRecord, Statement, strays
from hub.core.tracked import TrackedCase, TrackRecord
from hub.settings import Settings
from hub.stream.codec import HEADER_BYTES
from hub.stream.state import JournaledState
from hub.topics import ROUTE_CHANGELOG
from tests.unit.agents.small_world import (
    CASE,
    CITY,
    CODEC,
    LEAD,
    MINUTE,
    NOON,
    OTHER,
    OWN,
    WRONG,
    World,
)


@pytest.fixture
def world() -> World:
    world = World(CITY)
    world.report(LEAD, 0)
    assert world.report(WRONG, 5).change == "LINKED"
    return world


# -- what it comes to -----------------------------------------------------------------------------------------------------

follow_ups = st.lists(
    st.tuples(
        st.sampled_from(["wrong", "lead", "other", "say", "time"]),
        st.sampled_from(["AMENDED", "WITHDRAWN", "CLOSED"]),
        st.sampled_from(["water.burst", "road.pothole", "water.outage", ""]),
        st.sampled_from(["URGENT", "ROUTINE"]),
        st.integers(1, 600),
    ),
    max_size=7,
)


def play(world: World, happenings: list[tuple[str, str, str, str, int]]) -> None:
    """What sources say of each report until they end it, and a department of the case."""
    minutes, revisions, ended = 6.0, Counter[tuple[str, str]](), set[tuple[str, str]]()
    for what, kind, category, urgency, more in happenings:
        minutes += more
        if what == "say":
            world.say("ACCEPTED", minutes, "water_supply")
        elif what == "time":
            world.pass_time(minutes)
        else:
            who = {"wrong": WRONG, "lead": LEAD, "other": OTHER}[what]
            if who in ended or world.book.cases.of_report(*who) is None:
                continue
            if kind != "AMENDED":
                ended.add(who)
            revisions[who] += 1
            world.report(who, minutes, revisions[who], kind, category=category, urgency=urgency)
    world.pass_time(10_000)


@given(follow_ups, st.booleans(), st.booleans())
def test_taken_out_again_is_as_never_linked(happenings: list[Any], joined: bool, accepted: bool) -> None:
    wrong, right = World(CITY), World(CITY, apart=True)
    for world in (wrong, right):
        world.report(LEAD, 0)
        if joined:
            world.report(OTHER, 3)
        world.report(WRONG, 5)
        play(world, happenings)
    assert right.case(OWN).reports[0].key == WRONG
    was_over = wrong.case(CASE).over
    taken = wrong.take_out(20_000)
    assert taken is not was_over
    if was_over:
        return
    for world in (wrong, right):
        world.pass_time(20_001)
        if accepted:
            world.say("RESPONDED", 20_002, "water_supply", OWN)
            world.say("RESPONDED", 20_003, "water_supply")
    for name in (CASE, OWN):
        assert wrong.case(name) == right.case(name)
        assert wrong.clocks(name) == right.clocks(name)
        assert wrong.life(name).reports == right.life(name).reports
        assert wrong.life(name).over_ms == right.life(name).over_ms
    assert wrong.orders(OWN) == right.orders(OWN)
    late = [reply for reply in wrong.effects.replies if reply.answer.at_ms > NOON + 20_001 * MINUTE]
    expected = [reply for reply in right.effects.replies if reply.answer.at_ms > NOON + 20_001 * MINUTE]
    assert [(r.case.case_id, r.source, r.ref) for r in late] == [(r.case.case_id, r.source, r.ref) for r in expected]
    assert dict(wrong.book.items()) == dict(right.book.items())


def test_both_departments_are_told_with_the_reason(world: World) -> None:
    assert world.take_out(10)
    told, assigned = world.steps[-2].orders[0], world.steps[-1].orders[0]
    assert (told.kind, told.department, told.body) == ("AMEND", "water_supply", None)
    assert "police:P:1 is about something else 撤销并案, by dispatch_desk" in (told.reason or "")
    assert OWN in (told.reason or "")
    assert (assigned.kind, assigned.body is not None) == ("ASSIGN", True)
    assert f"taken out of case {CASE}" in (assigned.reason or "")
    assert world.case(OWN).opened_ms == NOON + 5 * MINUTE
    assert world.case(OWN).place_key == "place of P:1"


def test_follow_ups_go_to_the_new_case_and_answers_to_who_is_still_linked(world: World) -> None:
    world.report(OTHER, 6)
    world.take_out(10)
    assert world.report(WRONG, 11, 1, "AMENDED").case.case_id == OWN
    world.effects.replies.clear()
    world.say("RESPONDED", 12, "water_supply")
    assert [(r.source, r.ref) for r in world.effects.replies] == [LEAD, OTHER]
    world.effects.replies.clear()
    world.say("RESPONDED", 13, "water_supply", OWN)
    assert [(r.source, r.ref) for r in world.effects.replies] == [WRONG]


def test_the_two_are_never_linked_again_even_if_the_new_case_is_forgotten(world: World) -> None:
    world.take_out(10)
    world.put(OWN, None)
    again = world.report(WRONG, 12, 1, "AMENDED")
    assert (again.change, again.case.case_id) == ("OPENED", OWN)
    world.put(CASE, None)
    assert world.book.cases.parted_from(*WRONG) is None


def test_a_report_that_had_brought_the_case_back_leaves_it_as_it_was() -> None:
    rows = tuple(row.model_copy(update={"after_close": "reopen", "after_close_days": 7}) for row in CITY.linking)
    back = World(dataclasses.replace(CITY, linking=rows))
    back.report(LEAD, 0)
    back.say("RESOLVED", 10, "water_supply")
    before, clocks = back.case(CASE), back.clocks(CASE)
    assert back.report(WRONG, 20).reopens
    assert back.life(CASE).over_ms is None
    back.take_out(30)
    after = back.case(CASE)
    assert (after.closed_ms, after.event, after.reports) == (before.closed_ms, None, before.reports)
    assert back.clocks(CASE) == clocks
    assert back.life(CASE).over_ms == before.closed_ms
    assert [(o.kind, o.department) for o in back.steps[-2].orders] == [("WITHDRAW", "water_supply")]
    assert not back.case(OWN).over


# -- what may not be ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "report", "words"),
    [
        (
            "dispatch_desk",
            "hotline:H1",
            "leads the case 首报 and cannot be taken out; take out the others instead: police:P:1",
        ),
        ("dispatch_desk", "police:P9", "police:P:1; what it names is none"),
        ("dispatch_desk", None, "as SOURCE:REF: police:P:1"),
        ("roads", "police:P:1", "is for who holds the case, or the desk 主办单位或派单台: now water_supply"),
    ],
)
def test_what_may_not_be_taken_out_says_why_and_changes_nothing(
    world: World, by: str, report: str | None, words: str
) -> None:
    before = dict(world.book.items())
    assert not world.say("UNLINKED", 10, by, report=report)
    assert words in world.why("UNLINKED", 10, by, report=report)
    assert dict(world.book.items()) == before


def test_twice_is_refused_and_so_is_a_case_that_is_over(world: World) -> None:
    world.take_out(10)
    assert not world.take_out(11)
    assert "was taken out before" in world.why("UNLINKED", 11, "dispatch_desk", report="police:P:1")
    world.report(OTHER, 12)
    world.say("RESOLVED", 13, "water_supply")
    assert not world.take_out(14, OTHER)
    assert "not allowed while the case is resolved" in world.why("UNLINKED", 14, "dispatch_desk", report="petition:T1")


def test_what_route_cannot_undo_stays_and_who_asked_is_told(world: World) -> None:
    """The source closed it while the desk was speaking; or it was linked before the case was over and came back."""
    closed = World(world.city)
    closed.report(LEAD, 0)
    closed.report(WRONG, 5)
    closed.desks.latest.casework.close(closed.book.cases, closed.put, CASE, NOON + 8 * MINUTE)
    world.book.drop(WRONG, world.put)
    for each, words in ((closed, "the case is over"), (world, "before the case was over for a while")):
        assert each.take_out(10)
        (order,) = each.steps[-1].orders
        assert (order.kind, order.department) == ("AMEND", "dispatch_desk")
        assert words in (order.reason or "")
        assert each.book.cases.of_report(*WRONG) == each.case(CASE)
        assert WRONG in each.life(CASE).reports
    assert world.take_out(11), "it may be tried again, and is told the same"
    assert "before the case was over for a while" in (world.steps[-1].orders[0].reason or "")


# -- memory ---------------------------------------------------------------------------------------------------------------


def statements(world: World) -> list[str]:
    return [key for key, record in world.book.items() if isinstance(record, Statement)]


def test_words_are_kept_while_the_case_is_open_and_no_longer(world: World) -> None:
    world.report(WRONG, 6, 1, "AMENDED")
    world.report(OTHER, 7)
    assert len(statements(world)) == 3
    assert not list(strays(dict(world.book.cases.items()), statements(world)))
    world.say("RESOLVED", 13, "water_supply")
    assert statements(world) == []


def test_all_is_read_back_from_the_changelog_and_undone_with_its_transaction(world: World) -> None:
    world.report(OTHER, 7)
    before = dict(world.book.items())
    changes = list(world.state.changes())
    world.state.commit()
    again = JournaledState(ROUTE_CHANGELOG, RouteRecord, lambda _: RouteBook(Incidents(world.city)))
    for partition, key, value in changes:
        again.load(partition, key, value)
    assert dict(again[0].items()) == before
    assert len(again) == len(before) == 3
    world.take_out(10)
    world.state.rollback()
    assert dict(world.book.items()) == before
    assert world.book.cases.of_report(*WRONG) == world.case(CASE)


def test_what_was_kept_before_reports_could_be_taken_out_is_read(world: World) -> None:
    """Cases, tracked cases and waiting updates of the version before lack their last fields."""
    case, life = world.case(CASE), world.life(CASE)
    old_case = _raw(case)[:-1]
    old_case[1] = [report[:5] for report in old_case[1]]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old_case), type=RouteRecord) == case
    old_life = _raw(life)[:-2]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old_life), type=TrackRecord) == msgspec.structs.replace(
        life, since=()
    )
    origin = {"topic": "dept.roads.updates", "partition": 0, "offset": 7, "ingested_at": NOON}
    said = {
        "update_id": "U",
        "department": "roads",
        "case_id": CASE,
        "status": "RESOLVED",
        "at": NOON,
        "step": "VERIFIED",
    }
    body = CODEC.encode_one("cityhub.AdmittedUpdate", {"origin": origin, "update": said})[HEADER_BYTES:]
    hub = Hub(Settings(), LivePolicy(CITY), CODEC, (), ())
    assert body.endswith(b"\0")
    for kept in (body, body[:-1]):
        assert waiting._read(hub, kept).status == "VERIFIED"


def _raw(record: Case | TrackedCase) -> list[Any]:
    """As it lies in a changelog."""
    found: list[Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(record))
    return found
