"""A person is planted into every column of every connector's files, taken through the hub, and looked for in every topic, log,
metric, page, receipt, dead letter and error: what of it may stand where, and nothing anywhere else."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY, generate_latest
from sqlalchemy import select
from sqlalchemy.engine import URL

from hub import topics
from hub.cli.main import cli
from hub.contracts.asyncapi import KafkaServer, whole_document
from hub.contracts.page import page
from hub.core.dedup.validation import faults_of_events
from hub.ledger.database import Database
from hub.ledger.feed import topics_in
from hub.ledger.store import LedgerStore
from hub.ledger.tables import PROJECTED
from hub.model.admitted import DeadLetter
from hub.model.event import CaseEvent
from hub.model.update import Update, UpdateStatus
from hub.policy import City, load_city
from hub.sdk.manifest import discover
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.updates import department_update
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.settings import Settings
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.record import KafkaRecord
from hub.testing.memory import MemoryHub
from hub.testing.source_suite import MemoryPublisher, fixture_inputs
from hub.topics import OWN_SOURCE
from hub.web.open311.config import load_open311
from hub.web.tokens import TokenKind
from tests.mutations import CODEC
from tests.unit.agents.planted_files import REPORTER, WRITTEN, planted_connector
from tests.unit.agents.planted_shown import ShownBoard, printed_by_the_demo, stories
from tests.unit.agents.small_world import CITY, MINUTE
from tests.unit.ledger.made_up import put as put_into
from tests.unit.web.board.city_days import city_ledger
from tests.unit.web.front import MemoryWeb

NOTE = "李四的邻居13722223333"
"""What a department wrote."""
FIXTURES = [(domain, name) for domain, manifest in discover().items() for name in sorted(fixture_inputs(manifest))]
SOURCES = ("hotline", "police", "petition", "citymgmt", OWN_SOURCE)
MAY_HOLD_WRITTEN = ("city.*.events", "hub.events", "hub.dead", "hub.route.changelog")
MAY_HOLD_NOTES = ("dept.*.updates", "hub.updates", "city.*.replies", "hub.track.changelog", "hub.dead")


# -- the hub -------------------------------------------------------------------------------------------------------------------


def city_of(needs: str, tmp_path: Path) -> City:
    """Of which departments need everything, or nothing of persons."""
    if needs == "everything":
        return CITY
    folder = Path(shutil.copytree(CITY.folder, tmp_path / "city"))
    departments = folder / "departments.yaml"
    departments.write_text(departments.read_text("utf-8").replace("{id: ", "{purpose: counting, id: "), "utf-8")
    purposes = "purposes: {counting: {name: {en: Counts, zh: 统计}, needs: []}}\n"
    (folder / "privacy.yaml").write_text(purposes, "utf-8")
    return load_city(folder)


@pytest.mark.parametrize(
    ("domain", "name", "needs"),
    [(*each, "everything") for each in FIXTURES] + [(domain, "demo", "nothing") for domain in discover()],
)
def test_nothing_of_a_person_stands_where_it_should_not(
    domain: str, name: str, needs: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    city = city_of(needs, tmp_path)
    caplog.set_level(logging.DEBUG)
    manifest, file = planted_connector(domain, name, tmp_path)
    publisher = MemoryPublisher()
    run_source(manifest, [file], Settings(), RunnerOptions(cursor_dir=tmp_path, max_rejects_in_a_row=1000), publisher)
    assert publisher.letters
    now_ms = max([event.reported_at for event in publisher.events], default=0) + MINUTE
    with MemoryHub(city, now_ms, sources=SOURCES, dead_letter_run=10_000, dead_letter_ratio=1.0) as hub:
        hub.publish(*publisher.events)
        for letter in publisher.letters:
            hub.send(topics.DEAD.name, letter.key, CODEC.encode_one(DeadLetter.subject(), letter.to_avro()))
        hub.run()
        answered(hub)
        hub.settle()
        hub.settle()
        held = must_be_where_it_may(hub, written_in_orders=not city.withheld)
        if name == "demo":
            assert held[WRITTEN] >= {"city.*.events", "hub.events", "hub.dead"}
            assert held[NOTE] >= {"dept.*.updates", "hub.updates", "city.*.replies"}
        must_be_silent(caplog.text, generate_latest(REGISTRY).decode(), *said_why(hub), *pages(hub, tmp_path))
        must_keep_to_the_reports(gateway(hub, tmp_path), written=not city.withheld)
        if name == "demo":
            must_have_addresses_alone(hub, tmp_path)
        if (domain, name) == ("hotline", "demo"):  # pages are the same whoever reported
            must_show_nobody(hub, tmp_path, written_in_orders=not city.withheld)
            must_be_silent(caplog.text)


def answered(hub: MemoryHub) -> None:
    """Every department writes of a person, and somebody says what cannot be."""
    for number, order in enumerate(hub.orders(kind="ASSIGN")):
        case = order["case_id"]
        for status, of in (
            (UpdateStatus.RESPONDED, case),
            (UpdateStatus.RESOLVED, case),
            (UpdateStatus.ACCEPTED, "C-NONE"),
        ):
            update = Update(
                update_id=f"U{number}{status}", department=order["department"], case_id=of, status=status,
                at=hub.clock.now_ms, note=NOTE, reason=NOTE,
            )  # fmt: skip
            hub.publish(update)
            hub.run()


def must_be_where_it_may(hub: MemoryHub, *, written_in_orders: bool) -> dict[str, set[str]]:
    """Where each mark stands."""
    held: dict[str, set[str]] = {mark: set() for mark in (WRITTEN, NOTE)}
    for name in hub.broker.names:
        kind = (
            f"{name.split('.')[0]}.*.{name.split('.')[2]}" if name.count(".") == 2 and not topics.is_own(name) else name
        )
        for record in hub.broker.records(name):
            for mark in REPORTER.values():
                assert mark.encode() not in (record.key or b"") + (record.value or b""), name
            for mark, found in held.items():
                assert mark.encode() not in (record.key or b""), name
                if mark.encode() in (record.value or b""):
                    found.add(kind)
    assert held[WRITTEN] <= {*MAY_HOLD_WRITTEN, *(["dept.*.orders"] if written_in_orders else [])}
    assert held[NOTE] <= {*MAY_HOLD_NOTES}
    return held


def said_why(hub: MemoryHub) -> Iterator[str]:
    yield from (each["detail"] + each["reason"] for each in hub.records("hub.dead"))
    yield from (repr(each) for each in hub.receipts())
    yield from (repr(each) for each in hub.records("hub.cases"))
    yield from (repr(each) for each in hub.records("hub.deadlines"))


def pages(hub: MemoryHub, folder: Path) -> Iterator[str]:
    """What the web tells whoever asks, without a token or with that of another department."""
    web = MemoryWeb(hub, folder, load_open311(None, CITY))
    try:
        paths = web.client.get("/openapi.json").json()["paths"]
        (department, other) = list(hub.departments)[:2]
        for path in paths:
            asked = path.replace("{department}", department).replace("{source}", "hotline").replace("{format}", "json")
            for headers in ({}, web.bearer(other)):
                if "get" in paths[path] and "stream" not in path:
                    yield web.client.get(asked, headers=headers).text
    finally:
        web.close()


def gateway(hub: MemoryHub, folder: Path) -> Iterator[tuple[str, str]]:
    """What departments and sources are told of what is theirs, by path, to their own tokens."""
    (at := folder / "gateway").mkdir()
    web = MemoryWeb(hub, at, load_open311(None, CITY))
    try:
        for department in hub.departments:
            for path in ("orders", "receipts", "cases"):
                answer = web.client.get(f"/departments/{department}/{path}", headers=web.bearer(department))
                assert answer.status_code == 200
                yield path, answer.text
        for change in hub.records("hub.cases"):
            asked = {"source": change["source"], "ref": change["source_ref"]}
            token = web.bearer(change["source"], TokenKind.SOURCE)
            answer = web.client.get("/status", params=asked, headers=token)
            assert answer.status_code == 200
            yield "status", answer.text
    finally:
        web.close()


def must_keep_to_the_reports(told: Iterable[tuple[str, str]], *, written: bool) -> None:
    """Orders have what was written, if their department needs it, and answers what departments wrote; nothing has who reported."""
    for path, text in told:
        marks = {WRITTEN: path == "orders" and written, NOTE: path == "status"} | dict.fromkeys(
            REPORTER.values(), False
        )
        assert not [mark for mark, may in marks.items() if mark in text and not may], path


def must_have_addresses_alone(hub: MemoryHub, folder: Path) -> None:
    """The ledger, and what `cityhub cases` prints and writes of it."""
    database = Database(URL.create("sqlite", database=str(folder / "ledger" / "ledger.sqlite")))
    database.migrate()
    records = [
        KafkaRecord(each.topic, each.partition, each.offset, each.arrived_ms, each.value)
        for name in topics_in(hub.broker.names)
        for each in hub.broker.records(name)
    ]
    put_into(LedgerStore(database), records)
    with database.transaction() as connection:
        rows = [(each.name, dict(row)) for each in PROJECTED for row in connection.execute(select(each)).mappings()]
    database.close()
    assert rows
    must_be_silent(*(f"{name} {row | {'address': ''}}" for name, row in rows))
    must_have = CliRunner(env={"CITYHUB_STATE_DIR": str(folder)})
    for argv in (["--json"], ["--csv", str(folder / "cases.csv")], []):
        said = must_have.invoke(cli, ["cases", "--state", "all", *argv], catch_exceptions=False).output
        written = (folder / "cases.csv").read_text("utf-8-sig") if "--csv" in argv else ""
        assert not [mark for mark in (*REPORTER.values(), NOTE) if mark in said + written]


def must_show_nobody(hub: MemoryHub, folder: Path, *, written_in_orders: bool) -> None:
    """The board's pages, data and stream, whoever asks and whatever is typed there; and what the demo prints."""
    database = city_ledger(folder)
    board = ShownBoard(hub, database, folder)
    try:
        said = list(board.said(NOTE))
    finally:
        board.close()
        database.close()
    assert {"acts", "stream", "trail"} < {where for where, _ in said}
    must_be_silent(*(text for _, text in said), *printed_by_the_demo(hub))
    must_be_where_it_may(hub, written_in_orders=written_in_orders)
    told = "".join(stories(hub))
    assert WRITTEN in told
    assert not [mark for mark in REPORTER.values() if mark in told]


