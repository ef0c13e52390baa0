"""From a mended record to what is sent: a sender's as it is, a connector's row by its mapping; and whether it would be taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hub.errors import FatalError, RejectedRecordError
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import InputKind, RecordFault, faults_if_sent, input_kind
from hub.inspect.mending.dealt import bytes_digest
from hub.inspect.mending.edits import encoded_record
from hub.model.event import CaseEvent
from hub.sdk.contract import Item, json_values
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import discover
from hub.stream.avro.codec import Codec
from hub.topics import city_events

_CONNECTOR = "connector:"


class MendedRecord(NamedTuple):
    """A record that is to be sent."""

    kind: InputKind
    key: bytes
    value: bytes

    @property
    def digest(self) -> str:
        """By which it is known when it is sent again."""
        return bytes_digest(self.kind.topic.name, self.key, self.value)


def faults_of_mended(
    codec: Codec, records: Iterable[MendedRecord], now_ms: int, ahead_ms: int | None
) -> list[RecordFault]:
    """All that they would be set aside for."""
    return [fault for each in records for fault in faults_if_sent(codec, each.kind, each.value, now_ms, ahead_ms)]


def mended_records(codec: Codec, letter: Letter, record: dict[str, Any], mapping: str | None) -> list[MendedRecord]:
    """Raises FatalError, which quotes nothing, for what is no record of where it came from, and for letters that nothing can be
    sent for."""
    if letter.stage.startswith(_CONNECTOR) and letter.letter["origin"] is None:
        return list(_by_mapping(codec, letter, record, mapping))
    if letter.topic is None:
        raise FatalError(f"nothing can be sent for this letter: {letter.way_out}")
    kind = input_kind(letter.topic)
    value = encoded_record(codec, kind.subject, record)
    return [MendedRecord(kind, str(record.get(kind.key, "")).encode(), value)]


def _by_mapping(codec: Codec, letter: Letter, row: dict[str, Any], mapping: str | None) -> Iterator[MendedRecord]:
    domain = letter.stage.removeprefix(_CONNECTOR)
    manifest = discover().get(domain)
    if manifest is None:
        raise FatalError(f"the connector {domain!r} is not here; correct the row where it is")
    mappings = MappingSet(manifest, mapping)
    if mappings.mapping().update is not None:
        raise FatalError(
            "this mapping says updates of departments; correct the row in a file and run the connector on that"
        )
    outcome = mappings.outcome(Item(json_values(row), letter.letter["file"] or "", letter.letter["line"] or 0))
    if outcome.rejection is not None:
        raise FatalError(f"the connector would set it aside again: {outcome.rejection.detail}")
    events = [event for event in (outcome.event, *outcome.others) if event is not None]
    if not events:
        raise FatalError("the mapping makes nothing of this row")
    kind = input_kind(city_events(domain).name)
    for event in events:
        yield _record(codec, kind, event)


def _record(codec: Codec, kind: InputKind, event: CaseEvent) -> MendedRecord:
    try:
        return MendedRecord(kind, event.source_ref.encode(), codec.encode_one(kind.subject, event.to_avro()))
    except RejectedRecordError as error:
        raise FatalError(error.detail) from None
