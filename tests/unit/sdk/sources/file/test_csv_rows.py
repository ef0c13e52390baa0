"""Line ends and quotes as the world has them: what is written is read, and what is spoilt costs itself and no neighbour."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file.formats import csv_rows
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from hub.testing.files import POLICE_COLUMNS, csv_text, police_row

HEADER = ("id", "at", "text", "more")
EVENT = {"source_ref": "id", "reported_at": {"column": "at", "formats": ["epoch_ms"]}, "title": "text", "text": "more"}
AT = "1767672578123"


def mapping(**more: object) -> Mapping:
    return Mapping.model_validate({"description": "test", "format": "csv", "event": EVENT, **more})


def read(path: Path, **more: object) -> list[Row | BadRow]:
    reader = open_reader(path, mapping(**more))
    try:
        return list(reader)
    finally:
        reader.lines.close()


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "in.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


def cells(row: Row | BadRow) -> tuple[str, ...]:
    assert isinstance(row, Row), row
    return tuple(row.values.values())


# -- line ends -----------------------------------------------------------------------------------------------------------

TEXT = st.text(st.sampled_from("ab,;|\t \"'\n\r\u0085\u2028\u2029\x0b\x0c\x1c\x1e路灯"), max_size=10)
ROWS = st.lists(st.tuples(st.from_regex(r"[A-Z][0-9]{1,3}", fullmatch=True), st.just(AT), TEXT, TEXT), max_size=8)


def plain(rows: list[tuple[str, ...]], end: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=quoting).writerows([HEADER, *rows])
    return out.getvalue()


@settings(deadline=None, max_examples=300)
@given(
    rows=ROWS, end=st.sampled_from(["\n", "\r\n", "\r"]), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
)
@example([("A1", AT, "\u2028", "\u0085")], "\n", csv.QUOTE_MINIMAL)
@example([("A1", AT, "x\ry", ""), ("A2", AT, "", "")], "\n", csv.QUOTE_MINIMAL)  # an old csv.writer leaves it unquoted
@example([("A1", AT, "x\ny", ""), ("A2", AT, "", "")], "\r", csv.QUOTE_MINIMAL)
def test_what_a_csv_writer_writes_is_read_whatever_its_line_ends(
    folder: Path, rows: list[tuple[str, ...]], end: str, quoting: int
) -> None:
    # this Python's writer leaves line ends unquoted that are not its own: at the end of a row they are then no text
    rows = [row for row in rows if quoting == csv.QUOTE_ALL or row[-1] == row[-1].strip("\r\n")]
    path = written(folder, plain(rows, end, quoting))
    found = read(path)
    assert [cells(row) for row in found] == rows
    data = path.read_bytes()
    assert b"".join(row.raw for row in found) == data[found[0].start :] if found else True
    for index, row in enumerate(found):
        reader = open_reader(path, mapping())
        assert reader.resume(row.end, row.line + row.lines)
        assert [cells(each) for each in reader] == rows[index + 1 :]
        reader.lines.close()


@settings(deadline=None)
@given(
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=2, max_size=8),
    texts=st.lists(TEXT.filter(lambda text: "\r" not in text and "\n" not in text), min_size=8, max_size=8),
)
def test_line_ends_may_be_mixed(folder: Path, ends: list[str], texts: list[str]) -> None:
    rows = [(f"A{n}", AT, texts[n], "") for n in range(len(ends) - 1)]
    lines = [plain([row], "")[len(",".join(HEADER)) :] for row in rows]
    content = "".join(line + end for line, end in zip([",".join(HEADER), *lines], ends, strict=True))
    assert [cells(row) for row in read(written(folder, content))] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sorted_file_is_read_again_from_the_bytes_of_its_rows(folder: Path, end: str) -> None:
    """It was divided at every character that Python calls a line end."""
    text = "x\u0085y\u2028z\x0bw"
    path = written(folder, plain([("A1", AT, text, 'said "\nand\rmore')], end))
    reader = open_reader(path, mapping())
    (row,) = reader
    again = reader.parse(row.raw, row.line, row.start)
    assert cells(again) == cells(row) == ("A1", AT, text, 'said "\nand\rmore')
    reader.lines.close()


# -- quotes --------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=500)
@given(
    rows=st.lists(st.tuples(TEXT, TEXT.map(lambda text: text.strip("\r\n"))), min_size=2, max_size=6),
    at=st.integers(0, 10**6),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example([("x", "more"), ("\nl2", "")], 25, "\n")
def test_a_quote_too_many_costs_its_row_and_no_other_vanishes(
    folder: Path, rows: list[tuple[str, str]], at: int, end: str
) -> None:
    whole, spans = plain([], end), []
    for number, texts in enumerate(rows):
        row = (f"<REF{number}>", AT, *texts)
        line = plain([row], end)[len(plain([], end)) :]
        spans.append((len(whole), len(whole) + len(line), row))
        whole += line
    at = spans[0][0] + at % (len(whole) - spans[0][0])
    found = read(written(folder, whole[:at] + '"' + whole[at:]))
    there = {cells(row) for row in found if isinstance(row, Row)}
    letters = b"".join(row.raw for row in found if isinstance(row, BadRow)).decode()
    for start, stop, row in spans:
        if not start <= at <= stop:
            assert row in there or row[0] in letters, row


CLEAN = [f"A{n},{AT},text,more" for n in range(9)]


def spoilt(folder: Path, *lines: str) -> list[Row | BadRow]:
    return read(written(folder, "\n".join([",".join(HEADER), *lines, ""])))


def refs(found: list[Row | BadRow]) -> list[str]:
    return [row.values["id"] if isinstance(row, Row) else f"bad {row.line}" for row in found]


def test_a_quote_that_makes_a_text_of_the_next_row_spoils_its_own_row_only(folder: Path) -> None:
    found = spoilt(folder, f'A1,{AT},"stray,more', CLEAN[2], 'x",more', CLEAN[5])
    assert refs(found) == ["bad 2", "A2", "bad 4", "A5"]
    assert "swallow line 3" in found[0].detail  # type: ignore[union-attr]


def test_a_quote_that_closes_where_the_next_row_opens_one(folder: Path) -> None:
    found = spoilt(folder, f'A1,{AT},"stray,more', f'A2,{AT},"text, and",more', CLEAN[3])
    assert refs(found) == ["bad 2", "A2", "A3"]


def test_a_quote_that_is_never_closed(folder: Path) -> None:
    assert refs(spoilt(folder, CLEAN[0], f'A1,{AT},"stray,more', *CLEAN[2:6])) == [
        "A0",
        "bad 3",
        "A2",
        "A3",
        "A4",
        "A5",
    ]


def test_a_missing_quote_of_a_text_over_several_lines(folder: Path) -> None:
    found = spoilt(folder, f'A1,{AT},"first line', "second line, without its end,more", *CLEAN[2:5])
    assert refs(found) == ["bad 2", "bad 3", "A2", "A3", "A4"]


def test_a_quote_in_the_middle_of_a_text_is_a_quote(folder: Path) -> None:
    (row,) = spoilt(folder, f'A1,{AT},a 12" pipe,"so he said, ""no"""')
    assert cells(row)[2:] == ('a 12" pipe', 'so he said, "no"')


