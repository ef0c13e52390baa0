"""By rows and by columns a mapping gives the same bytes: for every fixture, and for whatever a system may write."""

from __future__ import annotations

import random
from collections.abc import Mapping as Values
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import RejectedRecordError
from hub.model.event import CaseEvent
from hub.sdk.manifest import discover
from hub.sdk.mapping.by_columns import ByColumns
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.publishing.encoding import Encoded, encoded
from hub.sdk.sources.file.lines import Watch
from hub.sdk.sources.file.rows import Row
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.files import POLICE_COLUMNS, police_row
from hub.testing.outcomes import file_source
from hub.testing.source_suite import fixture_inputs

CODEC = Codec(FileRegistry())
_MOST = 1 << 20
MAPPINGS = [(domain, name) for domain, manifest in discover().items() for name in manifest.mappings]


def by_rows(mapper: Mapper, row: Values[str, Any]) -> Encoded | None:
    try:
        event = mapper.event(row)
    except RejectedRecordError:
        return None
    if event is None:
        return None
    return event.source_ref.encode(), CODEC.encode_one(CaseEvent.subject(), event.to_avro())


def by_columns(mapping: Mapping, source: str, rows: Sequence[Values[str, Any]]) -> list[Encoded | None]:
    return encoded(CODEC, ByColumns(mapping, source).read(rows), len(rows), _MOST)


def require_the_same(mapping: Mapping, source: str, rows: Sequence[Values[str, Any]]) -> int:
    """How many of the rows were taken by columns. None of them may be one that cannot be used."""
    mapper, found = Mapper(mapping, source), by_columns(mapping, source, rows)
    for row, record in zip(rows, found, strict=True):
        assert record is None or record == by_rows(mapper, row), row
    return sum(record is not None for record in found)


@cache
def fixture_rows(domain: str, name: str) -> tuple[Mapping, list[dict[str, Any]]]:
    manifest = discover()[domain]
    each = fixture_inputs(manifest)[name]
    source, intake = file_source(manifest, each)
    reader = source.open(0, Watch())
    try:
        rows = [
            item.values for row in reader if isinstance(row, Row) and (item := source.item(0, row)).values is not None
        ]
    finally:
        reader.lines.close()
    return intake.mapping(name), rows


@pytest.mark.parametrize(("domain", "name"), MAPPINGS)
def test_every_fixture_is_taken_by_columns_and_gives_the_same(domain: str, name: str) -> None:
    mapping, rows = fixture_rows(domain, name)
    mapper = Mapper(mapping, domain)
    usable = sum(by_rows(mapper, row) is not None for row in rows)
    assert require_the_same(mapping, domain, rows * 3) == 3 * usable > 0


ODD: list[Any] = [
    "", " ", "N/A", "null", "NULL", "0", "-1", "1", "007", "1e5", "12E5", "1.0", "53.0", "1,5", "1_000", "９", "nan", "inf", "-inf",
    "1e400", "true", "#N/A", "'0012", '="0012"', "ＡＢ１", "a\u200bb", "a\x00b", "a\nb", "\ud800", "x" * 201, "长" * 1001, "9" * 30,
    "39.9", "116.4", "12958034.0", "4865942.5", "91", "181", "42.3594", "-71.0587", "2026-01-06 12:00:00", "2026/1/6 8:00:00",
    "2026-01-06T12:00:00+08:00", "0001-01-01", "2026-11-01 01:30:00", "2026-03-08 02:30:00", "1767672000000", "-62135596800000",
    "EPSG:4326", "GCJ-02", "BD-09", "EPSG:3857", "Mars", "a|b;c", None, True, False, 0, 7, 1.5, -0.0, ["a", "", "b"], [1, None], [],
]  # fmt: skip


@pytest.mark.parametrize(("domain", "name"), [each for each in MAPPINGS if each[1] in ("demo", "montgomery_911")])
def test_whatever_odd_stands_in_whichever_column_both_ways_agree(domain: str, name: str) -> None:
    mapping, rows = fixture_rows(domain, name)
    plain = next(row for row in rows if by_rows(Mapper(mapping, domain), row) is not None)
    for column in sorted(mapping.columns() & plain.keys()):
        for odd in ODD:
            require_the_same(mapping, domain, [{**plain, column: odd}])


@settings(max_examples=40)
@given(st.data())
def test_whatever_a_system_writes_both_ways_agree(data: st.DataObject) -> None:
    """Sound rows of a fixture in which some cells are odd, or missing."""
    mapping, rows = fixture_rows(*data.draw(st.sampled_from(MAPPINGS)))
    seed = data.draw(st.integers(0, 2**32))
    columns = data.draw(st.lists(st.sampled_from(sorted(rows[0])), min_size=1, max_size=3))
    odd = data.draw(
        st.lists(
            st.one_of(st.sampled_from(ODD), st.text(max_size=5), st.floats(), st.integers()), min_size=1, max_size=6
        )
    )
    chance = random.Random(seed)
    made = [dict(chance.choice(rows)) for _ in range(12)]
    for row in made:
        for column in columns:
            if chance.random() < 0.4:
                row[column] = chance.choice(odd)
            elif chance.random() < 0.05:
                row.pop(column, None)
    require_the_same(mapping, "police", made)


