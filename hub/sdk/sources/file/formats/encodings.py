"""What encoding a text is probably in, where the mapping says another: for an error that names the way out."""

from __future__ import annotations

_CERTAIN_CHARACTERS = 8
"""So many characters of more than one byte are UTF-8 by chance once in millions of texts."""


def reads_as(data: bytes, besides: str) -> str | None:
    """The encoding in which `data` is sound text, of those that can tell; None if it is in none, or in `besides` alone."""
    if data.isascii():
        return None
    if besides != "utf-8" and _decoded(data, "utf-8") is not None:
        return "utf-8"
    text = None if besides == "gb18030" else _decoded(data, "gb18030")
    return "gb18030" if text is not None and _mostly_chinese(text) else None


def wrong_throughout(sample: bytes, codec: str) -> str | None:
    """The encoding of a text whose beginning shows that it is not `codec`, as the mapping says; None if it may be."""
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    if whole.isascii():
        return None
    if codec == "utf-8":
        lines = whole.splitlines()
        bad = [line for line in lines if _decoded(line, codec) is None]
        return reads_as(b"\n".join(bad), codec) if len(bad) > max(1, len(lines) // 2) else None
    text = _decoded(whole, "utf-8")
    if text is None or sum(not each.isascii() for each in text) < _CERTAIN_CHARACTERS:
        return None
    return "utf-8" if codec == "latin-1" or _mostly_chinese(text) else None


def _decoded(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _mostly_chinese(text: str) -> bool:
    wide = [each for each in text if not each.isascii()]
    return sum("\u3000" <= each <= "\u9fff" or "\uff00" <= each <= "\uffef" for each in wide) >= 0.8 * len(wide)
