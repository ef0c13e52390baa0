"""What takes long on the wall holds up nothing else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert

from hub.ledger.store import LedgerStore
from hub.ledger.tables import DEAD_LETTERS_TABLE
from hub.millis import HOUR_MS
from hub.web.board import watching
from hub.web.board.flow import Flow
from hub.web.board.operator import operator_document
from hub.web.board.watching import LedgerReader, WallPart, WallWatch
from tests.unit.ledger.made_up import put
from tests.unit.web.board.city_days import CITY, city_ledger, city_records, city_settings
from tests.waiting import wait_for


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[LedgerReader]:
    ledger = city_ledger(tmp_path)
    put(LedgerStore(ledger), city_records(hours=2))
    ledger.close()
    reader = LedgerReader(city_settings(tmp_path))
    yield reader
    reader.close()


def test_numbers_come_while_history_is_asked_and_while_nobody_answers_for_the_worker(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, flow = threading.Event(), Flow()

    def slow(connection: Connection, now_ms: int, desk: str) -> str:
        let_go.wait()
        return "at last"

    quick = WallPart("numbers", lambda *_: "here")
    monkeypatch.setattr(watching, "wall_parts", lambda _: (WallPart("arrivals", slow, is_slow=True), quick))
    watch = WallWatch(reader, CITY.dispatch_desk, flow, dict)

    async def listen() -> None:
        with flow.listening():
            await asyncio.to_thread(wait_for, lambda: "numbers" in _parts(flow), "numbers are said")
            assert "arrivals" not in _parts(flow)
            let_go.set()
            await asyncio.to_thread(
                wait_for, lambda: _parts(flow).get("arrivals") == "at last", "and history, when it is there"
            )

    watch.start()
    try:
        asyncio.run(listen())
    finally:
        let_go.set()
        watch.stop()


def _parts(flow: Flow) -> dict[str, Any]:
    """All that was said, as a page that has just been opened gets it."""
    return json.loads(flow.behind(0)[0].data) if flow.behind(0) else {}


def test_dead_letters_of_a_day_are_those_of_the_walls_day_where_history_is_played_again(
    reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters are dated by the wall; the reports of this ledger are of another year."""
    today = 1_900_000_000_000
    monkeypatch.setattr(watching, "wall_ms", lambda: today)
    with reader.database().transaction(writes=True) as connection:
        connection.execute(delete(DEAD_LETTERS_TABLE))
        for number, hours in enumerate((1, 23, 25)):
            row = {"kafka_partition": 0, "kafka_offset": number, "stage": "route", "reason": "invalid"}
            connection.execute(insert(DEAD_LETTERS_TABLE).values(row | {"happened_at": today - hours * HOUR_MS}))
        assert reader.now_ms(connection) < today - 1000 * HOUR_MS
    flow = Flow()
    WallWatch(reader, CITY.dispatch_desk, flow, dict).look()
    assert _parts(flow)["letters"] == 2
    with reader.database().transaction() as connection:
        health: dict[str, Any] = {"worker": None, "agents": []}
        page = operator_document(connection, reader.now_ms(connection), CITY, health, (), today)
    assert [(row["count"], row["day"]) for row in page["letters"]] == [(3, 2)]
