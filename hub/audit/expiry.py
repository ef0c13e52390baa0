"""From where on an audit judges: topics keep their records for unequal times, and what has expired in one cannot explain another.

XXX: it goes by how long topics keep their records now. What somebody deleted before its time (DeleteRecords, a retention that was
short for a while) is missed as a loss is: nothing tells the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.admin import OffsetSpec

from hub.clock import wall_ms
from hub.inspect.reading import OffsetSpan, Partition
from hub.millis import HOUR_MS
from hub.settings import Settings
from hub.stream.admin.topic_settings import retentions
from hub.stream.kafka.extents import offsets

_LATE_MS = HOUR_MS
"""How much later something may have been written than what it came of, or what came of it."""


def judged_since(settings: Settings, there: Mapping[Partition, OffsetSpan]) -> dict[Partition, int]:
    """By place, the first offset of what was written since anything can have expired; nothing where all topics are whole. Raises
    RetriableError without a broker, FatalError without the right to see settings."""
    begun = {settings.topic(topic) for (topic, _), span in there.items() if span.begin}
    kept_ms = retentions(settings, begun)
    if not kept_ms:
        return {}
    since_ms = wall_ms() - min(kept_ms.values()) + _LATE_MS
    places = {(settings.topic(topic), partition): span for (topic, partition), span in there.items()}
    found = offsets(settings, places, OffsetSpec.for_timestamp(since_ms), "records of the time that is judged")
    cut = len(settings.namespace)
    return {(name[cut:], number): _first(found[name, number], span) for (name, number), span in places.items()}


def _first(offset: int, span: OffsetSpan) -> int:
    return span.end if offset < 0 else offset  # none is so young
