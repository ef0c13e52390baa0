"""What is read as a declared file is a regular one of bounded size; JSON is refused, never fatal to the reader."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.declared.texts import NoRegularFileError, open_regular, parse_json, read_bytes, read_text


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_bytes("城市".encode())
    assert read_text(path) == "城市"
    (tmp_path / "link").symlink_to(path)
    assert read_text(tmp_path / "link") == "城市"


def test_a_named_pipe_is_refused_by_name_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "areas.geojson")
    with pytest.raises(NoRegularFileError, match=r"areas\.geojson is a named pipe; only regular files"):
        read_text(tmp_path / "areas.geojson")


def test_devices_folders_and_sockets_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NoRegularFileError, match="/dev/zero is a device"):
        open_regular(Path("/dev/zero"))
    with pytest.raises(NoRegularFileError, match="is a folder"):
        open_regular(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(OSError, match="s"):
            open_regular(tmp_path / "s")


def test_a_name_that_no_file_can_have_is_no_file(tmp_path: Path) -> None:
    for name in ("a\0b", "\ud800"):
        with pytest.raises(NoRegularFileError, match="is no name that a file can have"):
            open_regular(tmp_path / name)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 11)
    assert len(read_bytes(tmp_path / "big", 11)) == 11
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_bytes(tmp_path / "big", 10)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 200_000, "9" * 5_000, "NaN", "[-Infinity]", "", "{", '"\\ud800']
)
def test_json_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@given(st.binary(max_size=200))
def test_so_is_every_other_rubbish(raw: bytes) -> None:
    try:
        parse_json(raw)
    except ValueError:
        return
