"""`cityhub backtest` on files: the columns others rely on, bad rows listed, encodings and errors as people meet them."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli.policy.backtest import backtest
from hub.errors import FatalError
from tests.unit.backtest.small_past import small_city

MAPPING = """\
description: test
format: csv
encoding: {encoding}
time_zone: Asia/Shanghai
event:
  source_ref: 编号
  reported_at: {{column: 时间, formats: [ymd]}}
  category: 类别
  place: {{lat: 纬度, lon: 经度}}
truth:
  ref: id
  due: {{column: due, formats: [iso]}}
  closed: {{column: closed, formats: [iso]}}
  department: dept
"""
HEADER = "编号,时间,类别,纬度,经度\n"
ROWS = "1,2026/3/2 09:00,路坑,30.05,100.05\n2,2026/3/2 10:30,路坑,30.05,100.05\n3,2026/3/2 11:00,路灯,,\n"
COLUMNS = [
    "source",
    "source_ref",
    "case_id",
    "lead_ref",
    "link_score",
    "department",
    "queue",
    "category",
    "due_at",
    "due_policy",
    "breached_at",
]


def _files(folder: Path, rows: str = ROWS, encoding: str = "utf-8-sig", mark: bytes = b"") -> list[str]:
    small_city(folder / "city")
    (folder / "events.csv").write_bytes(mark + (HEADER + rows).encode(encoding.removesuffix("-sig")))
    (folder / "m.yaml").write_text(MAPPING.format(encoding=encoding), encoding="utf-8")
    said = ["--city", "city", "--events", "events.csv", "--mapping", "m.yaml", "--out", "out"]
    return [str(folder / each) if not each.startswith("--") else each for each in said]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(backtest, arguments, catch_exceptions=False)


def _decisions(folder: Path, name: str = "decisions.csv") -> list[dict[str, str]]:
    with (folder / "out" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b""), ("utf-8-sig", b"\xef\xbb\xbf"), ("gb18030", b"")], ids=["plain", "bom", "gb"]
)
def test_a_row_for_every_report(tmp_path: Path, encoding: str, mark: bytes) -> None:
    result = _run(*_files(tmp_path, encoding=encoding, mark=mark))
    assert result.exit_code == 0
    rows = _decisions(tmp_path)
    assert list(rows[0]) == COLUMNS
    assert [row["source_ref"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["due_at"] == "2026-03-03T09:00:00+08:00"
    assert rows[1]["case_id"] == rows[0]["case_id"]
    assert rows[1]["lead_ref"] == "1"
    assert 0 < float(rows[1]["link_score"]) <= 1
    assert (rows[0]["department"], rows[0]["queue"], rows[0]["category"]) == ("roads", "Road gang", "hole")
    assert (rows[2]["due_at"], rows[2]["due_policy"], rows[2]["breached_at"]) == ("", "", "")
    for name in ("rejects.csv", "report.json", "summary.md"):
        assert (tmp_path / "out" / name).stat().st_size


def test_bad_rows_are_listed_and_stop_nothing(tmp_path: Path) -> None:
    bad = '4,the day before,路坑,,\n5\n1,2026/3/2 09:00,路坑,30.05,100.05\n6,2026/3/9 09:00,"路坑,,\n7,2026/3/2 12:00,路坑,,\n'
    result = _run(*_files(tmp_path, ROWS + bad), "--json")
    report = json.loads(result.stdout)
    assert [row["source_ref"] for row in _decisions(tmp_path)] == ["1", "2", "3", "7"]
    with (tmp_path / "out" / "rejects.csv").open(encoding="utf-8", newline="") as file:
        rejects = {(row["line"], row["reason"]) for row in csv.DictReader(file)}
    assert rejects == {("5", "bad_row"), ("6", "bad_row"), ("7", "repeat"), ("8", "bad_row")}
    assert report["rows"] == 8 == report["reports"] + report["rejected"] + report["repeats"] + report["left_out"]


def test_updates_close_and_their_times_are_the_citys(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    updates = tmp_path / "updates.csv"
    updates.write_text(
        "source_ref,at,status\n1,2026-03-03 08:59,已办结\n2,2026-03-03T02:31:00Z,Completed - Dup\n9,2026-03-03 08:00,closed\n"
        "1,2026-03-03 08:00,perhaps\n",
        encoding="utf-8",
    )
    _run(*arguments, "--updates", str(updates), "--now", "2026-04-01")
    rows = _decisions(tmp_path)
    assert rows[0]["breached_at"] == ""
    assert rows[1]["breached_at"] == rows[1]["due_at"] == "2026-03-03T10:30:00+08:00"
    said = (tmp_path / "out" / "rejects.csv").read_text(encoding="utf-8")
    assert "unknown_ref" in said
    assert "status is none of" in said


def test_a_truth_scores_and_closes(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    truth = tmp_path / "truth.csv"
    truth.write_text("id,due,closed,dept\n1,2026-03-03T09:00:30,2026-03-02T19:00:00,道路\n2,,,供电\n", encoding="utf-8")
    report = json.loads(_run(*arguments, "--truth", str(truth), "--json").stdout)
    assert report["scores"]["due"] == {"judged": 1, "right": 1, "share": 1.0}
    assert report["scores"]["department"] == {"judged": 2, "right": 1, "share": 0.5}
    assert report["closings_from"] == "the truth"
    assert _decisions(tmp_path)[0]["breached_at"] == ""


def test_two_policies(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    small_city(tmp_path / "other", linking_yaml="linking: []\n")
    result = _run(*arguments, "--against", str(tmp_path / "other"))
    assert "links gained" in result.stdout
    assert _decisions(tmp_path, "difference.csv") == [
        {"source": "hotline", "source_ref": "2", "what": "link_gained", "before": "", "after": "1"}
    ]
    cases = [row["case_id"] for row in _decisions(tmp_path, "decisions.against.csv")]
    assert len(set(cases)) == 3


def test_a_missing_truth_column_is_named(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    (tmp_path / "truth.csv").write_text("id,closed,dept\n1,,\n", encoding="utf-8")
    with pytest.raises(FatalError, match=r"truth\.csv: the header lacks due"):
        _run(*arguments, "--truth", str(tmp_path / "truth.csv"))


def test_a_file_that_is_none_of_updates_says_what_it_needs(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    (tmp_path / "updates.csv").write_text("id,when\n", encoding="utf-8")
    with pytest.raises(FatalError, match="needs the columns source_ref, at, status"):
        _run(*arguments, "--updates", str(tmp_path / "updates.csv"))


def test_all_is_counted_whatever_period_is_judged(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    (tmp_path / "truth.csv").write_text("id,due,closed,dept\n", encoding="utf-8")
    arguments += ["--truth", str(tmp_path / "truth.csv"), "--json"]
    report = json.loads(_run(*arguments, "--until", "2026-03-02T10:00").stdout)
    assert (report["links"], report["scores"]["reports"], report["scores"]["duplicates"]["links"]) == (1, 1, 0)


def test_a_truth_needs_its_section(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    mapping = tmp_path / "m.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").partition("truth:")[0], encoding="utf-8")
    (tmp_path / "truth.csv").write_text("id\n", encoding="utf-8")
    with pytest.raises(FatalError, match="add a section `truth:`"):
        _run(*arguments, "--truth", str(tmp_path / "truth.csv"))


def test_a_mapping_that_nobody_knows_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    arguments[arguments.index("--mapping") + 1] = "atlantis"
    with pytest.raises(FatalError, match="boston311"):
        _run(*arguments)


def test_without_a_mapping_the_header_chooses(tmp_path: Path) -> None:
    small_city(tmp_path / "city")
    (tmp_path / "events.csv").write_text(
        "留言编号,留言用户,留言主题,留言时间,留言详情\n1,u,坑,2026/3/2 9:00:00,路坑\n", encoding="utf-8"
    )
    _run("--city", str(tmp_path / "city"), "--events", str(tmp_path / "events.csv"), "--out", str(tmp_path / "out"))
    (row,) = _decisions(tmp_path)
    assert row["department"] == "desk"


def test_no_file_is_left_unread_without_a_word(tmp_path: Path) -> None:
    arguments = _files(tmp_path)
    result = _run(*arguments, "--events", arguments[3], "--mapping", arguments[5], "--json")
    report = json.loads(result.stdout)
    assert (report["reports"], report["repeats"]) == (3, 3)


def test_times_in_the_table_have_their_offset(tmp_path: Path) -> None:
    _run(*_files(tmp_path), "--now", "2026-04-01")
    for row in _decisions(tmp_path)[:2]:
        assert datetime.fromisoformat(row["breached_at"]).utcoffset() is not None