def must_be_silent(*said: str) -> None:
    for text in said:
        for mark in (*REPORTER.values(), WRITTEN, NOTE):
            assert mark not in text, next(line for line in text.splitlines() if mark in line)


@pytest.mark.parametrize("field", ["title", "text", "source_ref", "category"])
def test_a_person_in_the_wrong_place_is_found(field: str) -> None:
    event = {
        "source": "hotline", "source_ref": "H1", "revision": 0, "kind": "OPENED", "reported_at": 1_772_420_400_000,
        "category": "water.burst", "urgency": "URGENT", "place": {}, "title": "", "text": "", "channel": "phone",
    }  # fmt: skip
    mark = WRITTEN if field in ("source_ref", "category") else REPORTER["name"]
    with MemoryHub(CITY, 1_772_420_400_000, sources=SOURCES) as hub:
        hub.publish(CaseEvent.model_validate(event | {field: mark}))
        hub.run()
        with pytest.raises(AssertionError):
            must_be_where_it_may(hub, written_in_orders=True)


# -- kinds of mappings that no connector has -----------------------------------------------------------------------------------


def test_further_statements_and_updates_drop_it_as_well() -> None:
    reported = {"column": "time", "formats": ["iso"]}
    event = {
        "source_ref": "id",
        "reported_at": reported,
        "category": "kind",
        "channel": {"constant": "web"},
        "text": "said",
    }
    also = [{"each": "notes", "event": {"text": "notes.text"}}]
    base = {"description": "d", "format": "jsonl", "personal": ["reporter", "notes.author"]}
    row = {
        "id": "1",
        "time": "2026-03-02T12:00:00Z",
        "kind": "water.burst",
        "said": WRITTEN,
        "notes": [{"text": WRITTEN}],
    }
    from hub.sdk.mapping.personal import without

    person = {f"reporter.{part}": value for part, value in REPORTER.items()}
    given = row | person | {"notes": [{"text": WRITTEN, "author": REPORTER["name"]}]}
    mapping = Mapping.model_validate(base | {"event": event, "also": also})
    bare = without(given, mapping.personal)
    said = Mapper(mapping, "hotline").events(bare)
    assert [each.text for each in said] == [WRITTEN, WRITTEN]
    assert not [mark for mark in REPORTER.values() if mark in repr(said) + repr(bare)]
    update = {"update_id": "id", "case_id": "kind", "status": "state", "at": reported, "note": "said"}
    mapping = Mapping.model_validate(base | {"update": update, "personal": ["reporter"]})
    (event_of_row,) = Mapper(mapping, "roads").events(without(row | person | {"state": "accepted"}, mapping.personal))
    made = department_update(event_of_row, "roads")
    assert made.note == WRITTEN
    assert not [mark for mark in REPORTER.values() if mark in repr(made)]


