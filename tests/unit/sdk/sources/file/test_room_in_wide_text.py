"""A file with room made for what is to be written, in an encoding in which a line end has zeros itself: its last row is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sdk.sources.file.stepped import HEADER, SteppedReader

CODECS = {
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}


@pytest.mark.parametrize("codec", CODECS)
def test_the_last_row_before_the_room_is_read_when_it_is_there(codec: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    text = HEADER + "1,a,b\n"
    file.write_bytes(CODECS[codec] + text.encode(codec) + bytes(4096))
    reader = SteppedReader(file)
    try:
        for number in range(1, 4):
            reader.look()
            assert [row.values["id"] for row in reader.rows] == [str(each) for each in range(1, number + 1)]
            text += f"{number + 1},a,b\n"
            written = CODECS[codec] + text.encode(codec)
            file.write_bytes(written + bytes(max(0, 4096 - len(written))))
    finally:
        reader.close()
