"""Two days of a city in a hub in memory, put into a ledger: many departments, areas and sources, some late, one silent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL
from starlette.applications import Starlette

from hub.clock import wall_ms
from hub.ledger.database import Database
from hub.ledger.queries import newest_opened_ms
from hub.ledger.store import LedgerStore
from hub.millis import HOUR_MS, MINUTE_MS
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update, UpdateStatus
from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.simulator.answers import UNKNOWN_CASE, answers_to
from hub.stream.kafka.record import KafkaRecord
from hub.testing.memory import MemoryHub
from hub.web.board.counts import WallCounts, counts_now
from tests.unit.ledger.made_up import put, stored
from tests.unit.web.front import MemoryWeb

CITY = load_city(ROOT / "ops" / "cities" / "demo")
BEGIN = 1_772_380_800_000
"""2026-03-02 00:00 in the demo city, in ms."""
HOURS = 34
_SOURCES = ("hotline", "police", "citymgmt", "petition")
_STREETS = ("Lantern Street 灯笼街", "Pump Lane 水泵巷", "Harbour Road 港湾路", "Mill Row 磨坊里", "Quay Street 码头街")


def instant_of(hour: int) -> int:
    """When the hub is level in each hour: at no instant at which a clock runs out, which are whole minutes."""
    return BEGIN + hour * HOUR_MS + 30 * MINUTE_MS + 17_000


@cache
def city_records(an_hour: int = 4, hours: int = 12) -> tuple[KafkaRecord, ...]:
    """All that the ledger reads of the first hours; 14 in an hour over 34 hours fill a board well."""
    with MemoryHub(CITY, BEGIN) as hub:
        _live(hub, an_hour, hours)
        return tuple(stored(hub))


def _live(hub: MemoryHub, an_hour: int, hours: int) -> None:
    drawn = random.Random(7)
    planned: list[tuple[int, str, dict[str, Any]]] = []
    seen: set[str] = set()
    for hour in range(hours):
        now = instant_of(hour)
        hub.settle(now)
        hub.publish(*(each for number in range(an_hour) if (each := _report(drawn, hour, number)) is not None))
        if hour % 9 == 4:
            hub.send("city.hotline.events", b"x", b"rubbish")
        due = sorted(each for each in planned if each[0] <= now)
        planned = [each for each in planned if each[0] > now]
        hub.publish(*(Update.model_validate(said | {"at": now}) for _, _, said in due))  # said when it is done
        hub.run()
        orders = hub.orders()
        for order in (each for each in orders if each["order_id"] not in seen):
            for answer in answers_to(7, order):
                if answer.case_id != UNKNOWN_CASE:
                    said = answer.update() | {"status": UpdateStatus(answer.event)}
                    planned.append((answer.at_ms, answer.update_id, said))
        seen |= {each["order_id"] for each in orders}
    hub.settle(BEGIN + hours * HOUR_MS)


def _report(drawn: random.Random, hour: int, number: int) -> CaseEvent | None:
    source = drawn.choice(_SOURCES)
    area = drawn.choice(CITY.areas)
    point = area.geometry.representative_point()
    at_ms = BEGIN + hour * HOUR_MS + drawn.randrange(30) * MINUTE_MS
    lat = point.y + drawn.uniform(-0.012, 0.012)
    lon = point.x + drawn.uniform(-0.012, 0.012)
    category = drawn.choice(list(CITY.categories)) if number else "other.unclear"  # which the desk gets
    if source == "petition" and hour > HOURS - 8:  # it falls silent
        return None
    address = f"{drawn.choice(_STREETS)} {drawn.randrange(1, 200)}"
    return CaseEvent(
        source=source, source_ref=f"{source[0].upper()}-{hour:02}{number:03}", revision=0, kind=EventKind.OPENED, reported_at=at_ms,
        category=category, urgency=drawn.choice(list(Urgency)), title="something is broken", text="it is broken", channel="phone",
        place=Place(lat=round(lat, 5), lon=round(lon, 5), code=area.code, address=address),
    )  # fmt: skip


def city_settings(folder: Path) -> Settings:
    """Of a hub whose time is its data's."""
    return Settings(state_dir=folder, clock="data", web_port=9, city=CITY.folder)


def city_ledger(folder: Path) -> Database:
    """An empty one, in this folder's usual place."""
    database = Database(URL.create("sqlite", database=str(folder / "ledger" / "ledger.sqlite")))
    database.migrate()
    return database


class ServedBoard:
    """A board at an address, and the ledger that it shows. `show` puts records there, `stand` says that it is level now."""

    def __init__(self, url: str, ledger: Database, web: MemoryWeb, app: Starlette) -> None:
        self.url, self.ledger, self.web, self.app = url, ledger, web, app
        self._store = LedgerStore(ledger)

    def show(self, records: Sequence[KafkaRecord]) -> None:
        put(self._store, records)

    def settle(self) -> None:
        """Let the board's own hub decide, and the ledger read it."""
        self.web.settle(self.web.hub.clock.now_ms + MINUTE_MS)
        self.show(stored(self.web.hub))
        self.stand()

    def stand(self, age_ms: int = 0) -> None:
        self._store.stand("ledger", wall_ms() - age_ms, 0)

    def counts(self) -> WallCounts:
        with self.ledger.transaction() as connection:
            now_ms = newest_opened_ms(connection)
            return counts_now(connection, now_ms, CITY.dispatch_desk)
