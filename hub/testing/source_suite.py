"""What every source connector must do. Subclass `SourceSuite`, give it a `manifest` fixture, and pytest runs it; needs no network.

Invented rows are read from the connector's own folder: fixtures/<mapping>.csv or .jsonl for every mapping, with
fixtures/<mapping>.join.csv beside it where the mapping takes columns from a second file.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.errors import Reason
from hub.metrics import DEAD_LETTERS, ROWS
from hub.model.admitted import DeadLetter
from hub.model.base import MAX_TEXT_CHARS
from hub.model.event import CaseEvent
from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.mapping.mapping import FileFormat, Mapping, load_mapping
from hub.sdk.publishing.dead_letters import dead_letter
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import Row
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.outcomes import Mapped, file_source, outcomes

FILES = ("manifest.yaml", "README.md")
RESULTS = {"published", "rejected", "filtered"}
MAY_IMPORT = ("hub.sdk", "hub.model", "hub.errors", "hub.clock", "pydantic")
IMPURE = {
    "os", "io", "socket", "subprocess", "urllib", "http", "random", "time", "threading", "pathlib", "confluent_kafka", "httpx2",
}  # fmt: skip
PERSONAL = (
    "姓名", "电话", "手机号", "身份证", "留言用户", "信访人", "报警人",
    "phone_number", "caller", "id_card", "email", "reporter_name",
)  # fmt: skip


class KilledError(Exception):
    """Stands for kill -9: nothing after it is done."""


class MemoryPublisher:
    """Keeps what it is sent. Acknowledged is what was there at the last `flush`, and that is all a position may rely on.

    `die_at`: the so-many-th send raises KilledError. `stop_at`: after so many sends, `stop` is set.
    """

    def __init__(self, *, die_at: int | None = None, stop_at: int | None = None) -> None:
        self.events: list[CaseEvent] = []
        self.letters: list[DeadLetter] = []
        self.acknowledged = 0
        self.stop = threading.Event()
        self._die_at, self._stop_at = die_at, stop_at

    def send(self, event: CaseEvent) -> None:
        if self._die_at is not None and len(self.events) >= self._die_at:
            raise KilledError
        self.events.append(event)
        if self._stop_at is not None and len(self.events) >= self._stop_at:
            self.stop.set()

    def set_aside(self, letter: DeadLetter) -> None:
        DEAD_LETTERS.labels(letter.stage, letter.reason, letter.stage.partition(":")[2]).inc()
        self.letters.append(letter)

    def poll(self) -> None:
        pass

    def flush(self) -> None:
        self.acknowledged = len(self.events)


def fixture_inputs(manifest: Manifest) -> dict[str, Input]:
    """Mapping to its fixture, for those that have one."""
    found: dict[str, Input] = {}
    for name in manifest.mappings:
        for path in sorted((manifest.folder / "fixtures").glob(f"{name}.*")):
            if path.suffix in (".csv", ".jsonl") and not path.name.endswith(".join.csv"):
                join = path.with_name(f"{name}.join.csv")
                found[name] = Input(file=path, mapping=name, join=join if join.exists() else None)
    return found


class SourceSuite:
    """The contract. Each method is one promise; `manifest` is the connector under test."""

    def test_folder_and_manifest_are_complete(self, manifest: Manifest) -> None:
        missing = [name for name in FILES if not (manifest.folder / name).is_file()]
        assert not missing, f"{manifest.domain} lacks {', '.join(missing)}"
        assert load_manifest(manifest.folder) == manifest
        declared = {path.stem for path in (manifest.folder / "mappings").glob("*.yaml")}
        assert declared == set(manifest.mappings), "manifest.yaml and mappings/ must name the same mappings"
        readme = (manifest.folder / "README.md").read_text("utf-8")
        assert not [name for name in manifest.mappings if f"`{name}`" not in readme], (
            "README.md must tell of every mapping"
        )

    def test_it_imports_only_the_sdk_and_only_its_client_does_io(self, manifest: Manifest) -> None:
        for path in sorted(manifest.folder.glob("*.py")):
            if path.name == "bench.py":
                continue  # it starts the system for tests
            tree = ast.parse(path.read_text("utf-8"))
            names = set(_imported(tree))
            wrong = [name for name in names if name.startswith("hub.") and not name.startswith(MAY_IMPORT)]
            assert not wrong, f"{path.name} imports {', '.join(wrong)}; a connector may import {', '.join(MAY_IMPORT)}"
            if path.name != "client.py":
                impure = sorted({name.split(".")[0] for name in names} & IMPURE)
                opens = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "open"]
                said = f"{path.name} does I/O ({', '.join(impure) or 'open'}); only client.py may"
                assert not impure, said
                assert not opens, said

    def test_every_mapping_has_a_fixture(self, manifest: Manifest) -> None:
        missing = sorted(set(manifest.mappings) - set(fixture_inputs(manifest)))
        assert not missing, f"no fixtures/<mapping>.csv or .jsonl for {', '.join(missing)}"

    def test_every_fixture_row_is_a_valid_event_or_a_named_reject(self, manifest: Manifest) -> None:
        codec = Codec(FileRegistry())
        for each in fixture_inputs(manifest).values():
            found = list(outcomes(manifest, each))
            assert any(outcome.event for outcome in found), (
                f"{each.file.name}: no row becomes an event; put rows there as the system writes them"
            )
            for item, event, rejection in found:
                if event is not None:
                    assert event.source == manifest.domain
                    data = codec.encode_one(CaseEvent.subject(), event.to_avro())
                    assert CaseEvent.from_avro(codec.decode_one(data)[1]) == event
                elif rejection is not None:
                    assert rejection.reason in Reason, item.where
                    assert rejection.detail

    def test_bad_rows_do_not_stop_the_rest(self, manifest: Manifest, tmp_path: Path) -> None:
        for name, each in fixture_inputs(manifest).items():
            mapping = load_mapping(manifest.mapping_path(name))
            clean = run_in_memory(manifest, each, tmp_path / "clean")
            rows = list(raw_rows(each.file, mapping))
            spoilt = tmp_path / each.file.name
            header = each.file.read_bytes()[: rows[0].start]
            bad = [line for _ in rows for line in spoilers(mapping)]
            lines = [part for row in rows for part in (row.raw, *spoilers(mapping))]
            spoilt.write_bytes(header + b"".join(lines))
            dirty = run_in_memory(manifest, each.model_copy(update={"file": spoilt}), tmp_path / "dirty")
            assert dirty.events == clean.events
            assert len(dirty.letters) == len(clean.letters) + len(bad)
            assert all(
                letter.reason == Reason.BAD_ROW and letter.line for letter in dirty.letters[len(clean.letters) :][:1]
            )

    def test_what_cannot_be_true_is_rejected_by_name(self, manifest: Manifest) -> None:
        for each in fixture_inputs(manifest).values():
            intake = file_source(manifest, each)[1]
            event = intake.mapping(each.mapping).event
            item = next((item for item, event_, _ in outcomes(manifest, each) if event_ is not None), None)
            assert item is not None, (
                f"{each.file.name}: no row becomes an event; put rows there as the system writes them"
            )
            values = item.values or {}
            cases: list[tuple[str | None, str, set[Reason]]] = [
                (event.source_ref.column, "", {Reason.INVALID, Reason.BAD_ROW}),
                (event.source_ref.column, "x" * 201, {Reason.TOO_LARGE, Reason.BAD_ROW}),
                (event.reported_at.column, "", {Reason.BAD_ROW}),
                (event.reported_at.column, "soon", {Reason.BAD_ROW}),
                (event.text.column, "长" * (MAX_TEXT_CHARS + 1), {Reason.TOO_LARGE}),
                *[
                    (event.reported_at.column, text, {Reason.TIME_OUT_OF_RANGE, Reason.BAD_ROW})
                    for text in ("0001-01-01 00:00:00", "0001/1/1 00:00:00", "-62135596800000", "9" * 400)
                ],
            ]
            for column, value, reasons in cases:
                if column is not None and column in values:
                    changed = {**values, column: value}
                    outcome = intake.outcome(item._replace(values=changed))
                    if outcome.event is None and not intake.mapper(each.mapping).keeps(changed):
                        continue  # the mapping's `where` leaves such a row out, by name
                    assert outcome.rejection is not None, f"{each.file.name}: {column}={value[:20]!r} was taken"
                    assert outcome.rejection.reason in reasons

    def test_a_clean_stop_at_any_row_resumes_exactly(self, manifest: Manifest, tmp_path: Path) -> None:
        for name, each in fixture_inputs(manifest).items():
            whole = run_in_memory(manifest, each, tmp_path / f"{name}-whole").events
            for at in range(1, len(whole) + 1):
                folder = tmp_path / f"{name}-{at}"
                first = run_in_memory(manifest, each, folder, MemoryPublisher(stop_at=at)).events
                second = run_in_memory(manifest, each, folder).events
                assert first + second == whole, f"{name}: stopped after {at}"

    def test_a_kill_at_any_row_loses_nothing_and_keeps_order(self, manifest: Manifest, tmp_path: Path) -> None:
        for name, each in fixture_inputs(manifest).items():
            whole = run_in_memory(manifest, each, tmp_path / f"{name}-whole").events
            for at in range(len(whole)):
                folder = tmp_path / f"{name}-{at}"
                killed = MemoryPublisher(die_at=at)
                try:
                    run_in_memory(manifest, each, folder, killed)
                except KilledError:
                    pass
                else:
                    raise AssertionError(f"{name}: was not killed at {at}")
                # what was not acknowledged at the kill may never have arrived
                arrived = killed.events[: killed.acknowledged]
                resumed = run_in_memory(manifest, each, folder).events
                assert resumed == whole[len(whole) - len(resumed) :], f"{name}: killed at {at}"
                assert len(arrived) + len(resumed) >= len(whole), f"{name}: killed at {at}, rows are lost"

    def test_metric_labels_are_bounded(self, manifest: Manifest, tmp_path: Path) -> None:
        for name, each in fixture_inputs(manifest).items():
            run_in_memory(manifest, each, tmp_path / name)
        rows = [sample.labels for sample in _samples(ROWS) if sample.labels["source"] == manifest.domain]
        assert rows
        assert {labels["result"] for labels in rows} <= RESULTS
        dead = [
            sample.labels
            for sample in _samples(DEAD_LETTERS)
            if sample.labels["stage"] == f"connector:{manifest.domain}"
        ]
        assert {labels["reason"] for labels in dead} <= set(Reason)

    def test_no_personal_data_is_carried(self, manifest: Manifest) -> None:
        for name, each in fixture_inputs(manifest).items():
            mapping = load_mapping(manifest.mapping_path(name))
            suspicious = sorted(used for used in mapping.file_columns() if used.lower().endswith(PERSONAL))
            assert not suspicious, (
                f"{name} uses {', '.join(suspicious)}, which look personal; list them under `personal`"
            )
            secrets = personal_values(each.file, mapping)
            for outcome in outcomes(manifest, each):
                for said in _outputs(manifest.domain, outcome):
                    assert not [secret for secret in secrets if secret in said], f"{name}: a personal value comes out"


def run_in_memory(
    manifest: Manifest, file: Input, folder: Path, publisher: MemoryPublisher | None = None
) -> MemoryPublisher:
    """Run over one input with its cursor in `folder`, saving it after every second row."""
    publisher = publisher or MemoryPublisher()
    options = RunnerOptions(cursor_dir=folder, checkpoint_rows=2, stop=publisher.stop)
    run_source(manifest, [file], Settings(), options, publisher)
    return publisher


def raw_rows(path: Path, mapping: Mapping) -> Iterator[Any]:
    reader = open_reader(path, mapping)
    try:
        yield from reader
    finally:
        reader.lines.close()


def spoilers(mapping: Mapping) -> list[bytes]:
    """Lines that are no rows of the format."""
    if mapping.format is FileFormat.JSONL:
        return [b"{not json\n", b"[1, 2]\n", b'"\xff\xfe"\n']
    return [b"one cell only\n", mapping.delimiter.encode().join([b"x"] * 200) + b"\n", b"\xff\xfe\xff\n"]


def personal_values(path: Path, mapping: Mapping) -> set[str]:
    """What the fixture has in its personal columns."""
    open_mapping = mapping.model_copy(update={"personal": []})
    rows = [row for row in raw_rows(path, open_mapping) if isinstance(row, Row)]
    return {str(row.values[name]) for row in rows for name in mapping.personal if row.values.get(name)}


def _outputs(domain: str, outcome: Mapped) -> Iterator[str]:
    from hub.errors import RejectedRecordError

    if outcome.event is not None:
        yield outcome.event.model_dump_json()
    rejection = outcome.rejection or RejectedRecordError(Reason.INVALID, "as if it were bad")
    letter = dead_letter(domain, outcome.item, rejection)
    yield (letter.value or b"").decode("utf-8", "replace") + letter.detail


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _samples(metric: Any) -> list[Any]:
    return [sample for family in metric.collect() for sample in family.samples if not sample.name.endswith("_created")]
