"""Cases of a campaign are known by the row that times them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.errors import FatalError
from hub.ledger.database import Database, address_of
from hub.ledger.store import LedgerStore
from hub.policy import load_city
from hub.policy.campaigns import campaigns_of, untimed_campaigns
from hub.settings import Settings
from hub.testing.memory import MemoryHub
from tests.unit.ledger.made_up import CITY, NOON, put, report, stored

_ROW = """
  - id: hundred_days
    clock: resolve
    when: {condition: [attribute.campaign=百日攻坚]}
    duration: 100
    unit: natural_day
"""


def test_a_campaigns_cases_are_those_that_its_row_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "city"
    shutil.copytree(CITY.folder, folder)
    rules = (folder / "deadlines.yaml").read_text("utf-8")
    (folder / "deadlines.yaml").write_text(rules.replace("\ndeadlines:\n", f"\ndeadlines:\n{_ROW}", 1), "utf-8")
    city = load_city(folder)
    assert (campaigns_of(CITY), campaigns_of(city)) == ({}, {"百日攻坚": ("hundred_days",)})
    settings = Settings(state_dir=tmp_path)
    ledger = Database(address_of(settings))
    ledger.migrate()
    with MemoryHub(city, NOON) as hub:
        hub.publish(report("H-1", attributes={"campaign": "百日攻坚"}), report("H-2", "LT02"))
        hub.settle(NOON + 60_000)
        put(LedgerStore(ledger), stored(hub))
    ledger.close()
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CITYHUB_CITY", str(folder))
    found = CliRunner().invoke(cli, ["cases", "--campaign", "百日攻坚", "--json"], catch_exceptions=False)
    assert [json.loads(line)["lead_ref"] for line in found.stdout.splitlines()] == ["H-1"]
    other = CliRunner().invoke(cli, ["cases", "--campaign", "another"])
    assert isinstance(other.exception, FatalError)
    assert "百日攻坚" in str(other.exception)


def test_a_declared_condition_for_one_campaign_names_it_too(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CITY.folder, tmp_path / "city"))
    rules = (folder / "deadlines.yaml").read_text("utf-8")
    declared = "  夏季: {attribute: {campaign: [夏季整治]}}\n  either: {attribute: {campaign: [甲, 乙]}}\n"
    rows = "".join(_ROW.replace("attribute.campaign=百日攻坚", name).replace("hundred_days", row)
                   for name, row in (("夏季", "summer"), ("either", "two")))  # fmt: skip
    assert "\nconditions:\n" not in rules
    changed = rules.replace("\ndeadlines:\n", f"\nconditions:\n{declared}\ndeadlines:\n{rows}", 1)
    (folder / "deadlines.yaml").write_text(changed, "utf-8")
    city = load_city(folder)
    assert campaigns_of(city) == {"夏季整治": ("summer",)}, "a row for two tells none of them"
    assert [each.split("'")[3] for each in untimed_campaigns(city)] == ["甲", "乙"]
