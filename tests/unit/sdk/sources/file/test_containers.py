"""Containers and encodings of all sorts: read, known by what they are and not by what they are called, or refused by name."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cli.connector.command import connector
from hub.errors import FatalError
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.formats.encodings import wrong_throughout
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.testing.files import POLICE_COLUMNS, csv_text, police_row
from tests.unit.sdk.sources.file.workbooks import with_row, workbook

TEXT = 'a,标题\n1,路灯\n2,"不亮, 已\n三天"\n3,😀\n'
VALUES = [{"a": "1", "标题": "路灯"}, {"a": "2", "标题": "不亮, 已\n三天"}, {"a": "3", "标题": "😀"}]


def mapping(**more: object) -> Mapping:
    event = {"source_ref": "a", "reported_at": {"constant": "0", "formats": ["epoch_ms"]}}
    return Mapping.model_validate({"description": "test", "format": "csv", "event": event, **more})


def rows(path: Path, **more: object) -> list[Row | BadRow]:
    reader = open_reader(path, mapping(**more))
    try:
        return list(reader)
    finally:
        reader.lines.close()


def values(path: Path, **more: object) -> list[object]:
    return [row.values if isinstance(row, Row) else row.detail for row in rows(path, **more)]


def written(tmp_path: Path, content: bytes, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


# -- containers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in", "in.gz.csv"])
def test_gzip_is_known_by_its_first_bytes(name: str, tmp_path: Path) -> None:
    assert values(written(tmp_path, gzip.compress(TEXT.encode()), name)) == VALUES


def test_gzip_of_several_members_and_filled_up_with_zeros(tmp_path: Path) -> None:
    text = TEXT.encode()
    content = gzip.compress(text[:20]) + gzip.compress(text[20:]) + gzip.compress(b"") + b"\0" * 512
    assert values(written(tmp_path, content)) == VALUES


@settings(deadline=None, max_examples=30)
@given(cut=st.integers(1, 400))
def test_cut_gzip_gives_its_whole_rows_and_then_says_that_it_is_cut(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [f"{n},{os.urandom(8).hex()}" for n in range(200)]
    whole = gzip.compress("\n".join(["a,b", *lines, ""]).encode())
    path = written(tmp_path_factory.mktemp("gz"), whole[:-cut])
    try:
        reader = open_reader(path, mapping())
    except FatalError as error:  # the header is cut off too
        assert "middle of its gzip data" in str(error)  # noqa: PT017
        return
    rows: Iterator[Row | BadRow] = iter(reader)
    found: list[Row | BadRow] = []
    with pytest.raises(FatalError, match=r"in\.csv ends in the middle of its gzip data; copy it again"):
        found.extend(rows)
    reader.lines.close()
    assert [",".join(row.values.values()) for row in found if isinstance(row, Row)] == lines[: len(found)]


def test_a_small_file_that_unpacks_to_a_large_one_is_read_piece_by_piece(tmp_path: Path) -> None:
    big = b"a,b\n" + b"1,%s\n" % (b"x" * 1000) * 20_000
    assert len(rows(written(tmp_path, gzip.compress(big)))) == 20_000


def _zip(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("in.csv"), io.BytesIO())
    return out.getvalue()


REFUSED = {
    "a ZIP archive, not a workbook; unpack it and give the file inside \\(calls.csv\\)": _zip(
        "calls.csv", TEXT.encode()
    ),
    "not a sound ZIP archive": _zip("xl/workbook.xml", b"<workbook/>")[:-30],
    "a workbook that cannot be read": _zip("xl/workbook.xml", b"<workbook/>"),
    "a tar archive": _tar(),
    "gzip within gzip": gzip.compress(gzip.compress(TEXT.encode())),
    "is a tar archive": gzip.compress(_tar()),
    "a bzip2 file": bz2.compress(TEXT.encode()),
    "an xz file": lzma.compress(TEXT.encode()),
    "a Zstandard file": b"\x28\xb5\x2f\xfd" + b"x" * 20,
    "a 7z archive": b"7z\xbc\xaf\x27\x1c" + b"x" * 20,
    "a RAR archive": b"Rar!\x1a\x07\x01\x00",
    "a PDF document": b"%PDF-1.7\n",
    "a Parquet file": b"PAR1" + b"x" * 20,
    "an SQLite database": b"SQLite format 3\x00",
    "a workbook that cannot be read ": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512,
    "HTML or XML.*error page": b"\n<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
    "HTML or XML": b'<?xml version="1.0"?><Workbook/>',
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_not_read_is_refused_by_name(said: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=f"in.csv is .*{said.strip()}|in.csv.*{said.strip()}"):
        rows(written(tmp_path, REFUSED[said]))


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path, kind in (
        (tmp_path / "pipe.csv", "a named pipe"),
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a device"),
    ):
        with pytest.raises(FatalError, match=kind):
            rows(path)


# -- encodings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("declared", ["utf-8", "gb18030", "latin-1"])
def test_a_byte_order_mark_says_what_the_text_is_in(codec: str, declared: str, tmp_path: Path) -> None:
    mark = "\ufeff" if codec in ("utf-16-le", "utf-16-be") else ""
    for pack in (bytes, gzip.compress):
        assert values(written(tmp_path, pack((mark + TEXT).encode(codec))), encoding=declared) == VALUES


def test_a_spreadsheets_unicode_text_has_tabs(tmp_path: Path) -> None:
    table = csv_text(POLICE_COLUMNS, [police_row(1)]).replace(",", "\t").replace("\n", "\r\n")
    path = written(tmp_path, table.encode("utf-16"))
    result = CliRunner().invoke(connector, ["check", "police", "--file", str(path)])
    assert result.exit_code == 0, result.output
    assert "1 rows, 1 events" in result.output


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_guessed_and_read_where_it_is_declared(codec: str, tmp_path: Path) -> None:
    path = written(tmp_path, ("a,b,标题\n" + "1,some text,路灯\n" * 9).encode(codec))
    with pytest.raises(FatalError, match=f"in.csv looks like {codec} .*let the mapping say `encoding: {codec}`"):
        rows(path)
    assert len(values(path, encoding=codec)) == 9


def test_rows_of_utf16_resume_where_they_stand(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.encode("utf-16"))
    whole = rows(path)
    for index, row in enumerate(whole):
        reader = open_reader(path, mapping())
        assert reader.resume(row.end, row.line + row.lines)
        assert list(reader) == whole[index + 1 :]
        reader.lines.close()


def test_half_a_character_at_the_end_is_not_there_yet(tmp_path: Path) -> None:
    found = rows(written(tmp_path, TEXT.encode("utf-16")[:-3]))
    assert [row.finished for row in found] == [True, True, False]


def test_rare_names_are_read_by_gb18030_also_where_gbk_is_declared(tmp_path: Path) -> None:
    name = "㐂𠮷"  # not in GBK
    path = written(tmp_path, f"a,标题\n1,{name}\n".encode("gb18030"))
    for declared in ("gbk", "gb18030"):
        assert values(path, encoding=declared) == [{"a": "1", "标题": name}]


GUESSES = [
    (TEXT, "gb18030", "utf-8", "header is not utf-8.*reads as gb18030"),
    ("a,b\n" + "1,路灯不亮\n" * 9, "gb18030", "utf-8", "text is not utf-8.*reads as gb18030.*`encoding: gb18030`"),
    ("a,b\n" + "1,路灯不亮\n" * 9, "utf-8", "gb18030", "text is not gb18030.*reads as utf-8.*`encoding: utf-8`"),
    ("a,b\n" + "1,naïve café\n" * 9, "utf-8", "latin-1", "text is not latin-1.*reads as utf-8"),
]


@pytest.mark.parametrize(("text", "codec", "declared", "said"), GUESSES)
def test_a_wrong_encoding_is_one_sentence_with_the_way_out(
    text: str, codec: str, declared: str, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text.encode(codec))
    with pytest.raises(FatalError, match=f"in.csv: the {said}"):
        rows(path, encoding=declared)


def test_one_row_in_another_encoding_costs_itself_and_says_which(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,路灯\n".encode() + "2,路灯\n".encode("gb18030") + "3,路灯\n".encode())
    one, two, three = values(path)
    assert (one, three) == ({"a": "1", "b": "路灯"}, {"a": "3", "b": "路灯"})
    assert "not utf-8 (it reads as gb18030)" in str(two)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=20, max_size=60))
def test_chinese_text_in_gb18030_is_not_taken_for_utf8(text: str) -> None:
    assert wrong_throughout(f"a,b\n1,{text}\n".encode("gb18030"), "gb18030") is None


# -- delimiters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_with_which_the_header_has_the_columns(delimiter: str, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace("a,", f"a{delimiter}").replace("1,", f"1{delimiter}").encode()[:20])
    declared = {"event": {"source_ref": "a", "reported_at": {"constant": 0, "formats": ["epoch_ms"]}, "title": "标题"}}
    assert values(path, **declared)[0] == VALUES[0]
    if delimiter != ",":
        with pytest.raises(FatalError, match="header lacks"):
            rows(path, delimiter=",", **declared)


def test_a_continental_export_is_read_by_what_its_mapping_says(tmp_path: Path) -> None:
    path = written(tmp_path, b"id;at;lat;lon\n1;1767672578123;42,3000;-71,06\n")
    event = {
        "source_ref": "id", "reported_at": {"column": "at", "formats": ["epoch_ms"]}, "place": {"lat": "lat", "lon": "lon"},
    }  # fmt: skip
    declared = mapping(event=event, delimiter=";", decimal=",")
    reader = open_reader(path, declared)
    (row,) = reader
    reader.lines.close()
    assert isinstance(row, Row)
    made = Mapper(declared, "hotline").event(row.values)
    assert made is not None
    assert (made.place.lat, made.place.lon) == (42.3, -71.06)


# -- workbooks -----------------------------------------------------------------------------------------------------------

NOON = datetime.datetime(2026, 1, 6, 12, 5)  # noqa: DTZ001 - a spreadsheet's dates have no zone


def test_a_workbook_is_read_as_the_table_that_people_see(tmp_path: Path) -> None:
    table = [["a", "phone", "when", "lat", "yes", "标题"], ["0012", 13800000000, NOON, 114.52, True, 'he said "x",\nthen'],
             [12, 1.23e22, None, -0.5, False, " kept "]]  # fmt: skip
    for name in ("in.xlsx", "in.csv"):
        first, second = values(written(tmp_path, workbook({"calls": table}), name))
        assert first == {
            "a": "0012", "phone": "13800000000", "when": "2026-01-06T12:05:00", "lat": "114.52", "yes": "TRUE",
            "标题": 'he said "x",\nthen',
        }  # fmt: skip
        assert second == {
            "a": "12", "phone": "1.23000000000000E+22", "when": "", "lat": "-0.5", "yes": "FALSE", "标题": " kept ",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (datetime.timedelta(hours=30, minutes=5), "30:05:00"),
        (datetime.timedelta(minutes=90), "1:30:00"),
        (datetime.timedelta(days=-1, hours=-2), "-26:00:00"),
    ],
)
def test_a_workbooks_spans_of_time_are_hours_as_people_see_them(
    span: datetime.timedelta, shown: str, tmp_path: Path
) -> None:
    (row,) = values(written(tmp_path, workbook({"s": [["a", "took"], ["1", span]]})))
    assert row["took"] == shown


def test_a_workbooks_dates_are_local_to_the_mappings_zone(tmp_path: Path) -> None:
    path = written(tmp_path, workbook({"s": [["a", "at"], ["1", NOON]]}))
    for formats in (["iso"], ["ymd"]):
        event = {"source_ref": "a", "reported_at": {"column": "at", "formats": formats}}
        declared = mapping(event=event, time_zone="Asia/Shanghai")
        reader = open_reader(path, declared)
        (row,) = reader
        reader.lines.close()
        assert isinstance(row, Row)
        made = Mapper(declared, "hotline").event(row.values)
        assert made is not None
        assert made.reported_at == 1_767_672_300_000


def test_which_sheet_is_said_where_there_are_several(tmp_path: Path) -> None:
    tables = {"calls": [["a"], ["1"]], "more": [["a"], ["2"]], "empty": [], "list": [["x"]]}
    path = written(tmp_path, workbook(tables, hidden=("list",)))  # type: ignore[arg-type]
    with pytest.raises(FatalError, match=r"rows on several sheets: calls, more; .*`sheet`"):
        rows(path)
    assert values(path, sheet="more") == [{"a": "2"}]
    with pytest.raises(FatalError, match=r"no sheet 'other'.*calls, more, empty, list"):
        rows(path, sheet="other")
    only = written(
        tmp_path, workbook({"a": [["a"], ["1"]], "empty": [], "list": [["x"]]}, hidden=("list",)), "only.csv"
    )  # type: ignore[dict-item]
    assert values(only) == [{"a": "1"}]


def test_a_workbook_is_no_json_and_is_not_followed(tmp_path: Path) -> None:
    path = written(tmp_path, workbook({"s": [["a"], ["1"]]}))
    with pytest.raises(FatalError, match="is a workbook, but the mapping reads jsonl"):
        rows(path, format="jsonl")
    with pytest.raises(FatalError, match="cannot be followed"):
        open_reader(path, mapping(), follow=True)


def test_rows_of_a_workbook_resume_where_they_stand(tmp_path: Path) -> None:
    path = written(tmp_path, workbook({"s": [["a", "b"], *[[str(n), "x\ny"] for n in range(5)]]}))
    whole = rows(path)
    assert len(whole) == 5
    for index, row in enumerate(whole):
        reader = open_reader(path, mapping())
        assert reader.resume(row.end, row.line + row.lines)
        assert list(reader) == whole[index + 1 :]
        reader.lines.close()


def test_one_cell_in_the_last_row_and_column_ends_its_file_and_not_the_process(tmp_path: Path) -> None:
    """All between would have to be held in memory: sixteen thousand million cells of a file of two kilobytes."""
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = written(tmp_path, with_row(workbook({"s": [["a"], ["1"]]}), far))
    with pytest.raises(FatalError, match="so far apart that no memory"):
        rows(path)


@pytest.mark.parametrize("cell", ["1e300", "-1e300", "1e18", "-1e9"])
def test_a_date_that_is_none_costs_its_own_row(cell: str, tmp_path: Path) -> None:
    more = f'<row r="3"><c r="A3" s="2"><v>{cell}</v></c></row><row r="4"><c r="A4"><v>7</v></c></row>'
    found = rows(written(tmp_path, with_row(workbook({"s": [["a", "b"], ["1", "x"]]}), more)))
    assert [isinstance(each, Row) for each in found] == [True, False, True]
