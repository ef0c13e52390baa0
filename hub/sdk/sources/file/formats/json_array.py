"""The elements of one JSON array, as they stand in a text that may be larger than memory, or still being written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.errors import FatalError
from hub.sdk.sources.file import lines as limits
from hub.sdk.sources.file.lines import Lines

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
"""A whole string, a bracket, or the quote of a string that does not end yet."""
_IN_STRING = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
_BETWEEN = re.compile(rb"[\s,]*+(?:\xef\xbb\xbf)?[\s,]*+")
_SCALAR = re.compile(rb"[^\s,\]\[{}\"]+")
_OPENING = b"{["

ArrayElement = tuple[int, int, bytes]
"""Line, offset, bytes."""


class Elements:
    """Iterate once over the array's elements, from where `lines` stand: at its beginning, or behind one of its elements."""

    def __init__(self, lines: Lines, line: int) -> None:
        self._lines = lines
        self._line, self._inside = line, lines.offset > 0
        self._text, self._at = b"", 0
        self._seen, self._depth, self._in_string = 0, 0, False
        """How far the element that begins at `_at` was looked through: each byte once, however small the blocks are."""
        self._start = lines.offset
        self.rest: tuple[int, int, bytes, str] | None = None
        """What is left at the end and is no element: line, offset, bytes, why. None if the array ends where the text does."""

    def __iter__(self) -> Iterator[ArrayElement]:
        closed = False
        for start, block in self._lines.blocks():
            if not self._text:
                self._start = start
            self._text += block
            while not closed and (found := self._next()) is not None:
                if isinstance(found, bytes):
                    closed = True
                else:
                    yield found
            self._drop()
            self._require_bounded()
        self._drop()
        self._end(closed)

    def _next(self) -> ArrayElement | bytes | None:
        """The next whole element, the array's end, or None if more of the text is needed."""
        self._pass(_BETWEEN.match(self._text, self._at).end())  # type: ignore[union-attr]
        first = self._text[self._at : self._at + 1]
        if not self._inside and first == b"[":
            self._inside = True
            self._pass(self._at + 1)
            return self._next()
        if first == b"]":
            self._pass(self._at + 1)
            return first
        end = self._element_end(first)
        if end is None:
            return None
        found = (self._line, self._start + self._at, self._text[self._at : end])
        self._pass(end)
        return found

    def _element_end(self, first: bytes) -> int | None:
        if not first:
            return None
        if first not in _OPENING and first != b'"':
            found = _SCALAR.match(self._text, self._at)
            if found is None:
                return self._at + 1  # a bracket that closes nothing
            return found.end() if found.end() < len(self._text) else None
        if self._in_string:
            if not self._string_ends(self._seen):
                return None
            if self._depth <= 0:
                return self._seen
        for token in _TOKEN.finditer(self._text, max(self._seen, self._at)):
            what = token[0]
            if what == b'"':
                self._string_ends(token.end())
                return None
            self._depth += (what in (b"{", b"[")) - (what in (b"}", b"]"))
            self._seen = token.end()
            if self._depth <= 0:
                return self._seen
        self._seen = len(self._text)
        return None

    def _string_ends(self, start: int) -> bool:
        """Go on with a string, from `start`; True if its end is there."""
        end = _IN_STRING.match(self._text, start).end()  # type: ignore[union-attr]
        self._in_string = self._text[end : end + 1] != b'"'
        self._seen = end + (not self._in_string)
        return not self._in_string

    def _pass(self, end: int) -> None:
        self._line += self._text.count(b"\n", self._at, end)
        if end > self._at:
            self._seen, self._depth, self._in_string = end, 0, False
        self._at = end

    def _drop(self) -> None:
        """What is done is forgotten."""
        self._text = self._text[self._at :]
        self._start += self._at
        self._seen -= self._at
        self._at = 0

    def _require_bounded(self) -> None:
        if len(self._text) > limits.MAX_LINE_BYTES:
            raise FatalError(
                f"{self._lines.path.name} line {self._line}: an element of the array does not end within {limits.MAX_LINE_BYTES:,} "
                "bytes; a quote or bracket is missing there. Correct it, or write one object a line (JSON Lines)"
            )

    def _end(self, closed: bool) -> None:
        left = self._text.strip()
        if left or not closed:
            why = "an element of the array is not finished" if left else "the array is not closed"
            why = "there is more behind the array's end" if closed else why
            self.rest = (self._line, self._start, self._text[: limits.KEEP_BYTES], why)
