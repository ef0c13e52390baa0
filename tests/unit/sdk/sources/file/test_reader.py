"""Rows come out whole, in order, with the offsets they have; what is broken costs only itself."""

import csv
import gzip
import hashlib
import io
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.sources.file import lines as lines_module
from hub.sdk.sources.file.lines import Stopped
from hub.sdk.sources.file.reader import FileReader, open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from tests.waiting import PATIENCE_SECONDS


def mapping(**more: object) -> Mapping:
    event = {"source_ref": "a", "reported_at": {"constant": "0", "formats": ["epoch_ms"]}}
    return Mapping.model_validate({"description": "test", "format": "csv", "event": event, **more})


def read(path: Path, **more: object) -> list[Row | BadRow]:
    reader = open_reader(path, mapping(**more))
    try:
        return list(reader)
    finally:
        reader.lines.close()


def written(tmp_path: Path, content: bytes, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=12))
def test_what_is_written_is_read_and_any_row_can_be_resumed_at(rows: list[tuple[str, ...]], tmp_path_factory) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    path.write_bytes(out.getvalue().encode())
    found = read(path)
    assert [tuple(row.values.values()) for row in found if isinstance(row, Row)] == rows
    data = path.read_bytes()
    assert all(data[row.start : row.end] == row.raw for row in found)
    for index, row in enumerate(found):
        reader = open_reader(path, mapping())
        reader.resume(row.end, row.line + row.lines)
        assert list(reader) == found[index + 1 :]
        reader.lines.close()


def test_gzip_reads_the_same_and_resumes(tmp_path: Path) -> None:
    text = b'a,b\n1,x\n2,"y\nz"\n3,w\n'
    plain = read(written(tmp_path, text))
    path = written(tmp_path, gzip.compress(text), "in.csv.gz")
    assert read(path) == plain
    reader = open_reader(path, mapping())
    reader.resume(plain[0].end, 3)
    assert list(reader) == plain[1:]
    reader.lines.close()


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", "ï»¿".encode(), b"", b'\xef\xbb\xbf"a"'[:3]])
def test_byte_order_marks_mangled_or_not(start: bytes, tmp_path: Path) -> None:
    (row,) = read(written(tmp_path, start + b"a,b\n1,2\n"))
    assert isinstance(row, Row)
    assert row.values == {"a": "1", "b": "2"}


def test_mark_before_a_quoted_header(tmp_path: Path) -> None:
    (row,) = read(written(tmp_path, b'\xef\xbb\xbf"a","b"\n1,2\n'))
    assert isinstance(row, Row)
    assert row.values == {"a": "1", "b": "2"}


def test_chinese_encodings(tmp_path: Path) -> None:
    (row,) = read(written(tmp_path, "a,标题\n1,路灯\n".encode("gb18030")), encoding="gb18030")
    assert isinstance(row, Row)
    assert row.values["标题"] == "路灯"


def test_bad_rows_cost_only_themselves(tmp_path: Path) -> None:
    text = b'a,b\n1,x\ntoo,many,cells\n\xff\xfe,y\n2,"never closed\n3,z\n4,w\n'
    found = read(written(tmp_path, text))
    assert [(row.line, type(row)) for row in found] == [
        (2, Row),
        (3, BadRow),
        (4, BadRow),
        (5, BadRow),
        (6, Row),
        (7, Row),
    ]
    assert [row.detail for row in found if isinstance(row, BadRow)] == [
        "3 columns where the header has 2",
        "the row is not utf-8; correct its encoding, or the mapping's `encoding`",
        "a quote is opened and never closed",
    ]
    assert [row.raw for row in found] == text.splitlines(keepends=True)[1:]


def test_a_line_too_long_is_cut_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines_module, "KEEP_BYTES", 10)
    first, second = read(written(tmp_path, b"a,b\n1," + b"x" * 1000 + b"\n2,y\n"))
    assert isinstance(first, BadRow)
    assert first.too_large
    assert len(first.raw) == 10
    assert "1003 bytes" in first.detail
    assert isinstance(second, Row)


def test_personal_columns_are_dropped_also_from_the_bytes(tmp_path: Path) -> None:
    text = b'a,who\n1,Secret\n2,Secret,x\n3,"Secret\n'
    found = read(written(tmp_path, text), personal=["who"])
    assert all(b"Secret" not in row.raw for row in found)
    assert [row.values["who"] for row in found if isinstance(row, Row)] == [""]


