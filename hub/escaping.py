"""All text of others is escaped where it leaves the hub, here: on a terminal, in a log line, in a CSV file, as JSON.

What a sender wrote may hold what a terminal obeys (escape sequences), what turns a line into two (a forged log line), what shows
a text in another order than it has (Trojan Source, trojansource.codes), or what a spreadsheet runs as a formula. Letters of every
script, emoji and their joiners stay as they are.
"""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, TextIO

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # what terminals obey, with all line ends
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # unseen, or turning the order of writing
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_LOGIN = re.compile(r"^([^/?#]*//)[^/?#]*@")
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?%?")


def shown(text: object, *, keep: str = "") -> str:
    """A text on one line, each character that acts instead of being seen as its escape. Those in `keep` stay."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), str(text))


def without_login(url: str) -> str:
    """An address without the user and password that may stand in it."""
    return _LOGIN.sub(r"\1", url)


def _escape(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_json(value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None) -> str:
    """JSON that reads back as `value`, and that a terminal does not obey either."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=default)
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\n" else json.dumps(found[0])[1:-1], text)


def csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text, whatever it begins with; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def write_csv(file: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    """Rows for people to open in a spreadsheet. `file` is opened with newline=""."""
    csv.writer(file, lineterminator="\n").writerows([csv_cell(cell) for cell in row] for row in rows)


class OneLineRecord(logging.LogRecord):
    """A log record whose message is one line, so that nobody's text is taken for another record."""

    def getMessage(self) -> str:  # noqa: N802 - logging's own name
        return shown(super().getMessage(), keep="\t")


def escape_logs() -> None:
    """Have every log line of this process escaped, whichever handler writes it."""
    logging.setLogRecordFactory(OneLineRecord)
