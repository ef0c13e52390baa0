"""What the ledger says by metrics of who is silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, Gauge

from hub import metrics
from hub.ledger.database import Database
from hub.ledger.rhythms import RhythmGauges
from hub.ledger.store import LedgerStore
from hub.millis import DAY_MS, HOUR_MS
from tests.unit.ledger.made_up import put
from tests.unit.web.board.city_days import BEGIN, city_ledger, city_records

ENDED = BEGIN + 40 * HOUR_MS


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    made = city_ledger(tmp_path)
    put(LedgerStore(made), list(city_records(hours=40)))
    yield made
    made.close()
    for gauge in vars(metrics).values():
        if isinstance(gauge, Gauge) and gauge._labelnames in (("source",), ("department",)):
            gauge.clear()


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_it_goes_by_when_the_ledger_was_level(ledger: Database) -> None:
    """A ledger that is behind has not heard anybody: it does not say that all are silent."""
    gauges, store = RhythmGauges(ledger), LedgerStore(ledger)
    gauges.look()
    assert _value("hub_source_silent", source="hotline") is None, "it has never been level"
    store.stand("topics", ENDED, 900_000)
    gauges.look()
    assert _value("hub_source_silent", source="hotline") == 0
    assert _value("hub_department_silent", department="water_supply") == 0
    assert _value("hub_source_known_days", source="hotline") == 1
    assert (_value("hub_source_last_arrival_seconds", source="hotline") or 0) * 1000 <= ENDED
    store.stand("topics", ENDED + 6 * DAY_MS, 0)
    gauges.look()
    assert _value("hub_source_silent", source="hotline") == 1
    assert _value("hub_source_day_reports", source="hotline") == 0
    assert (_value("hub_source_missing_arrivals", source="hotline") or 0) > 10
    assert _value("hub_department_silent", department="water_supply") == 1


def test_what_is_owed_is_shown_by_department_and_ends(ledger: Database) -> None:
    gauges = RhythmGauges(ledger)
    LedgerStore(ledger).stand("topics", ENDED, 0)
    gauges.look()
    owed = {
        sample.labels["department"]: sample.value
        for family in REGISTRY.collect()
        if family.name == "hub_unanswered_orders"
        for sample in family.samples
    }
    assert {"water_supply", "roads"} <= owed.keys()
    assert sum(owed.values()) > 0
    for name, orders in owed.items():
        assert bool(orders) == bool(_value("hub_unanswered_since_seconds", department=name))


def test_who_is_no_more_is_shown_no_more(ledger: Database) -> None:
    gauges, store = RhythmGauges(ledger), LedgerStore(ledger)
    store.stand("topics", ENDED, 0)
    gauges.look()
    assert _value("hub_source_silent", source="hotline") is not None
    store.empty()
    store.stand("topics", ENDED, 0)
    gauges.look()
    assert _value("hub_source_silent", source="hotline") is None
    assert _value("hub_unanswered_orders", department="water_supply") is None
