"""Many files: taken when they are whole, read once by what is in them, and moved when Kafka has it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.errors import FatalError
from hub.sdk.contract import Context
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.folder import source as folder_source
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.shelf import FolderShelf
from hub.sdk.sources.folder.source import FolderSource
from hub.settings import ROOT
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.unit.sdk.sources.file.workbooks import workbook
from tests.unit.sdk.sources.folder.inbox import Inbox, said


def test_files_are_read_in_the_order_of_their_names_and_moved(inbox: Inbox) -> None:
    inbox.drop("calls-10.csv", 3)
    inbox.drop("calls-9.csv", 1, 2)
    assert inbox.run() == said(1, 2, 3)
    assert (inbox.names(), inbox.names("done")) == ([], ["calls-10.csv", "calls-9.csv"])
    inbox.drop("calls-9.csv", 4)
    assert inbox.run() == said(4)
    assert inbox.names("done") == ["calls-10.csv", "calls-9.csv", "calls-9.csv"]


def test_a_file_that_comes_again_is_not_read_again_whatever_it_is_called(inbox: Inbox) -> None:
    inbox.drop("a.csv", 1)
    inbox.run()
    inbox.drop("b.csv", 1)
    inbox.drop("c.csv", 1)
    assert inbox.run() == []
    assert inbox.names() == []


def test_of_two_that_are_the_same_neither_is_lost_nor_read_twice(inbox: Inbox) -> None:
    inbox.drop("a.csv", 1, 2, 3)
    inbox.drop("b.csv", 1, 2, 3)
    with pytest.raises(KilledError):
        inbox.run(MemoryPublisher(die_at=2))
    assert inbox.names() == ["a.csv", "b.csv"]
    assert inbox.run()[-1:] == said(3)
    assert inbox.names() == []


def test_a_file_that_cannot_be_read_is_one_dead_letter_and_stops_no_other(inbox: Inbox) -> None:
    (inbox.folder / "a.csv").write_text("this,is,another,table\n1,2,3,4\n", "utf-8")
    (inbox.folder / "b.csv").write_bytes(gzip.compress(csv_text(POLICE_COLUMNS, [police_row(1)] * 9).encode())[:-20])
    inbox.drop("c.csv", 5)
    assert inbox.run()[-1:] == said(5)
    assert [(each.file, each.reason) for each in inbox.publisher.letters] == [
        ("a.csv", "bad_row"),
        ("b.csv", "bad_row"),
    ]
    assert inbox.names("failed") == ["a.csv", "a.csv.reason.txt", "b.csv", "b.csv.reason.txt"]
    (why,) = (inbox.folder / "failed").glob("b.*.reason.txt")
    assert "gzip" in why.read_text("utf-8")
    mended = inbox.drop("a.csv", 6)
    assert inbox.run() == said(6)
    assert not mended.exists()


def test_a_file_that_failed_is_read_when_it_is_dropped_again(inbox: Inbox) -> None:
    """The mapping may have been mended meanwhile."""
    for _ in range(2):
        (inbox.folder / "a.csv").write_text("another,table\n1,2\n", "utf-8")
        inbox.run()
        assert len(inbox.publisher.letters) == 1


def test_a_folder_of_many_files_is_not_looked_at_for_each(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, files = [0], FolderShelf.files

    def counted(shelf: FolderShelf) -> Any:
        looks[0] += 1
        return files(shelf)

    monkeypatch.setattr(FolderShelf, "files", counted)
    for number in range(40):
        inbox.drop(f"calls-{number}.csv", number)
    assert inbox.run(checkpoint_rows=1) == said(*range(40))
    assert looks[0] < 6


def test_an_empty_file_is_done(inbox: Inbox) -> None:
    inbox.drop("a.csv")
    assert inbox.run() == []
    assert inbox.names("done") == ["a.csv"]


@pytest.mark.parametrize("glob", [False, True])
def test_killed_anywhere_nothing_is_lost_and_the_order_stays(tmp_path: Path, glob: bool) -> None:
    for at in range(9):
        folder = tmp_path / str(at)
        folder.mkdir()
        inbox = Inbox(folder, **({"glob": f"{folder}/inbox/*.csv"} if glob else {}))
        for file in range(3):
            inbox.drop(f"calls-{file}.csv", *range(file * 3, file * 3 + 3))
        killed = MemoryPublisher(die_at=at)
        with pytest.raises(KilledError):
            inbox.run(killed)
        arrived = [(event.source_ref, event.revision) for event in killed.events[: killed.acknowledged]]
        after = inbox.run()
        assert arrived + after[len(arrived) + len(after) - 9 :] == said(*range(9)), f"killed at {at}"
        assert inbox.run() == []
        assert len(inbox.names("" if glob else "done")) == 3


def test_killed_between_the_position_and_the_moves_they_are_made_up_for(inbox: Inbox) -> None:
    inbox.drop("a.csv", 1)
    (inbox.folder / "b.csv").write_text("another,table\n", "utf-8")
    source = inbox.source()
    source.connect(None)
    batches = [source.read(0.0) for _ in range(3)]
    source.close()
    again = inbox.source()
    again.connect(batches[-2].after)
    assert (inbox.names(), inbox.names("done")) == ([], ["a.csv"])
    assert "b.csv" in inbox.names("failed")
    assert again.read(0.0).last
    again.close()


def test_a_glob_leaves_files_where_they_are_and_reads_a_changed_one_anew(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, glob=f"{tmp_path}/inbox/**/*.csv")
    (inbox.folder / "deep").mkdir()
    inbox.drop("a.csv", 1)
    inbox.drop("deep/b.csv", 2)
    assert inbox.run() == said(1, 2)
    assert inbox.names() == ["a.csv"]
    inbox.drop("a.csv", 1, 3)
    (inbox.folder / "a.csv").rename(inbox.folder / "renamed.csv")
    assert inbox.run() == said(1, 3)
    assert inbox.run() == []


def test_a_glob_remembers_so_many_files_and_says_when_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_source, "MAX_FILES", 3)
    inbox = Inbox(tmp_path, glob=f"{tmp_path}/inbox/*.csv")
    for number in range(3):
        inbox.drop(f"{number}.csv", number)
    assert inbox.run() == said(0, 1, 2)
    (inbox.folder / "0.csv").unlink()
    inbox.drop("3.csv", 3)
    assert inbox.run() == said(3)
    inbox.drop("4.csv", 4)
    with pytest.raises(ConfigurationError, match="at most 3"):
        inbox.run()


def test_what_is_read_into_is_whole_by_the_declared_sign(tmp_path: Path) -> None:
    marked = Inbox(tmp_path, complete={"kind": "marker", "suffix": ".ok"})
    path = marked.drop("a.csv", 1)
    (marked.folder / ".hidden.csv").write_text("x", "utf-8")
    (marked.folder / "b.csv.part").write_text("x", "utf-8")
    assert marked.run() == []
    path.with_name("a.csv.ok").touch()
    assert marked.run() == said(1)
    assert marked.names() == [".hidden.csv", "b.csv.part"]


def test_a_file_is_quiet_when_nobody_has_changed_it_for_so_long(tmp_path: Path) -> None:
    clock = [0.0]
    path = police_file(tmp_path / "a.csv", 1)
    config = FolderConfig.model_validate({"folder": tmp_path, "complete": {"kind": "quiet", "seconds": 5}})
    shelf = FolderShelf(config, lambda: clock[0])

    def whole_at(seconds: float) -> bool:
        clock[0] = seconds
        return bool(shelf.whole(shelf.files()))

    assert [whole_at(0), whole_at(4)] == [False, False]
    police_file(path, 2)
    assert [whole_at(5), whole_at(9), whole_at(10)] == [False, False, True]


def test_a_file_that_is_written_to_while_it_is_read_is_read_anew(inbox: Inbox) -> None:
    inbox.drop("a.csv", 1, 2)

    class Meddled(MemoryPublisher):
        def send(self, event: Any) -> None:
            super().send(event)
            if len(self.events) == 1:
                inbox.drop("a.csv", 1, 2, 3)

    assert inbox.run(Meddled(), checkpoint_rows=1)[-3:] == said(1, 2, 3)
    assert (inbox.names(), inbox.names("done")) == ([], ["a.csv"])


def test_check_and_sample_change_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, complete={"kind": "marker"})
    inbox.drop("a.csv", 1, 2)
    assert "1 files" in inbox.source().check()
    assert len(list(inbox.source().sample(10))) == 2
    assert inbox.names() == ["a.csv"]
    assert not (inbox.folder / "done").exists()


def test_what_cannot_be_is_said_before_the_first_file(tmp_path: Path) -> None:
    missing = FolderConfig(folder=tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="make it"):
        FolderSource(missing, Context("police", mapping=MappingSet(find_manifest("police")).mapping)).check()
    with pytest.raises(ValueError, match="stay where they are"):
        FolderConfig.model_validate({"glob": "*.csv", "done": "x"})
    with pytest.raises(ValueError, match="give `folder`, or `glob`"):
        FolderConfig.model_validate({})


def test_a_folder_that_is_away_is_waited_for(inbox: Inbox) -> None:
    source = inbox.source()
    source.connect(None)
    inbox.folder.rename(inbox.folder.with_name("elsewhere"))
    with pytest.raises(TransientError):
        source.read(0.0)


ROWS = [POLICE_COLUMNS, *[tuple(police_row(number)) for number in range(3)]]
TEXT = csv_text(POLICE_COLUMNS, ROWS[1:])
HOTLINE = ROOT / "connectors/hotline/fixtures/demo.jsonl"
FORMATS: dict[str, Callable[[], bytes]] = {
    "plain.csv": lambda: TEXT.encode(),
    "packed.csv.gz": lambda: gzip.compress(TEXT.encode()),
    "utf16.csv": lambda: TEXT.encode("utf-16"),
    "packed16.csv.gz": lambda: gzip.compress(TEXT.encode("utf-16")),
    "book.xlsx": lambda: workbook({"calls": [list(row) for row in ROWS]}),
    "crlf.csv": lambda: TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
}


@pytest.mark.parametrize("way", ["folder", "glob"])
def test_every_format_is_read_of_folders_and_patterns(tmp_path: Path, way: str) -> None:
    inbox = Inbox(tmp_path, **({"glob": f"{tmp_path}/inbox/*"} if way == "glob" else {}))
    for name, made in FORMATS.items():
        (inbox.folder / name).write_bytes(made())
    assert sorted(inbox.run()) == sorted(said(0, 1, 2) * len(FORMATS))
    assert inbox.publisher.letters == []


def _of_mapping(tmp_path: Path, content: bytes, changes: dict[str, Any], connector: str) -> list[Any]:
    """The items of one dropped file."""
    (tmp_path / "x.dat").write_bytes(content)
    intake = MappingSet(find_manifest(connector))
    mapping = intake.mapping("demo").model_copy(update=changes)
    config = FolderConfig.model_validate({"folder": tmp_path, "complete": {"kind": "renamed"}, "follow": False})
    source = FolderSource(config, Context(connector, intake.outcome, lambda _name: mapping))
    return list(source.sample(100))


def test_gb18030_and_arrays_of_json(tmp_path: Path) -> None:
    """䶮 is not in GBK."""
    rows = [police_row(0, AFDD="䶮家路1号")]
    (item,) = _of_mapping(tmp_path, csv_text(POLICE_COLUMNS, rows).encode("gb18030"), {"encoding": "gb18030"}, "police")
    assert item.values["AFDD"] == "䶮家路1号"
    objects = [json.loads(line) for line in HOTLINE.read_text("utf-8").splitlines()]
    array = json.dumps(objects, ensure_ascii=False, indent=1)
    for encoding in ("utf-8", "utf-16"):
        assert len(_of_mapping(tmp_path, array.encode(encoding), {}, "hotline")) == len(objects)


def test_errors_of_the_reader_are_said_in_words(inbox: Inbox) -> None:
    with pytest.raises(FatalError, match="position"):
        inbox.source().connect({"offset": 3})
