"""A report linked by mistake is taken out again: all is as if it had never been linked, for the report and for the case."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.agents.track import waiting
from hub.core.cases.cases import Case
from hub.core.cases.casework import Casework
from hub.core.cases.statements import RENEWED, LinkedStatement, RouteBook, RouteRecord, drop, strays
from hub.core.tracking.state import TrackedCase, TrackRecord
from hub.journal import Journal
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus, UpdateStep, status_and_step
from hub.policy import City
from hub.settings import Settings
from hub.stream.avro.codec import HEADER_BYTES
from tests.mutations import CODEC
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub

LEAD, WRONG, OTHER = ("hotline", "H1"), ("police", "P:1"), ("petition", "T1")
CASE, OWN = case_id(*LEAD), case_id(*WRONG)
DESK = "dispatch_desk"


@contextmanager
def told(city: City = CITY) -> Iterator[WholeHub]:
    """LEAD has opened a case, and WRONG was linked to it."""
    with WholeHub(city, NOON) as hub:
        tell(hub, LEAD, 0)
        assert tell(hub, WRONG, 5)["change"] == "LINKED"
        yield hub


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    with told() as hub:
        yield hub


def tell(
    hub: WholeHub, who: tuple[str, str], minutes: float, revision: int = 0, kind: str = "OPENED", **changes: Any
) -> dict[str, Any]:
    """What a source says, when it happens. The change of the case that comes of it."""
    at_ms = pass_on_to(hub, minutes)
    fields = {
        "source": who[0], "source_ref": who[1], "revision": revision, "kind": EventKind(kind), "reported_at": at_ms,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": Place(lat=34.02, lon=114.515), "title": "", "text": "",
        "channel": "phone",
    } | changes  # fmt: skip
    hub.publish(CaseEvent.model_validate(fields))
    hub.run()
    return dict(hub.records("hub.cases")[-1])


def say(hub: WholeHub, word: str, minutes: float, by: str, case: str = CASE, **more: Any) -> bool:
    """What a department says, when it happens. Whether it is applied."""
    at_ms = pass_on_to(hub, minutes)
    status, step = status_and_step(word)
    known = len(accepted(hub))
    hub.publish(
        Update(update_id=f"U{minutes}", department=by, case_id=case, status=status, step=step, at=at_ms, **more)
    )
    hub.run()
    return len(accepted(hub)) > known


def pass_on_to(hub: WholeHub, minutes: float) -> int:
    """Set the clock. What runs out is said with what happens next."""
    hub.clock.now_ms = max(hub.clock.now_ms, NOON + round(minutes * MINUTE))
    return NOON + round(minutes * MINUTE)


def accepted(hub: WholeHub) -> list[Any]:
    return hub.receipts(outcome="accepted")


def take_out(hub: WholeHub, minutes: float, report: tuple[str, str] = WRONG) -> bool:
    return say(hub, "UNLINKED", minutes, DESK, report=":".join(report))


def why(hub: WholeHub) -> str:
    """Why the update that was said last is not applied."""
    hub.settle()
    return str(hub.receipts(outcome="not_allowed")[-1]["detail"])


def journal(hub: WholeHub) -> Journal[RouteBook]:
    """What `route` knows, with the way to change it behind its back."""
    state: Any = hub.state("route")
    found: Journal[RouteBook] = state.journal(0)
    return found


def kept(hub: WholeHub) -> dict[str, RouteRecord]:
    """But for until when homes were said again, which goes by the time of day."""
    return {key: record for key, record in journal(hub).book.items() if key != RENEWED}


def routed(hub: WholeHub, name: str) -> Case:
    found = journal(hub).book.cases.get(name)
    assert found is not None
    return found


def tracked(hub: WholeHub, name: str) -> TrackedCase:
    found = hub.tracked(name)
    assert found is not None
    return found


def clocks(hub: WholeHub, name: str) -> list[tuple[object, ...]]:
    return [
        (c.clock, c.policy, c.round, c.started_ms, c.due_ms, c.ended_ms, c.verdict, c.breached, c.cancelled)
        for c in tracked(hub, name).clocks
    ]


def orders(hub: WholeHub, name: str) -> list[Any]:
    """Without reminders, in the order of their departments."""
    return [order for order in hub.orders(case_id=name) if order["kind"] != "REMIND"]


def replies(hub: WholeHub, after_minutes: float = -1) -> list[tuple[str, str, str]]:
    return sorted(
        (each["case_id"], each["source"], each["source_ref"])
        for each in hub.replies()
        if each["at"] > NOON + after_minutes * MINUTE
    )


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


def play(hub: WholeHub, happenings: list[tuple[str, str, str, str, int]]) -> None:
    """What sources say of each report until they end it, and a department of the case."""
    minutes, revisions, ended = 6.0, Counter[tuple[str, str]](), set[tuple[str, str]]()
    for what, kind, category, urgency, more in happenings:
        minutes += more
        if what == "say":
            say(hub, "ACCEPTED", minutes, "water_supply")
        elif what == "time":
            hub.settle(pass_on_to(hub, minutes))
        else:
            who = {"wrong": WRONG, "lead": LEAD, "other": OTHER}[what]
            if who in ended or journal(hub).book.cases.of_report(*who) is None:
                continue
            if kind != "AMENDED":
                ended.add(who)
            revisions[who] += 1
            tell(hub, who, minutes, revisions[who], kind, category=category, urgency=Urgency(urgency))
    hub.settle(pass_on_to(hub, 10_000))


def outcome(happenings: list[Any], *, joined: bool, is_accepted: bool, apart: bool) -> list[Any] | None:
    """All that it has come to; None if the case was over when the report was to be taken out. `apart`: it is never linked in
    the first place."""
    with WholeHub(CITY, NOON) as hub:
        tell(hub, LEAD, 0)
        if apart:
            journal(hub).put(CASE, msgspec.structs.replace(routed(hub, CASE), parted=(WRONG,)))
        if joined:
            tell(hub, OTHER, 3)
        tell(hub, WRONG, 5)
        play(hub, happenings)
        if not apart:
            was_over = routed(hub, CASE).over
            assert take_out(hub, 20_000) is not was_over
            if was_over:
                return None
        hub.settle(pass_on_to(hub, 20_001))
        if is_accepted:
            say(hub, "RESPONDED", 20_002, "water_supply", OWN)
            say(hub, "RESPONDED", 20_003, "water_supply")
        assert routed(hub, OWN).reports[0].key == WRONG
        lives = [tracked(hub, name) for name in (CASE, OWN)]
        return [
            kept(hub), clocks(hub, CASE), clocks(hub, OWN), [(life.reports, life.over_ms) for life in lives],
            [(order["kind"], order["department"], order["event"]) for order in orders(hub, OWN)], replies(hub, 20_001),
        ]  # fmt: skip


@settings(max_examples=30)
@given(follow_ups, st.booleans(), st.booleans())
def test_taken_out_again_is_as_never_linked(happenings: list[Any], joined: bool, is_accepted: bool) -> None:
    taken_out = outcome(happenings, joined=joined, is_accepted=is_accepted, apart=False)
    if taken_out is not None:
        assert taken_out == outcome(happenings, joined=joined, is_accepted=is_accepted, apart=True)


def test_both_departments_are_told_with_the_reason(hub: WholeHub) -> None:
    assert take_out(hub, 10)
    amended = orders(hub, CASE)[-1]
    (assigned,) = orders(hub, OWN)
    assert (amended["kind"], amended["department"], amended["event"]) == ("AMEND", "water_supply", None)
    assert "police:P:1 is about something else 撤销并案, by dispatch_desk" in amended["reason"]
    assert OWN in amended["reason"]
    assert (assigned["kind"], assigned["event"]["source_ref"]) == ("ASSIGN", "P:1")
    assert f"taken out of case {CASE}" in assigned["reason"]
    assert routed(hub, OWN).opened_ms == NOON + 5 * MINUTE
    assert routed(hub, OWN).place_key == routed(hub, CASE).place_key


def test_follow_ups_go_to_the_new_case_and_answers_to_who_is_still_linked(hub: WholeHub) -> None:
    tell(hub, OTHER, 6)
    take_out(hub, 10)
    assert tell(hub, WRONG, 11, 1, "AMENDED")["case_id"] == OWN
    say(hub, "RESPONDED", 12, "water_supply")
    assert replies(hub) == sorted([(CASE, *LEAD), (CASE, *OTHER)])
    say(hub, "RESPONDED", 13, "water_supply", OWN)
    assert replies(hub, 12.5) == [(OWN, *WRONG)]


def test_the_two_are_never_linked_again_even_if_the_new_case_is_forgotten(hub: WholeHub) -> None:
    take_out(hub, 10)
    journal(hub).put(OWN, None)
    again = tell(hub, WRONG, 12, 1, "AMENDED")
    assert (again["change"], again["case_id"]) == ("OPENED", OWN)
    journal(hub).put(CASE, None)
    assert journal(hub).book.cases.parted_from(*WRONG) is None


def test_a_report_that_had_brought_the_case_back_leaves_it_as_it_was() -> None:
    rows = tuple(row.model_copy(update={"after_close": "reopen", "after_close_days": 7}) for row in CITY.linking)
    with WholeHub(dataclasses.replace(CITY, linking=rows), NOON) as hub:
        tell(hub, LEAD, 0)
        say(hub, "RESOLVED", 10, "water_supply")
        before, clocks_before = routed(hub, CASE), clocks(hub, CASE)
        assert tell(hub, WRONG, 20)["reopens"]
        assert tracked(hub, CASE).over_ms is None
        take_out(hub, 30)
        after = routed(hub, CASE)
        assert (after.closed_ms, after.event, after.reports) == (before.closed_ms, None, before.reports)
        assert clocks(hub, CASE) == clocks_before
        assert tracked(hub, CASE).over_ms == before.closed_ms
        assert [(o["kind"], o["department"]) for o in orders(hub, CASE)][-1] == ("WITHDRAW", "water_supply")
        assert not routed(hub, OWN).over


# -- what may not be ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "report", "words"),
    [
        (
            "dispatch_desk",
            "hotline:H1",
            "leads the case 首报 cannot be taken out; take out the others instead: 1 of police",
        ),
        ("dispatch_desk", "police:P9", "by the orders that linked them; what it names is none"),
        ("dispatch_desk", None, "as SOURCE:REF: 1 of police, by the orders"),
        ("roads", "police:P:1", "is for who holds the case, or the desk 主办单位或派单台: now water_supply"),
    ],
)
def test_what_may_not_be_taken_out_says_why_and_changes_nothing(
    hub: WholeHub, by: str, report: str | None, words: str
) -> None:
    before = kept(hub)
    assert not say(hub, "UNLINKED", 10, by, report=report)
    assert words in why(hub)
    assert kept(hub) == before


def test_twice_is_refused_and_so_is_a_case_that_is_over(hub: WholeHub) -> None:
    take_out(hub, 10)
    assert not take_out(hub, 11)
    assert "was taken out before" in why(hub)
    tell(hub, OTHER, 12)
    say(hub, "RESOLVED", 13, "water_supply")
    assert not take_out(hub, 14, OTHER)
    assert "not allowed while the case is resolved" in why(hub)


def test_a_report_whose_case_was_closed_meanwhile_stays_and_who_asked_is_told(hub: WholeHub) -> None:
    Casework(CITY).moves.close(journal(hub).of(journal(hub).book.cases), CASE, NOON + 8 * MINUTE)
    _stays(hub, "the case is over")


def test_a_report_that_was_linked_before_the_case_came_back_stays_and_who_asked_is_told(hub: WholeHub) -> None:
    drop(journal(hub), WRONG)
    _stays(hub, "before the case was over for a while")
    assert take_out(hub, 11), "it may be tried again, and is told the same"
    assert "before the case was over for a while" in hub.orders(department=DESK)[-1]["reason"]


def _stays(hub: WholeHub, words: str) -> None:
    assert take_out(hub, 10)
    (order,) = hub.orders(department=DESK)
    assert order["kind"] == "AMEND"
    assert words in order["reason"]
    assert journal(hub).book.cases.of_report(*WRONG) == routed(hub, CASE)
    assert WRONG in tracked(hub, CASE).reports


# -- memory ---------------------------------------------------------------------------------------------------------------


def statements(hub: WholeHub) -> list[str]:
    return [key for key, record in kept(hub).items() if isinstance(record, LinkedStatement)]


def test_words_are_kept_while_the_case_is_open_and_no_longer(hub: WholeHub) -> None:
    tell(hub, WRONG, 6, 1, "AMENDED")
    tell(hub, OTHER, 7)
    assert len(statements(hub)) == 3
    assert not list(strays(dict(journal(hub).book.cases.items()), statements(hub)))
    say(hub, "RESOLVED", 13, "water_supply")
    assert statements(hub) == []


def test_all_is_read_back_from_the_changelog_and_undone_with_its_transaction(hub: WholeHub) -> None:
    tell(hub, OTHER, 7)
    before = kept(hub)
    assert len(before) == 3
    hub.restart("route")
    assert kept(hub) == before
    hub.publish(
        Update(
            update_id="U", department=DESK, case_id=CASE, status=UpdateStatus.ACCEPTED, step=UpdateStep.UNLINKED,
            at=NOON + 7 * MINUTE, report=":".join(WRONG),
        )
    )  # fmt: skip
    hub.turn("deduplicate")
    hub.turn("track")
    hub.crash("route")
    assert kept(hub) == before
    assert journal(hub).book.cases.of_report(*WRONG) == routed(hub, CASE)
    hub.run()
    assert routed(hub, OWN).reports[0].key == WRONG


def test_what_was_kept_before_reports_could_be_taken_out_is_read(hub: WholeHub) -> None:
    """Cases, tracked cases and waiting updates of the version before lack their last fields."""
    case, life = routed(hub, CASE), tracked(hub, CASE)
    old_case = _raw(case, "moves")
    old_case[1] = [report[:5] for report in old_case[1]]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old_case), type=RouteRecord) == msgspec.structs.replace(
        case, rules=""
    )
    old_life = _raw(life, "since")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old_life), type=TrackRecord) == msgspec.structs.replace(
        life, since=(), rules=""
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
    shared = Hub(Settings(), LivePolicy(CITY), CODEC, ())
    assert body.endswith(b"\0")
    for old in (body, body[:-1]):
        assert waiting._read(shared, old).status == "VERIFIED"


def _raw(record: Case | TrackedCase, first_added: str) -> list[Any]:
    """As it lay in a changelog before it had this field, and those that came after it."""
    found: list[Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(record))
    fields = record.__struct_fields__
    return found[: fields.index(first_added) - len(fields)]
