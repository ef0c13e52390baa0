"""`cityhub cases` and `cityhub ledger status`: filters, order, files, and nothing that acts where it is shown."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from hub.cli.checks.checkup import Check, check_all
from hub.cli.main import cli
from hub.clock import wall_ms
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.ledger.tables import CASES_TABLE
from hub.settings import Settings
from tests.unit.ledger.made_up import rows_of


@pytest.fixture
def said(ledger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path))

    def run(*argv: str) -> str:
        result = CliRunner().invoke(cli, argv, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def listed(said: Any, *argv: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said("cases", "--json", *argv).splitlines()]


def test_open_cases_come_with_what_is_overdue_first(said: Any) -> None:
    rows = listed(said)
    assert {row["state"] for row in rows} == {"open"}
    keys = [(not row["overdue"], row["due_at"] is None, row["due_at"] or "") for row in rows]
    assert keys == sorted(keys)
    assert rows[0]["overdue"] is True


@pytest.mark.parametrize(
    ("argv", "holds"),
    [
        (("--state", "over"), lambda row: row["state"] == "over"),
        (("--department", "roads", "--state", "all"), lambda row: row["department"] == "roads"),
        (("--area", "LT02"), lambda row: row["area"] == "LT02" and row["state"] == "open"),
        (("--category", "water", "--state", "all"), lambda row: row["category"].startswith("water.")),
        (("--category", "water.burst"), lambda row: row["category"] == "water.burst" and row["state"] == "open"),
        (("--overdue",), lambda row: row["overdue"] and row["state"] == "open"),
        (("--in-time", "--state", "all"), lambda row: not row["overdue"]),
        (("--address", "Street H-4"), lambda row: row["address"] == "Lantern Street H-4"),
        (("--address", "%"), lambda row: False),
        (("--progress", "refused"), lambda row: row["progress"] == "refused"),
        (("--outcome", "mediated", "--state", "all"), lambda row: row["lead_ref"] == "H-5"),
        (("--outcome", "hung_up"), lambda row: row["lead_ref"] == "H-6" and row["until_at"] is not None),
        (("--since", "2026-03-03"), lambda row: False),
        (("--until", "2026-03-03", "--state", "all"), lambda row: True),
        (("--report", "hotline:H-4"), lambda row: row["lead_ref"] == "H-4"),
    ],
)
def test_each_filter_keeps_what_it_says(said: Any, argv: tuple[str, ...], holds: Any) -> None:
    everything = listed(said, "--state", "all")
    assert {row["case_id"] for row in listed(said, *argv)} == {row["case_id"] for row in everything if holds(row)}


def test_what_a_case_came_to_is_shown_by_its_name_and_date(said: Any) -> None:
    shown = said("cases", "--outcome", "hung_up")
    assert "挂账" in shown
    assert "2026-03-04" in shown
    assert "调解成功" in said("cases", "--state", "over")


def test_a_clock_filter_asks_for_one_that_runs(said: Any, ledger: Database) -> None:
    live = {
        row["case_id"]
        for row in rows_of(ledger, "clocks")
        if row["clock"] == "resolve" and row["state"] in ("running", "warned", "breached")
    }
    assert {row["case_id"] for row in listed(said, "--clock", "resolve")} == live
    assert listed(said, "--clock", "no_such_clock") == []


def test_a_list_is_read_page_by_page(said: Any) -> None:
    pages = [listed(said, "--limit", "2", "--offset", str(start)) for start in (0, 2, 4, 6, 8)]
    assert [row for page in pages for row in page] == listed(said, "--limit", "10")


def spoiled(ledger: Database) -> None:
    with ledger.transaction(writes=True) as connection:
        connection.execute(update(CASES_TABLE).values(address="=cmd|' /C calc'!A0\x1b[31m\u202e"))


def test_csv_and_workbook_run_nothing(said: Any, ledger: Database, tmp_path: Path) -> None:
    spoiled(ledger)
    wanted = "'=cmd|' /C calc'!A0\\x1b[31m\\u202e"
    rows = list(csv.DictReader(io.StringIO(said("cases", "--csv", "-"))))
    assert rows
    assert {row["address"] for row in rows} == {wanted}
    said("cases", "--csv", str(tmp_path / "cases.csv"))
    assert list(csv.DictReader(io.StringIO((tmp_path / "cases.csv").read_text("utf-8-sig")))) == rows
    said("cases", "--xlsx", str(tmp_path / "cases.xlsx"))
    (header, *cells) = CalamineWorkbook.from_path(tmp_path / "cases.xlsx").get_sheet_by_index(0).to_python()
    assert {row[header.index("address")] for row in cells} == {wanted}


def test_a_terminal_obeys_nothing_and_is_told_how_new_the_list_is(said: Any, ledger: Database) -> None:
    spoiled(ledger)
    shown = said("cases")
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "overdue 超时" in shown
    assert "has not read the topics yet" in shown


def test_status_counts(said: Any, ledger: Database) -> None:
    facts = json.loads(said("ledger", "status", "--json"))
    cases = rows_of(ledger, "cases")
    assert facts["cases"] == len(cases)
    assert facts["open"] == sum(row["state"] == "open" for row in cases)
    assert facts["overdue"] == sum(bool(row["overdue"]) for row in cases)


def test_the_doctor_says_how_new_it_is(ledger: Database, tmp_path: Path) -> None:
    def check(folder: Path) -> Check:
        checks = check_all(Settings(state_dir=folder))
        return next(check for check in checks if check.name.startswith("ledger"))

    assert check(tmp_path / "elsewhere").state == "ok", "none has to be kept"
    assert check(tmp_path).state == "warn"
    LedgerStore(ledger).stand("topics", wall_ms(), 0)
    assert check(tmp_path).state == "ok"
