"""What is usual for a source, and when its silence is no chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.store import LedgerStore
from hub.millis import HOUR_MS
from hub.web.board.arrivals import DAYS, arrivals, usual_of
from tests.unit.ledger.made_up import put
from tests.unit.web.board.city_days import BEGIN, city_ledger, city_records

HOURS = DAYS * 24 + 1


@given(st.integers(24, HOURS - 1), st.lists(st.integers(1, 9), min_size=24, max_size=24))
def test_a_source_that_is_the_same_every_day_is_as_usual(known_hours: int, day: list[int]) -> None:
    counts = np.zeros(HOURS, np.int64)
    counts[-known_hours - 1 :] = [day[hour % 24] for hour in range(HOURS - known_hours - 1, HOURS)]
    usual = usual_of(counts)
    known = ~np.isnan(usual)
    assert known[-1]
    assert usual[known].tolist() == counts[-len(usual) :][known].tolist()


def test_before_a_day_is_known_nothing_is_usual() -> None:
    counts = np.zeros(HOURS, np.int64)
    assert len(usual_of(counts)) == 0
    counts[-20:] = 5
    assert len(usual_of(counts)) == 0


def test_a_source_that_stops_is_silent_once_that_is_no_chance(tmp_path: Path) -> None:
    ledger = city_ledger(tmp_path)
    put(LedgerStore(ledger), list(city_records()))
    ended = BEGIN + 12 * HOUR_MS
    with ledger.transaction() as connection:
        live = {each.source: each for each in arrivals(connection, ended)}
        a_day_later = {each.source: each for each in arrivals(connection, ended + 24 * HOUR_MS)}
    ledger.close()
    assert len(live) == 4
    assert not any(each.is_silent for each in live.values())
    assert all(each.is_silent for each in a_day_later.values())
    assert sum(sum(each.hours) for each in live.values()) == 48
