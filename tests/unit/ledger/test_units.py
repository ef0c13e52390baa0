"""Cases by who works below a department, and by areas that are a tree of codes: in the ledger, its command, and the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import URL

from hub import topics
from hub.cli.main import cli
from hub.core.figures.rates import ClockWord, rates
from hub.inspect.rates import _kinds
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.millis import DAY_MS
from hub.testing.memory import MemoryHub
from tests.unit.agents.test_units import NOON, leak
from tests.unit.ledger.made_up import put, stored
from tests.unit.policy.test_organisation import city_of

GRIDS = {"H1": "530402001003007", "H2": "530402001003008", "H3": "530402001", "H4": "530402002"}
UNITS = {"H1": "grid7", "H2": "village", "H3": "town", "H4": None}


@pytest.fixture
def hub(tmp_path: Path) -> MemoryHub:
    folder = tmp_path / "city"
    folder.mkdir()
    with MemoryHub(city_of(folder), NOON, sources=["hotline"]) as hub:
        for ref, grid in GRIDS.items():
            hub.publish(leak(grid).model_copy(update={"source_ref": ref}))
        hub.settle(NOON + 10 * DAY_MS)
        return hub


@pytest.mark.parametrize(
    ("argv", "refs"),
    [
        ((), {"H1", "H2", "H3", "H4"}),
        (("--unit", "grid7"), {"H1"}),
        (("--unit", "village"), {"H1", "H2"}),
        (("--unit", "town", "--department", "county"), {"H1", "H2", "H3"}),
        (("--unit", "patrol"), set()),
        (("--area", "530402001003"), {"H1", "H2"}),
        (("--area", "530402"), {"H1", "H2", "H3", "H4"}),
    ],
)
def test_filters(
    hub: MemoryHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], refs: set[str]
) -> None:
    (tmp_path / "ledger").mkdir()
    database = Database(URL.create("sqlite", database=str(tmp_path / "ledger" / "ledger.sqlite")))
    database.migrate()
    put(LedgerStore(database), stored(hub))
    database.close()
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CITYHUB_CITY", str(tmp_path / "city"))
    result = CliRunner().invoke(cli, ["cases", "--json", *argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert {row["lead_ref"]: row["unit"] for row in rows} == {ref: UNITS[ref] for ref in refs}


@pytest.mark.parametrize(
    ("unit", "refs"), [(None, ["H1", "H2", "H3", "H4"]), ("village", ["H1", "H2"]), ("patrol", None)]
)
def test_what_a_unit_has_to_do(
    hub: MemoryHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str | None, refs: list[str] | None
) -> None:
    """`cityhub dept due`: what is overdue or due first stands on top."""
    (tmp_path / "ledger").mkdir()
    database = Database(URL.create("sqlite", database=str(tmp_path / "ledger" / "ledger.sqlite")))
    database.migrate()
    put(LedgerStore(database), stored(hub))
    database.close()
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CITYHUB_CITY", str(tmp_path / "city"))
    result = CliRunner().invoke(cli, ["dept", "due", "county", "--json", *(["--unit", unit] if unit else [])])
    if refs is None:
        assert "has no unit 'patrol'" in str(result.exception) + result.output
        return
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert sorted(row["lead_ref"] for row in rows) == refs
    assert [row["due_at"] for row in rows] == sorted(row["due_at"] for row in rows)


def test_figures_of_each_unit(hub: MemoryHub) -> None:
    batch = hub.codec.decode_many(
        "cityhub.CaseChange", [record.value for record in hub.broker.records(topics.CASES.name)]
    ).batch
    words = [
        ClockWord(ring["case_id"], ring["clock"], ring["started_at"], ring["kind"], ring["department"], ring["due_at"])
        for ring in hub.records(topics.DEADLINES.name)
    ]
    table = rates(words, [], [], lambda _: "-", {}, _kinds([batch], "unit"))
    due = {who: counts.due for (who, _), counts in table.items()}
    assert due == {"grid7": 1, "village": 1, "town": 1, "-": 1, "all": 4}


def test_what_a_department_missed_is_not_counted_for_the_unit_of_another(hub: MemoryHub) -> None:
    """The county's grid had it past its time; then it went to the patrol of another department, and a called one has its own."""
    batch = hub.codec.decode_many(
        "cityhub.CaseChange", [record.value for record in hub.broker.records(topics.CASES.name)]
    ).batch
    group = _kinds([batch], "unit")
    case = next(each["case_id"] for each in hub.records(topics.CASES.name) if each["unit"] == "grid7")
    assert [group(case, who) for who in ("county", "roads")] == ["grid7", "-"]
