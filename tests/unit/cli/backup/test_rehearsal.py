"""A backup, everything lost, a restore: what people see, who they are and how far systems were read is as it was."""

from __future__ import annotations

import io
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.errors import FatalError
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.policy import load_city
from hub.sdk.running.positions import PositionFile
from hub.settings import ROOT, Settings
from hub.web.access.chain import AuditedAct
from hub.web.access.file import access_path, opened_file
from hub.web.access.trail import note_acts
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import put, records, tables_of


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation: its own policy folder, connectors.yaml and state directory."""
    shutil.copytree(ROOT / "ops" / "cities" / "demo", tmp_path / "city")
    (tmp_path / "connectors.yaml").write_text("edges: {}\n", "utf-8")
    given = {"STATE_DIR": tmp_path / "state", "CITY": tmp_path / "city", "CONNECTORS": tmp_path / "connectors.yaml"}
    for name, value in given.items():
        monkeypatch.setenv(f"CITYHUB_{name}", str(value))
    return Settings.from_env()


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Database]:
    path = settings.state_dir / "ledger" / "ledger.sqlite"
    path.parent.mkdir(parents=True)
    database = sqlite_ledger(path)
    yield database
    database.close()


def said(*argv: object) -> str:
    result = CliRunner().invoke(cli, [str(each) for each in argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*argv: object) -> str:
    with pytest.raises(FatalError) as caught:
        CliRunner().invoke(cli, [str(each) for each in argv], catch_exceptions=False)
    return str(caught.value)


def fill(settings: Settings, ledger: Database) -> None:
    put(LedgerStore(ledger), records())
    positions(settings).save({"file": "police.csv", "offset": 4711}, 12)
    with opened_file(settings) as file, file.writing() as connection:
        for number in range(3):
            note_acts(connection, "li", [AuditedAct("case.assign", f"case-{number}", None, "roads")])
        connection.execute("insert into sessions values('digest', 'li', null, 0, 0, 0, '')")


def positions(settings: Settings) -> PositionFile:
    return PositionFile(settings.state_dir / "edges" / "police.json")


def lose(settings: Settings) -> None:
    shutil.rmtree(settings.state_dir)
    shutil.rmtree(settings.city)
    settings.city.mkdir()
    assert settings.connectors is not None
    settings.connectors.unlink()


def test_all_is_there_again(settings: Settings, ledger: Database, tmp_path: Path) -> None:
    fill(settings, ledger)
    listed, rules, tables = (
        said("cases", "--json", "--state", "all"),
        load_city(settings.city).version,
        tables_of(ledger),
    )
    head = said("audit", "export", "--output", tmp_path / "before.jsonl").split()[-1]
    said("backup", tmp_path / "hub.backup")
    ledger.close()
    lose(settings)

    assert "made 20" in said("restore", tmp_path / "hub.backup")

    assert load_city(settings.city).version == rules
    assert said("cases", "--json", "--state", "all") == listed
    again = sqlite_ledger(settings.state_dir / "ledger" / "ledger.sqlite")
    assert tables_of(again) == tables
    again.close()
    stored = positions(settings).load()
    assert stored is not None
    assert (stored.position, stored.items) == ({"file": "police.csv", "offset": 4711}, 12)
    exported = tmp_path / "after.jsonl"
    said("audit", "export", "--output", exported)
    assert "entries hold" in said("audit", "verify", "--head", head, exported)
    assert [line for line in exported.read_text("utf-8").splitlines() if '"hub.restore"' in line]


def test_what_came_after_the_backup_is_put_into_the_ledger_that_was_restored(
    settings: Settings, ledger: Database, tmp_path: Path
) -> None:
    everything = records()
    put(LedgerStore(ledger), everything[: len(everything) // 2])
    said("backup", tmp_path / "hub.backup")
    put(LedgerStore(ledger), everything)
    whole = tables_of(ledger)
    ledger.close()
    said("restore", tmp_path / "hub.backup", "--only", "ledger", "--replace")
    restored = sqlite_ledger(settings.state_dir / "ledger" / "ledger.sqlite")
    assert tables_of(restored) != whole
    put(LedgerStore(restored), everything)
    assert tables_of(restored) == whole
    restored.close()


def test_nobody_who_was_logged_in_comes_back(settings: Settings, ledger: Database, tmp_path: Path) -> None:
    fill(settings, ledger)
    said("backup", tmp_path / "hub.backup")
    said("restore", tmp_path / "hub.backup", "--only", "access", "--replace")
    with closing(sqlite3.connect(access_path(settings))) as file:
        assert file.execute("select count(*) from sessions").fetchone() == (0,)


def test_the_ledger_is_copied_whole_while_it_is_written_to(
    settings: Settings, ledger: Database, tmp_path: Path
) -> None:
    """Rows and positions are one transaction, so a copy of any instant is a ledger that goes on."""
    everything = records()
    started, failed = threading.Event(), list[BaseException]()

    def write() -> None:
        try:
            for end in range(0, len(everything) + 1, 5):
                put(LedgerStore(ledger), everything[:end])
                started.set()
        except BaseException as error:
            failed.append(error)
            raise

    writer = threading.Thread(target=write)
    writer.start()
    assert started.wait(120)
    said("backup", tmp_path / "hub.backup")
    writer.join()
    assert failed == []
    put(LedgerStore(ledger), everything)
    whole = tables_of(ledger)
    ledger.close()
    said("restore", tmp_path / "hub.backup", "--only", "ledger", "--replace")
    restored = sqlite_ledger(settings.state_dir / "ledger" / "ledger.sqlite")
    put(LedgerStore(restored), everything)
    assert tables_of(restored) == whole
    restored.close()


def test_what_is_there_is_never_overwritten_in_silence(settings: Settings, ledger: Database, tmp_path: Path) -> None:
    fill(settings, ledger)
    said("backup", tmp_path / "hub.backup")
    positions(settings).save({"file": "police.csv", "offset": 9000}, 99)
    assert "there already" in refused("restore", tmp_path / "hub.backup", "--only", "positions")
    said("restore", tmp_path / "hub.backup", "--only", "positions", "--replace")
    stored = positions(settings).load()
    assert stored is not None
    assert stored.items == 12
    (aside,) = settings.state_dir.glob("edges.before-*")
    kept = PositionFile(aside / "police.json").load()
    assert kept is not None
    assert kept.items == 99


def test_what_is_the_same_is_in_nobodys_way(settings: Settings, ledger: Database, tmp_path: Path) -> None:
    fill(settings, ledger)
    said("backup", tmp_path / "hub.backup")
    assert "0 restored" in said("restore", tmp_path / "hub.backup", "--only", "policy", "--only", "positions")


def test_a_dry_run_changes_nothing(settings: Settings, ledger: Database, tmp_path: Path) -> None:
    fill(settings, ledger)
    said("backup", tmp_path / "hub.backup")
    ledger.close()
    lose(settings)
    assert "ledger.sqlite" in said("restore", tmp_path / "hub.backup", "--dry-run")
    assert not settings.state_dir.exists()


@pytest.mark.parametrize("damage", ["one byte", "cut", "a file less", "a file more", "a link", "outside", "no archive"])
def test_an_archive_that_was_changed_is_refused(
    settings: Settings, ledger: Database, tmp_path: Path, damage: str
) -> None:
    fill(settings, ledger)
    path = tmp_path / "hub.backup"
    said("backup", path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "no archive":
        path.write_bytes(b"\x1f\x8b rubbish")
    else:
        repacked(path, damage)
    ledger.close()
    lose(settings)
    assert str(path) in refused("restore", path)
    assert not settings.state_dir.exists()


def repacked(path: Path, damage: str) -> None:
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar.getmembers()]  # type: ignore[union-attr]
    if damage == "a file less":
        del members[-1]
    if damage == "a file more":
        members.append((tarfile.TarInfo("edges/other.json"), b"{}"))
    if damage == "one byte":
        member, content = members[-1]
        members[-1] = member, bytes([content[0] ^ 1]) + content[1:]
    if damage == "a link":
        members[-1][0].type, members[-1][0].linkname = tarfile.SYMTYPE, "/etc/passwd"
    if damage == "outside":
        inventory, content = members[0]
        members[0] = inventory, content.replace(b'"edges/police.json"', b'"../police.json"')
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = 0 if member.issym() else len(content)
            tar.addfile(member, io.BytesIO(content))


def test_it_is_for_its_owner_alone_and_writes_over_nothing(
    settings: Settings, ledger: Database, tmp_path: Path
) -> None:
    fill(settings, ledger)
    path = tmp_path / "hub.backup"
    said("backup", path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "name another file" in refused("backup", path)
    assert [each.name for each in tmp_path.glob(".cityhub-backup-*")] == []


def test_another_hubs_archive_is_refused(
    settings: Settings, ledger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, ledger)
    said("backup", tmp_path / "hub.backup")
    monkeypatch.setenv("CITYHUB_NAMESPACE", "other.")
    assert "namespace" in refused("restore", tmp_path / "hub.backup")


def test_a_ledger_in_a_database_server_is_said_and_not_looked_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYHUB_LEDGER_URL", "postgresql+psycopg://ledger@127.0.0.1:1/none")
    assert "pg_dump" in said("backup", tmp_path / "hub.backup")
