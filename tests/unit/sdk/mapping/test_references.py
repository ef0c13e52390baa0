"""References: one form for what differs only in dress, as declared; what many matters would share is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backtest.judging.truth import read_truth
from hub.errors import Reason, RejectedRecordError
from hub.sdk.mapping.columns import text_reader
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.mapping.references import ReferenceSpec, undressing
from hub.sdk.mapping.specs import FieldSpec

ALL = ["blanks", "width", "spreadsheet", "number"]


def mapper(event: dict[str, object] | None = None, **more: object) -> Mapper:
    base = {"source_ref": "id", "reported_at": {"column": "at", "formats": ["epoch_ms"]}}
    return Mapper(
        Mapping.model_validate({"description": "test", "format": "csv", "event": base | (event or {}), **more}),
        "hotline",
    )


def reference(made: Mapper, value: Any) -> str:
    event = made.event({"id": value, "at": "1767672578123"})
    assert event is not None
    return event.source_ref


DRESSED = [
    ("\u00a0JJ1\u200b", "blanks", "JJ1"),
    ("\ufeffJJ\u200d1\u3000", "blanks", "JJ1"),
    ("ＪＪ１", "width", "JJ1"),
    ('="0012"', "spreadsheet", "0012"),
    ("'0012", "spreadsheet", "0012"),
    ("123.0", "number", "123"),
    (20260106000123.0, "number", "20260106000123"),
    ("jj1", "case", "JJ1"),
]


@pytest.mark.parametrize(("value", "dress", "bare"), DRESSED)
def test_a_dress_is_taken_off_if_it_is_declared_and_only_then(value: Any, dress: str, bare: str) -> None:
    assert reference(mapper(reference={"normalise": [dress]}), value) == bare
    others = [each for each in [*ALL, "case"] if each != dress]
    assert reference(mapper(reference={"normalise": others}), value) != bare
    assert reference(mapper(), value) != bare


def test_zeros_that_a_spreadsheet_dropped_are_put_back_where_the_mapping_says_how_many() -> None:
    made = mapper(reference={"normalise": ALL, "digits": 4})
    assert [reference(made, value) for value in ("12", "0012", 12, '="0012"', "12.0", "A12", "12345")] == [
        *["0012"] * 5, "A12", "12345",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    ["1.23E+15", "1e+22", "1,23E+15", True, False, "true", "FALSE", [1], "#N/A", "#REF!", "#NAME?", "NULL", "nan", "N/A", "None",
     "undefined"],
)  # fmt: skip
@pytest.mark.parametrize("declared", [[], ALL])
def test_what_stands_for_many_matters_is_refused(value: Any, declared: list[str]) -> None:
    with pytest.raises(RejectedRecordError, match="source_ref is spoilt") as caught:
        reference(mapper(reference={"normalise": declared}), value)
    assert caught.value.reason is Reason.INVALID
    assert str(value) not in caught.value.detail or str(value) == "1.23E+15"


@pytest.mark.parametrize("value", ["1.23E15", "12e5"])
def test_an_exponent_without_its_sign_is_a_number_only_where_references_are(value: str) -> None:
    assert reference(mapper(), value) == value
    with pytest.raises(RejectedRecordError, match="spoilt"):
        reference(mapper(reference={"normalise": ["number"]}), value)


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "\x1b[31mred"])
def test_no_control_character_is_part_of_a_reference(value: str) -> None:
    for declared in ([], ALL):
        with pytest.raises(RejectedRecordError):
            reference(mapper(reference={"normalise": declared}), value)


def test_a_digest_is_no_number() -> None:
    made = mapper({"source_ref": {"digest": ["id"]}}, reference={"normalise": ALL})
    assert len(reference(made, "1.23E+15")) == 24


@given(st.text(max_size=12), st.sets(st.sampled_from([*ALL, "case"])))
def test_what_is_undressed_stays_as_it_is(text: str, declared: set[str]) -> None:
    undress = undressing(ReferenceSpec.model_validate({"normalise": sorted(declared)}))
    once = undress(text.strip())
    if not declared & {"spreadsheet", "number"}:  # what they uncover may wear the same again
        assert undress(once) == once


def test_a_truth_file_speaks_of_the_same_references(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text('id,twin\n"=""0012""",\'0013\n1.23E+15,\n', encoding="utf-8")
    made = mapper(reference={"normalise": ALL}, truth={"ref": "id", "duplicate_of": "twin"})
    truth = read_truth(path, made.mapping)
    assert {ref: row.duplicate_of for ref, row in truth.rows.items()} == {"0012": "0013"}
    assert [line for line, _ in truth.bad] == [3, 3]


def test_null_words_read_as_empty_wherever_they_are_declared() -> None:
    made = mapper({"title": "title", "place": {"lat": "lat", "lon": "lon"}}, nulls=["N/A", "null"])
    row = {"id": "1", "at": "1767672578123", "title": "NULL", "lat": " n/a ", "lon": "N/A"}
    event = made.event(row)
    assert event is not None
    assert (event.title, event.place.lat, event.place.lon) == ("", None, None)
    assert text_reader(FieldSpec(column="title"))(row) == "NULL"
