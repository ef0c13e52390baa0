"""Bytes as text in the charset that somebody else names. Pure."""

from __future__ import annotations

_NO_CHARSETS = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
"""Python decodes by these names too: they take the square of a text's time, fail, or read what is written as something else."""


def decoded(body: bytes, charset: str) -> str:
    """The text, with U+FFFD for what is none in this charset; by UTF-8 where nobody has such a charset."""
    if charset.strip().lower().replace("-", "_") not in _NO_CHARSETS:
        try:
            return body.decode(charset, "replace")
        except (LookupError, ValueError):
            pass
    return body.decode("utf-8", "replace")
