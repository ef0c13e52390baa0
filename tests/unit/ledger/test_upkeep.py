"""A report's words go for good, and what ended long ago; each time it is noted who did it."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from hub.errors import RetriableError
from hub.ledger import keeping
from hub.ledger.database import Database
from hub.ledger.erasing import erase_within
from hub.ledger.store import LedgerStore
from hub.ledger.upkeep import RETENTION, acts, delete_older
from hub.millis import DAY_MS
from hub.model.outputs import Erasure
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.kafka.record import KafkaRecord
from hub.topics import ERASURES
from tests.unit.ledger.made_up import NOON, REGISTRY, put, records, rows_of, tables_of


def erase_words(database: Database, source: str, ref: str, actor: str) -> int:
    with database.transaction(writes=True) as connection:
        return erase_within(connection, source, ref, actor)


def test_an_erased_report_s_words_are_gone_also_after_a_rebuild(ledger: Database) -> None:
    before = {row["case_id"] for row in rows_of(ledger, "cases")}
    assert "Lantern Street H-4" in repr(tables_of(ledger))
    assert erase_words(ledger, "hotline", "H-4", "op") >= 2
    for _ in range(2):
        assert "Lantern Street H-4" not in repr(tables_of(ledger))
        assert "Lantern Street H-0" in repr(tables_of(ledger)), "others' words stay"
        assert {row["case_id"] for row in rows_of(ledger, "cases")} == before, "what happened stays"
        LedgerStore(ledger).empty()
        put(LedgerStore(ledger), records())


def test_a_case_has_the_address_that_another_report_gave(ledger: Database) -> None:
    case = next(row for row in rows_of(ledger, "cases") if row["lead_ref"] == "H-0")
    erase_words(ledger, "police", "P-9", "op")
    assert next(row for row in rows_of(ledger, "cases") if row["lead_ref"] == "H-0") == case


def test_erasing_before_anything_is_known_holds_for_what_comes(ledger: Database) -> None:
    LedgerStore(ledger).empty()
    assert erase_words(ledger, "hotline", "H-1", "op") == 0
    put(LedgerStore(ledger), records())
    assert "Lantern Street H-1" not in repr(tables_of(ledger))
    assert "Lantern Street H-2" in repr(tables_of(ledger))


@pytest.mark.parametrize("sequence", list(permutations(("orders", "erasures", "others"))))
def test_an_erasure_holds_in_whatever_order_topics_are_read(tmp_path: Path, sequence: tuple[str, ...]) -> None:
    record = Erasure(source="hotline", source_ref="H-4", at=NOON, by="officer", reason="2026-7")
    value = Codec(REGISTRY).encode_one(Erasure.subject(), record.to_avro())
    parts: dict[str, list[KafkaRecord]] = {
        "erasures": [KafkaRecord(ERASURES.name, 0, 0, NOON, value)],
        "orders": [],
        "others": [],
    }
    for each in records():
        parts["orders" if each.topic.endswith(".orders") else "others"].append(each)
    database = Database(URL.create("sqlite", database=str(tmp_path / "ledger.sqlite")))
    database.make()
    for name in sequence:
        put(LedgerStore(database), parts[name])
    tables = repr(tables_of(database))
    database.close()
    assert "Lantern Street H-4" not in tables
    assert "Lantern Street H-2" in tables


def test_what_ended_before_is_deleted_whole_and_what_is_open_stays(ledger: Database) -> None:
    cases = rows_of(ledger, "cases")
    over = {row["case_id"] for row in cases if row["state"] == "over"}
    assert delete_older(ledger, NOON - DAY_MS) == 0
    assert delete_older(ledger, NOON + 100 * DAY_MS) > len(over)
    everything = tables_of(ledger)
    assert not any(case_id in repr(everything) for case_id in over)
    assert len(everything["cases"]) == len(cases) - len(over)
    assert everything["dead_letters"] == []


def test_each_act_is_noted(ledger: Database) -> None:
    erase_words(ledger, "hotline", "H-4", "officer")
    delete_older(ledger, NOON + 100 * DAY_MS)
    delete_older(ledger, NOON + 100 * DAY_MS)  # nothing to do, and nothing to say
    with ledger.transaction() as connection:
        noted = acts(connection)
    assert [(row["act"], row["actor"]) for row in noted] == [("forget", RETENTION), ("erase", "officer")]
    assert (noted[1]["source"], noted[1]["ref"]) == ("hotline", "H-4")


def test_an_erasure_of_the_hub_is_obeyed_whenever_it_is_read(ledger: Database) -> None:
    record = Erasure(source="hotline", source_ref="H-4", at=NOON, by="officer", reason="2026-7")
    value = Codec(REGISTRY).encode_one(Erasure.subject(), record.to_avro())
    asked = [KafkaRecord(ERASURES.name, number, 0, NOON, value) for number in range(3)]
    put(LedgerStore(ledger), asked)
    assert "Lantern Street H-4" not in repr(tables_of(ledger))
    with ledger.transaction() as connection:
        assert [(row["act"], row["actor"]) for row in acts(connection)] == [("erase", "officer")]
    LedgerStore(ledger).empty()
    put(LedgerStore(ledger), [*records(), *asked])
    assert "Lantern Street H-4" not in repr(tables_of(ledger))
    assert "Lantern Street H-0" in repr(tables_of(ledger))


def test_a_database_that_is_away_for_a_moment_does_not_end_the_forgetting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_FORGET_SECONDS", 0.0)
    keeper = keeping.Keeper(Settings(state_dir=tmp_path))
    tries = list[int]()

    def forget() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise RetriableError("the database is away")
        keeper.stop()
        return 0

    monkeypatch.setattr(keeper, "forget", forget)
    keeper._forget_again_and_again()
    assert len(tries) == 2


@pytest.mark.parametrize(("clock", "stay"), [("wall", False), ("data", True)])
def test_history_that_is_played_again_is_not_too_old_because_it_is_long_ago(
    clock: str, stay: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters are the hub's of today, whatever they are about."""
    monkeypatch.setattr(keeping, "wall_ms", lambda: NOON + 3000 * DAY_MS)
    keeper = keeping.Keeper(Settings.from_env({}, state_dir=tmp_path, clock=clock))
    keeper.database.migrate()
    put(LedgerStore(keeper.database), records())
    assert {row["state"] for row in rows_of(keeper.database, "cases")} == {"open", "over"}
    keeper.forget()
    left = tables_of(keeper.database)
    assert ("over" in {row["state"] for row in rows_of(keeper.database, "cases")}) is stay
    assert left["dead_letters"] == []
    keeper.database.close()
