"""Clocks: the earliest stop gives the verdict, whatever order updates and time come in; breaches carry the true instant."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.deadlines.rules import DeadlineRules
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.consequences import Change, Effects, UpdateRow
from hub.core.tracking.lives.amendments import amended
from hub.core.tracking.rings import Ring
from hub.core.tracking.state import ClockState, DueAdjustment, HolderLine, TrackBook, TrackedCase, Version
from hub.core.tracking.tracker import Tracking
from hub.journal import Journal
from hub.model.outputs import ChangeKind
from hub.policy import load_city
from hub.settings import ROOT


@pytest.fixture(scope="module")
def clockwork() -> Clockwork:
    return Clockwork(DeadlineRules(load_city(ROOT / "ops" / "cities" / "demo")))


def case(*clocks: ClockState) -> TrackedCase:
    return TrackedCase(
        case_id="C-1", category="c", source="hotline", urgency="ROUTINE", area=None, place_key="p", opened_ms=0,
        ledger=(HolderLine("roads", 0),), reports=(("hotline", "H1"),), clocks=clocks or (ClockState("accept", "p", 0, 80, 100),),
    )  # fmt: skip


def amended_at(tracked: TrackedCase, at_ms: int) -> TrackedCase:
    """It follows another row from an instant on."""
    return amended(
        tracked, Version(at_ms, "d", "ROUTINE", None, "roads", starts=(("accept", "accept.default", 10**10),))
    )


def kinds(rings: list[Ring]) -> list[tuple[str, int]]:
    return [(ring.kind, ring.at_ms) for ring in rings]


def test_warned_and_breached_at_their_own_instants_however_late_they_are_noticed(clockwork: Clockwork) -> None:
    _, rings = clockwork.look(case(), now_ms=10_000)
    assert kinds(rings) == [("WARNED", 80), ("BREACHED", 100)]


def test_the_last_moment_is_in_time(clockwork: Clockwork) -> None:
    _, rings = clockwork.look(case(), now_ms=100)
    assert kinds(rings) == [("WARNED", 80)]
    _, rings = clockwork.stop(case(), ("accept",), 100)
    assert kinds(rings) == [("WARNED", 80), ("MET", 100)]


def test_a_late_stop_breaches_first(clockwork: Clockwork) -> None:
    _, rings = clockwork.stop(case(), ("accept",), 150)
    assert kinds(rings) == [("WARNED", 80), ("BREACHED", 100), ("ENDED_LATE", 150)]


def test_an_update_that_comes_late_but_was_in_time_corrects_the_breach(clockwork: Clockwork) -> None:
    breached, _ = clockwork.look(case(), 1000)
    stopped, rings = clockwork.stop(breached, ("accept",), 60)
    assert kinds(rings) == [("MET", 60)]
    assert rings[0].corrects
    assert stopped.clocks[0].ended_ms == 60


def test_what_is_withdrawn_has_no_verdict_but_keeps_the_breach_before(clockwork: Clockwork) -> None:
    _, rings = clockwork.cancel(case(), 50)
    assert kinds(rings) == [("CANCELLED", 50)]
    _, rings = clockwork.cancel(case(), 150)
    assert kinds(rings) == [("WARNED", 80), ("BREACHED", 100), ("CANCELLED", 150)]


def verdict(rings: list[Ring]) -> dict[str, tuple[str, int]]:
    """The last word on each clock, warnings aside."""
    return {ring.clock.clock: (ring.kind, ring.at_ms) for ring in rings if ring.kind != "WARNED"}


events = st.lists(st.tuples(st.sampled_from(["look", "stop"]), st.integers(0, 200)), min_size=1, max_size=5)


@given(events)
def test_the_verdict_does_not_depend_on_the_order(clockwork: Clockwork, happenings: list[tuple[str, int]]) -> None:
    stops = [at for what, at in happenings if what == "stop"]
    for order in permutations(happenings):
        tracked, rings = case(), list[Ring]()
        for what, at in order:
            tracked, more = clockwork.look(tracked, at) if what == "look" else clockwork.stop(tracked, ("accept",), at)
            rings += more
        if stops:
            expected = ("MET", min(stops)) if min(stops) <= 100 else ("ENDED_LATE", None)
            kind, at = verdict(rings)["accept"]
            assert kind == expected[0]
            assert tracked.clocks[0].ended_ms == min(stops)
            assert expected[1] is None or tracked.clocks[0].breached is False
        breaches = [ring for ring in rings if ring.kind == "BREACHED"]
        assert len(breaches) <= 1
        assert all(ring.at_ms == 100 for ring in breaches)


def test_the_sources_own_due_time_takes_the_place_of_the_resolve_clock(clockwork: Clockwork) -> None:
    started = clockwork.start(case(), due_ms=1000)
    resolve = [clock for clock in started.clocks if clock.clock == "resolve"]
    assert [(clock.policy, clock.due_ms, clock.warn_ms) for clock in resolve] == [("source", 1000, 800)]


def _track(book: TrackBook, tracking: Tracking, now_ms: int) -> list[Ring]:
    effects = Effects()
    tracking.pass_time(Journal(book), now_ms, effects)
    return effects.rings


def test_time_rings_each_instant_once(clockwork: Clockwork) -> None:
    book, tracking = TrackBook(), Tracking(clockwork)
    book.put("C-1", case())
    assert kinds(_track(book, tracking, 80)) == []
    assert kinds(_track(book, tracking, 81)) == [("WARNED", 80)]
    assert kinds(_track(book, tracking, 100)) == []
    assert kinds(_track(book, tracking, 500)) == [("BREACHED", 100)]
    assert kinds(_track(book, tracking, 900)) == []


@given(st.lists(st.integers(0, 300), max_size=6))
def test_looking_more_often_rings_the_same(clockwork: Clockwork, times: list[int]) -> None:
    tracking, often, once = Tracking(clockwork), TrackBook(), TrackBook()
    clocks = (ClockState("accept", "p", 0, 80, 100), ClockState("resolve", "p", 0, 90, 250))
    for book in (often, once):
        book.put("C-1", case(*clocks))
    rings = [ring for now in [*sorted(times), 301] for ring in _track(often, tracking, now)]
    key = [(ring.clock.clock, ring.kind, ring.at_ms) for ring in rings]
    assert sorted(key) == sorted((r.clock.clock, r.kind, r.at_ms) for r in _track(once, tracking, 301))


def test_each_update_is_answered_to_each_report_once_whenever_the_report_was_linked(clockwork: Clockwork) -> None:
    tracking = Tracking(clockwork)
    update = UpdateRow("u1", "roads", "C-1", "ACCEPTED", "", 10)
    link = Change(
        case_id="C-1", change=ChangeKind.LINKED, source="police", source_ref="P1", lead_source="hotline", lead_ref="H1",
        category="c", urgency="ROUTINE", area=None, place_key="p", department="roads", over=False, ends=False, at_ms=5, opened_ms=0,
        due_ms=None,
    )  # fmt: skip
    for order in ("update first", "link first"):
        book, effects = TrackBook(), Effects()
        book.put("C-1", case())
        steps = [lambda b, e: tracking.update(Journal(b), update, e), lambda b, e: tracking.change(Journal(b), link, e)]
        for step in steps if order == "update first" else reversed(steps):
            step(book, effects)
        assert sorted((r.source, r.ref, r.answer.update_id) for r in effects.replies) == [
            ("hotline", "H1", "u1"),
            ("police", "P1", "u1"),
        ]


def test_a_case_waits_for_one_instant_at_a_time(clockwork: Clockwork) -> None:
    """However often it is put: a heap that grew with every change would never end growing."""
    book = TrackBook()
    for _ in range(100):
        book.put("C-1", case(ClockState("accept", "p", 0, 80, 100), ClockState("resolve", "p", 0, 90, 250)))
    assert len(book.instants) == 1


def test_an_update_of_an_unknown_case_is_not_applied(clockwork: Clockwork) -> None:
    book = TrackBook()
    assert not Tracking(clockwork).update(Journal(book), UpdateRow("u1", "roads", "C-9", "ACCEPTED", "", 10), Effects())


def test_records_survive_their_encoding() -> None:
    from hub.core.tracking.state import Now, TrackRecord, Waiting

    for record in (case(), Now(5), Waiting(1, (b"x",))):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=TrackRecord) == record


def test_an_amendment_voids_the_old_clock_whether_it_had_rung_or_not(clockwork: Clockwork) -> None:
    early, _ = clockwork.look(case(ClockState("accept", "old", 0, 80, 10**9)), 10**8)
    rung, _ = clockwork.look(case(ClockState("accept", "old", 0, 80, 10**7)), 10**8)
    for tracked, took_back in (
        (early, True),
        (rung, True),
        (case(ClockState("accept", "old", 0, 10**8, 10**9)), False),
    ):
        amended, _, rings = clockwork.settle(amended_at(tracked, 1000))
        assert [(ring.kind, ring.clock.policy, ring.corrects) for ring in rings] == [("CANCELLED", "old", took_back)]
        assert not any(clock.warned or clock.breached for clock in amended.clocks)


def test_a_clock_that_ran_out_before_the_amendment_stays(clockwork: Clockwork) -> None:
    amended, _, rings = clockwork.settle(amended_at(case(ClockState("accept", "old", 0, 80, 100)), 1000))
    assert not any(ring.kind == "CANCELLED" for ring in rings)
    assert amended.clocks[0].policy == "old"


instants = st.integers(0, 300)
clocks = st.builds(
    ClockState,
    clock=st.just("accept"),
    policy=st.just("p"),
    started_ms=st.just(0),
    warn_ms=instants,
    due_ms=instants,
    ended_ms=st.none() | instants,
    cancelled=st.booleans(),
    warned=st.booleans(),
    breached=st.booleans(),
    verdict=st.none() | st.sampled_from(["MET", "ENDED_LATE", "CANCELLED"]),
    warns=st.lists(instants, max_size=2).map(lambda warns: tuple(sorted(warns))),
    spoke=st.booleans(),
    provisional=st.booleans(),
    department=st.sampled_from([None, "roads"]),
    round=st.integers(0, 1),
    moved=st.sampled_from([None, None, None, DueAdjustment(100), DueAdjustment(100, stands=True)]),
    by_event=st.booleans(),
)


@settings(max_examples=500)
@given(clocks, instants, st.booleans())
def test_the_short_way_to_a_plain_end_says_what_the_long_one_does(
    clockwork: Clockwork, clock: ClockState, at_ms: int, cancelled: bool
) -> None:
    short, long = list[Ring](), list[Ring]()
    ended = clockwork._end(case(clock), clock, at_ms, cancelled=cancelled, rings=short)
    if clock.ended_ms is not None and (clock.ended_ms, clock.cancelled) <= (at_ms, cancelled):
        assert (ended, short) == (clock, [])
        return
    judged = clockwork._judge(case(clock), msgspec.structs.replace(clock, ended_ms=at_ms, cancelled=cancelled), long)
    assert (ended, short) == (judged, long)


tracked = st.builds(
    lambda key, clocks, over_ms: (
        key,
        msgspec.structs.replace(case(*clocks), case_id=key, over_ms=over_ms),
    ),
    st.sampled_from("ab"),
    st.lists(clocks, min_size=1, max_size=2),
    st.none() | instants,
)


@given(st.lists(tracked | st.tuples(st.sampled_from("ab"), st.none()), max_size=12))
def test_a_book_that_was_changed_is_as_one_made_anew(changes: list[tuple[str, TrackedCase | None]]) -> None:
    book = TrackBook()
    for key, value in changes:
        book.put(key, value)
    anew = TrackBook()
    for key, record in book.items():
        anew.put(key, record)
    assert list(book.over_before(1000)) == list(anew.over_before(1000))
    assert list(book.due_by(1000)) == list(anew.due_by(1000))
