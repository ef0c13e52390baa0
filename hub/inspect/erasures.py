"""What was erased, by `hub.erasures`; and records that the logs hold until they forget them, as they may still be shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hub.core.withholding import erased_event
from hub.inspect.keyed import KeyedReader, KeyedRecords
from hub.inspect.reading import OnRead
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import ERASURES

ErasureReport = tuple[str, str]


def key_of(report: ErasureReport) -> str:
    """SOURCE:REF, the key of its erasures."""
    return ":".join(report)


def all_erasures(settings: Settings, on_progress: OnRead | None = None) -> list[KeyedRecords]:
    """Every erasure, the oldest first, each once. Raises FatalError for a missing topic, RetriableError without a broker."""
    reader = KeyedReader(settings, Codec(make_registry(settings)), [ERASURES.name])
    batches = reader.everywhere(ERASURES.name, on_progress)
    return _once(each for batch in batches for message in batch if (each := reader.decoded(message)) is not None)


def erasures_of(reader: KeyedReader, reports: Iterable[ErasureReport]) -> list[KeyedRecords]:
    """Those of some reports; the reader has ERASURES among its topics."""
    return _once(reader.records({ERASURES.name: [key_of(report) for report in reports]})[ERASURES.name])


def _once(records: Iterable[KeyedRecords]) -> list[KeyedRecords]:
    """The same record is in every partition."""
    found = {(each["source"], each["source_ref"], each["at"]): each for each in records}
    return sorted(found.values(), key=lambda each: each["at"])


class Erased:
    """Until when what was erased of which report."""

    def __init__(self, erasures: Sequence[KeyedRecords]) -> None:
        self._until_ms: dict[ErasureReport, int] = {}
        for each in erasures:
            report = each["source"], each["source_ref"]
            self._until_ms[report] = max(each["kafka"]["timestamp"], self._until_ms.get(report, 0))

    def has(self, report: ErasureReport, written_ms: int) -> bool:
        """True if what was written then about the report was erased."""
        return written_ms <= self._until_ms.get(report, -1)

    def spared(self, record: KeyedRecords) -> KeyedRecords:
        """A record with an event in it, or a reply, without what was erased."""
        event: dict[str, Any] | None = record.get("event")
        written_ms = record["kafka"]["timestamp"]
        if event and self.has((event["source"], event["source_ref"]), written_ms):
            return record | {"event": erased_event(event)}
        if "reply_id" in record and self.has((record["source"], record["source_ref"]), written_ms):
            return record | {"text": ""}
        return record