def test_contracts_show_nobody() -> None:
    """Their examples are the schemas'; a telephone number or an identity card has its length."""
    document = whole_document("All", FileRegistry().all(), KafkaServer(), {"source": ["hotline"]})
    said = page(document) + json.dumps(document, ensure_ascii=False)
    assert not re.findall(r"(?<![0-9.])1[3-9][0-9]{9}(?![0-9])|(?<![0-9.])[1-9][0-9]{16}[0-9X](?![0-9])", said)


def test_a_form_of_the_web_keeps_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with MemoryHub(CITY, 1_772_424_000_000, sources=("hotline", OWN_SOURCE)) as hub:
        web = MemoryWeb(hub, tmp_path, load_open311(None, CITY))
        try:
            person = {
                "first_name": "name",
                "last_name": "name",
                "phone": "phone",
                "email": "mail",
                "device_id": "identity",
            }
            fields = {"service_code": "road.pothole", "lat": "34.02", "long": "114.515", "description": WRITTEN}
            fields |= {field: REPORTER[part] for field, part in person.items()}
            answer = web.client.post("/open311/v2/requests.json", data=fields)
            web.settle()
            said = [answer.text, caplog.text, generate_latest(REGISTRY).decode()]
            records = [record for name in hub.broker.names for record in hub.broker.records(name)]
        finally:
            web.close()
    said += [((record.key or b"") + (record.value or b"")).decode("utf-8", "replace") for record in records]
    assert not [mark for mark in REPORTER.values() if any(mark in text for text in said)]


def test_the_events_are_sound_so_that_they_went_all_the_way(tmp_path: Path) -> None:
    manifest, file = planted_connector("police", "demo", tmp_path)
    publisher = MemoryPublisher()
    run_source(manifest, [file], Settings(), RunnerOptions(cursor_dir=tmp_path, max_rejects_in_a_row=1000), publisher)
    assert publisher.events
    batch = CODEC.decode_many(
        CaseEvent.subject(), [CODEC.encode_one(CaseEvent.subject(), each.to_avro()) for each in publisher.events]
    ).batch
    assert not list(faults_of_events(batch, ["police"] * len(batch)))
    assert all(WRITTEN in each.text for each in publisher.events)