def _spec(column: str) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.just(column),
        st.just({"column": column, "default": "other"}),
        st.just({"column": column, "map": {"a": "b", "": "empty"}, "default": "x"}),
        st.just({"column": column, "map": {"1": "one"}}),
        st.sampled_from([{"constant": "c"}, {"constant": ""}, {"constant": "", "default": "d"}, {"constant": 7}]),
        st.just({"template": f"{{{column}}} of {{b}}"}),
        st.just({"concat": [column, "b"], "separator": ", "}),
        st.just({"digest": [column, "b"]}),
    )


_TIME = {"column": "t", "formats": ["epoch_ms", "iso", "ymd", "epoch_s"]}
_EVENTS = st.fixed_dictionaries(
    {"source_ref": _spec("ref"), "reported_at": st.sampled_from([_TIME, {"column": "t", "formats": ["epoch_ms"]}])},
    optional={
        "revision": st.sampled_from(["n", {"constant": 3}, {"column": "n", "default": "1"}]),
        "kind": st.just({"column": "k", "map": {"a": "OPENED", "b": "CLOSED"}, "default": "WRONG"}),
        "occurred_at": st.just({"column": "u", "formats": ["iso", "ymd"], "default": "2026-01-06"}),
        "due_at": st.just({"column": "u", "formats": ["epoch_ms"]}),
        "category": _spec("a"), "category_label": _spec("a"), "title": _spec("a"), "text": _spec("b"), "channel": _spec("b"),
        "urgency": st.just({"column": "k", "map": {"a": "URGENT"}, "default": "ROUTINE"}),
        "place": st.fixed_dictionaries(
            {"lat": st.just("y"), "lon": st.just("x")},
            optional={
                "crs": st.sampled_from([{"column": "c", "default": "EPSG:4326"}, {"column": "c"}, {"constant": "EPSG:3857"}]),
                "nowhere": st.just([[0, 0], [1.5, 1]]), "code": _spec("a"), "address": _spec("b"),
            },
        ),
        "attachments": st.just({"column": "a", "split": ";"}),
        "attributes": st.just({"one": {"column": "a"}, "two": {"column": "b"}}),
    },
)  # fmt: skip
_MORE = st.fixed_dictionaries(
    {},
    optional={
        "nulls": st.just(["N/A", "null"]), "decimal": st.just(","), "thousands": st.just(" "),
        "whole_numbers": st.just(["n", "a"]),
        "where": st.just([{"column": "a", "not_among": ["1"]}]), "time_zone": st.just("America/New_York"),
        "reference": st.sampled_from(
            [{"normalise": ["blanks", "width", "spreadsheet", "number"]}, {"normalise": ["case"]}, {"digits": 4}]
        ),
    },
)  # fmt: skip
_CELLS = st.one_of(st.sampled_from(ODD), st.text(max_size=4), st.integers(-(10**14), 10**14).map(str))
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "ref": st.sampled_from(["A-1", "B2", "77"]), "t": st.integers(10**12, 2 * 10**12).map(str),
    "n": st.sampled_from(["", "0", "12"]),
    "k": st.sampled_from(["a", "b"]), "u": st.just("2026-01-06"), "a": st.text("ab1", max_size=3), "b": st.text("长 x", max_size=3),
    "y": st.sampled_from(["", "39.9", "0"]), "x": st.sampled_from(["", "116.4", "0"]), "c": st.sampled_from(["", "GCJ-02", "GPS"]),
}  # fmt: skip
_ROWS = st.lists(
    st.fixed_dictionaries({name: st.one_of(plain, plain, _CELLS) for name, plain in _PLAIN.items()}),
    min_size=1,
    max_size=6,
)


@settings(max_examples=80)
@given(_EVENTS, _MORE, _ROWS)
def test_whatever_a_mapping_declares_both_ways_agree(
    event: dict[str, Any], more: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    mapping = Mapping.model_validate({"description": "t", "format": "jsonl", "event": event} | more)
    require_the_same(mapping, "works", rows)


def test_of_plain_rows_every_one_is_taken_and_of_odd_ones_the_others() -> None:
    mapping, _ = fixture_rows("police", "demo")
    rows = [dict(zip(POLICE_COLUMNS, police_row(number), strict=True)) for number in range(500)]
    assert require_the_same(mapping, "police", rows) == 500
    rows[7]["BJSJ"], rows[8]["WD"], rows[9]["JJDBH"], rows[10]["DZLX"] = "soon", "x", "a\x07b", "9"
    assert require_the_same(mapping, "police", rows) == 496


def test_a_mapping_of_several_statements_goes_by_rows() -> None:
    event = {"source_ref": "id", "reported_at": {"column": "at", "formats": ["iso"]}}
    declared = {"description": "t", "format": "csv", "event": event, "also": [{"event": {"revision": {"constant": 1}}}]}
    assert not ByColumns(Mapping.model_validate(declared), "works").usable


def test_a_record_that_is_too_long_for_the_topic_goes_by_rows() -> None:
    mapping, rows = fixture_rows("police", "demo")
    assert encoded(CODEC, ByColumns(mapping, "police").read(rows), len(rows), 10) == [None] * len(rows)
