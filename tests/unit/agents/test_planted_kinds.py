"""A person is planted into what each kind of source reads, whole and broken: it stands in no event, no dead letter, and in nothing
that is said or kept about the reading."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest

from hub import topics
from hub.model.event import CaseEvent
from hub.model.outputs import DeadLetter
from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.intake import MappingSet
from hub.sdk.kinds import kinds
from hub.sdk.manifest import load_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions, context_of
from hub.sdk.running.status import Board
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.source import CapSource
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.source import FolderSource
from hub.sdk.sources.http.config import HttpConfig
from hub.sdk.sources.http.source import HttpSource
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.sdk.sources.mqtt.source import MqttSource
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.sdk.sources.webhook.source import WebhookSource
from hub.testing.memory import MemoryHub
from hub.testing.open311_server import Open311City
from hub.testing.open311_server import serving as serving_open311
from hub.testing.source_suite import MemoryPublisher
from tests.mosquitto import mosquitto
from tests.mutations import CODEC
from tests.unit.agents.planted_files import REPORTER, WRITTEN
from tests.unit.agents.small_world import CITY
from tests.unit.agents.test_planted_person import must_be_silent, said_why
from tests.unit.sdk.sources.cap.alerts import Office, alert, info
from tests.unit.sdk.sources.changes.envelopes import envelope, plain
from tests.unit.sdk.sources.changes.system import Kafka
from tests.unit.sdk.sources.http.api import Api, serving
from tests.unit.sdk.sources.webhook import system as webhook

DOMAIN = "hotline"
GOOD, BAD, BROKEN = 4, 3, 2
"""Rows that can be used, rows that cannot, and what cannot be taken apart."""
MAPPING: dict[str, Any] = {
    "description": "Planted", "format": "jsonl", "time_zone": "Asia/Shanghai", "optional_columns": ["number", "updated"],
    "personal": ["reporter", "callers", *(f"reporter_{part}" for part in REPORTER)],
    "event": {
        "source_ref": "id", "revisions": "none", "kind": {"constant": "OPENED"}, "category": "category", "title": "title",
        "reported_at": {"column": "time", "formats": ["iso"]}, "text": "text", "place": {"address": "address"},
        "channel": {"constant": "phone"}, "attributes": {"room": "room"},
    },
}  # fmt: skip


def row(number: int, *, flat: bool = False) -> dict[str, Any]:
    """A report with a person in it. The last cannot be used: its time is what somebody wrote."""
    person = {f"reporter_{part}": text for part, text in REPORTER.items()}
    nested = {"reporter": REPORTER, "callers": [REPORTER, {"of": [REPORTER]}]}
    at = f"2026-03-02T12:00:{number:02d}+08:00" if number < GOOD else WRITTEN
    return {
        "id": f"N-{number}", "time": at, "updated": f"2026-03-02T12:00:{number:02d}+08:00", "category": "road.pothole",
        "title": WRITTEN, "text": WRITTEN, "address": WRITTEN, "room": WRITTEN, **person, **({} if flat else nested),
    }  # fmt: skip


def broken() -> list[bytes]:
    """In no form that can be taken apart."""
    return [
        f'{{"reporter": "{REPORTER["name"]} {REPORTER["phone"]}'.encode(),
        json.dumps([REPORTER["identity"]]).encode(),
    ]


ROWS = [row(number) for number in range(GOOD + BAD)]


# -- the systems ---------------------------------------------------------------------------------------------------------------


class Lines(Source):
    """A protocol of somebody's own."""

    class Config(Config):
        pass

    def connect(self, position: Position | None) -> None:
        self._is_over = position is not None

    def check(self) -> str:
        return "there"

    def read(self, timeout_seconds: float) -> Batch:
        flat: list[Mapping[str, Any]] = [row(number, flat=True) for number in range(GOOD + BAD)]
        items = [Item(values, "lines", number) for number, values in enumerate(flat, 1)]
        items += [Item(None, "lines", number, raw) for number, raw in enumerate(broken(), len(items) + 1)]
        return Batch(items, {"at": len(items)}, last=True)

    def close(self) -> None: ...


class Once(WebhookSource):
    """Ends when it was called for all."""

    left = GOOD + BAD + BROKEN

    def read(self, timeout_seconds: float) -> Batch:
        batch = super().read(timeout_seconds)
        self.left -= len(batch.items)
        return dataclasses.replace(batch, last=self.left <= 0)


