"""What was gone before the ledger had read it, on a real Kafka."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from hub import topics
from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.inspect.reading import spans
from hub.ledger.comparing import compare_ledger
from hub.ledger.database import Database, address_of
from hub.ledger.keeping import Keeper
from hub.settings import Settings
from tests.integration.kafka_accidents import delete_before
from tests.integration.small_hub import wait_for
from tests.integration.test_ledger_kafka import publish, recent
from tests.integration.test_ledger_kafka import settings as settings

pytestmark = pytest.mark.kafka


def test_what_was_gone_before_it_was_read_is_counted_and_kept_in_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is gone while it runs. Nothing of it is counted twice, and a ledger made anew lacks nothing that there is."""
    stored = recent()
    publish(settings, [record for record in stored if record.offset < 2])
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(cli, ["ledger", "rebuild"], catch_exceptions=False).exit_code == 0
    publish(settings, [record for record in stored if record.offset >= 2])
    ends = {partition: span.end for (_, partition), span in spans(settings, [topics.CASES.name]).items()}
    for partition in ends:
        delete_before(settings, topics.CASES, partition, -1)
    expected = sum(end - 2 for end in ends.values())
    before = _counted()
    for _ in range(2):
        _kept_until_level(settings)
    assert _counted() - before == expected > 0
    database = Database(address_of(settings))
    found = compare_ledger(settings, database)
    database.close()
    assert found.gone == expected
    assert f"at most {expected} records were gone before it read them" in found.line()
    said = CliRunner().invoke(cli, ["ledger", "status", "--json"], catch_exceptions=False)
    assert json.loads(said.stdout)["gone"] == expected
    assert CliRunner().invoke(cli, ["ledger", "rebuild"], catch_exceptions=False).exit_code == 0
    said = CliRunner().invoke(cli, ["ledger", "status", "--json"], catch_exceptions=False)
    assert json.loads(said.stdout)["gone"] == 0


def _counted() -> float:
    labels = {"agent": "ledger", "source": topics.CASES.name, "reason": "gap"}
    return REGISTRY.get_sample_value("hub_gap_records_total", labels) or 0.0


def _kept_until_level(settings: Settings) -> None:
    with Keeper(settings) as keeper, ThreadPoolExecutor(1) as thread:
        running = thread.submit(keeper.run)
        try:
            wait_for(lambda: keeper.standing is not None and keeper.standing.is_level, "it is level")
        finally:
            keeper.stop()
        running.result()
