"""The archive of loaded classes: used when there, written when not, never half written."""

from pathlib import Path

import pytest

from hub.broker.archive import ClassArchive


@pytest.fixture
def java(tmp_path: Path) -> Path:
    (tmp_path / "java").write_text("")
    return tmp_path / "java"


def write(archive: ClassArchive) -> None:
    Path(archive.options()[-1].removeprefix("-XX:ArchiveClassesAtExit=")).write_text("classes")


def test_it_is_written_once_and_then_used(tmp_path: Path, java: Path) -> None:
    archive = ClassArchive(tmp_path, java)
    write(archive)
    archive.keep(whole=True)
    option = ClassArchive(tmp_path, java).options()[-1]
    assert Path(option.removeprefix("-XX:SharedArchiveFile=")).read_text() == "classes"


def test_a_tool_uses_what_is_kept_and_writes_none(tmp_path: Path, java: Path) -> None:
    archive = ClassArchive(tmp_path, java)
    assert archive.kept_options() == []
    write(archive)
    archive.keep(whole=True)
    assert archive.kept_options() == archive.options()


def test_what_a_killed_broker_wrote_is_thrown_away(tmp_path: Path, java: Path) -> None:
    archive = ClassArchive(tmp_path, java)
    write(archive)
    archive.keep(whole=False)
    assert list(tmp_path.iterdir()) == [java]
    archive.keep(whole=True)
    assert archive.options()[-1].startswith("-XX:ArchiveClassesAtExit")


def test_another_java_has_its_own(tmp_path: Path, java: Path) -> None:
    (tmp_path / "java2").write_text("")
    assert ClassArchive(tmp_path, java).options() != ClassArchive(tmp_path, tmp_path / "java2").options()
