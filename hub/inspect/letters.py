"""Reads the dead letters 死信, and says of each what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Message

from hub.errors import Reason, RejectedRecordError
from hub.inspect.reading import OffsetSpan, OnRead, read_messages, spans
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.topics import DEAD

_ADMITTING = "deduplicate"
_INPUT = re.compile(r"city\.[a-z0-9_]+\.events|dept\.[a-z0-9_]+\.updates")
"""What comes from outside, and may come once more; nothing is sent to the hub's own topics because a letter says so."""
_MEND = {
    Reason.UNDECODABLE: "the sender must write Avro in Confluent's wire format with a schema of this hub",
    Reason.UNKNOWN_SCHEMA: "the sender must use this hub's registry; when the registry has the schema, send it again",
    Reason.WRONG_SCHEMA: "the sender must use the schema of that topic, see `cityhub topics`",
    Reason.INVALID: "the source must correct the record and send it again",
    Reason.TIME_OUT_OF_RANGE: "the source must correct the date and send it again",
    Reason.TOO_LARGE: "the source must send less text, and attachments by reference",
    Reason.BAD_ROW: "correct the row in a new file and run the connector on that",
    Reason.NO_RECEIVER: "give the city that source or department again, and tell it by hand what is here",
    Reason.UNKNOWN_CASE: "the department must take the case id from its order and send the update under a new update_id",
    Reason.SENDER_MISMATCH: "the sender must write to its own topic, or name itself in the record",
    Reason.GAP: "its senders must send again what they sent then; see ops/runbooks/gaps.md",
    Reason.MOVED_BACK: "its senders must send again what they sent last; see ops/runbooks/gaps.md",
    Reason.UNREADABLE: "its sender must send them again in batches that unpack to less than 16 MB; see ops/runbooks/gaps.md",
    Reason.SKIPPED: "somebody chose not to read them; while they are in their topic, its sender can send them again",
}


@dataclass(frozen=True)
class Letter:
    """One dead letter; `id` is partition:offset in hub.dead."""

    id: str
    letter: dict[str, Any]

    @property
    def stage(self) -> str:
        return str(self.letter["stage"])

    @property
    def reason(self) -> str:
        return str(self.letter["reason"])

    @property
    def place(self) -> str:
        """Where the record came in."""
        origin = self.letter["origin"]
        if origin is not None:
            until = "" if self.until is None else f"-{self.until}"
            return f"{origin['topic']}[{origin['partition']}]@{origin['offset']}{until}"
        if self.letter["file"] is None:
            return f"made by {self.stage}"
        return f"{self.letter['file']}:{self.letter['line']}"

    @property
    def until(self) -> int | None:
        """Of a gap, the offset at which reading went on."""
        until: int | None = self.letter.get("until")  # an older version of the hub wrote none
        return until

    @property
    def truncated(self) -> bool:
        """It was larger than a letter can be, and is here only as it begins."""
        return bool(self.letter.get("truncated"))

    @property
    def topic(self) -> str | None:
        """To which topic it can be sent back, without the namespace; None if it cannot, or that would do nothing."""
        origin = self.letter["origin"]
        whole = origin is not None and self.until is None and not self.truncated
        if not whole or self.stage != _ADMITTING or not _INPUT.fullmatch(origin["topic"]):
            return None
        return str(origin["topic"])

    @property
    def way_out(self) -> str:
        mend = _MEND.get(Reason(self.reason), "") if self.reason in set(Reason) else ""
        if self.letter["origin"] is None and self.letter["file"] is None:
            return f"was made by {self.stage} and could not be sent; {mend}"
        if self.letter["origin"] is None:
            where = f"line {self.letter['line']} of {self.letter['file']}"
            mended = (
                f"mend it by `cityhub dead edit {self.id}`" if self.stage.startswith("connector:") else "say it anew"
            )
            return f"never reached Kafka: correct {where} in a new file and run the connector on that, or {mended}"
        if self.until is not None:
            return mend
        if self.truncated:
            return f"{mend}; it is not here whole, so it cannot be sent again: look at {self.place}, while that is kept"
        if self.topic is None:
            return f"was admitted once, so sent back it would be a repeat; {mend or 'have its sender say it anew'}"
        return f"{mend}; `cityhub dead resend {self.id}` sends these bytes to {self.topic} once more"


@dataclass(frozen=True)
class Letters:
    """What lies in hub.dead now, that of each partition in order."""

    letters: list[Letter] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Ids of records that are no dead letters: somebody else wrote there."""


def read_letters(
    settings: Settings,
    codec: Codec,
    on_progress: OnRead | None = None,
    *,
    stage: str | None = None,
    reason: str | None = None,
) -> Letters:
    """The letters chosen, and all that is none. `stage` may be the beginning of one, as in `connector`."""
    letters = Letters()
    for messages in read_messages(settings, spans(settings, [DEAD.name]), on_progress):
        for message in messages:
            found = _letter_in(message, codec)
            if found is None:
                letters.foreign.append(f"{message.partition()}:{message.offset()}")
            elif found.stage.startswith(stage or "") and reason in (None, found.reason):
                letters.letters.append(found)
    return letters


MOST_HELD_BYTES = 64 * 2**20
"""Of letters that are read whole at once."""


def letters_at(settings: Settings, codec: Codec, ids: Collection[str]) -> tuple[list[Letter], bool]:
    """Those with these ids that hub.dead still has, up to MOST_HELD_BYTES; and whether that was reached. Of a partition no more is
    read than from the first of them to the last."""
    offsets: dict[int, list[int]] = {}
    for partition, offset in filter(None, map(_place_in, ids)):
        offsets.setdefault(partition, []).append(offset)
    wanted = {
        place: OffsetSpan(max(span.begin, min(some)), min(span.end, max(some) + 1))
        for place, span in spans(settings, [DEAD.name]).items()
        if (some := offsets.get(place[1]))
    }
    messages = (message for batch in read_messages(settings, wanted) for message in batch)
    letters, held_bytes = [], 0
    for message in messages:
        if f"{message.partition()}:{message.offset()}" not in ids or (letter := _letter_in(message, codec)) is None:
            continue
        letters.append(letter)
        held_bytes += len(message.value())
        if held_bytes >= MOST_HELD_BYTES:
            return letters, True
    return letters, False


def _place_in(letter_id: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,9}):(\d{1,18})", letter_id, re.ASCII)
    return None if match is None else (int(match[1]), int(match[2]))


def _letter_in(message: Message, codec: Codec) -> Letter | None:
    """None for what is no dead letter."""
    try:
        schema, record = codec.decode_one(message.value() or b"")
    except RejectedRecordError:
        return None
    name = f"{message.partition()}:{message.offset()}"
    return Letter(name, record) if schema.subject == DEAD.subject else None
