"""The wall's numbers of an instant are those that the ledger had then."""

from __future__ import annotations

from pathlib import Path

from hub.ledger.store import LedgerStore
from hub.millis import HOUR_MS
from hub.web.board.counts import counts_at, counts_now
from hub.web.board.wall import numbers
from tests.unit.ledger.made_up import put
from tests.unit.web.board.city_days import CITY, city_ledger, city_records, instant_of

DESK = CITY.dispatch_desk


def test_what_was_counted_at_an_instant_is_what_is_counted_of_it_later(tmp_path: Path) -> None:
    """Seen hour by hour as the records come, and then of all hours from the whole ledger."""
    records = sorted(city_records(), key=lambda each: each.written_ms)
    ledger, live = city_ledger(tmp_path), {}
    store = LedgerStore(ledger)
    for hour in range(12):
        now_ms = instant_of(hour)
        put(store, [each for each in records if now_ms - HOUR_MS < each.written_ms <= now_ms])
        with ledger.transaction() as connection:
            live[now_ms] = counts_now(connection, now_ms, DESK)
            assert numbers(connection, now_ms, DESK).items() >= live[now_ms]._asdict().items(), (
                "on the wall, asked another way"
            )
    with ledger.transaction() as connection:
        later = {now_ms: counts_at(connection, now_ms, DESK) for now_ms in live}
    ledger.close()
    assert later == live
    assert max(counts.overdue for counts in live.values()) > 3
    assert max(counts.soon for counts in live.values()) > 0
    assert max(counts.unowned for counts in live.values()) > 0
