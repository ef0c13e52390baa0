"""`cityhub dead` by hand, with letters and a Kafka in memory: what is sent, what is noted, and what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli.main import cli
from hub.errors import FatalError
from hub.inspect.letters import Letter, Letters
from hub.ledger.database import Database, address_of
from hub.ledger.tables import CLOCKS_TABLE, REPORTS_TABLE
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from tests.unit.inspect.letters import a_letter
from tests.unit.web.front import pothole

_CODEC = Codec(FileRegistry())
_ORIGIN = {"topic": "city.hotline.events", "partition": 0, "offset": 4}
_ROW = {
    "JJDBH": "JJ1", "XH": "0", "DZLX": "1", "BJSJ": "1767672000000", "JQLBDM": "traffic.accident", "JQLBMC": "x", "JQDJ": "1",
    "JD": "116.0", "WD": "39.0", "AFDD": "", "JQBT": "", "BJNR": "", "BJFS": "phone",
}  # fmt: skip


class Desk:
    """An operator with some letters before them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.letters: list[Letter] = []
        self.sent: list[tuple[str, bytes | None, bytes | None]] = []
        self.is_away = False
        monkeypatch.setenv("CITYHUB_STATE_DIR", str(folder))
        for module in ("command", "resend", "mend"):
            monkeypatch.setattr(f"hub.cli.dead.{module}.letters_there", self._read)
        for module in ("resend", "mend"):
            monkeypatch.setattr(f"hub.cli.dead.{module}.send_paced", self._send)

    def type(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["dead", *arguments], catch_exceptions=True)

    def json(self, *arguments: str) -> Any:
        said = self.type(*arguments, "--json")
        assert said.exit_code == 0, said.exception
        return json.loads(said.stdout)

    def trail(self) -> list[dict[str, Any]]:
        said = CliRunner().invoke(cli, ["audit", "export"])
        return [json.loads(line) for line in said.stdout.splitlines()[:-1]]

    def _read(self, _: Settings, stage: str | None, reason: str | None) -> Letters:
        return Letters(
            [each for each in self.letters if each.stage.startswith(stage or "") and reason in (None, each.reason)]
        )

    def _send(self, _: Settings, records: Sequence[tuple[str, bytes | None, bytes | None]], rate: float) -> int:
        assert rate > 0
        if self.is_away:
            raise FatalError("Kafka did not take everything")
        self.sent += records
        return len(records)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    return Desk(monkeypatch, tmp_path)


def an_event(**changes: Any) -> bytes:
    return _CODEC.encode_one("cityhub.CaseEvent", pothole("H1").to_avro() | changes)


def test_a_letter_is_mended_validated_sent_and_noted_without_what_it_says(desk: Desk) -> None:
    desk.letters = [a_letter(1, an_event(category="x" * 300, text="Wang 13800000000"), origin=_ORIGIN)]
    refused = desk.type("edit", "0:1", "--set", "title=y", "--yes")
    assert isinstance(refused.exception, FatalError)
    assert "set aside again" in str(refused.exception)
    dry = desk.type("edit", "0:1", "--set", "category=road.pothole", "--dry-run")
    assert (dry.exit_code, desk.sent, desk.trail()) == (0, [], [])
    assert '+  "category": "road.pothole"' in dry.stdout
    assert desk.type("edit", "0:1", "--set", "category=road.pothole", "--yes").exit_code == 0
    ((topic, key, value),) = desk.sent
    assert (topic, key) == ("city.hotline.events", b"H1")
    assert _CODEC.decode_one(value or b"")[1]["category"] == "road.pothole"
    (entry,) = desk.trail()
    assert (entry["what"], entry["subject"], entry["after"]["fields"]) == ("dead.resend", "hub.dead 0:1", ["category"])
    assert "Wang" not in json.dumps(entry)
    (shown,) = [desk.json("show", "0:1")]
    assert (shown["state"], shown["record"]["source_ref"], shown["sender"]) == ("sent", "H1", "hotline")


def test_an_edit_that_changes_nothing_or_the_senders_name_is_refused(desk: Desk) -> None:
    desk.letters = [a_letter(1, an_event(), origin=_ORIGIN), a_letter(2, b"", stage="track")]
    for change in ('title=""', "source=police", "reported_at=null", "reported_at=99999999999999"):
        assert isinstance(desk.type("edit", "0:1", "--set", change, "--yes").exception, FatalError), change
    assert isinstance(desk.type("edit", "0:2", "--set", "x=1", "--yes").exception, FatalError)
    assert desk.sent == []


def test_a_connectors_row_is_mended_and_sent_as_its_event(desk: Desk) -> None:
    row = json.dumps(_ROW | {"BJSJ": "never"}).encode()
    desk.letters = [a_letter(1, row, stage="connector:police", reason="bad_row", origin=None, file="calls.csv", line=7)]
    assert isinstance(desk.type("edit", "0:1", "--set", "BJFS=x", "--yes").exception, FatalError)
    said = desk.type("edit", "0:1", "--set", 'BJSJ="1767672000000"', "--yes")
    assert said.exit_code == 0, said.exception
    ((topic, key, value),) = desk.sent
    assert (topic, key) == ("city.police.events", b"JJ1")
    assert _CODEC.decode_one(value or b"")[1]["reported_at"] == 1_767_672_000_000


