"""What a file is by its first bytes, whatever it is called: text as it stands, text in a container that is read, or what is refused
by name."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Container(StrEnum):
    """What is read. `ZIP` and `OLE` may be workbooks: only a look inside tells."""

    GZIP = "gzip"
    ZIP = "zip"
    OLE = "ole"
    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    UTF_32 = "utf-32"


class UnreadContainer(NamedTuple):
    """What is not read: what people call it, and the way out."""

    name: str
    way_out: str


_UNPACK = "unpack it and give the file inside"
_EXPORT = "export the table as CSV, JSON Lines or XLSX"
HEAD_BYTES = 512
"""All that tells is within so many bytes."""
_MAGIC: tuple[tuple[bytes, Container | UnreadContainer], ...] = (
    (b"\x1f\x8b", Container.GZIP),
    (b"PK\x03\x04", Container.ZIP),
    (b"PK\x05\x06", Container.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Container.OLE),
    (b"\xff\xfe\x00\x00", Container.UTF_32),
    (b"\x00\x00\xfe\xff", Container.UTF_32),
    (b"\xff\xfe", Container.UTF_16),
    (b"\xfe\xff", Container.UTF_16),
    (b"\xef\xbb\xbf", Container.UTF_8),
    (b"BZh", UnreadContainer("a bzip2 file", _UNPACK)),
    (b"\xfd7zXZ\x00", UnreadContainer("an xz file", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", UnreadContainer("a Zstandard file", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", UnreadContainer("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", UnreadContainer("a RAR archive", _UNPACK)),
    (b"%PDF-", UnreadContainer("a PDF document", _EXPORT)),
    (b"PAR1", UnreadContainer("a Parquet file", _EXPORT)),
    (b"SQLite format 3\x00", UnreadContainer("an SQLite database", _EXPORT)),
)
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<head", b"<body")


def sniff(head: bytes) -> Container | UnreadContainer | None:
    """What begins with these bytes, of which there are HEAD_BYTES if there are so many; None for text as it stands."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if head[257:262] == b"ustar":
        return UnreadContainer("a tar archive", _UNPACK)
    if head.lstrip()[:9].lower().startswith(_MARKUP):
        return UnreadContainer("HTML or XML", f"it may be an error page, or a web page named as a table; {_EXPORT}")
    return None


def may_become(head: bytes) -> bool:
    """Whether a file that begins so, and is still being written, may turn out to be more than text."""
    return any(magic.startswith(head) for magic, _ in _MAGIC)
