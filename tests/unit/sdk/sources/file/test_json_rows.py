"""JSON Lines and JSON arrays: every object is a row, whatever stands beside it, and half of one is none."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.contract import Item
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.publishing.dead_letters import dead_letter
from hub.sdk.sources.file import lines as lines_module
from hub.sdk.sources.file.formats.json_array import Elements
from hub.sdk.sources.file.lines import Stopped
from hub.sdk.sources.file.reader import open_reader
from hub.sdk.sources.file.rows import BadRow, Row
from tests.waiting import PATIENCE_SECONDS


def mapping(**more: object) -> Mapping:
    event = {"source_ref": "a", "reported_at": {"constant": "0", "formats": ["epoch_ms"]}}
    return Mapping.model_validate({"description": "test", "format": "jsonl", "event": event, **more})


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "in.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, **more: object) -> list[Row | BadRow]:
    reader = open_reader(path, mapping(**more))
    try:
        return list(reader)
    finally:
        reader.lines.close()


def values(found: list[Row | BadRow]) -> list[dict[str, Any]]:
    return [row.values for row in found if isinstance(row, Row)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


TEXT = st.text(st.sampled_from('ab"\\[]{},:\n\u2028\u0085路'), max_size=8)
OBJECTS = st.lists(
    st.fixed_dictionaries({"a": TEXT | st.integers() | st.none() | st.booleans(), "b": st.lists(TEXT, max_size=3)}),
    max_size=6,
)


@settings(deadline=None, max_examples=200)
@given(objects=OBJECTS, indent=st.sampled_from([None, 0, 2]), lines=st.booleans(), ascii_only=st.booleans())
def test_an_array_is_read_as_its_elements_however_it_is_laid_out(
    folder: Path, objects: list[dict[str, Any]], indent: int | None, lines: bool, ascii_only: bool
) -> None:
    parts = [json.dumps(each, indent=indent, ensure_ascii=ascii_only) for each in objects]
    path = written(folder, "[\n" + ",\n".join(parts) + "\n]\n" if lines else "[" + ", ".join(parts) + "]")
    found = read(path)
    assert values(found) == objects
    assert all(row.finished for row in found)
    data = path.read_bytes()
    assert all(data[row.start : row.end] == row.raw for row in found)
    assert [row.line for row in found] == [1 + data.count(b"\n", 0, row.start) for row in found]
    for index, row in enumerate(found):
        reader = open_reader(path, mapping())
        assert reader.resume(row.end, row.line + row.lines)
        assert [(each.start, each.line) for each in reader] == [(each.start, each.line) for each in found[index + 1 :]]
        reader.lines.close()


@settings(deadline=None, max_examples=200)
@given(objects=OBJECTS.filter(len), cut=st.integers(1, 10**6))
def test_of_half_an_array_the_whole_elements_are_read_and_the_rest_waits(
    folder: Path, objects: list[dict[str, Any]], cut: int
) -> None:
    whole = json.dumps(objects, ensure_ascii=False).encode()
    found = read(written(folder, whole[: 1 + cut % (len(whole) - 1)]))
    assert values(found) == objects[: len(values(found))]
    assert [row.finished for row in found] == [True] * (len(found) - 1) + [False]
    assert isinstance(found[-1], BadRow)


def test_an_array_in_other_dress(folder: Path) -> None:
    objects = [{"a": "路"}, {"a": "灯"}]
    text = json.dumps(objects, ensure_ascii=False)
    for content, declared in (
        (text.encode("utf-8-sig"), "utf-8"), (text.encode("utf-16"), "utf-8"), (text.encode("gb18030"), "gb18030"),
        (gzip.compress(text.encode()), "utf-8"), (b"\n \n" + text.encode() + b"\n\n", "utf-8"),
    ):  # fmt: skip
        assert values(read(written(folder, content), encoding=declared)) == objects


def test_what_is_no_object_in_an_array_is_set_aside_by_itself(folder: Path) -> None:
    found = read(written(folder, '[{"a": 1}, 2, "x", [3], {"a": bad}, null,\n{"a": 4}]'))
    assert values(found) == [{"a": 1}, {"a": 4}]
    assert len(found) == 7


def test_what_stands_behind_an_array_is_said(folder: Path) -> None:
    found = read(written(folder, '[{"a": 1},\n {"a": 2}]\n{"a": 3}\n'))
    assert values(found) == [{"a": 1}, {"a": 2}]
    assert "more behind the array's end" in found[-1].detail  # type: ignore[union-attr]


def test_an_array_among_json_lines_is_a_bad_line(folder: Path) -> None:
    for lines in (['{"a": 1}', '[{"a": 9}]', '{"a": 2}'], ["[1, 2]", '{"a": 1}', '{"a": 2}']):
        found = read(written(folder, "\n".join(lines)))
        assert values(found) == [{"a": 1}, {"a": 2}]
        assert ["an array" in row.detail for row in found if isinstance(row, BadRow)] == [True]


def test_an_element_without_an_end_does_not_fill_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 100)
    with pytest.raises(FatalError, match=r"in\.jsonl line 2: an element of the array does not end within 100 bytes"):
        read(written(folder, '[{"a": 1},\n{"a": "never closed}, {"b": 1}, ' + "x" * 200 + "]"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_json_lines(folder: Path, end: str) -> None:
    objects = [{"a": "x\u2028y\u0085z"}, {"a": 2}, {"a": 3}]
    text = "".join(json.dumps(each, ensure_ascii=False) + end for each in objects)
    assert values(read(written(folder, text))) == objects
    mixed = '{"a": 1}\n{"a": 2}\r{"a": 3}\r\n{"a": 4}'
    assert values(read(written(folder, mixed))) == [{"a": n} for n in (1, 2, 3, 4)]


def test_an_object_that_closes_is_whole_and_one_that_does_not_waits(folder: Path) -> None:
    found = read(written(folder, '{"a": 1}\n{"a": 2}'))
    assert [row.finished for row in found] == [True, True]
    found = read(written(folder, '{"a": 1}\n{"a": 2, "b"'))
    assert [(type(row), row.finished) for row in found] == [(Row, True), (BadRow, False)]


def test_numbers_are_as_the_file_writes_them(folder: Path) -> None:
    (row,) = read(
        written(folder, '{"a": 20260106000123.0, "b": 1.50, "c": 12345678901234567890123, "d": 1.23E+15, "e": 7}\n')
    )
    assert values([row]) == [
        {"a": "20260106000123.0", "b": "1.50", "c": 12345678901234567890123, "d": "1.23E+15", "e": 7}
    ]


def test_one_object_over_several_lines_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(FatalError, match="one JSON object over several lines"):
        read(written(folder, json.dumps({"a": 1, "b": [1, 2]}, indent=2)))


def test_a_bad_line_quotes_nothing_of_it(folder: Path) -> None:
    for line in ('{"a": secret}', '{"a": NaN}', "secret"):
        (row,) = read(written(folder, line + "\n"))
        assert isinstance(row, BadRow)
        assert "secret" not in row.detail


def test_a_key_given_twice_costs_its_own_row(folder: Path) -> None:
    for twice in ('{"secret": 1, "secret": 2}', '{"a": {"b": 1, "c": 2, "b": 1}}', '{"a": 1, "\\u0061": 2}'):
        found = read(written(folder, f'{{"a": 1}}\n{twice}\n{{"a": 2}}\n'))
        assert [type(row) for row in found] == [Row, BadRow, Row]
        assert "stands twice" in getattr(found[1], "detail", "")
        assert "secret" not in getattr(found[1], "detail", "")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("inner", ["x" * 15_000_000, '\\"' * 7_000_000], ids=["letters", "quotes"])
def test_a_large_element_of_an_array_is_looked_through_once(folder: Path, inner: str) -> None:
    """Not once more with each block that comes: that took a minute for sixteen megabytes."""
    found = read(written(folder, f'[{{"a": "{inner}"}}, {{"a": 2}}]'))
    assert [type(row) for row in found] == [Row, Row]


@given(
    st.lists(
        st.recursive(
            st.text('a"\\[]{},: é', max_size=12) | st.integers(),
            lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text('b"\\', max_size=3), each, max_size=3),
            max_leaves=8,
        ).map(lambda each: {"a": each}),
        max_size=5,
    ),
    st.integers(1, 7),
)
def test_the_blocks_in_which_an_array_comes_do_not_matter(elements: list[dict[str, Any]], size: int) -> None:
    raw = json.dumps(elements, ensure_ascii=False).encode()
    blocks = [(at, raw[at : at + size]) for at in range(0, len(raw), size)]
    lines: Any = SimpleNamespace(offset=0, blocks=lambda: iter(blocks), path=Path("in.jsonl"), over=True)
    array = Elements(lines, 1)
    assert [json.loads(each) for _, _, each in array] == elements
    assert array.rest is None


@pytest.mark.parametrize(("opens", "closes"), [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("depth", [70, *range(900, 1000, 7), 5_000, 100_000])
def test_deep_nesting_costs_its_own_row(folder: Path, opens: str, closes: str, depth: int) -> None:
    deep = '{"a": ' + opens * depth + "1" + closes * depth + "}"
    found = read(written(folder, f'{{"a": 1}}\n{deep}\n{{"a": 2}}\n'))
    assert [type(row) for row in found] == [Row, BadRow, Row]
    assert "nested" in getattr(found[1], "detail", "")


def test_an_array_that_is_being_written_is_followed(folder: Path) -> None:
    path, stop = written(folder, '[{"a": 1}, {"a"'), threading.Event()
    found: list[Row | BadRow] = []
    seen = threading.Semaphore(0)
    reader = open_reader(path, mapping(), follow=True, stop=stop)

    def run() -> None:
        try:
            for row in reader:
                found.append(row)
                seen.release()
        except Stopped:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    assert seen.acquire(timeout=PATIENCE_SECONDS)
    with path.open("a") as file:
        file.write(': 2}, {"a": 3}\n]')
    assert seen.acquire(timeout=PATIENCE_SECONDS)
    assert seen.acquire(timeout=PATIENCE_SECONDS)
    stop.set()
    thread.join(PATIENCE_SECONDS)
    reader.lines.close()
    assert values(found) == [{"a": 1}, {"a": 2}, {"a": 3}]


NAMED = '"caller": "Secret", "a": "1"'


@pytest.mark.parametrize(
    "content",
    [
        f"{{{NAMED}\n",  # no brace at the end
        f"{{{NAMED}, \n{{{NAMED}}}\n",
        f'["Secret", {{{NAMED}}}]\n{{"a": 2}}\n',
        f'[{{{NAMED}}}, {{{NAMED}, "b"}}, "Secret"]',
        f"[{{{NAMED}}}] Secret",
        f"[{{{NAMED}}}, {{{NAMED}",
        '{"a": 1, "caller": {"name": "Secret", "phones": ["Secret"]}}\n',
        '{"a": 1, "caller": [{"name": "Secret"}]}\n',
        f"{{{NAMED}}}\r{{{NAMED}\r\n",
    ],
)
def test_personal_columns_leave_no_trace_also_where_a_line_is_no_row(folder: Path, content: str) -> None:
    found = read(written(folder, content), personal=["caller"])
    assert found
    for row in found:
        assert b"Secret" not in row.raw
        if isinstance(row, BadRow):
            assert row.raw == b""
            assert row.size_bytes
            assert len(row.sha256 or "") == 64
            assert "not kept" in row.detail
            item = Item(None, "in.jsonl", row.line, row.raw, size_bytes=row.size_bytes, sha256=row.sha256)
            letter = dead_letter("police", item, RejectedRecordError(Reason.BAD_ROW, row.detail))
            assert letter.truncated
            assert (letter.size_bytes, letter.sha256, letter.value) == (row.size_bytes, row.sha256, b"")
        else:
            assert "Secret" not in str(row.values)


def test_of_a_line_that_is_too_long_nothing_personal_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines_module, "KEEP_BYTES", 50)
    line = f'{{{NAMED}, "text": "{"x" * 1_000}"}}\n'
    (row,) = read(written(folder, line), personal=["caller"])
    assert isinstance(row, BadRow)
    assert (row.raw, row.size_bytes, row.sha256) == (b"", len(line), hashlib.sha256(line.encode()).hexdigest())