def test_of_a_line_that_is_too_long_nothing_personal_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines_module, "KEEP_BYTES", 50)
    line = b"1,Secret," + b"x" * 1_000 + b"\n"
    (row,) = read(written(tmp_path, b"a,who,b\n" + line), personal=["who"])
    assert isinstance(row, BadRow)
    assert (row.raw, row.size_bytes, row.sha256) == (b"", len(line), hashlib.sha256(line).hexdigest())


def test_json_lines_flatten(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbf{"a": 1, "p": {"q": {"r": null}}}\n\n[]\n{bad\n{"a": "2"}', "in.jsonl")
    found = read(path, format="jsonl")
    assert [row.line for row in found] == [1, 3, 4, 5]
    assert [row.values for row in found if isinstance(row, Row)] == [{"a": 1, "p.q.r": None}, {"a": "2"}]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"the header lacks a, which the mapping uses; of 2 columns it knows none"):
        read(written(tmp_path, b"x,y\n1,2\n"))
    with pytest.raises(FatalError, match="a name more than once, as columns 1, 3;"):
        read(written(tmp_path, b"a,b,a\n1,2,3\n"))


@pytest.mark.parametrize("first", ["1,Mrs Example,13800138000", "13800138000,13800138000,1"])
def test_a_row_where_a_header_should_be_is_not_quoted(first: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError) as refused:
        read(written(tmp_path, f"{first}\n2,Mr Other,2\n".encode()))
    assert not re.search("Example|138", str(refused.value))


@pytest.mark.timeout(20)
def test_a_header_of_very_many_columns_is_refused_and_costs_no_time(tmp_path: Path) -> None:
    """To look for each name among all others took minutes."""
    with pytest.raises(FatalError, match="the header has 100,001 columns; 16,384 are read"):
        read(written(tmp_path, ",".join(["a", *map(str, range(100_000))]).encode() + b"\n"))


def test_missing_file_and_damaged_gzip_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="there is no file"):
        read(tmp_path / "none.csv")
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    with pytest.raises(FatalError, match="middle of its gzip data"):
        read(written(tmp_path, whole[:-12], "cut.csv.gz"))
    with pytest.raises(FatalError, match="not sound gzip"):
        read(written(tmp_path, b"a,b\n1,2\n", "plain.csv.gz"))
    with pytest.raises(FatalError, match="cannot be followed"):
        open_reader(written(tmp_path, whole, "in.csv.gz"), mapping(), follow=True)


def test_empty_and_header_only(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"")) == []
    assert read(written(tmp_path, b"a,b\n")) == []


class Follower:
    """Reads a growing file in a thread."""

    def __init__(self, path: Path) -> None:
        self.stop = threading.Event()
        self.rows: list[Row | BadRow] = []
        self.stopped = False
        self.seen = threading.Semaphore(0)
        self.reader: FileReader = open_reader(path, mapping(), follow=True, stop=self.stop)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for row in self.reader:
                self.rows.append(row)
                self.seen.release()
        except Stopped:
            self.stopped = True

    def wait(self) -> None:
        assert self.seen.acquire(timeout=PATIENCE_SECONDS)

    def join(self) -> None:
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()
        self.reader.lines.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_following_waits_for_whole_rows_and_ends_at_the_marker(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,x\n2,hal")
    follower = Follower(path)
    follower.wait()
    append(path, b'f\n3,"open\n')
    follower.wait()
    append(path, b'closed"\n')
    follower.wait()
    append(path, b"4,no line break")
    (tmp_path / "in.csv.done").touch()
    follower.join()
    assert [tuple(row.values.values()) for row in follower.rows if isinstance(row, Row)] == [
        ("1", "x"),
        ("2", "half"),
        ("3", "open\nclosed"),
        ("4", "no line break"),
    ]


def test_following_stops_when_asked_and_leaves_half_a_row(tmp_path: Path) -> None:
    follower = Follower(written(tmp_path, b"a,b\n1,x\n2,hal"))
    follower.wait()
    follower.stop.set()
    follower.join()
    assert follower.stopped
    assert [row.line for row in follower.rows] == [2]
