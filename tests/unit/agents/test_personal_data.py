"""What a sender writes may be about a person: it stands in no log, no metric, and no word on why something was set aside."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from hub import topics
from hub.errors import FatalError
from hub.model.ids import case_id
from hub.model.update import UpdateStatus, UpdateStep
from hub.sdk.manifest import discover
from hub.sdk.mapping.mapping import load_mapping
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import Row
from hub.settings import ROOT, Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.outcomes import file_source
from hub.testing.source_suite import MemoryPublisher, fixture_inputs
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_receipts import said
from tests.unit.agents.test_reopening import report
from tests.unit.agents.whole_hub import WholeHub

NAME, PHONE, IDENTITY = "王小明", "13800138000", "110101199003078515"
MARKS = (f"{NAME} {PHONE} {IDENTITY}", PHONE)
CODEC = Codec(FileRegistry())
Plant = Callable[[str], str]


class Witness:
    """All that is said where persons must not be named."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._log = caplog

    def heard(self, hub: WholeHub | None = None) -> str:
        details = [] if hub is None else [each["detail"] for each in hub.records(topics.DEAD.name)]
        if hub is not None:
            details += [
                each["detail"] for name in CITY.departments for each in hub.records(topics.dept_receipts(name).name)
            ]
        return "\n".join([self._log.text, generate_latest(REGISTRY).decode(), *details])

    def must_be_silent(self, hub: WholeHub | None = None) -> None:
        said = self.heard(hub)
        for mark in (NAME, PHONE, IDENTITY):
            assert mark not in said, next(line for line in said.splitlines() if mark in line)


@pytest.fixture
def witness(caplog: pytest.LogCaptureFixture) -> Witness:
    return Witness(caplog)


def planted(value: Any, schema: Any, at: tuple[str, ...], plant: Plant) -> Iterator[tuple[str, Any]]:
    """The record once for each text in it, with that text made another; with the name of its place."""
    if isinstance(schema, list):
        schema = next(each for each in schema if each != "null")
        value = {} if value is None and isinstance(schema, dict) and schema["type"] == "record" else value
    if isinstance(schema, dict) and schema["type"] == "record":
        for each in schema["fields"]:
            if each["name"] in (value or {}):
                for where, other in planted(value[each["name"]], each["type"], (*at, each["name"]), plant):
                    yield where, value | {each["name"]: other}
    elif isinstance(schema, dict) and schema["type"] == "array":
        if schema["items"] == "string":
            yield ".".join(at), [*value, plant("")]
        else:
            for index, item in enumerate(value):
                for where, other in planted(item, schema["items"], at, plant):
                    yield where, [*value[:index], other, *value[index + 1 :]]
    elif isinstance(schema, dict) and schema["type"] == "map":
        yield f"{'.'.join(at)} (key)", value | {plant(""): "x"}
        yield f"{'.'.join(at)} (value)", value | {"x": plant("")}
    elif schema == "string":
        yield ".".join(at), plant(value or "")


def bytes_of(subject: str, plant: Plant) -> list[bytes]:
    """Of every example of a schema, as many records as it has texts."""
    folder = ROOT / "schemas" / subject.rpartition(".")[2]
    newest = max(folder.glob("v*.examples.json"), key=lambda path: int(path.stem.split(".")[0][1:]))
    declared = FileRegistry().latest(subject).declared
    return [
        CODEC.encode_one(subject, record)
        for example in json.loads(newest.read_text("utf-8"))
        for _, record in planted(example, declared, (), plant)
    ]


READ = (
    topics.city_events("police"), topics.dept_updates("roads"), topics.EVENTS, topics.UPDATES, topics.CASES, topics.CLOSURES,
)  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("topic", READ, ids=lambda topic: topic.name)
def test_whatever_field_names_a_person(witness: Witness, topic: topics.Topic, mark: str) -> None:
    with WholeHub(CITY, NOON) as hub:
        for plant in (lambda _: mark, lambda text: f"{text}{mark}", lambda _: mark * 2_000):
            for value in bytes_of(topic.subject or "", plant):
                hub._append(topic.name, mark.encode(), value)
                hub._append(topic.name, mark.encode(), value[:-2] + mark.encode())
        hub._append(topic.name, mark.encode(), mark.encode())
        hub._append(topic.name, mark.encode(), b"\x00\x00\x00\x00\x03" + mark.encode())
        hub.settle()
        assert hub.records(topics.DEAD.name)
        witness.must_be_silent(hub)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("word", [each for each in (*UpdateStatus, *UpdateStep) if each != UpdateStep.AS_STATUS])
