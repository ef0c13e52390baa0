"""Reports' references as systems mean them: the same one in another dress, and those that are spoilt.

A spreadsheet drops leading zeros, writes `1.23E+15` for many numbers, wraps text in `="..."`; forms and faxes bring full-width
letters and blanks that nobody sees. What may be taken off without making two matters one differs by system, so its mapping says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from collections.abc import Mapping as Values
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.errors import Reason, RejectedRecordError
from hub.sdk.mapping.specs import FieldSpec, MappingPart


class Dress(StrEnum):
    """What may differ between two writings of one reference."""

    BLANKS = "blanks"
    WIDTH = "width"
    SPREADSHEET = "spreadsheet"
    NUMBER = "number"
    CASE = "case"


class ReferenceSpec(MappingPart):
    """How references are brought to one form. Nothing is done that is not declared."""

    normalise: list[Dress] = Field(
        [],
        description="blanks: those at its ends, and invisible characters anywhere; width: full-width letters and digits; "
        'spreadsheet: ="0012" and \'0012 are 0012; number: 123.0 is 123; case: capitals and small letters are the same',
    )
    digits: int | None = Field(
        None,
        ge=1,
        le=40,
        description="a reference of fewer digits is filled with zeros to so many: a spreadsheet dropped them",
    )


_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_FORMULA = re.compile(r'="([^"]*)"')
_WHOLE = re.compile(r"([0-9]+)\.0+")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_ANY_EXPONENT = re.compile(r"[0-9]+(?:[.,][0-9]+)?E[+-]?[0-9]+", re.IGNORECASE)
_SHEET_ERROR = re.compile(r"#[A-Z0-9/]+[!?]?|#N/A", re.IGNORECASE)
_NO_REFERENCES = frozenset({"true", "false", "null", "none", "nan", "nil", "n/a", "undefined"})
_MOST_WORD_CHARS = max(map(len, _NO_REFERENCES))
_PLAIN = re.compile(r"[0-9A-Za-z_-]+")
"""Nothing here is a blank, a full-width sign, a spreadsheet's, or a point."""
SPOILT = "source_ref is spoilt"
"""How the reason begins for every reference that is refused here."""


def reference_reader(
    spec: FieldSpec, declared: ReferenceSpec, read: Callable[[Values[str, Any]], str]
) -> Callable[[Values[str, Any]], str]:
    """The reference from a row's values, in the one form that the mapping declares. `read` gives it as it is written.

    The function raises RejectedRecordError(invalid) for what many matters would share: `1.23E+15`, true, #N/A, a list.
    """
    if spec.digest is not None or spec.constant is not None:
        return read
    undress = undressing(declared)
    number = Dress.NUMBER in declared.normalise
    column = spec.column

    def reference(values: Values[str, Any]) -> str:
        if column is not None and isinstance(values.get(column), bool | list):
            raise _spoilt("it is a truth value or a list; correct it at the source")
        text = undress(read(values))
        if (text and not text.isalnum()) or text.casefold() in _NO_REFERENCES or number:
            _require_sound(text, number)
        return text

    return reference


def is_plain(declared: ReferenceSpec) -> Callable[[str], bool]:
    """A test whether a text is, as it stands, a reference in its one form. Where it says no, the reader tells."""
    asked = set(declared.normalise)
    changed = Dress.CASE in asked or declared.digits is not None
    number = Dress.NUMBER in asked

    def plain(text: str) -> bool:
        return (
            not changed
            and _PLAIN.fullmatch(text) is not None
            and not (number and text[0].isdigit() and not text.isdigit())
            and (len(text) > _MOST_WORD_CHARS or text.casefold() not in _NO_REFERENCES)
        )

    return plain


def _require_sound(text: str, number: bool) -> None:
    if _SCIENTIFIC.fullmatch(text) or (number and _ANY_EXPONENT.fullmatch(text)):
        raise _spoilt(
            "a spreadsheet wrote it as a rounded number (1.23E+15), which may stand for many; export its column as text"
        )
    if text.casefold() in _NO_REFERENCES or _SHEET_ERROR.fullmatch(text):
        raise _spoilt("a word stands there that means no value, or a spreadsheet's error; correct it at the source")


def _spoilt(why: str) -> RejectedRecordError:
    return RejectedRecordError(Reason.INVALID, f"{SPOILT}: {why}")


def undressing(declared: ReferenceSpec) -> Callable[[str], str]:
    """All that is declared, in an order in which nothing hides what another would take off."""
    asked = set(declared.normalise)
    steps: list[Callable[[str], str]] = []
    if Dress.BLANKS in asked:
        steps.append(_without_blanks)
    if Dress.WIDTH in asked:
        steps.append(lambda text: unicodedata.normalize("NFKC", text))
    if Dress.SPREADSHEET in asked:
        steps.append(_without_formula)
    if Dress.BLANKS in asked and len(steps) > 1:
        steps.append(_without_blanks)
    if Dress.NUMBER in asked:
        steps.append(lambda text: found[1] if (found := _WHOLE.fullmatch(text)) else text)
    if Dress.CASE in asked:
        steps.append(lambda text: text.casefold().upper())
    if (digits := declared.digits) is not None:
        steps.append(lambda text: text.zfill(digits) if text.isascii() and text.isdigit() else text)

    def undress(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return undress


def _without_blanks(text: str) -> str:
    return _INVISIBLE.sub("", text).strip()


def _without_formula(text: str) -> str:
    if found := _FORMULA.fullmatch(text):
        return found[1]
    return text.removeprefix("'") if len(text) > 1 else text
