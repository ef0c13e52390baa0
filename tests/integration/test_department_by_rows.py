"""Departments without Kafka: orders come as rows of a database or of files, and rows say what was done; killed in the middle."""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.cli.process.children import environment_of
from hub.topics import city_replies
from tests.integration.small_hub import SmallHub, case_event, kill, running_hub, wait_for
from tests.integration.test_web import records
from tests.processes import started
from tests.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.kafka, pytest.mark.crash]
_MANIFEST = """
domain: {name}
name: {{en: Office, zh: 办公室}}
owner: the office
description: "What the office says of its cases."
quality: bronze
default_mapping: answers
mappings: {{answers: "its answers"}}
"""
_MAPPING = """
description: What the office says of its cases
format: csv
update:
  update_id: id
  case_id: case_id
  status: {column: state, map: {taken: ACCEPTED, done: RESOLVED}}
  at: {column: at, formats: [iso]}
  note: words
"""
_CONNECTORS = """
search: [mine]
edges:
  roads-answers:
    connector: roads_office
    department: roads
    kind: sql
    settings:
      {url: "sqlite:///FOLDER/office.db", table: answers, cursor: number, key: [number], overlap_numbers: 9, every_seconds: 0.2}
  water-answers:
    connector: water_office
    department: water_supply
    settings: {file: answers.csv, follow: true}
sinks:
  roads-orders:
    kind: sql
    departments: roads
    settings: {url: "sqlite:///FOLDER/office.db"}
  water-orders:
    kind: files
    departments: water_supply
    settings: {folder: out}
"""


@contextmanager
def edges(hub: SmallHub, folder: Path) -> Iterator[Any]:
    command = [sys.executable, "-m", "hub.cli.main", "connector", "run"]
    environment = environment_of(hub.settings) | {"CITYHUB_CONNECTORS": str(folder / "connectors.yaml")}
    with started(command, env=environment) as process:
        yield process
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def declare(folder: Path) -> None:
    for name in ("roads_office", "water_office"):
        (folder / "mine" / name / "mappings").mkdir(parents=True)
        (folder / "mine" / name / "manifest.yaml").write_text(_MANIFEST.format(name=name), "utf-8")
        (folder / "mine" / name / "mappings" / "answers.yaml").write_text(_MAPPING, "utf-8")
    (folder / "connectors.yaml").write_text(_CONNECTORS.replace("FOLDER", str(folder)), "utf-8")
    (folder / "answers.csv").write_text("id,case_id,state,at,words\n", "utf-8")
    with closing(sqlite3.connect(folder / "office.db")) as office, office:
        office.execute("create table answers (number integer primary key, id, case_id, state, at, words)")


class Office:
    """The database of the roads office, and the files of the water office."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rows(self, statement: str) -> list[Any]:
        try:
            with closing(sqlite3.connect(self._folder / "office.db", timeout=60)) as office:
                return office.execute(statement).fetchall()
        except sqlite3.OperationalError:
            return []  # the table is not there yet

    def say(self, answer: str, case: str, state: str, words: str = "") -> None:
        now = datetime.now(UTC).isoformat()
        with closing(sqlite3.connect(self._folder / "office.db", timeout=60)) as office, office:
            office.execute(
                "insert into answers (id, case_id, state, at, words) values (?, ?, ?, ?, ?)",
                (answer, case, state, now, words),
            )

    def write(self, answer: str, case: str, state: str) -> None:
        with (self._folder / "answers.csv").open("a", encoding="utf-8") as file:
            file.write(f"{answer},{case},{state},{datetime.now(UTC).isoformat()},\n")

    def files(self, name: str) -> list[dict[str, str]]:
        found = []
        for path in sorted((self._folder / "out").glob(f"{name}*.csv")):
            with path.open(encoding="utf-8-sig", newline="") as file:
                found += list(csv.DictReader(file))
        return found


def receipts(office: Office) -> set[tuple[str, str]]:
    return {tuple(row) for row in office.rows("select update_id, outcome from cityhub_receipts")}


def test_a_department_that_lives_on_rows_resolves_its_case(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    declare(tmp_path)
    office = Office(tmp_path)
    with running_hub(kafka_bootstrap, namespace, tmp_path / "hub") as hub:
        with edges(hub, tmp_path) as process:
            hub.publish(case_event("hotline", "H-1", category="road.pothole", urgency="ROUTINE"))
            hub.publish(case_event("hotline", "H-2"))
            wait_for(lambda: bool(office.rows("select 1 from cityhub_orders")), "the order is a row")
            wait_for(lambda: bool(office.files("orders")), "the order is in a file")
            kill(process.pid)
        (case, kind), *others = office.rows("select case_id, kind from cityhub_orders where kind = 'ASSIGN'")
        assert (kind, others) == ("ASSIGN", [])
        office.say("A-1", case, "taken", "A crew is on its way.")
        office.say("A-2", case, "done")
        office.say("A-3", "C-NONE", "done")
        (order,) = [each for each in office.files("orders") if each["kind"] == "ASSIGN"]
        office.write("W-1", order["case_id"], "done")
        with edges(hub, tmp_path):
            wanted = {("A-1", "accepted"), ("A-2", "accepted"), ("A-3", "unknown_case")}
            wait_for(lambda: receipts(office) == wanted, "each answer has its receipt")
            wait_for(lambda: any(each["outcome"] == "accepted" for each in office.files("receipts")), "by file too")
        told_by = {("H-1", "ACCEPTED"), ("H-1", "RESOLVED"), ("H-2", "RESOLVED")}

        def told() -> list[dict[str, Any]]:
            return records(hub, city_replies("hotline").name)

        wait_for(lambda: {(each["source_ref"], each["status"]) for each in told()} >= told_by, "not all were told")
        assert {(each["source_ref"], each["status"]) for each in told()} == told_by
        assert "A crew is on its way." in {each["text"] for each in told()}
        report = hub.settle(lambda report: True)
        assert not [each for each in report.defects if each.count], str(report)