def test_rows_pasted_into_a_text_are_no_rows_where_the_file_quotes_well(folder: Path) -> None:
    """Else whoever may write a text could say anything in the name of the system."""
    found = spoilt(folder, f'A0,{AT},"one, two",more', f'A1,{AT},"look:', f"FORGED,{AT},closed,", '",more', CLEAN[5])
    assert refs(found) == ["A0", "bad 3", "A5"]
    assert (found[1].lines, found[1].raw.count(b"\n")) == (3, 3)
    assert "1 lines that are rows of their own, the first on line 4" in found[1].detail  # type: ignore[union-attr]


def test_lines_that_only_look_like_rows_are_text(folder: Path) -> None:
    """As many columns, but no time where the mapping needs one."""
    (row, after) = spoilt(folder, f'A1,{AT},"eggs, milk, bread, tea', 'one,two,three,four",more', CLEAN[2])
    assert (cells(row)[2], refs([after])) == ("eggs, milk, bread, tea\none,two,three,four", ["A2"])


def test_a_quote_costs_no_more_than_a_bounded_look_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MAX_ROW_LINES", 50)
    lines = [f'A{n},{AT},"one, two",more' for n in range(3)] + [f'A3,{AT},"open,more'] + CLEAN * 30
    found = spoilt(folder, *lines)
    assert refs(found)[:5] == ["A0", "A1", "A2", "bad 5", "A0"]
    assert len(found) == 4 + 9 * 30


