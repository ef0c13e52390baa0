"""The laws of a rhythm: what is usual, and when silence is no chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.figures.rhythm import LEARNT_HOURS, Silence, silence_of, usual_of
from hub.millis import DAY_MS, HOUR_MS, MINUTE_MS

MONDAY = 2974 * 7 * 24 + 4 * 24
"""An hour: a Monday, 00:00 UTC. 1970 began on a Thursday."""
DAYS = st.lists(st.integers(0, 9), min_size=24, max_size=24).filter(any)


def _learnt(counts: list[int], silent_ms: int, end: int = MONDAY) -> Silence:
    """Of a sender whose last arrival lies in the middle of the hour before `end`, in which `counts` end."""
    last_ms = end * HOUR_MS - HOUR_MS // 2
    return silence_of(counts, last_ms, last_ms + silent_ms)


@given(DAYS, st.integers(1, 40))
def test_more_is_missing_the_longer_nothing_comes(day: list[int], days: int) -> None:
    found = [_learnt([*(day * days), 1], hours * HOUR_MS) for hours in range(0, 200, 7)]
    missing = [each.missing for each in found]
    assert missing == sorted(missing)
    silent = [each.is_silent for each in found]
    assert silent == sorted(silent), "who is silent stays so until something comes"


@given(DAYS, st.integers(1, 40), st.integers(29, 4000))
def test_silence_never_becomes_usual(day: list[int], days: int, silent_days: int) -> None:
    """A steady failure stays an alarm: a month later too."""
    assert _learnt([*(day * days), 1], silent_days * DAY_MS).is_silent


@given(st.lists(st.integers(0, 20), max_size=24), st.integers(0, 400 * DAY_MS))
def test_of_whom_no_day_is_known_nothing_is_said(counts: list[int], silent_ms: int) -> None:
    found = _learnt(counts, silent_ms)
    assert (found.missing, found.known_days, found.is_silent) == (0.0, 0, False)


@given(st.lists(st.integers(0, 9), min_size=30, max_size=800), st.integers(0, 60 * DAY_MS), st.integers(0, 167))
def test_it_goes_by_the_last_four_weeks_alone(counts: list[int], silent_ms: int, shift: int) -> None:
    counts[-1] = 1
    whole = _learnt(counts, silent_ms, MONDAY + shift)
    assert whole == _learnt(counts[-LEARNT_HOURS - 1 :], silent_ms, MONDAY + shift)
    assert _learnt([0] * 50 + counts, silent_ms, MONDAY + shift).missing <= whole.missing + 1e-9 or counts[0] == 0


@given(st.integers(2, 60), st.integers(15, 28))
def test_who_comes_all_day_is_missed_within_the_hour_or_so(an_hour: int, days: int) -> None:
    counts = [an_hour] * (24 * days) + [1]
    hours = (7 + np.log(24 * an_hour)) / an_hour
    assert _learnt(counts, int((hours + 0.05) * HOUR_MS) + 10 * MINUTE_MS).is_silent


def test_a_burst_is_no_promise() -> None:
    """Of a source that brings a file at two in the morning, nothing is missing all day."""
    day = [0, 0, 3] + [0] * 21
    counts = day * 28 + day[:3]
    assert _learnt(counts, int(23.4 * HOUR_MS), MONDAY + 3).missing < 2
    assert not _learnt(counts, int(25.5 * HOUR_MS), MONDAY + 3).is_silent
    assert _learnt(counts, 4 * DAY_MS, MONDAY + 3).is_silent


@pytest.mark.parametrize("weeks", [1, 2, 3, 4])
def test_an_offices_weekend_is_no_silence(weeks: int) -> None:
    """Eight hours a day, five days a week: Friday 17:00 to Monday 09:00 nothing is missing, and on Monday it is by noon."""
    office = [0] * 9 + [6] * 8 + [0] * 7
    week = office * 5 + [0] * 48
    friday = MONDAY + 4 * 24 + 17
    counts = (week * weeks + office * 4 + office[:17])[9:]
    assert not _learnt(counts, 64 * HOUR_MS, friday).is_silent
    assert _learnt(counts, 68 * HOUR_MS, friday).is_silent


@settings(max_examples=12)
@given(st.sampled_from([0.2, 1.0, 5.0, 20.0]), st.integers(0, 2**32 - 1))
def test_chance_alone_is_hardly_ever_silence(an_hour: float, seed: int) -> None:
    """Arrivals by chance, with a day and a night: over four weeks of gaps, none is called silence, but for one in some runs."""
    drawn = np.random.default_rng(seed)
    rates = np.tile(an_hour * (1 + 0.8 * np.sin(np.arange(24) * np.pi / 12)), 56)
    per_minute = np.repeat(rates / 60, 60)
    minutes = np.flatnonzero(drawn.random(len(per_minute)) < -np.expm1(-per_minute))
    begin = MONDAY * 60
    hourly = np.bincount(minutes // 60, minlength=56 * 24)
    gaps = np.flatnonzero(np.diff(minutes) > 10)
    late = [at for at in gaps if minutes[at] >= 28 * 24 * 60]
    found = 0
    for at in late:
        minute = int(minutes[at])
        counts = hourly[: minute // 60 + 1]
        found += silence_of(counts, (begin + minute) * MINUTE_MS, (begin + int(minutes[at + 1])) * MINUTE_MS).is_silent
    assert found <= 1


@given(st.integers(24, LEARNT_HOURS), st.lists(st.integers(1, 9), min_size=24, max_size=24))
def test_a_source_that_is_the_same_every_day_is_as_usual(known_hours: int, day: list[int]) -> None:
    counts = np.zeros(LEARNT_HOURS + 1, np.int64)
    counts[-known_hours - 1 :] = [day[hour % 24] for hour in range(LEARNT_HOURS - known_hours, LEARNT_HOURS + 1)]
    usual = usual_of(counts, LEARNT_HOURS, 24)
    known = ~np.isnan(usual)
    assert known[-1]
    assert usual[known].tolist() == counts[-24:][known].tolist()


def test_before_a_day_is_known_nothing_is_usual() -> None:
    counts = np.zeros(LEARNT_HOURS + 1, np.int64)
    assert len(usual_of(counts, 0, 24)) == 0
    counts[-20:] = 5
    assert len(usual_of(counts, LEARNT_HOURS, 24)) == 0


def test_what_is_usual_stays_so_while_nothing_comes() -> None:
    counts = np.zeros(LEARNT_HOURS + 1, np.int64)
    counts[: 5 * 24] = 4
    assert set(usual_of(counts, 5 * 24 - 1, 24).tolist()) == {4.0}


@given(
    arrivals=st.lists(st.integers(0, 60), min_size=25, max_size=28 * 24),
    minutes=st.integers(0, 10_000),
    heard=st.integers(0, 10_000),
)
def test_whatever_is_heard_breaks_a_silence_and_never_makes_one(arrivals: list[int], minutes: int, heard: int) -> None:
    arrivals[-1] = max(1, arrivals[-1])
    last = (1000 + len(arrivals)) * HOUR_MS
    now, heard_ms = last + minutes * MINUTE_MS, last + heard * MINUTE_MS
    alone, beside = silence_of(arrivals, last, now), silence_of(arrivals, last, now, heard_ms)
    assert beside.missing <= alone.missing
    assert beside.is_silent <= alone.is_silent
    assert beside.known_days == alone.known_days
    if heard_ms >= now:
        assert not beside.is_silent
    assert silence_of(arrivals, last, now, last - 1) == alone
