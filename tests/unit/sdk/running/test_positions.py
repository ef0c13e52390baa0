"""Positions on disk: whatever happens to the disk the former one stays, and one that is gone or spoilt is not taken for none."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from hub.errors import FatalError
from hub.sdk.errors import ContractError, PositionLostError
from hub.sdk.running.positions import MAX_POSITION_BYTES, PositionFile


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
