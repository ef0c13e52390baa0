"""Truth files: what can be read counts, what cannot is named, and a column that is not there is an error that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub.backtest.judging.truth import TruthRow, read_truth
from hub.errors import FatalError
from hub.sdk.mapping.mapping import Mapping

EVENT = {"source_ref": "id", "reported_at": {"column": "at", "formats": ["iso"]}}
SPEC: dict[str, Any] = {
    "ref": "id",
    "due": {"column": "due", "formats": ["iso"]},
    "closed": {"column": "closed", "formats": ["iso"]},
    "queue": "queue",
    "duplicate": {"column": "state", "matches": " - dup$"},
}


def _mapping(**changed: Any) -> Mapping:
    said = {"description": "x", "format": "csv", "time_zone": "Asia/Shanghai", "event": EVENT, "truth": SPEC}
    return Mapping.model_validate(said | changed)


def _write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def test_times_are_local_and_empty_says_nothing(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "t.csv", "id,due,closed,queue,state\n7,1970-01-01T08:00:01,, 道路 ,Completed - Dup\n8,,,,\n"
    )
    truth = read_truth(path, _mapping())
    assert truth.rows == {"7": TruthRow(due_ms=1000, queue="道路", duplicate=True), "8": TruthRow()}
    assert truth.tells == {"due", "closed", "queue", "duplicate"}


def test_one_bad_time_costs_only_itself(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "id,due,closed,queue,state\n7,soon,1970-01-01T08:00:02,q,Open\n,,,,\n8,1\n")
    truth = read_truth(path, _mapping())
    assert truth.rows == {"7": TruthRow(closed_ms=2000, queue="q", duplicate=False)}
    assert [line for line, _ in truth.bad] == [2, 3, 4]


def test_of_repeated_references_the_first_counts(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "id,due,closed,queue,state\n7,,,a,\n7,,,b,\n")
    truth = read_truth(path, _mapping())
    assert truth.rows["7"].queue == "a"
    assert truth.repeated == 1


def test_a_missing_column_is_named_unless_it_is_optional(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "id,due,closed,state\n7,,,\n")
    with pytest.raises(FatalError, match="lacks queue"):
        read_truth(path, _mapping())
    assert read_truth(path, _mapping(optional_columns=["queue"])).rows == {"7": TruthRow()}


def test_its_encoding_may_differ(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "id,due,closed,queue,state\n7,,,道路,\n", "gb18030")
    truth = read_truth(path, _mapping(truth=SPEC | {"encoding": "gb18030"}))
    assert truth.rows["7"].queue == "道路"


def test_references_written_as_decimals_are_read_as_whole(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", "id,due,closed,queue,state\n7.0,,,q,\n")
    assert list(read_truth(path, _mapping(whole_numbers=["id"])).rows) == ["7"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"due": "due"},
        {"duplicate": {"column": "state", "matches": "("}},
        {"snapshot": "at the end"},
        {"colour": "blue"},
    ],
    ids=["no formats", "no regular expression", "no time", "unknown"],
)
def test_a_wrong_section_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _mapping(truth=SPEC | wrong)


def test_a_mapping_without_the_section_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="add a section `truth:`"):
        read_truth(tmp_path / "t.csv", _mapping(truth=None))
