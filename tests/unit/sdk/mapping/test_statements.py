"""Several statements of one row, and numbers with thousands: declared, checked, and what they say is what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.connector.command import connector
from hub.errors import FatalError, RejectedRecordError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.numbers import plain_number
from hub.sdk.mapping.personal import without
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.file.join import Input
from hub.testing.outcomes import outcomes
from hub.testing.source_suite import SourceSuite

MAPPING = """
description: A works register, one row an order, with its notes and its end
format: jsonl
time_zone: Asia/Shanghai
decimal: ","
thousands: "."
nulls: [N/A]
personal: [notes.by]
event:
  source_ref: id
  reported_at: {column: opened, formats: [iso]}
  category: kind
  title: title
  place: {lat: north, lon: east, crs: {constant: "EPSG:3857"}}
also:
  - each: notes
    event:
      revision: notes.#
      kind: {constant: AMENDED}
      reported_at: {column: notes.at, formats: [iso]}
      text: notes.text
  - where: [{column: closed, empty: false}]
    event:
      revision: {constant: 1000}
      kind: {constant: CLOSED}
      reported_at: {column: closed, formats: [iso]}
"""
ROWS: list[dict[str, Any]] = [
    {
        "id": "W-1", "opened": "2026-01-06T08:00", "kind": "roads.pothole", "title": "Pothole", "north": "4.865.942,5",
        "east": "12.958.034,0", "closed": "2026-01-08T17:00",
        "notes": [{"at": "2026-01-06T09:00", "text": "seen", "by": "N-secret-1"},
                  {"at": "2026-01-07T09:00", "text": "being mended", "by": "N-secret-2"}],
    },
    {"id": "W-2", "opened": "2026-01-06T08:30", "kind": "lights.out", "title": "Dark", "north": "N/A", "closed": "N/A",
     "notes": []},
    {"id": "W-3", "opened": "2026-01-06T08:40", "kind": "lights.out", "title": "Dark", "closed": "tomorrow"},
]  # fmt: skip


def works(folder: Path) -> Manifest:
    made = scaffold("works", folder)
    (made / "mappings" / "demo.yaml").write_text(MAPPING, "utf-8")
    for old in (made / "fixtures").iterdir():
        old.unlink()
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (made / "fixtures" / "demo.jsonl").write_text(lines, "utf-8")
    return load_manifest(made)


class TestAConnectorWhoseRowsSaySeveralThings(SourceSuite):
    @pytest.fixture
    def manifest(self, tmp_path: Path) -> Manifest:
        return works(tmp_path)


def test_a_row_makes_its_statements_in_order_or_none(tmp_path: Path) -> None:
    manifest = works(tmp_path)
    found = list(outcomes(manifest, Input(file=manifest.folder / "fixtures" / "demo.jsonl")))
    said = [(e.source_ref, e.revision, e.kind, e.text, e.category) for _, e, _ in found if e is not None]
    assert said == [
        ("W-1", 0, "OPENED", "", "roads.pothole"),
        ("W-1", 1, "AMENDED", "seen", "roads.pothole"),
        ("W-1", 2, "AMENDED", "being mended", "roads.pothole"),
        ("W-1", 1000, "CLOSED", "", "roads.pothole"),
        ("W-2", 0, "OPENED", "", "lights.out"),
    ]
    assert [item.number for item, _, rejection in found if rejection is not None] == [3]
    first = found[0].event
    assert first is not None
    assert first.place.lat == pytest.approx(39.99, abs=0.1)
    assert first.place.lon == pytest.approx(116.4, abs=0.1)


def test_check_counts_what_rows_say_and_names_mistakes_with_their_line(tmp_path: Path) -> None:
    folder = works(tmp_path / "mine").folder
    (tmp_path / "connectors.yaml").write_text(
        f"search: [{tmp_path / 'mine'}]\nedges: {{works: {{settings: {{file: {folder}/fixtures/demo.jsonl}}}}}}\n",
        "utf-8",
    )
    shown = CliRunner(env={"CITYHUB_CONNECTORS": str(tmp_path / "connectors.yaml")}).invoke(
        connector, ["check", "works"]
    )
    assert "3 statements a row" in shown.output
    assert "3 rows, 5 events, 0 left out, 1 rejected" in shown.output
    for wrong, said in {
        MAPPING.replace("formats: [iso]}\n      text", "format: [iso]}\n      text"): "mapping.yaml:20",
        MAPPING.replace(
            "      reported_at: {column: closed, formats: [iso]}", "      reported_at: closed"
        ): "also.1.event.reported_at",
        MAPPING.replace('thousands: "."', 'thousands: ","'): "both",
        MAPPING.replace("personal: [notes.by]", "personal: [notes]"): "personal are used: notes",
    }.items():
        (path := tmp_path / "mapping.yaml").write_text(wrong, "utf-8")
        with pytest.raises(FatalError, match=said):
            load_mapping(path)


def test_an_entry_may_be_plain_text() -> None:
    declared = {
        "description": "t", "format": "csv",
        "event": {"source_ref": "id", "reported_at": {"column": "at", "formats": ["epoch_ms"]}},
        "also": [{"each": "steps", "split": ";", "event": {"revision": "steps.#", "title": "steps"}}],
    }  # fmt: skip
    mapper = Mapper(Mapping.model_validate(declared), "works")
    events = mapper.events({"id": "1", "at": "1767672578123", "steps": " a;;b ; "})
    assert [(each.revision, each.title) for each in events] == [(0, ""), (1, "a"), (2, "b")]
    assert mapper.mapping.file_columns() == {"id", "at", "steps"}


def test_what_is_personal_in_a_list_is_carried_nowhere(tmp_path: Path) -> None:
    values = {"id": 1, "notes": [{"by": "N", "of": {"who": "M", "when": 3}}, "text"], "by": "x"}
    assert without(values, ["notes.by", "notes.of.who"]) == {"id": 1, "notes": [{"of": {"when": 3}}, "text"], "by": "x"}
    manifest = works(tmp_path)
    intake = MappingSet(manifest)
    for each in outcomes(manifest, Input(file=manifest.folder / "fixtures" / "demo.jsonl")):
        kept = intake.kept(each.item)
        assert b"secret" not in (kept.raw or b"")
        assert "secret" not in json.dumps(kept.values)


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 99),
    st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'")]),
)
def test_thousands_are_taken_out_and_the_value_stays(whole: int, cents: int, signs: tuple[str, str]) -> None:
    decimal, thousands = signs
    plain = plain_number(decimal, thousands)
    for text in (f"{whole:,}.{cents:02d}", f"{whole}.{cents:02d}"):
        written = text.translate({ord("."): decimal, ord(","): thousands})
        assert plain(written) == f"{whole}.{cents:02d}"
        assert plain(written.replace(" ", "\u202f") if thousands == " " else written) == f"{whole}.{cents:02d}"


@pytest.mark.parametrize("text", ["1,23", "1,2345", ",123", "12,34,567", "1,234,", "1.5,000"])
def test_thousands_that_are_none_are_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="groups of three"):
        plain_number(".", ",")(text)


def test_a_revision_may_have_thousands_and_a_wrong_one_is_a_bad_row() -> None:
    declared = {
        "description": "t", "format": "csv", "thousands": ",",
        "event": {"source_ref": "id", "revision": "n", "reported_at": {"column": "at", "formats": ["epoch_ms"]}},
    }  # fmt: skip
    mapper = Mapper(Mapping.model_validate(declared), "works")
    row = {"id": "1", "at": "1767672578123", "n": "1,024"}
    assert [each.revision for each in mapper.events(row)] == [1024]
    with pytest.raises(RejectedRecordError, match="whole number"):
        mapper.events(row | {"n": "10,24"})


def test_half_a_surrogate_is_a_dead_letter_and_no_defect(tmp_path: Path) -> None:
    """JSON may hold one, and no encoding has it: where a record was digested or kept, the whole connector ended."""
    manifest = works(tmp_path)
    path = manifest.folder / "fixtures" / "demo.jsonl"
    path.write_text(
        '{"id": "\\ud800", "opened": "2026-01-06T08:00", "notes": [{"by": "N-secret", "text": "\\ud800"}]}\n', "utf-8"
    )
    ((item, event, rejection),) = outcomes(manifest, Input(file=path))
    assert event is None
    assert rejection is not None
    assert b"\\ud800" in (item.raw or b"")
    kept = MappingSet(manifest).kept(item._replace(raw=None))
    assert json.loads(kept.raw or b"")["id"] == "\ud800"
    fields = {"source_ref": {"digest": ["id"]}, "reported_at": {"column": "at", "formats": ["epoch_ms"]}}
    digested = Mapping.model_validate({"description": "t", "format": "jsonl", "event": fields})
    (made,) = Mapper(digested, "works").events({"id": "\ud800", "at": "1767672578123"})
    assert len(made.source_ref) == 24
