"""Hostile text in every field of every record of a hub, and records that are none: every command runs and obeys none of it."""

from __future__ import annotations

import csv
import json
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.cli.cases.dept import describe_order, describe_receipt
from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.cli.terminal.sending import Sender
from hub.cli.terminal.words import Words
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.topics import (
    HUB_TOPICS,
    Topic,
    all_topics,
    city_events,
    city_replies,
    dept_orders,
    dept_receipts,
    dept_updates,
)

pytestmark = pytest.mark.kafka
HOSTILE = "[/red]\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\nFORGED warning\n=1+1"
CASE = f"C-{HOSTILE}"
CODEC = Codec(FileRegistry())


def examples(subject: str) -> list[dict[str, Any]]:
    folder = ROOT / "schemas" / subject.rpartition(".")[2]
    newest = max(folder.glob("v*.examples.json"), key=lambda path: int(path.stem.split(".")[0][1:]))
    found: list[dict[str, Any]] = json.loads(newest.read_text("utf-8"))
    return found


def planted(value: Any, schema: Any) -> Any:
    """The same record with hostile text wherever its schema lets text be."""
    if isinstance(schema, list):
        branch = next((each for each in schema if each != "null"), None)
        return None if value is None else planted(value, branch)
    if isinstance(schema, dict):
        if schema["type"] == "record":
            fields = {each["name"]: each["type"] for each in schema["fields"] if each["name"] in value}
            said = {name: planted(value[name], kind) for name, kind in fields.items()}
            return said | ({"case_id": CASE} if "case_id" in said else {})
        if schema["type"] == "array":
            return [planted(each, schema["items"]) for each in value]
        if schema["type"] == "map":
            return {f"{key}{HOSTILE}": planted(each, schema["values"]) for key, each in value.items()}
        return value if schema["type"] == "enum" or "logicalType" in schema else planted(value, schema["type"])
    if schema == "bytes":
        return HOSTILE.encode()
    return f"{value}{HOSTILE}" if schema == "string" else value


def records(subject: str) -> list[bytes]:
    declared = FileRegistry().latest(subject).declared
    return [CODEC.encode_one(subject, planted(each, declared)) for each in examples(subject)]


def acting(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) == "Cc" or char == "\u202e"} - {"\n"}


class Planted:
    """A hub in whose topics nothing is as it should be."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.city = load_city(settings.city)
        self.departments = list(self.city.departments)
        ensure_topics(settings, all_topics(list(discover()), self.departments))
        outer = [
            city_events("hotline"), city_replies("hotline"), dept_orders("roads"), dept_updates("roads"),
            dept_receipts("roads"),
        ]  # fmt: skip
        with Sender(settings) as sender:
            for topic in (*HUB_TOPICS, *outer):
                if topic.subject is not None:
                    self._plant(sender, topic)

    def _plant(self, sender: Sender, topic: Topic) -> None:
        assert topic.subject is not None
        key = CASE.encode() if topic.key == "case_id" else b"key"
        for value in (
            *records(topic.subject),
            b"",
            b"\0\0\0\0\x63rubbish",
            CODEC.encode_one("cityhub.Reply", examples("Reply")[0]),
        ):
            sender.send(topic.name, key, value)

    def type(self, *arguments: str) -> Result:
        environment = {
            name: value for name, value in environment_of(self.settings).items() if name.startswith("CITYHUB_")
        }
        return CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)


@pytest.fixture(scope="module")
def hub(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    return Planted(
        Settings(
            bootstrap_servers=kafka_bootstrap, namespace=f"t{uuid.uuid4().hex[:6]}.", partitions=2, state_dir=folder
        )
    )


COMMANDS = {
    "dead list": ("hub.dead",), "reconcile": ("异物",), "reconcile --live": ("异物",), "rates": ("hub.cases", "stepped over"),
    f"explain\0{CASE}": ("case 案件",), "source list": (), "topics": (), "doctor": (), "dept list": (), "policy show": (),
    "connector list": (), "erase": (), "dead groups": (),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("as_json", [False, True])
def test_every_command_runs_and_obeys_nothing(hub: Planted, command: str, as_json: bool) -> None:
    words = command.split("\0") if "\0" in command else command.split()
    said = hub.type(*words, *(["--json"] if as_json else []))
    assert said.exit_code in (0, 1), said.output
    assert not acting(said.output)
    assert not any(line.startswith("FORGED") for line in said.output.splitlines())
    if as_json:
        for document in said.stdout.splitlines() if command == "dead list" else [said.stdout]:
            json.loads(document)
    else:
        for part in COMMANDS[command]:
            assert part in said.output


def test_a_letter_is_shown_whole(hub: Planted) -> None:
    letters = [json.loads(line) for line in hub.type("dead", "list", "--json").stdout.splitlines()]
    assert letters
    for letter in letters:
        for extra in ([], ["--json"]):
            said = hub.type("dead", "show", letter["id"], *extra)
            assert said.exit_code == 0, said.output
            assert not acting(said.output)


@pytest.mark.parametrize(
    ("subject", "show"), [("cityhub.Order", describe_order), ("cityhub.Receipt", describe_receipt)]
)
def test_what_a_department_is_told_is_shown_to_it(hub: Planted, subject: str, show: Callable[..., str]) -> None:
    declared = FileRegistry().latest(subject).declared
    for each in examples(subject):
        text = show(planted(each, declared), Words(hub.city))
        assert not acting(text)
        assert not any(line.startswith("FORGED") for line in text.splitlines())


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Path]:
    """A file of the demo hotline with hostile text in every value that may hold text."""
    path = tmp_path / "hotline.jsonl"
    event = {
        "order": {"id": "=H1", "revision": 0, "event": "opened"},
        "time": {"occurred": None, "reported": "2026-01-06T12:01:38.123+08:00"},
        "category": {"code": f"@road{HOSTILE}"}, "urgency": "routine", "place": {"address": HOSTILE},
        "title": HOSTILE, "text": HOSTILE, "channel": HOSTILE, "photos": [],
    }  # fmt: skip
    bad = event | {"urgency": HOSTILE}
    path.write_text("\n".join(map(json.dumps, (event, bad, {"order": HOSTILE}))) + "\n", encoding="utf-8")
    return path


def test_a_connector_shows_its_rows(hub: Planted, rows: Path) -> None:
    for extra in ([], ["--json"]):
        said = hub.type("connector", "check", "hotline", "--file", str(rows), *extra)
        assert said.exit_code == 2, said.output
        assert not acting(said.output)
        assert not any(line.startswith("FORGED") for line in said.output.splitlines())


def test_a_back_test_writes_no_formula(hub: Planted, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = hub.type(
        "backtest",
        "--city",
        str(hub.settings.city),
        "--events",
        str(rows),
        "--mapping",
        "hotline/demo",
        "--out",
        str(out),
    )
    assert said.exit_code in (0, 1), said.output
    assert not acting(said.output)
    files = list(out.glob("*.csv"))
    assert files
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell[:1] in {"=", "@", "\t", "\r"}]
