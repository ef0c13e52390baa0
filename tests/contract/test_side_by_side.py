"""What an older program makes of what a newer one wrote, on Kafka and in changelogs: docs/operations/upgrade.md stands on this."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.core.cases.cases import Case
from hub.core.tracking.state import TrackedCase
from hub.errors import Reason
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import ConfluentRegistry, FileRegistry, Schema
from hub.stream.gate import Gate
from hub.stream.kafka.client import SessionLostError
from hub.testing.memory.agent import MemoryAgent
from hub.testing.memory.hub import MemoryHub
from tests.mutations import examples
from tests.unit.agents.small_world import CITY, NOON
from tests.unit.agents.test_times import report

NEWER = FileRegistry()
LETTERS = "cityhub.DeadLetter"
"""Read by no agent."""
SUBJECTS = sorted({each.subject for each in NEWER.all() if len(NEWER.versions(each.subject)) > 1} - {LETTERS})


@pytest.fixture(scope="module", params=SUBJECTS)
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, FileRegistry]:
    """The schemas of a program from before the newest version of one subject."""
    subject: str = request.param
    return subject, without_newest(subject.removeprefix("cityhub."), tmp_path_factory.mktemp("schemas"))


def without_newest(record: str, folder: Path) -> FileRegistry:
    """The schemas of a program from before the newest version of this record."""
    schemas = folder / "schemas"
    shutil.copytree(ROOT / "schemas", schemas)
    ids = json.loads((schemas / "ids.json").read_text("utf-8"))
    del ids[record][str(NEWER.latest(f"cityhub.{record}").version)]
    (schemas / "ids.json").write_text(json.dumps(ids), "utf-8")
    return FileRegistry(schemas)


class Service:
    """A registry service that newer programs have registered at already, as an older one sees it."""

    def __init__(self, own: FileRegistry) -> None:
        self._own = own

    def by_id(self, schema_id: int) -> Schema:
        return NEWER.by_id(schema_id)

    def latest(self, subject: str) -> Schema:
        return self._own.latest(subject)

    def versions(self, subject: str) -> list[Schema]:
        return self._own.versions(subject)

    def may_be_newer(self, schema_id: int) -> bool:
        del schema_id
        return False


def newest_records(subject: str) -> list[bytes]:
    return Codec(NEWER).encode_many(subject, examples(NEWER.latest(subject)))


def test_by_files_it_sets_aside_what_it_does_not_know_and_nothing_beside_it(older: tuple[str, FileRegistry]) -> None:
    subject, files = older
    codec = Codec(files)
    own = codec.encode_one(subject, examples(files.latest(subject))[0])
    newest = newest_records(subject)
    found = codec.decode_many(subject, [own, *newest, own])
    assert [(each.index, each.reason) for each in found.rejects] == [
        (at + 1, Reason.UNKNOWN_SCHEMA) for at in range(len(newest))
    ]
    assert found.rows.tolist() == [0, len(newest) + 1]


def test_by_a_registry_service_it_reads_all_that_it_knows(older: tuple[str, FileRegistry]) -> None:
    subject, files = older
    newest = newest_records(subject)
    found = Codec(Service(files)).decode_many(subject, newest)
    assert found.rejects == []
    whole = Codec(NEWER).decode_many(subject, newest).batch
    known = [name for name in found.batch.schema.names if found.batch.schema.field(name) == whole.schema.field(name)]
    assert known
    for name in known:
        for read, written in zip(found.batch.column(name).to_pylist(), whole.column(name).to_pylist(), strict=True):
            assert read == written or f'"{written}"' not in files.latest(subject).text  # a symbol that it does not know


def test_what_a_newer_program_reads_of_an_older_is_whole(older: tuple[str, FileRegistry]) -> None:
    subject, files = older
    records = Codec(files).encode_many(subject, examples(files.latest(subject)))
    assert Codec(NEWER).decode_many(subject, records).rejects == []


@pytest.mark.parametrize(("agent", "record"), [("route", Case), ("track", TrackedCase)])
def test_a_case_with_a_field_more_is_read_without_it_and_with_a_field_less_by_its_default(
    agent: str, record: Any
) -> None:
    """A field of a changelog's record stands at the end and has a default (ops/adr/0004)."""
    newer = msgspec.defstruct(
        record.__name__, [("since_then", str, "nothing")], bases=(record,), frozen=True, array_like=True
    )
    with MemoryHub(CITY, NOON, sources=["hotline"]) as hub:
        hub.publish(report("H-1", NOON))
        hub.run()
        kept = [each.value for each in hub.changelog(agent)]
    cases = [found for value in kept if value and (found := _read(value, record)) is not None]
    assert cases
    for case in cases:
        raised = msgspec.msgpack.decode(msgspec.msgpack.encode(case), type=newer)
        assert raised.since_then == "nothing"
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(raised), type=record) == case


def _read(value: bytes, record: Any) -> Any:
    try:
        return msgspec.msgpack.decode(value, type=record)
    except msgspec.DecodeError:
        return None


def test_what_agents_write_for_each_other_is_tried() -> None:
    assert {"cityhub.AdmittedEvent", "cityhub.AdmittedUpdate", "cityhub.CaseChange", "cityhub.Closure"} <= set(SUBJECTS)


@pytest.mark.parametrize(("agent", "subject"), [("route", "AdmittedEvent"), ("track", "CaseChange")])
def test_an_older_worker_leaves_what_a_newer_one_wrote_to_those_that_can_read_it(
    agent: str, subject: str, tmp_path: Path
) -> None:
    older = without_newest(subject, tmp_path)
    with MemoryHub(CITY, NOON, sources=["hotline"]) as hub:
        hub.publish(report("H-1", NOON))
        for before in ("deduplicate", "route")[: 1 + (agent == "track")]:
            hub.turn(before)
        gate = Gate()
        gate.heard_of_newer = True
        beside = MemoryAgent(agent, replace(hub._hub, codec=Codec(older), gate=gate))
        with pytest.raises(SessionLostError, match="newer program"):
            beside.decide(hub.broker.read(agent, 100))
        beside.close()
        assert "start it again" in (gate.closed or "")
        hub.run()
        assert len(hub.records("hub.cases")) == 1
        assert len(hub.records("dept.water_supply.orders")) == 1
        assert hub.records("hub.dead") == []


def test_what_no_program_of_the_hub_wrote_is_set_aside_and_nobody_stands_back() -> None:
    unknown = max(each.id for each in NEWER.all()) + 1
    for schema_id, heard_of_newer in ((unknown, False), (9_999, True)):
        with MemoryHub(CITY, NOON, sources=["hotline"]) as hub:
            hub._hub.gate.heard_of_newer = heard_of_newer
            hub.send("hub.events", b"", b"\0" + schema_id.to_bytes(4, "big") + b"junk")
            hub.run()
            assert [letter["reason"] for letter in hub.records("hub.dead")] == ["unknown_schema"]
            assert hub._hub.gate.closed is None


def test_a_registry_service_knows_what_a_newer_program_writes(tmp_path: Path) -> None:
    newest = NEWER.latest("cityhub.AdmittedEvent").id
    assert without_newest("AdmittedEvent", tmp_path).may_be_newer(newest)
    assert not NEWER.may_be_newer(newest)
    assert not ConfluentRegistry("http://127.0.0.1:1", NEWER).may_be_newer(9_999)
