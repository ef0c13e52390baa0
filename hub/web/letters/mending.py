"""A letter's record as an operator has mended it: what is other than before, whether it would be taken, and what is sent. Pure but
for the time that it is given."""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.errors import FatalError
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import RecordFault, contents_of
from hub.inspect.mending.dealt import MOST_TIMES, Dealt
from hub.inspect.mending.edits import diff_lines, fields_that_differ, record_in
from hub.inspect.mending.rows import MendedRecord, faults_of_mended, mended_records
from hub.stream.avro.codec import Codec
from hub.web.bodies import HttpProblem
from hub.web.intake import Outgoing
from hub.web.letters.asked import LetterMended


class MendedLetter(NamedTuple):
    """`lines`: the difference; `fields`: the names of what differs; `faults`: what it would be set aside for; `too_often`: the same
    bytes were sent so often that they are not what helps."""

    lines: list[str]
    fields: list[str]
    records: list[MendedRecord]
    faults: list[RecordFault]
    too_often: bool

    @property
    def is_sound(self) -> bool:
        """It would be taken, as far as can be told before."""
        return bool(self.lines) and not self.faults and not self.too_often

    def document(self) -> dict[str, Any]:
        return {
            "diff": self.lines, "faults": [fault._asdict() for fault in self.faults], "too_often": self.too_often,
            "sound": self.is_sound, "topics": sorted({each.kind.topic.name for each in self.records}),
            "records": len(self.records),
        }  # fmt: skip

    def outgoing(self) -> list[Outgoing]:
        return [Outgoing(each.kind.topic.name, each.key, each.value) for each in self.records]

    def audited(self) -> list[dict[str, Any]]:
        """As the trail has it: names of fields, and no values."""
        return [{"topic": each.kind.topic.name, "bytes": each.digest, "fields": self.fields} for each in self.records]


def mended_letter(
    letter: Letter, asked: LetterMended, dealt: Dealt, codec: Codec, now_ms: int, ahead_ms: int | None
) -> MendedLetter:
    """Raises HttpProblem (422) for what is no record, or for a letter that nothing can be sent for."""
    contents = contents_of(letter, codec, asked.header)
    before = contents.record if contents else {}
    try:
        after = record_in(asked.record)
        records = mended_records(codec, letter, after, asked.mapping)
    except FatalError as error:
        raise HttpProblem(422, str(error)) from None
    faults = faults_of_mended(codec, records, now_ms, ahead_ms)
    often = not asked.again and any(dealt.times(each.digest) >= MOST_TIMES for each in records)
    return MendedLetter(diff_lines(before, after), sorted(fields_that_differ(before, after)), records, faults, often)


def require_sound(mended: MendedLetter) -> None:
    """Raises HttpProblem (422) with why it is not sent."""
    if not mended.lines:
        raise HttpProblem(422, "nothing is changed; send it again as it was 未作修改")
    if mended.too_often:
        raise HttpProblem(
            422, f"these bytes were sent {MOST_TIMES} times already, so they are not what helps 已多次重发"
        )
    if mended.faults:
        said = "; ".join(f"{fault.reason}: {fault.detail}" for fault in mended.faults)
        raise HttpProblem(422, f"it would be set aside again 仍会成为死信: {said}")
