"""Numbers as systems write them: with a decimal comma, with thousands set apart. Nothing is guessed: the mapping says both."""

from __future__ import annotations

import re
from collections.abc import Callable

Plain = Callable[[str], str]
_BLANKS = str.maketrans("\u00a0\u202f\u2009", "   ")
"""What programs put between thousands where people see a blank."""


def plain_number(decimal: str, thousands: str | None) -> Plain:
    """From a number's text to how Python writes it. The function raises ValueError where thousands do not stand in groups of three:
    `1,23` may be a decimal that is written otherwise than declared.
    """
    if thousands is None:
        return (lambda text: text) if decimal == "." else (lambda text: text.replace(".", "x").replace(decimal, "."))
    between, point = re.escape(thousands), re.escape(decimal)
    grouped = re.compile(rf"[+-]?[0-9]{{1,3}}(?:{between}[0-9]{{3}})+(?:{point}[0-9]*)?")

    def plain(text: str) -> str:
        text = text.translate(_BLANKS) if thousands == " " else text
        if thousands in text:
            if not grouped.fullmatch(text):
                raise ValueError("its thousands do not stand in groups of three")
            text = text.replace(thousands, "")
        return text if decimal == "." else text.replace(".", "x").replace(decimal, ".")

    return plain
