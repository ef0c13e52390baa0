"""What is due beyond the settled holidays is provisional (暂定), and is reckoned again when the year is known; a record says so."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.agents.track.derivations import derivation_columns
from hub.core.deadlines.rules import DeadlineRules
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.consequences import Change, Effects, UpdateRow
from hub.core.tracking.rings import CANCELLED, Ring
from hub.core.tracking.state import ClockState, TrackBook, UpdateDetails
from hub.core.tracking.tracker import Tracking
from hub.journal import Journal
from hub.model.outputs import ChangeKind
from hub.policy import City, load_city
from hub.policy.models import DeadlineRule, Extension
from hub.settings import ROOT

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DEMO = load_city(ROOT / "ops" / "cities" / "demo")
EVE = round(datetime(2026, 12, 28, 2, tzinfo=UTC).timestamp() * 1000)
"""A Monday morning in the city."""


def city(known_until: date, *holidays: date) -> City:
    """Ten working days to resolve, by an office whose holidays are settled up to a day."""
    office = DEMO.calendars["office"].model_copy(
        update={"known_until": known_until, "holidays": holidays, "extra_working_days": ()}
    )
    extension = Extension(duration=5, unit="work_day", approved_by="the desk")
    row = DeadlineRule.model_validate(
        {"id": "resolve.row", "clock": "resolve", "duration": 10, "unit": "work_day", "calendar": "office",
         "extension": extension.model_dump()}
    )  # fmt: skip
    return dataclasses.replace(DEMO, calendars=DEMO.calendars | {"office": office}, deadlines=(row,))


BEFORE = Clockwork(DeadlineRules(city(date(2026, 12, 31))))
AFTER_RULES = DeadlineRules(city(date(2027, 12, 31), date(2027, 1, 1), date(2027, 1, 4)))
AFTER = Clockwork(AFTER_RULES)
SAME = Clockwork(DeadlineRules(city(date(2027, 12, 31))))


class Track:
    """One case of one partition."""

    def __init__(self, clockwork: Clockwork, opened_ms: int = EVE) -> None:
        self.tracking, self.book, self.effects = Tracking(clockwork), TrackBook(), Effects()
        opened = Change(
            case_id="C-1", change=ChangeKind.OPENED, source="hotline", source_ref="H1", lead_source="hotline", lead_ref="H1",
            category="c", urgency="ROUTINE", area=None, place_key="p", department="roads", over=False, ends=False,
            at_ms=opened_ms, opened_ms=opened_ms, due_ms=None,
        )  # fmt: skip
        self.tracking.prepare([opened])
        self.tracking.change(Journal(self.book), opened, self.effects)

    def learn(self, clockwork: Clockwork, now_ms: int) -> list[Ring]:
        """The rules change, and with them what is known of holidays."""
        self.tracking.use(clockwork)
        known = len(self.effects.rings)
        self.tracking.revise(Journal(self.book), now_ms, self.effects)
        return self.effects.rings[known:]

    def pass_time(self, now_ms: int) -> list[Ring]:
        known = len(self.effects.rings)
        self.tracking.pass_time(Journal(self.book), now_ms, self.effects)
        return self.effects.rings[known:]

    def say(self, status: str, at_ms: int, **more: object) -> bool:
        about = UpdateDetails(**more) if more else None  # type: ignore[arg-type]
        update = UpdateRow(f"{status}@{at_ms}", "dispatch_desk", "C-1", status, "", at_ms, details=about)
        return self.tracking.update(Journal(self.book), update, self.effects)

    @property
    def clock(self) -> ClockState:
        case = self.book.case("C-1")
        assert case is not None
        (clock,) = case.clocks
        return clock


def test_known_holidays_move_the_due_time_and_a_record_says_so() -> None:
    track = Track(BEFORE)
    assert track.clock.provisional
    before_ms = track.clock.due_ms
    (ring,) = track.learn(AFTER, EVE + DAY_MS)
    assert (ring.kind, ring.at_ms, ring.clock.due_ms, ring.corrects) == (CANCELLED, EVE + DAY_MS, before_ms, False)
    assert derivation_columns(RuleVersions.only(AFTER_RULES), [ring])["provisional"] == [True]
    assert (track.clock.due_ms - before_ms, track.clock.provisional) == (2 * DAY_MS, False)
    assert track.learn(AFTER, EVE + 2 * DAY_MS) == []


def test_a_warning_that_came_too_early_is_taken_back_and_said_again_at_its_time() -> None:
    track = Track(BEFORE)
    (warned,) = track.pass_time(track.clock.warn_ms + 1)
    (ring,) = track.learn(AFTER, warned.at_ms + 2)
    assert (ring.kind, ring.corrects) == (CANCELLED, True)
    again, breached = track.pass_time(EVE + 60 * DAY_MS)
    assert (again.kind, again.at_ms > warned.at_ms) == ("WARNED", True)
    assert (breached.kind, breached.at_ms) == ("BREACHED", track.clock.due_ms)
    assert derivation_columns(RuleVersions.only(AFTER_RULES), [breached])["provisional"] == [False]


def test_where_nothing_moves_only_the_doubt_goes() -> None:
    track = Track(BEFORE)
    before = track.clock
    assert track.learn(SAME, EVE + DAY_MS) == []
    assert (track.clock.due_ms, track.clock.provisional) == (before.due_ms, False)


def test_what_is_still_unknown_stays_provisional_and_what_ran_out_before_stays_as_it_was() -> None:
    track = Track(BEFORE)
    assert track.learn(BEFORE, EVE + DAY_MS) == []
    assert track.clock.provisional
    track.pass_time(EVE + 60 * DAY_MS)
    before = track.clock
    assert track.learn(AFTER, EVE + 60 * DAY_MS) == []
    assert track.clock == before


def test_an_extension_is_added_to_what_is_known_now() -> None:
    track, known = Track(BEFORE), Track(AFTER)
    for each in (track, known):
        assert each.say("EXTENSION_GRANTED", EVE + DAY_MS, clock="resolve")
    before_ms = track.clock.due_ms
    rings = track.learn(AFTER, EVE + 2 * DAY_MS)
    assert [(ring.kind, ring.clock.due_ms) for ring in rings] == [(CANCELLED, before_ms)]
    assert track.clock == known.clock


def test_an_extension_into_a_year_that_was_not_known_moves_too() -> None:
    """Though the row by itself had nothing provisional."""
    early_ms = EVE - 12 * DAY_MS
    track = Track(BEFORE, early_ms)
    assert not track.clock.provisional
    assert track.say("EXTENSION_GRANTED", early_ms, clock="resolve")
    before_ms = track.clock.due_ms
    assert track.clock.provisional
    (ring,) = track.learn(AFTER, early_ms + DAY_MS)
    assert (ring.kind, ring.at_ms, ring.clock.due_ms) == (CANCELLED, early_ms + DAY_MS, before_ms)
    assert track.clock.due_ms - before_ms == 2 * DAY_MS


days = st.integers(0, 12)


@given(st.integers(-20 * 24, 20 * 24), st.lists(days, max_size=5, unique=True), st.integers(0, 40 * 24), st.booleans())
def test_it_comes_to_what_it_would_have_been_if_all_had_been_known(
    hours: int, off: list[int], later: int, extended: bool
) -> None:
    """As long as it has not run out before."""
    holidays = tuple(date(2027, 1, 1) + timedelta(days=number) for number in off)
    known = Clockwork(DeadlineRules(city(date(2027, 12, 31), *holidays)))
    opened_ms = EVE + hours * HOUR_MS
    first, second = Track(BEFORE, opened_ms), Track(known, opened_ms)
    if extended:
        for each in (first, second):
            each.say("EXTENSION_GRANTED", opened_ms, clock="resolve")
    now_ms = opened_ms + later * HOUR_MS
    first.pass_time(now_ms)
    was = first.clock
    first.learn(known, now_ms)
    if was.breached:
        assert first.clock == was
        return
    first.pass_time(EVE + 200 * DAY_MS)
    second.pass_time(EVE + 200 * DAY_MS)
    assert first.clock == second.clock


def test_what_ended_is_left_alone() -> None:
    track = Track(BEFORE)
    assert track.say("RESOLVED", EVE + DAY_MS)
    before = track.clock
    assert track.learn(AFTER, EVE + 2 * DAY_MS) == []
    assert track.clock == before