def test_a_row_of_csv_is_read_by_the_header_of_its_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_bytes(",".join(_ROW).encode("gb18030") + b"\r\nx,y\r\n")
    line = ",".join([*_ROW.values()]).replace("1767672000000", "昨天").encode("gb18030") + b"\r\n"
    desk.letters = [
        a_letter(number, value, stage="connector:police", reason="bad_row", origin=None, file="calls.csv", line=7)
        for number, value in enumerate([line, b"a,b", b"\xff\xff"])
    ]
    change = ("--set", 'BJSJ="1767672000000"', "--yes")
    assert isinstance(desk.type("edit", "0:0", *change).exception, FatalError), "the names of its columns are not known"
    for number in (1, 2):
        assert isinstance(
            desk.type("edit", f"0:{number}", "--header", str(tmp_path / "calls.csv"), *change).exception, FatalError
        )
    said = desk.type("edit", "0:0", "--header", str(tmp_path / "calls.csv"), *change)
    assert said.exit_code == 0, said.exception
    assert [(topic, key) for topic, key, _ in desk.sent] == [("city.police.events", b"JJ1")]


def test_letters_are_closed_with_a_reason_and_reopened(desk: Desk) -> None:
    desk.letters = [a_letter(number) for number in range(3)]
    assert desk.type("close", "--yes").exit_code == 2, "why is asked for"
    assert isinstance(desk.type("close", "0:9", "--why", "x", "--yes").exception, FatalError)
    assert desk.json("close", "--reason", "invalid", "--why", "told by phone") == {"closed": 3}
    assert desk.json("close", "--why", "again") == {"closed": 0}
    assert "no dead letters" in desk.type("list").stdout
    assert len(desk.type("list", "--state", "closed", "--json").stdout.splitlines()) == 3
    assert desk.json("reopen", "0:1", "--why", "after all") == {"reopened": 1}
    (group,) = desk.json("groups")
    assert (group["open"], group["closed"], group["sender"]) == (1, 2, "police")
    assert [entry["what"] for entry in desk.trail()] == ["dead.close"] * 3 + ["dead.reopen"]
    assert "told by phone" in desk.json("show", "0:0")["done"]


def test_what_is_sent_again_goes_once_and_is_left_the_next_time(desk: Desk) -> None:
    desk.letters = [a_letter(1, b"x"), a_letter(2, b"x"), a_letter(3, b"y")]
    assert desk.json("resend", "--dry-run") == {
        "sent": 0,
        "left": 1,
        "would_send": 2,
        "why": {"the same bytes as another of these": 1},
    }
    assert (desk.sent, desk.trail()) == ([], [])
    assert desk.json("resend")["sent"] == 2
    assert desk.json("resend", "--reason", "invalid")["sent"] == 1, "the second letter with the same bytes"
    assert desk.json("resend")["sent"] == 0
    assert desk.json("resend", "0:3") == {"sent": 1, "left": 0}


def test_what_is_not_known_to_have_arrived_is_open_still(desk: Desk) -> None:
    desk.letters, desk.is_away = [a_letter(1)], True
    assert isinstance(desk.type("resend", "--yes").exception, FatalError)
    assert [entry["what"] for entry in desk.trail()] == ["dead.resend", "dead.resend.failed"]
    assert desk.json("show", "0:1")["state"] == "open"


def test_before_sending_it_is_said_what_would_come_back(desk: Desk) -> None:
    desk.letters = [a_letter(1, b"rubbish"), a_letter(2, an_event(), origin=_ORIGIN)]
    said = desk.type("resend", "--dry-run").stdout
    assert "1 of them would come back at once" in said
    assert "1 undecodable" in said


def test_a_letter_for_a_case_whose_clock_runs_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.letters = [a_letter(1, an_event(), origin=_ORIGIN), a_letter(2, an_event(source_ref="H2"), origin=_ORIGIN)]
    assert "there is no ledger" in desk.json("show", "0:1")["clocks"]
    database = Database(address_of(Settings(state_dir=tmp_path)))
    database.migrate()
    with database.transaction(writes=True) as connection:
        connection.execute(
            REPORTS_TABLE.insert(), {"source": "hotline", "ref": "H1", "case_id": "C1", "has_left": False}
        )
        for clock, state in (("resolve", "running"), ("respond", "breached"), ("accept", "met")):
            row = {
                "case_id": "C1",
                "clock": clock,
                "policy": "p",
                "started_at": 0,
                "state": state,
                "due_at": 1_772_424_000_000,
            }
            connection.execute(CLOCKS_TABLE.insert(), row)
    database.close()
    shown = desk.json("show", "0:1")["clocks"]
    assert "a clock runs" in shown
    assert [clock in shown for clock in ("resolve", "respond", "accept", "C1")] == [True, True, False, True]
    assert desk.json("show", "0:2")["clocks"] is None
    assert "0:1: a clock runs" in desk.type("resend", "--dry-run").stdout
    (tmp_path / "ledger" / "ledger.sqlite").write_bytes(b"x" * 99)
    assert "is not known" in desk.json("show", "0:1")["clocks"]
