"""A file's text as bytes, block by block, whatever holds it: plain, in gzip, in UTF-16. Offsets are those of the text."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.sdk.mapping.specs import Encoding
from hub.sdk.sources.file.containers import HEAD_BYTES, Container, UnreadContainer, may_become, sniff
from hub.sdk.sources.file.watched import WatchedFile

_PIECE_BYTES = 1024 * 1024
"""What is unpacked at a time: a small file may hold a large one."""
_GZIP = 16 + zlib.MAX_WBITS
_WIDE = {Encoding.UTF16: "utf-16", Encoding.UTF16LE: "utf-16-le", Encoding.UTF16BE: "utf-16-be"}
"""Encodings in which a line break is more than one byte: their text is given out as UTF-8."""


class Content(Protocol):
    """Text as bytes, in `encoding`, which Python knows. `read_as` says for people what holds it."""

    encoding: str
    read_as: str
    delimiter: str | None
    """Where the text is made of a table's cells, what stands between them."""

    def read(self) -> bytes:
        """The next bytes; none at the present end. Raises FatalError if they are damaged, ChangedError if they were."""
        ...

    def finish(self) -> bool:
        """Whether what holds the text says that it is whole at the present end. Raises FatalError if it says that it is cut off."""
        ...

    def check(self) -> None:
        """Raise ChangedError if what was read is no longer there."""
        ...

    @property
    def moved(self) -> bool:
        """Whether another file lies at the path by now."""
        ...

    @property
    def identity(self) -> tuple[int, int]:
        """Device and number of the open file, whatever it is named."""
        ...

    def quiet_seconds(self) -> float: ...
    def changed_ms(self) -> int: ...
    def bytes_read(self) -> int: ...
    def bytes_total(self) -> int: ...
    def close(self) -> None: ...


