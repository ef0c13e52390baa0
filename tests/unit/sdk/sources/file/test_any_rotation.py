"""Whatever is done to a file that is followed, in whatever order: a row written whole is read once, or somebody is told that it
may be gone. `python -m pytest --hypothesis-profile thorough` searches longer."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hub.sdk.sources.file.rows import Row
from tests.unit.sdk.sources.file.stepped import HEADER, SteppedReader

_ROW = re.compile(r"^(\d+),some,thing$", re.MULTILINE)
_RENAMED = re.compile(r"calls\.csv\.(\d+)(\.gz)?")
_KEPT = 4
"""So many renamed files are kept."""
_LOOKS = 12
"""A look reads all there is of one file: to go through all that are kept takes some."""


class AnyRotation(RuleBasedStateMachine):
    """A writer who rotates its file as it likes, and a reader who looks now and then, with a clock that goes on with each write."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "calls.csv"
        self.number, self.turn, self.clock = 0, 0, 1_000_000_000
        self.rest = ""
        """What a row lacks that was begun."""
        self.may_write_late = False
        self.found: Counter[str] = Counter()
        self.written: set[str] = set()
        self.gone: set[str] = set()
        self.seen: tuple[int, bytes] | None = None
        """Which file lay at the path at the last look, and what was in it."""
        self.unseen: set[str] = set()
        """Rows that came and went between two looks of a file that was the same at both: nobody can see that, or is told."""
        self.said: list[str] = []
        self.reader = SteppedReader(self.path)

    @initialize(dated=st.booleans())
    def begin(self, dated: bool) -> None:
        self.dated = dated
        self._write(self.path, HEADER)
        self.append(1)
        self.look()

    def teardown(self) -> None:
        try:
            if self.number:
                self.look()
        finally:
            self.reader.close()
            shutil.rmtree(self.folder)

    # -- the writer ----------------------------------------------------------------------------------------------------------

    @rule(rows=st.integers(1, 3))
    def append(self, rows: int) -> None:
        text, self.rest = self.rest + self._rows(rows), ""
        self._append(self.path, text)

    @precondition(lambda self: not self.rest)
    @rule(columns=st.integers(1, 3))
    def begin_row(self, columns: int) -> None:
        """A row without its line end."""
        self.number += 1
        text = ",".join([str(self.number), "some", "thing"][:columns])
        self._append(self.path, text)
        self.rest = f"{self.number},some,thing\n"[len(text) :]

    @rule(header=st.booleans(), rows=st.integers(0, 2), late=st.booleans())
    def rotate(self, header: bool, rows: int, late: bool) -> None:
        """Rename, and begin anew; `late`: the new file comes with the next row."""
        self._make_room()
        if self.path.exists():
            self.path.rename(self._newest())
            self.may_write_late = not self.rest
        self.rest = ""
        if not late:
            self._write(self.path, HEADER * header + self._rows(rows))

    @rule()
    def rotate_twice(self) -> None:
        self.rotate(True, 1, False)
        self.rotate(True, 1, False)

    @precondition(lambda self: self.may_write_late and self._newest().exists())
    @rule()
    def write_late(self) -> None:
        """Who wrote to a file has not seen yet that it was renamed."""
        self._append(self._newest(), self._rows(1))

    @precondition(lambda self: self.path.exists())
    @rule(header=st.booleans(), rows=st.integers(0, 2))
    def copy_and_cut(self, header: bool, rows: int) -> None:
        """Without a header: the writer goes on where it is, maybe in the middle of a row."""
        self._make_room()
        shutil.copyfile(self.path, self._newest())
        self._date(self._newest())
        text = HEADER if header else self.rest
        self.rest = ""
        self._write(self.path, text + self._rows(rows))

    @rule(rows=st.integers(0, 3))
    def cut(self, rows: int) -> None:
        """All that was in it is gone."""
        self.rest = ""
        self._write(self.path, HEADER + self._rows(rows))

    @rule(rows=st.integers(0, 3))
    def replace(self, rows: int) -> None:
        self.rest = ""
        self._write(new := self.folder / "new", HEADER + self._rows(rows))
        new.replace(self.path)

    @rule(which=st.integers(0, _KEPT))
    def touch(self, which: int) -> None:
        if files := self._files():
            self._date(files[which % len(files)])

    @rule(which=st.integers(0, _KEPT))
    def pack(self, which: int) -> None:
        plain = [each for each in self._kept() if each.suffix != ".gz"]
        if plain:
            file = plain[which % len(plain)]
            packed, at_ns = file.with_name(file.name + ".gz"), file.stat().st_mtime_ns
            packed.write_bytes(gzip.compress(file.read_bytes()))
            os.utime(packed, ns=(at_ns, at_ns))
            file.unlink()

    @precondition(lambda self: self._kept())
    @rule()
    def delete_oldest(self) -> None:
        self._kept()[-1].unlink()

    # -- the reader ----------------------------------------------------------------------------------------------------------

    @rule()
    def look(self) -> None:
        """All that lies there is found; where something is found again or is gone, something was said."""
        self.may_write_late = False
        lying = {each for file in self._files() for each in _whole(file)}
        if (seen := self._at_path()) == self.seen:
            self.unseen |= self.written - set(self.found)
        self.seen = seen
        # while there is no file nothing is said of it, and what was renamed waits for the next
        gone = self.written - lying - set(self.found) - self.gone - self.unseen if seen else set()
        lying = lying - self.unseen if seen else set()
        self.gone |= gone
        rows, said = len(self.reader.rows), len(self.reader.said)
        for _ in range(_LOOKS):
            self.reader.look()
            ids = [row.values["id"] for row in self.reader.rows[rows:] if isinstance(row, Row)]
            if lying <= {*self.found, *ids}:
                break
        new = Counter(each for each in ids if each)
        told = self.reader.said[said:]
        self.said += told
        again = {each for each, times in new.items() if times > 1 or self.found[each]}
        self.found.update(new)
        assert lying <= set(self.found), self.said
        assert not again or any("recognised as repeats" in each for each in told), self.said
        assert not gone or told, self.said

    @rule()
    def restart(self) -> None:
        cursor = self.reader.cursor
        self.reader.close()
        self.reader = SteppedReader(self.path, cursor)

    def _at_path(self) -> tuple[int, bytes] | None:
        return (self.path.stat().st_ino, self.path.read_bytes()) if self.path.exists() else None

    # -- files ---------------------------------------------------------------------------------------------------------------

    def _rows(self, count: int) -> str:
        first, self.number = self.number + 1, self.number + count
        return "".join(f"{number},some,thing\n" for number in range(first, first + count))

    def _append(self, path: Path, text: str) -> None:
        self._write(path, (path.read_text("utf-8") if path.exists() else HEADER) + text, anew=False)

    def _write(self, path: Path, text: str, *, anew: bool = True) -> None:
        """`anew`: cut before it is written; the same file."""
        with path.open("r+" if path.exists() else "w", encoding="utf-8") as file:
            if anew:
                file.truncate()
            file.write(text)
        self._date(path)
        self.written |= set(_whole(path))

    def _date(self, path: Path) -> None:
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def _kept(self) -> list[Path]:
        """Renamed files, the newest first."""
        found = [each for each in self.folder.iterdir() if _RENAMED.fullmatch(each.name)]
        return sorted(found, key=_number, reverse=self.dated)

    def _files(self) -> list[Path]:
        return ([self.path] if self.path.exists() else []) + self._kept()

    def _newest(self) -> Path:
        return self.path.with_name(f"calls.csv.{20260100 + self.turn}" if self.dated else "calls.csv.1")

    def _make_room(self) -> None:
        self.turn += 1
        kept = self._kept()
        for old in kept[_KEPT - 1 :]:
            old.unlink()
        for old in [] if self.dated else reversed(kept[: _KEPT - 1]):
            old.rename(self.path.with_name(f"calls.csv.{_number(old) + 1}{'.gz' * (old.suffix == '.gz')}"))


def _number(path: Path) -> int:
    found = _RENAMED.fullmatch(path.name)
    assert found is not None
    return int(found[1])


def _whole(path: Path) -> list[str]:
    """The rows in a file that have their line ends."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return _ROW.findall(text[: text.rfind("\n") + 1])


TestAnyRotation = AnyRotation.TestCase
TestAnyRotation.settings = settings(stateful_step_count=20)
