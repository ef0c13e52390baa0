"""One dead letter whole: its bytes, what they say, whose clock runs meanwhile, what was done with it, and what can be."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from hub.inspect.letters import Letter
from hub.inspect.mending.contents import LetterContents, case_asked_of, contents_of, text_in
from hub.inspect.mending.dealt import Dealt
from hub.inspect.mending.edits import record_text
from hub.ledger.queries import case_of, live_clocks
from hub.sdk.manifest import discover
from hub.stream.avro.codec import Codec
from hub.web.letters.there import letter_line

_SHOWN_BYTES = 4_096
_CONNECTOR = "connector:"


class WayOut(StrEnum):
    """What can be done about a letter here."""

    RECORD = "record"
    """Its bytes can go back as they are, or mended."""
    ROW = "row"
    """A connector's row: it can be mended."""
    CUT = "cut"
    """It is not here whole."""
    STRETCH = "stretch"
    """It stands for many records that were not read."""
    ADMITTED = "admitted"
    """It was admitted once: sent again it would be a repeat."""


def way_out_of(letter: Letter) -> WayOut:
    if letter.until is not None:
        return WayOut.STRETCH
    if letter.truncated:
        return WayOut.CUT
    if letter.topic is not None:
        return WayOut.RECORD
    return WayOut.ROW if is_row(letter) else WayOut.ADMITTED


def is_row(letter: Letter) -> bool:
    """Of a connector's file or table, which never was a record."""
    return letter.stage.startswith(_CONNECTOR) and letter.letter["origin"] is None


def letter_document(
    connection: Connection, letter: Letter, dealt: Dealt, codec: Codec, header: str | None = None
) -> dict[str, Any]:
    """`header`: the names of columns, of a row of CSV."""
    contents, value = contents_of(letter, codec, header), letter.letter["value"] or b""
    return letter_line(letter, dealt) | {
        "way": way_out_of(letter), "topic": letter.topic, "text": _shown_text(value), "hex": value[:_SHOWN_BYTES].hex(" "),
        "bytes": letter.letter.get("size_bytes") or len(value), "shown": min(len(value), _SHOWN_BYTES),
        "key": text_in(letter.letter["key"] or b""), "form": contents and contents.form,
        "record": contents and record_text(contents.record), "clocks": clocks_of_letter(connection, contents),
        "mappings": _mappings(letter),
        "done": [{"at": each.at_ms, "who": each.who, "what": each.what, "after": each.after} for each in dealt.of(letter)],
    }  # fmt: skip


def clocks_of_letter(connection: Connection, contents: LetterContents | None) -> list[dict[str, Any]]:
    """The clocks that run of the case that a record is about; none if it is about none that is known."""
    asked = case_asked_of(contents)
    case_id = asked if isinstance(asked, str) or asked is None else case_of(connection, *asked)
    clocks = [] if case_id is None else live_clocks(connection, case_id)
    return [{"case": case_id, "clock": clock, "due": due_ms} for clock, due_ms in clocks]


def _shown_text(value: bytes) -> str | None:
    """None for what is no text."""
    text = (text_in(value) or "")[:_SHOWN_BYTES]
    return text if text and all(char.isprintable() or char in "\r\n\t" for char in text) else None


def _mappings(letter: Letter) -> list[str]:
    """By which a connector's row may be read, its own first."""
    manifest = discover().get(letter.stage.removeprefix(_CONNECTOR)) if is_row(letter) else None
    if manifest is None:
        return []
    return sorted(manifest.mappings, key=lambda name: (name != manifest.default_mapping, name))