class FileContent:
    """The text of one regular file."""

    delimiter: str | None = None

    def __init__(self, path: Path, declared: Encoding, *, follow: bool = False, as_utf8: bool = False) -> None:
        self._name, self._follow = path.name, follow
        self._declared = declared
        self._file = WatchedFile(path, follow=follow)
        self.encoding = codec_of(declared)
        self.read_as = "plain"
        self._gunzip: _Gunzip | None = None
        self._decode: codecs.IncrementalDecoder | None = None
        self._as_utf8 = as_utf8
        self._blocks = self._all_blocks()
        if follow:
            try:
                self._require_text(sniff(self.head(HEAD_BYTES)))
            except FatalError:
                self.close()
                raise

    def head(self, size: int) -> bytes:
        """The file's first bytes as they are now; nothing is taken."""
        return self._file.head(size)

    def read(self) -> bytes:
        return next(self._blocks)

    def finish(self) -> bool:
        if self._gunzip is not None:
            self._gunzip.finish()
        return self._gunzip is not None

    def check(self) -> None:
        self._file.check()

    @property
    def moved(self) -> bool:
        return self._file.moved

    @property
    def identity(self) -> tuple[int, int]:
        return self._file.identity

    def quiet_seconds(self) -> float:
        return self._file.quiet_seconds()

    def changed_ms(self) -> int:
        return self._file.changed_ms()

    def bytes_read(self) -> int:
        return self._file.offset

    def bytes_total(self) -> int:
        return self._file.size()

    def close(self) -> None:
        self._file.close()

    def _all_blocks(self) -> Iterator[bytes]:
        """Endless: an empty block is the present end."""
        head = b""
        while not head or (self._follow and may_become(head)):
            block = self._file.read()
            head += block
            if not block:
                yield b""
                if not self._follow and head:
                    break
        self._decide(head)
        yield from self._through(head)
        while True:
            block = self._file.read()
            if block:
                yield from self._through(block)
            else:
                yield b""

    def _through(self, block: bytes) -> Iterator[bytes]:
        """A block of the file as blocks of text, none of them empty."""
        for piece in (block,) if self._gunzip is None else self._gunzip.pieces(block):
            if self._gunzip is not None and not self._gunzip.begun:
                self._gunzip.begun = True
                self._decide(piece)
            text = piece if self._decode is None else self._recoded(piece)
            if text:
                yield text

    def _decide(self, head: bytes) -> None:
        """What the text is in, by its first bytes."""
        found = sniff(head[:HEAD_BYTES])
        self._require_text(found)
        if found is Container.GZIP:
            self._begin_gzip()
        elif self._gunzip is None and self._name.endswith(".gz"):
            raise FatalError(
                f"{self._name} is not sound gzip data by its first bytes; name it for what it is, or copy it again"
            )
        elif not isinstance(found, UnreadContainer):
            self._begin_text(found, head)

    def _require_text(self, container: Container | UnreadContainer | None) -> None:
        if isinstance(container, UnreadContainer):
            raise FatalError(f"{self._name} is {container.name}, which is not read: {container.way_out}")
        if self._follow and container in (Container.GZIP, Container.ZIP, Container.OLE):
            kind = "gzip file" if container is Container.GZIP else "workbook or archive"
            raise FatalError(
                f"{self._name}: a {kind} cannot be followed as it grows; give the plain file, or leave out --follow"
            )
        if container in (Container.ZIP, Container.OLE):
            kind = "a ZIP archive" if container is Container.ZIP else "an office document"
            raise FatalError(f"{self._name} is {kind}, not a workbook; unpack it and give the file inside")

    def _begin_gzip(self) -> None:
        if self._gunzip is not None:
            raise FatalError(f"{self._name} is gzip within gzip; unpack it once and give the file inside")
        self._gunzip, self.read_as = _Gunzip(self._name), "gzip"

    def _begin_text(self, container: Container | None, head: bytes) -> None:
        if container in (Container.UTF_16, Container.UTF_32):
            self._transcode(str(container))
        elif container is Container.UTF_8:
            self.encoding = "utf-8"
        elif self._declared in _WIDE:
            self._transcode(_WIDE[self._declared])
        elif wide := _looks_wide(head):
            raise FatalError(
                f"{self._name} looks like {wide} without a mark that says so; let the mapping say `encoding: {wide}`"
            )
        elif self._as_utf8 and self.encoding != "utf-8":
            self._transcode(self.encoding)

    def _recoded(self, piece: bytes) -> bytes:
        assert self._decode is not None
        try:
            return self._decode.decode(piece).encode(errors=self._decode.errors)
        except UnicodeError as error:
            raise FatalError(f"{self._name} is not sound {self.read_as}: {error.reason}; save it as UTF-8") from None  # type: ignore[attr-defined]

    def _transcode(self, codec: str) -> None:
        # what cannot be decoded passes through as it is, and is then no UTF-8: its row is bad, and no other
        errors = "surrogatepass" if codec.startswith("utf-") else "surrogateescape"
        self._decode = codecs.getincrementaldecoder(codec)(errors)
        if self._gunzip is None and codec.startswith(("utf-16", "utf-32")):
            self._file.wide(4 if codec.startswith("utf-32") else 2)
        self.encoding = "utf-8"
        self.read_as = codec if self.read_as == "plain" else f"{self.read_as}, {codec}"


def codec_of(encoding: Encoding) -> str:
    """Python's name; GBK is read as GB18030, which has it all and the rare names too."""
    return "gb18030" if encoding is Encoding.GBK else "utf-8" if encoding is Encoding.UTF8_SIG else str(encoding)


def _looks_wide(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero at every second byte."""
    sample = head[: 2 * (len(head[:4096]) // 2)]
    if len(sample) < 8:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) * 0.15 or min(even, odd) > max(even, odd) / 4:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


class _Gunzip:
    """Unpacks gzip of one or more members, a bounded piece at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inflate = zlib.decompressobj(_GZIP)
        self._between = True
        self.begun = False
        """Whether the first piece was looked at."""

    def pieces(self, block: bytes) -> Iterator[bytes]:
        full = False
        while block or full:
            if self._between:
                block = block.lstrip(b"\0")  # tapes and copying programs fill up with zeros
                if not block:
                    return
                self._inflate, self._between = zlib.decompressobj(_GZIP), False
            try:
                piece = self._inflate.decompress(block, _PIECE_BYTES)
            except zlib.error as error:
                raise FatalError(f"{self._name} is not sound gzip data: {error}; copy it again") from error
            full = len(piece) == _PIECE_BYTES  # then more may be ready although all bytes are used
            if piece:
                yield piece
            self._between = self._inflate.eof
            block = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def finish(self) -> None:
        if not self._between:
            raise FatalError(f"{self._name} ends in the middle of its gzip data; copy it again")