@pytest.mark.parametrize("ends", ["", "\n"])
def test_what_is_not_finished_says_so(folder: Path, ends: str) -> None:
    start = ",".join(HEADER) + f"\nA1,{AT},text,more\n"
    for last, kind in ((f"A2,{AT},text", BadRow), (f"A2,{AT},text,mo", Row), (f'A2,{AT},"a text\nthat goes', BadRow)):
        found = read(written(folder, start + last + (ends if '"' in last else "")))
        assert isinstance(found[-1], kind)
        assert [row.finished for row in found] == [True, False]
        (folder / "in.csv.done").touch()
        assert all(row.finished for row in read(folder / "in.csv"))
        (folder / "in.csv.done").unlink()


def test_personal_columns_leave_no_trace_in_rows_that_cannot_be_split(folder: Path) -> None:
    header = ",".join(HEADER)
    lines = [f'A1,"a, b",Secret,{AT}', f"A2,{AT},x,Secret,y,z", f'A3,{AT},"Secret', "A4 Secret", f"A5,x,{AT},Secret,"]
    path = written(folder, "\n".join([header, *lines, ""]))
    found = read(path, personal=["text"], event={**EVENT, "title": "more"})
    assert not [row for row in found if b"Secret" in row.raw]
    assert sum(isinstance(row, BadRow) for row in found) >= 2


def test_rows_of_police_calls_with_every_kind_of_text(folder: Path) -> None:
    rows = [
        police_row(n, BJNR=text) for n, text in enumerate(["a, b", 'x "y"', "l1\nl2", "l1\r\nl2", "l1\rl2", "\u2028"])
    ]
    path = written(folder, csv_text(POLICE_COLUMNS, rows))
    event = {"source_ref": "JJDBH", "reported_at": {"column": "BJSJ", "formats": ["epoch_ms"]}}
    reader = open_reader(path, mapping(event=event))
    assert [list(row.values.values()) for row in reader if isinstance(row, Row)] == rows
    reader.lines.close()


@pytest.mark.parametrize(
    "before", ["sep=;\r\n", "\r\n\r\n", "\ufeffsep=;\r\n\r\n", '"sep=;"\r\n', "SEP=;\n", "\ufeff\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_spreadsheets_write_before_a_header_is_no_header(folder: Path, before: str, encoding: str) -> None:
    lines = [";".join(each) for each in (HEADER, ("A1", AT, "x", "y"))]
    content = before + "\r\n".join([*lines, ""])
    path = written(folder, content.removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding))
    assert [cells(row) for row in read(path)] == [("A1", AT, "x", "y")]
    (row,) = read(path)
    assert row.line == 1 + content.count("\n", 0, content.index("A1"))


def test_a_file_of_nothing_but_that_has_no_rows(folder: Path) -> None:
    assert read(written(folder, "sep=;\r\n\r\n")) == []


@pytest.mark.parametrize("second", ["2", '"2"'])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_the_mark_of_a_file_that_was_appended_is_no_part_of_a_reference(
    tmp_path: Path, codec: str, second: str
) -> None:
    """`copy a+b`, and what opens a file anew for each row, write it in the middle."""
    text = f"\ufeff{','.join(HEADER)}\n1,{AT},a,b\n\ufeff{second},{AT},a,b\n3,{AT},a,b\n"
    rows = read(written(tmp_path, text.encode(codec)))
    assert [row.values["id"] for row in rows if isinstance(row, Row)] == ["1", "2", "3"]
    assert all(row.raw.decode() in text for row in rows)
