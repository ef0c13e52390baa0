"""A connector on a real Kafka: what is in the file is in the topic, also when its process is killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from hub.errors import FatalError
from hub.inspect.reading import read_messages, spans
from hub.millis import MINUTE_MS
from hub.model.event import CaseEvent
from hub.sdk.manifest import find_manifest
from hub.sdk.running.backfill import TimeStretch, backfill
from hub.sdk.running.edges import load_edges
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.running.side_by_side import run_edges
from hub.sdk.sources.file.join import Input
from hub.settings import ROOT, Settings
from hub.stream.admin import topics as admin
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.testing.files import POLICE_COLUMNS, START_MS, csv_text, police_file, police_row
from hub.testing.outcomes import outcomes
from hub.topics import DEAD, city_events
from tests.processes import started
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    return Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=3, state_dir=tmp_path / "state")


def consumed(settings: Settings, topic: str) -> list[tuple[bytes, int, dict[str, Any]]]:
    """All records now in a topic, as (key, partition, decoded), in order within each partition."""
    codec = Codec(make_registry(settings))
    return [
        (message.key(), message.partition(), codec.decode_one(message.value())[1])
        for message in messages(settings, topic)
    ]


def messages(settings: Settings, topic: str) -> list[Message]:
    try:
        there = spans(settings, [topic])
    except FatalError:  # nobody has made it yet
        return []
    return [message for batch in read_messages(settings, there) for message in batch]


def expected(file: Path) -> list[dict[str, Any]]:
    return [each.event.to_avro() for each in outcomes(find_manifest("police"), Input(file=file)) if each.event]


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """Times as numbers, as the model has them."""
    return CaseEvent.from_avro(record).to_avro()


def test_file_to_kafka_and_back(settings: Settings, tmp_path: Path) -> None:
    rows = [police_row(number) for number in range(25)]
    rows[7][4] = "yesterday"
    rows[9] = ["too", "short"]
    file = tmp_path / "calls.csv"
    file.write_text(csv_text(POLICE_COLUMNS, rows), encoding="utf-8")
    summary = run_source(find_manifest("police"), [Input(file=file)], settings)
    assert (summary.published, summary.rejected.total()) == (23, 2)
    found = consumed(settings, city_events("police").name)
    by_ref = sorted((plain(record) for _, _, record in found), key=lambda each: each["reported_at"])
    assert by_ref == expected(file)
    assert all(key.decode() == record["source_ref"] for key, _, record in found)
    dead = [record for _, _, record in consumed(settings, DEAD.name)]
    assert {(each["line"], each["reason"], each["file"]) for each in dead} == {
        (9, "bad_row", "calls.csv"),
        (11, "bad_row", "calls.csv"),
    }
    assert {each["value"] for each in dead if each["line"] == 11} == {b"too,short\n"}
    again = run_source(find_manifest("police"), [Input(file=file)], settings)
    assert (again.rows, again.rows_before) == (0, 25)


def test_a_drop_folder_and_a_back_fill_of_it(settings: Settings, tmp_path: Path) -> None:
    """What comes a second time is the same to the byte, under a mark that is not part of it."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for first in (0, 20):
        text = csv_text(POLICE_COLUMNS, [police_row(number) for number in range(first, first + 20)])
        (inbox / f"calls-{first}.csv").write_text(text, encoding="utf-8")
    edge = {"kind": "folder", "settings": {"folder": str(inbox), "complete": {"kind": "renamed"}, "follow": False}}
    (tmp_path / "connectors.yaml").write_text(json.dumps({"edges": {"police": edge}}), encoding="utf-8")
    settings = settings.model_copy(update={"connectors": tmp_path / "connectors.yaml"})
    run_edges(load_edges(settings).values(), settings, RunnerOptions())
    assert sorted(each.suffix for each in (inbox / "done").iterdir()) == [".csv", ".csv"]
    stretch = TimeStretch(START_MS + 15 * MINUTE_MS, START_MS + 25 * MINUTE_MS)
    summary = backfill(load_edges(settings)["police"], stretch, settings, RunnerOptions())
    assert (summary.published, summary.filtered) == (10, 30)
    found = messages(settings, city_events("police").name)
    again = [
        (each.key(), each.value()) for each in found if each.headers() == [("cityhub-backfill", str(stretch).encode())]
    ]
    before = [(each.key(), each.value()) for each in found if not each.headers()]
    assert (len(before), len(again), len(set(before) & set(again))) == (40, 10, 10)


_PROGRAM = """
import sys
from hub.cli.connector.command import connector
connector(sys.argv[1:])
"""


def start(settings: Settings, file: Path, *more: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    arguments = ["run", "police", "--file", str(file), "--cursor-dir", str(settings.state_dir), "--json", *more]
    environment = os.environ | {
        "CITYHUB_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CITYHUB_NAMESPACE": settings.namespace,
        "CITYHUB_PARTITIONS": str(settings.partitions),
        "PYTHONPATH": str(ROOT),
    }
    return started([sys.executable, "-c", _PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE)


@pytest.mark.crash
def test_kill_nine_loses_nothing_and_keeps_order(settings: Settings, tmp_path: Path) -> None:
    rows = 4000
    file = police_file(tmp_path / "calls.csv", rows)
    for _ in range(3):
        # paced so that it is in the middle when it is killed, however late that is: 4000 minutes of data in 80 seconds
        with start(settings, file, "--speed", "3000") as process:
            until_cursor_moves(settings.state_dir, process)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
    before = cursor_rows(settings.state_dir)
    assert 0 < before < rows
    with start(settings, file) as process:
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    summary = json.loads(printed)
    assert summary["rows_before"] == before
    assert summary["published"] == rows - before

    found = consumed(settings, city_events("police").name)
    seen: dict[str, list[int]] = {}
    for _, _, record in found:
        seen.setdefault(record["source_ref"], []).append(record["revision"])
    for ref, revisions in seen.items():
        assert set(revisions) == set(range(rows // 10)), f"{ref} lost a row"
        first_sightings = list(dict.fromkeys(revisions))
        assert first_sightings == sorted(first_sightings), f"{ref} out of order"


def until_cursor_moves(folder: Path, process: subprocess.Popen[bytes]) -> None:
    before = cursor_rows(folder)

    def moved() -> bool:
        assert process.poll() is None, "the connector ended by itself"
        return cursor_rows(folder) > before

    wait_for(moved, "the cursor does not move")


def cursor_rows(folder: Path) -> int:
    return max((json.loads(path.read_text())["items"] for path in folder.glob("*.json")), default=0)


def test_missing_broker_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = police_file(tmp_path / "calls.csv", 1)
    nowhere = Settings(bootstrap_servers="127.0.0.1:1", state_dir=tmp_path)
    monkeypatch.setattr(admin, "_TIMEOUT_SECONDS", 0.5)
    with pytest.raises(FatalError, match="no Kafka answers at 127"):
        run_source(find_manifest("police"), [Input(file=file)], nowhere, RunnerOptions())
