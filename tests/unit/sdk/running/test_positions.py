"""Positions on disk: whatever happens to the disk the former one stays, and one that is gone or spoilt is not taken for none."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.errors import FatalError
from hub.sdk.contract import KeptPosition
from hub.sdk.errors import ContractError, PositionLostError
from hub.sdk.running.positions import MAX_POSITION_BYTES, PositionFile, StoredPosition
from hub.sdk.sources.cap.source import CapPlace
from hub.sdk.sources.cap.standing import InForce
from hub.sdk.sources.changes.source import Offsets
from hub.sdk.sources.file.cursor import Cursor
from hub.sdk.sources.folder.source import FolderPlace
from hub.sdk.sources.http.paging import PagePosition
from hub.sdk.sources.open311.sweeps import Sweep, SweepPosition
from hub.sdk.sources.sql.source import QueryPosition


@pytest.fixture
def file(tmp_path: Path) -> PositionFile:
    return PositionFile(tmp_path / "edges" / "roads.json")


def position_of(file: PositionFile) -> object:
    stored = file.load()
    return stored.position if stored else None


def test_a_full_disk_leaves_the_former_position(file: PositionFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.save({"offset": 4}, 1)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(FatalError, match=r"No space left.*make room"):
            file.save({"offset": 6}, 2)
    assert position_of(file) == {"offset": 4}
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in file.path.parent.iterdir()) == [
        "roads.json",
        "roads.known",
    ]  # nothing half written


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n", "utf-8")
    with pytest.raises(FatalError, match="cannot be written"):
        PositionFile(tmp_path / "rows.csv" / "edges" / "roads.json").save({"offset": 4})


@pytest.mark.parametrize("spoilt", [None, b"", b"{}", b"{", b"null", b'{"position": {}}', b"\xff\xfe"])
def test_one_that_is_gone_or_spoilt_is_an_alarm_and_no_fresh_start(file: PositionFile, spoilt: bytes | None) -> None:
    assert file.load() is None, "it never was"
    file.save({"offset": 4})
    if spoilt is None:
        file.path.unlink()
    else:
        file.path.write_bytes(spoilt)
    with pytest.raises(PositionLostError, match="nothing is read"):
        file.load()
    file.forget()
    assert file.load() is None, "somebody chose the start"


def test_one_that_was_changed_by_hand_is_known(file: PositionFile) -> None:
    file.save({"offset": 4})
    content = json.loads(file.path.read_text())
    for changed in ({"position": {"offset": 5}}, {"items": 9}, {"system": "other"}):
        file.path.write_text(json.dumps(content | changed))
        with pytest.raises(PositionLostError):
            file.load()


def test_an_empty_or_endless_one_never_replaces_another(file: PositionFile) -> None:
    file.save({"offset": 4})
    with pytest.raises(ContractError, match="empty"):
        file.save({})
    with pytest.raises(ContractError, match="bytes"):
        file.save({"seen": ["x" * 100] * (MAX_POSITION_BYTES // 100)})
    assert position_of(file) == {"offset": 4}


def test_what_connectors_kept_before_is_gone_on_from(file: PositionFile) -> None:
    before = {"rows": 7, "offset": 99, "line": 8, "heads": [[99, "ab"]], "first": [99, "ab"], "header": []}
    file.path.parent.mkdir(parents=True)
    file.path.write_text(json.dumps(before | {"read_by": "x"}))
    stored = file.load()
    assert stored is not None
    assert (stored.position, stored.items, stored.read_by) == (before, 7, "x")


def test_what_a_newer_release_kept_beside_a_position_is_no_harm(file: PositionFile) -> None:
    """Else whoever rolls back loses all positions."""
    newer = StoredPosition.model_validate({"position": {"offset": 4, "new": 1}, "items": 4, "new": [1]}).sealed()
    file.path.parent.mkdir()
    file.path.write_text(newer.model_dump_json(), "utf-8")
    assert position_of(file) == {"offset": 4, "new": 1}
    file.path.write_text(newer.model_dump_json().replace("[1]", "[2]"), "utf-8")
    with pytest.raises(PositionLostError, match="was changed"):
        file.load()


KEPT = [QueryPosition, CapPlace, PagePosition, SweepPosition, FolderPlace, Cursor, Offsets]


def test_the_positions_of_all_kinds_of_sources_are_tried_here() -> None:
    parts = {InForce, Sweep}
    assert {each for each in KeptPosition.__subclasses__() if each.__module__.startswith("hub.")} - parts == set(KEPT)


@pytest.mark.parametrize("form", KEPT)
def test_a_position_of_a_newer_release_is_read_without_what_is_new_and_one_of_another_kind_is_refused(
    form: type[KeptPosition],
) -> None:
    made = form(next={"t": {0: 1}}) if form is Offsets else form()
    kept = made.model_dump(mode="json")
    assert form.model_validate({**kept, "new in a later release": 1}) == made
    with pytest.raises(ValidationError):
        form.model_validate({"of another kind": 1})


def test_a_loop_of_links_has_a_position_as_any_other_name(tmp_path: Path) -> None:
    """What it is said of when it is opened: nothing is there to read."""
    (tmp_path / "loop").symlink_to("loop")
    assert PositionFile.of_files(tmp_path, "", "hotline", [(tmp_path / "loop", "demo")]).load() is None
