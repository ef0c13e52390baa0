"""What `route` keeps of reports, in this version's words: their bytes do not say in its changelog which version wrote them."""

from __future__ import annotations

import dataclasses

import msgspec

from hub.core.cases.cases import Case
from hub.core.cases.statements import RouteRecord
from hub.stream.avro.codec import Codec


def renew(codec: Codec, record: RouteRecord) -> RouteRecord:
    """The record with its CaseEvent as the newest version writes it. Raises RejectedRecordError if no version wrote it."""
    if isinstance(record, int) or record.event is None:
        return record
    event = codec.renewed("cityhub.CaseEvent", record.event)
    if event == record.event:
        return record
    if isinstance(record, Case):
        return msgspec.structs.replace(record, event=event)
    return dataclasses.replace(record, event=event)
