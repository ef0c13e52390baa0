"""The ledger beside a broker: kept by a process that is killed, level with what is written meanwhile, made anew."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from hub import topics
from hub.cli.main import cli
from hub.cli.process.children import Child, environment_of
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.ledger import feed
from hub.ledger.comparing import compare_ledger
from hub.ledger.database import Database, address_of
from hub.ledger.keeping import Keeper
from hub.ledger.store import LedgerStore
from hub.ledger.tables import CASES_TABLE, CLOCKS_TABLE, POSITIONS_TABLE
from hub.model.ids import case_id
from hub.scrape import fetch
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.kafka.client import producer_config
from hub.stream.kafka.record import KafkaRecord
from tests.integration.kafka_accidents import make_anew
from tests.integration.small_hub import free_port, small_settings, wait_for
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import CITY, Tables, put, records, tables_of

pytestmark = pytest.mark.kafka
_WRITTEN_MS = wall_ms()


def recent() -> list[KafkaRecord]:
    """Written today: Kafka keeps nothing of last spring."""
    return [record._replace(written_ms=_WRITTEN_MS) for record in records(partitions=2)]


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    made = small_settings(kafka_bootstrap, namespace, tmp_path)
    ensure_topics(made, topics.all_topics(["hotline", "police"], CITY.departments))
    return made


@pytest.fixture
def expected(tmp_path: Path) -> Tables:
    database = sqlite_ledger(tmp_path / "expected.sqlite")
    put(LedgerStore(database), recent())
    tables = tables_of(database)
    database.close()
    return tables


def publish(settings: Settings, stored: Iterable[KafkaRecord]) -> None:
    producer = Producer(producer_config(settings, "test"))
    for record in stored:
        name = settings.topic(record.topic)
        producer.produce(name, record.value, partition=record.partition, timestamp=record.written_ms)
    assert producer.flush(60) == 0


def kept_by(settings: Settings, port: int) -> Child:
    return Child("ledger", ["ledger", "run", "--port", str(port)], settings, settings.state_dir / "ledger.log")


def has_all(settings: Settings, expected: Tables) -> bool:
    database = Database(address_of(settings))
    try:
        database.require_there()
        return tables_of(database) == expected
    finally:
        database.close()


def test_killed_and_started_again_it_is_level_with_the_topics_and_is_made_anew(
    settings: Settings, expected: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, port = recent(), free_port()
    page = f"http://127.0.0.1:{port}"
    publish(settings, [record for record in stored if record.offset < 2])
    keeper = kept_by(settings, port)
    try:
        wait_for(lambda: json.loads(fetch(f"{page}/readyz") or "{}").get("behind") == 0, "it is level")
        os.kill(keeper.pid, signal.SIGKILL)
        publish(settings, [record for record in stored if record.offset >= 2])
        keeper.stop()
        keeper = kept_by(settings, port)
        wait_for(lambda: has_all(settings, expected), "it has what was written meanwhile")
        assert "hub_ledger_behind_records 0.0" in (fetch(f"{page}/metrics") or "")
        for name, value in environment_of(settings).items():
            monkeypatch.setenv(name, value)
        rebuilt = CliRunner().invoke(cli, ["ledger", "rebuild"], catch_exceptions=False)
        assert rebuilt.exit_code == 0, rebuilt.output
        wait_for(lambda: has_all(settings, expected), "made anew it has the same, whoever of the two put it there")
    finally:
        keeper.stop()


def test_it_is_compared_with_the_topics(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(settings, recent())
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(cli, ["ledger", "rebuild"], catch_exceptions=False).exit_code == 0
    database = Database(address_of(settings))
    assert compare_ledger(settings, database).line().startswith("ledger 台账 agrees")
    with database.transaction(writes=True) as connection:
        connection.execute(CASES_TABLE.update().where(CASES_TABLE.c.lead_ref == "H-4").values(department="nobody"))
        connection.execute(CLOCKS_TABLE.delete().where(CLOCKS_TABLE.c.case_id == case_id("hotline", "H-5")))
    found = compare_ledger(settings, database)
    database.close()
    assert (found.differing, set(found.names)) == (2, {case_id("hotline", "H-4"), case_id("hotline", "H-5")})


def test_a_topic_that_was_made_anew_is_said_with_the_way_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings, recent())
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(cli, ["ledger", "rebuild"], catch_exceptions=False).exit_code == 0
    database = Database(address_of(settings))
    with database.transaction(writes=True) as connection:
        connection.execute(POSITIONS_TABLE.update().values(next_offset=POSITIONS_TABLE.c.next_offset + 1000))
    database.close()
    keeper = kept_by(settings, free_port())
    wait_for(lambda: keeper.code is not None, "it ends")
    keeper.stop()
    assert keeper.code == 1
    assert "cityhub ledger rebuild" in keeper.last_words()


def of_cases() -> list[KafkaRecord]:
    return [record for record in recent() if record.topic == topics.CASES.name]


@contextmanager
def running(keeper: Keeper) -> Iterator[list[FatalError]]:
    """Gives what it has ended by."""
    ended: list[FatalError] = []

    def run() -> None:
        try:
            keeper.run()
        except FatalError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        keeper.stop()
        thread.join()


def test_a_topic_made_anew_that_has_grown_beyond_what_was_read_is_not_read_on(settings: Settings) -> None:
    """Its offsets are there again, and mean other records: what lies before them would never come into the ledger."""
    publish(settings, recent())
    with Keeper(settings) as keeper:
        keeper.rebuild()
    make_anew(settings, topics.CASES)
    publish(settings, [*of_cases(), *of_cases()])
    with Keeper(settings) as keeper:
        with running(keeper) as ended:
            wait_for(lambda: bool(ended), "it does not end")
        assert re.search(r"hub\.cases\[\d\] is another topic .* made anew .* ledger rebuild", str(ended[0]))
    with Keeper(settings) as keeper:
        keeper.rebuild()
        assert compare_ledger(settings, keeper.database).line().startswith("ledger 台账 agrees")


def test_a_topic_made_anew_while_the_ledger_is_kept_ends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK_SECONDS", 0.5)
    publish(settings, recent())
    with Keeper(settings) as keeper, running(keeper) as ended:
        wait_for(lambda: keeper.standing is not None and keeper.standing.is_level, "it is level")
        make_anew(settings, topics.CASES)
        publish(settings, [*of_cases(), *of_cases()])
        wait_for(lambda: bool(ended), "it does not end")
    assert "ledger rebuild" in str(ended[0])