def test_whatever_a_department_writes_of_a_case(witness: Witness, word: str, mark: str) -> None:
    """Also where the case does not allow it, which is said by the rules of the case's life."""
    texts: dict[str, Any] = {
        "note": mark, "reason": mark, "clock": mark, "to": mark, "members": [mark], "report": f"hotline:{mark}",
        "update_id": mark, "score": 50,
    }  # fmt: skip
    with WholeHub(CITY, NOON) as hub:
        hub.report(report(f"H {mark}", NOON))
        hub.report(report(f"P {mark}", NOON, source="police"))
        hub.run()
        case = case_id("hotline", f"H {mark}")
        tracked = hub.tracked(case)
        assert tracked is not None
        assert len(tracked.reports) == 2
        for number, department in enumerate(("water_supply", "roads", "dispatch_desk")):
            for name, text in [*texts.items(), ("case_id", mark)]:
                more = {"update_id": f"{number} {name}", "case_id": case} | {name: text}
                hub.say(said(word, department=department, at=NOON + number * MINUTE, **more))
            hub.say(said(word, department=department, **(texts | {"update_id": f"{mark} {number}", "case_id": case})))
        hub.settle()
        hub.settle()
        witness.must_be_silent(hub)


def rows_of_person(path: Path, mapping: Any, mark: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = open_reader(path, mapping)
    try:
        for row in list(reader)[:3]:
            if isinstance(row, Row):
                for column in row.values:
                    yield column, row.values | {column: mark}
    finally:
        reader.lines.close()


FIXTURES = [(domain, name) for domain, manifest in discover().items() for name in sorted(fixture_inputs(manifest))]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(("domain", "name"), FIXTURES)
def test_whatever_column_of_a_connector_names_a_person(domain: str, name: str, mark: str) -> None:
    manifest = discover()[domain]
    each = fixture_inputs(manifest)[name]
    source, intake = file_source(manifest, each)
    mapping = load_mapping(manifest.mapping_path(name))
    for column, values in rows_of_person(each.file, mapping, mark):
        rejection = intake.outcome(source.item(0, Row(dict(values), 2, 0, 1, b""))).rejection
        if rejection is not None:
            assert not [part for part in (NAME, PHONE, IDENTITY) if part in rejection.detail], (column, rejection)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(("domain", "name"), FIXTURES)
def test_whatever_line_of_a_connectors_file_cannot_be_read(
    witness: Witness, tmp_path: Path, domain: str, name: str, mark: str
) -> None:
    manifest = discover()[domain]
    each = fixture_inputs(manifest)[name]
    mapping = load_mapping(manifest.mapping_path(name))
    path = tmp_path / each.file.name
    lines = each.file.read_bytes().splitlines(keepends=True)
    spoilt = [f'"{mark}', f'{mark}"{mark}', f'{{"{mark}": "{mark}"', f'["{mark}"]', f"{mark}\0", mark * 9]
    end = b"\r\n" if lines[0].endswith(b"\r\n") else b"\n"
    bad = [text.encode(str(mapping.encoding).split()[0], "replace") + end for text in spoilt]
    path.write_bytes(b"".join([*lines, *bad, mark.encode("utf-16"), end, b"\xff" + mark.encode(), end, *lines[1:]]))
    publisher = MemoryPublisher()
    said = ""
    try:
        options = RunnerOptions(cursor_dir=tmp_path, max_rejects_in_a_row=5)
        run_source(manifest, [Input(file=path, mapping=name, join=each.join)], Settings(), options, publisher)
    except FatalError as error:
        said = str(error)
    witness.must_be_silent()
    for text in (said, *(letter.detail for letter in publisher.letters)):
        assert not [part for part in (NAME, PHONE, IDENTITY) if part in text], text
