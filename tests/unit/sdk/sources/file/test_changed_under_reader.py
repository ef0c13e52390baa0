"""What writers, packers and machines do to a file that is followed: no row is lost, and what is no row is said."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.errors import FatalError
from hub.sdk.sources.file import lines as lines_module
from hub.sdk.sources.file.rows import BadRow
from hub.sdk.sources.file.trail import FileTrail
from tests.unit.sdk.sources.file.stepped import HEADER, SteppedReader

LOOKS = 4


class Scene:
    """A file with one row, which was read."""

    def __init__(self, folder: Path) -> None:
        self.path, self.kept = folder / "calls.csv", folder / "calls.csv.1"
        self.clock = 1_000_000_000
        self.write(self.path, HEADER + row(1))
        self.reader = SteppedReader(self.path)
        assert self.look() == ["1"]

    def write(self, path: Path, content: str | bytes, how: str = "wb") -> None:
        with path.open(how) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        self.date(path)

    def append(self, content: str | bytes) -> None:
        self.write(self.path, content, "ab")

    def date(self, path: Path) -> None:
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def copy_and_cut(self, content: str | bytes) -> None:
        shutil.copyfile(self.path, self.kept)
        self.date(self.kept)
        self.write(self.path, content)

    def look(self) -> list[str]:
        """The ids of what is found; of what is no row, why."""
        before = len(self.reader.rows)
        for _ in range(LOOKS):
            self.reader.look()
        return [each.detail if isinstance(each, BadRow) else each.values["id"] for each in self.reader.rows[before:]]

    def restart(self, settle_seconds: float = 0.0) -> None:
        cursor = self.reader.cursor
        self.reader.close()
        self.reader = SteppedReader(self.path, cursor, settle_seconds)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.reader.close()


def row(number: int) -> str:
    return f"{number},some,thing\n"


# -- what begins in the middle ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True])
def test_a_file_without_a_header_goes_on_also_where_the_file_before_it_is_gone(scene: Scene, restarts: bool) -> None:
    scene.write(scene.path, row(2))
    if restarts:
        scene.restart()
    assert scene.look() == ["2"]
    scene.write(scene.path, "")
    assert scene.look() == []
    scene.path.unlink()
    scene.write(scene.path, row(3))
    assert scene.look() == ["3"]


def test_a_copy_that_was_made_before_a_file_was_cut_once_more_is_read(scene: Scene) -> None:
    """Nothing is left of what was read; what was written then is in a copy, older than what the file itself is by now."""
    scene.write(scene.path, HEADER + row(2))
    scene.copy_and_cut("")
    scene.kept.rename(scene.path.with_name("calls.csv.2"))
    scene.path.rename(scene.kept)
    scene.write(scene.path, HEADER + row(3))
    assert scene.look() == ["2", "3"]


@pytest.mark.parametrize(("begun", "rest"), [("2,so", "me,thing\n"), ("2", ",some\n"), ("2,some", ",th\n")])
@pytest.mark.parametrize("more", [True, False])
def test_the_rest_of_a_row_at_the_beginning_of_a_file_is_no_header(
    scene: Scene, begun: str, rest: str, more: bool
) -> None:
    """A file is copied and cut while its writer is in the middle of a row: both halves are dead letters, and the edge goes on."""
    scene.append(begun)
    assert scene.look() == []
    scene.copy_and_cut(rest + row(3) * more)
    found = scene.look()
    if not more:
        scene.kept.rename(scene.path.with_name("calls.csv.2"))
        scene.path.rename(scene.kept)
        scene.write(scene.path, HEADER + row(3))
        found += scene.look()
    assert found[-1] == "3"
    assert all("columns where the header has 3" in each for each in found[:-1])
    assert len(found) == 3


@pytest.mark.parametrize("header", ["nr,text,more", "nr,words,others", "nr,words,others,new"])
@pytest.mark.parametrize("first", ["2,some,thing", "2,some,thing,good"])
@pytest.mark.parametrize("anew", [True, False])
def test_another_header_is_an_error_and_no_row(scene: Scene, header: str, first: str, anew: bool) -> None:
    if not anew:
        scene.path.rename(scene.kept)
    scene.write(scene.path, f"{header}\n{first}\n")
    with pytest.raises(FatalError, match="the header lacks id"):
        scene.look()


def test_a_byte_order_mark_before_the_first_row_is_none_of_it(scene: Scene) -> None:
    scene.copy_and_cut("\ufeff" + row(2))
    assert scene.look() == ["2"]


# -- zeros -------------------------------------------------------------------------------------------------------------------


def test_who_goes_on_writing_where_the_file_was_before_it_was_cut_leaves_a_hole_that_is_none_of_the_row(
    scene: Scene,
) -> None:
    size = scene.path.stat().st_size
    scene.copy_and_cut(bytes(size) + row(2).encode())
    assert scene.look() == ["2"]
    scene.append(bytes(100_000) + row(3).encode() + bytes(9) + b"\n" + row(4).encode())
    assert scene.look() == ["3", "4"]
    scene.restart()
    scene.append(row(5))
    assert scene.look() == ["5"]
    assert len(scene.reader.said) == 0


def test_room_that_is_made_before_it_is_written_to_is_not_read(scene: Scene) -> None:
    """And what is written there is new: it does not make the file another, of which all is read again."""
    size = scene.path.stat().st_size
    with scene.path.open("r+b") as file:
        file.truncate(1_000_000)
    scene.date(scene.path)
    assert scene.look() == []
    for number in (2, 3):
        with scene.path.open("r+b") as file:
            file.seek(size)
            size += file.write(row(number).encode())
        scene.date(scene.path)
        assert scene.look() == [str(number)]
    scene.path.rename(scene.kept)
    scene.write(scene.path, HEADER + row(4))
    assert scene.look() == ["4"]
    assert [each for each in scene.reader.said if "from the start" in each] == []


# -- packed ------------------------------------------------------------------------------------------------------------------


def _long(scene: Scene) -> tuple[Path, bytes]:
    """Rows that nobody has read, as they are packed."""
    noise = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2, 2002)]
    scene.append("".join(f"{number},{text},\n" for number, text in enumerate(noise, 2)))
    return scene.path.with_name("calls.csv.1.gz"), gzip.compress(scene.path.read_bytes())


def test_a_file_that_is_being_packed_is_read_where_it_lies_whole(scene: Scene) -> None:
    packed, content = _long(scene)
    scene.path.rename(scene.kept)
    scene.write(packed, content[: len(content) // 2])
    scene.write(scene.path, HEADER + row(2002))
    scene.restart()
    assert scene.look() == [str(number) for number in range(2, 2003)]


def test_half_a_packed_file_is_waited_for_while_somebody_writes_to_it(scene: Scene) -> None:
    packed, content = _long(scene)
    scene.path.unlink()
    packed.write_bytes(content[: len(content) // 2])
    scene.write(scene.path, HEADER + row(2002))
    scene.restart(settle_seconds=3600.0)
    found = scene.look()
    with packed.open("ab") as file:
        file.write(content[len(content) // 2 :])
    scene.date(packed)
    found += scene.look()
    assert found == [str(number) for number in range(2, 2003)]


def test_half_a_packed_file_to_which_nobody_writes_is_an_error(scene: Scene) -> None:
    packed, content = _long(scene)
    scene.path.unlink()
    scene.write(packed, content[: len(content) // 2])
    scene.write(scene.path, HEADER + row(2002))
    scene.restart()
    with pytest.raises(FatalError, match="ends in the middle of its gzip data"):
        scene.look()


@pytest.mark.parametrize("suffix", [".xz", ".bz2", ".zst"])
def test_what_may_hold_rows_that_nobody_read_and_is_packed_otherwise_is_named(scene: Scene, suffix: str) -> None:
    scene.write(scene.path.with_name(f"calls.csv.2{suffix}"), "long ago")
    scene.append(row(2))
    assert scene.look() == ["2"]
    scene.restart()
    scene.append(row(3))
    scene.path.unlink()
    scene.write(scene.kept.with_name(f"calls.csv.1{suffix}"), "packed")
    scene.write(scene.path, HEADER + row(4))
    assert scene.look() == ["4"]
    (said,) = scene.reader.said
    assert f"calls.csv.1{suffix}" in said
    assert f"calls.csv.2{suffix}" not in said


# -- no file -------------------------------------------------------------------------------------------------------------------


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangle(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("make", [_loop, _dangle])
def test_a_link_that_leads_nowhere_is_waited_for(scene: Scene, make: Callable[[Path], None], restarts: bool) -> None:
    scene.path.unlink()
    make(scene.path)
    assert scene.look() == []
    if restarts:
        scene.restart()
        assert scene.look() == []
    scene.path.unlink()
    scene.write(scene.path, HEADER + row(2))
    assert scene.look() == ["2"]


def test_a_link_that_leads_elsewhere_is_another_file(scene: Scene) -> None:
    scene.path.rename(first := scene.path.with_name("a"))
    scene.write(second := scene.path.with_name("b"), HEADER + row(2))
    scene.path.symlink_to(first)
    assert scene.look() == []
    scene.write(first, row(3), "ab")
    scene.path.unlink()
    scene.path.symlink_to(second)
    assert scene.look() == ["3", "2"]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Path.mkdir, "a folder"), (os.mkfifo, "a named pipe"), (lambda path: path.symlink_to(os.devnull), "a device"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_refused_by_name_and_a_file_in_its_place_read(
    scene: Scene, make: Callable[[Path], None], kind: str
) -> None:
    scene.append(row(2))
    scene.path.rename(scene.kept)
    make(scene.path)
    with pytest.raises(FatalError, match=f"is {kind}; only regular files are read"):
        scene.look()
    assert [each.raw.decode() for each in scene.reader.rows] == [row(1), row(2)]
    (scene.path.rmdir if scene.path.is_dir() else scene.path.unlink)()
    scene.write(scene.path, HEADER + row(3))
    scene.restart()
    assert scene.look() == ["3"]


def test_a_folder_that_goes_and_comes_back(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    scene.path = folder / "calls.csv"
    scene.write(scene.path, HEADER + row(1))
    scene.reader.close()
    scene.reader = SteppedReader(scene.path)
    assert scene.look() == ["1"]
    shutil.rmtree(folder)
    assert scene.look() == []
    folder.mkdir()
    scene.write(scene.path, HEADER + row(2))
    assert scene.look() == ["2"]


# -- split ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_that_come_byte_by_byte(tmp_path: Path, codec: str, end: str) -> None:
    scene = Scene(tmp_path)
    text = f'id,text,more{end}2,人民路😀,x{end}3,"an open{end}quote",x{end}4,路,x{end}'.encode(codec)
    scene.path.unlink()
    scene.write(scene.path, b"")
    found: list[str] = []
    for index in range(len(text)):
        scene.append(text[index : index + 1])
        scene.reader.look()
    found = [each.values["id"] for each in scene.reader.rows if not isinstance(each, BadRow)]
    scene.reader.close()
    assert found == ["1", "2", "3", "4"]


def test_of_a_line_without_an_end_little_is_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the row nor for the digest by which the file is known, which is the same when it is read again."""
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 10_000)
    scene.append("2,")
    for _ in range(20):
        scene.append(b"x" * 10_000)
        assert scene.look() == []
    scene.append("\n" + row(3))
    (too_long, last) = scene.look()
    assert too_long.startswith("a line of 200003 bytes")
    assert last == "3"
    scene.restart()
    scene.append(row(4))
    assert scene.look() == ["4"]
    assert scene.reader.said == []


def test_a_digest_over_parts_that_are_not_kept_is_that_of_the_text() -> None:
    trail, text = FileTrail(), b""
    for number in range(30):
        data = bytes([65 + number]) * (number * 7 % 40 + 1)
        (trail.add_part if number % 3 else trail.add)(data)
        text += data
        if number % 3 == 0 and number % 2:
            trail.take(len(text) - len(data) // 2)
            taken = text[: len(text) - len(data) // 2]
            assert trail.head == (len(taken), hashlib.sha256(taken).hexdigest())
    trail.take(len(text))
    assert trail.head == (len(text), hashlib.sha256(text).hexdigest())
    assert trail.first == (len(text), hashlib.sha256(text).hexdigest())