class OnceHeard(MqttSource):
    """Ends when it was told of all."""

    left = GOOD + BAD + BROKEN

    def read(self, timeout_seconds: float) -> Batch:
        batch = super().read(timeout_seconds)
        self.left -= len(batch.items)
        return dataclasses.replace(batch, last=self.left <= 0)


class Planted:
    """Sources of each kind, on systems that live as long as the test. `stack` ends them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack

    def own(self, context: Context) -> Source:
        return Lines(Lines.Config(), context)

    def file(self, context: Context) -> Source:
        file = self.folder / "rows.jsonl"
        file.write_bytes(b"\n".join([*(json.dumps(each).encode() for each in ROWS), *broken(), b""]))
        return FileSource(FileConfig(file=file, follow=False), context)

    def folder_of_csv(self, context: Context) -> Source:
        inbox, out = self.folder / "inbox", io.StringIO()
        inbox.mkdir()
        flat = [row(number, flat=True) for number in range(GOOD + BAD)]
        writer = csv.DictWriter(out, list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)
        out.write("".join(f"{','.join(REPORTER.values())}\n" for _ in range(BROKEN)))
        (inbox / "rows.csv").write_text(out.getvalue(), "utf-8")
        return FolderSource(
            FolderConfig.model_validate({"folder": inbox, "complete": {"kind": "renamed"}, "follow": False}), context
        )

    def http(self, context: Context) -> Source:
        def refusing(handler: Any) -> None:
            handler.send_error(500, "no", json.dumps(REPORTER))

        api = Api([*ROWS, *map(bytes.decode, broken())])  # type: ignore[list-item]
        api.stumbles = [None, refusing]
        self._stack.enter_context(serving(api))
        config = {
            "base_url": api.url, "path": "/requests", "items": "data.requests", "paging": {"kind": "page"}, "once": True,
            "calls_per_minute": 1e6,
        }  # fmt: skip
        return HttpSource(HttpConfig.model_validate(config), context)

    def webhook(self, context: Context) -> Source:
        bodies = [*(json.dumps(each).encode() for each in ROWS), *broken()]
        made: list[WebhookSource] = []
        system = webhook.System(
            lambda: (made[0].port or None) if made else None, lambda n: bodies[min(n, len(bodies) - 1)]
        )
        self._stack.callback(system.close)
        made.append(Once(webhook.config(), context))
        system.tell(len(bodies))
        return made[0]

    def mqtt(self, context: Context) -> Source:
        (at := self.folder / "mosquitto").mkdir()
        broker = self._stack.enter_context(mosquitto(at))
        config = MqttConfig.model_validate(
            {"host": "127.0.0.1", "port": broker.port, "client_id": "planted", "topics": ["alarm/+"]}
        )
        first = MqttSource(config, context)
        first.connect(None)
        first.close()
        with broker.device("device") as device:
            for body in [*(json.dumps(each).encode() for each in ROWS), *broken()]:
                device.send("alarm/b1", body.decode())
        return OnceHeard(config, context)

    def changes(self, context: Context) -> Source:
        kafka = Kafka()
        self._stack.callback(lambda: kafka)
        flat = [row(number, flat=True) for number in range(GOOD + BAD)]
        kafka.write("public.rows", *(plain(envelope("c", None, each)) for each in flat), *broken())
        return ChangesSource(
            ChangesConfig(bootstrap_servers=kafka.address, topics=("public.rows",), once=True), context
        )

    def sql(self, context: Context) -> Source:
        file, flat = self.folder / "rows.db", [row(number, flat=True) for number in range(GOOD + BAD)]
        names = list(flat[0])
        with sqlite3.connect(file) as database:
            database.execute(f"create table rows (number integer primary key, {', '.join(names)})")
            marks = ", ".join("?" for _ in names)
            statement = f"insert into rows ({', '.join(names)}) values ({marks})"
            database.executemany(statement, [tuple(each.values()) for each in flat])
        database.close()
        return SqlSource(
            SqlConfig(
                url=f"sqlite:///{file}", table="rows", cursor="number", key=("id",), overlap_numbers=1, once=True
            ),
            context,
        )

    def cap(self, context: Context) -> Source:
        person = f"<contact>{REPORTER['name']} {REPORTER['phone']}</contact>"
        said = info(headline=WRITTEN).replace("<parameter>", f"{person}<parameter>", 1)

        def body(number: int) -> bytes:
            if number < GOOD:
                return alert(number, infos=said)
            infos = said.replace("<urgency>Expected", f"<urgency>{WRITTEN}")
            return alert(number, infos=infos) if number < GOOD + BAD else b"<alert>" + broken()[0]

        office = Office(self.folder / "warnings", body)
        office.warn(GOOD + BAD + BROKEN)
        return CapSource(CapConfig.model_validate({"folder": {"path": office.folder, "once": True}}), context)

    def open311(self, context: Context) -> Source:
        person = {
            "first_name": "name",
            "phone": "phone",
            "email": "mail",
            "device_id": "identity",
            "account_id": "home",
        }
        city = Open311City()
        for number in range(GOOD + BAD):
            more = {"lat": WRITTEN} if number >= GOOD else {}
            city.report(WRITTEN, **{field: REPORTER[part] for field, part in person.items()}, **more)
        url = self._stack.enter_context(serving_open311(city))
        return Open311Source(
            Open311Config.model_validate({"base_url": url, "once": True, "calls_per_minute": 1e6, "format": "json"}),
            context,
        )


KINDS: dict[str, tuple[Callable[[Planted, Context], Source], dict[str, Any]]] = {
    "own": (Planted.own, {}),
    "file": (Planted.file, {}),
    "folder": (Planted.folder_of_csv, {"format": "csv"}),
    "http": (Planted.http, {}),
    "webhook": (Planted.webhook, {}),
    "mqtt": (Planted.mqtt, {"unread": ["mqtt.topic", "mqtt.retained", "mqtt.received_at"]}),
    "changes": (Planted.changes, {}),
    "sql": (Planted.sql, {}),
    "cap": (Planted.cap, {"extends": "cap"}),
    "open311": (Planted.open311, {"extends": "open311"}),
}


def connector(folder: Path, more: Mapping[str, Any]) -> MappingSet:
    of = folder / "connectors" / DOMAIN
    (of / "mappings").mkdir(parents=True)
    manifest = {
        "domain": DOMAIN, "name": {"en": "Planted", "zh": "植入"}, "owner": "tests", "description": "Planted.",
        "quality": "bronze", "mappings": {"demo": "planted"},
    }  # fmt: skip
    mapping = {"description": "Planted", **more} if "extends" in more else MAPPING | dict(more)
    (of / "manifest.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True), "utf-8")
    (of / "mappings" / "demo.yaml").write_text(yaml.safe_dump(mapping, allow_unicode=True), "utf-8")
    return MappingSet(load_manifest(of))


def kept_of(folder: Path) -> Iterator[str]:
    """What the reading has kept for itself: positions, marks, states."""
    for path in sorted((folder / "state").rglob("*")):
        if path.is_file():
            yield path.name
            yield path.read_text("utf-8")


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_source_leaves_the_person_where_it_is(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", webhook.SECRET)
    monkeypatch.setattr("hub.sdk.running.runner._FIRST_SECONDS", 0.01)
    caplog.set_level(logging.DEBUG)
    make, more = KINDS[kind]
    intake, publisher, options = connector(tmp_path, more), MemoryPublisher(), RunnerOptions(checkpoint_rows=2)
    board = Board(DOMAIN, DOMAIN, tmp_path / "state")
    with ExitStack() as stack:
        source = make(Planted(tmp_path, stack), context_of(DOMAIN, intake, options))
        position = PositionFile(tmp_path / "state" / "p.json")
        Run(source, intake, position, options, publisher, board).run()
    assert len(publisher.events) >= GOOD
    assert publisher.letters
    said = [source.system, repr(source.config), *kept_of(tmp_path), repr(board.status)]
    said += [each for letter in publisher.letters for each in (letter.detail, letter.file, letter.key.decode())]
    must_be_silent(caplog.text, generate_latest(REGISTRY).decode(), *said)
    with MemoryHub(CITY, max(each.reported_at for each in publisher.events) + 60_000, sources=[DOMAIN]) as hub:
        hub.publish(*publisher.events)
        for letter in publisher.letters:
            hub.send(topics.DEAD.name, letter.key, CODEC.encode_one(DeadLetter.subject(), letter.to_avro()))
        hub.settle()
        must_be_silent(*said_why(hub))
        records = [each for name in hub.broker.names for each in hub.broker.records(name)]
    whole = b"".join((each.key or b"") + (each.value or b"") for each in records)
    assert not [mark for mark in REPORTER.values() if mark.encode() in whole]
    assert WRITTEN.encode() in whole, "it went all the way"
    assert CODEC.encode_one(CaseEvent.subject(), publisher.events[0].to_avro())


def test_every_kind_is_tried() -> None:
    assert set(KINDS) == {*kinds(), "own"}
