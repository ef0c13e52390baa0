"""When something came last on each source's topic: repeats, and what was set aside, come into no other table of the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from hub.settings import Settings
from hub.stream.kafka.extents import newest_times
from hub.topics import city_events, source_in


def heard_sources(settings: Settings, partitions: Mapping[str, int]) -> dict[str, int]:
    """By source, in ms by the broker's clock. `partitions`: of the topics that are there, by name without the namespace.

    Raises RetriableError without a broker.
    """
    sources = {settings.topic(name): source_in(name) for name in partitions}
    events = {topic: source for topic, source in sources.items() if source is not None}
    counts = {topic: partitions[city_events(source).name] for topic, source in events.items()}
    heard: dict[str, int] = {}
    times = newest_times(settings, [(topic, at) for topic, count in counts.items() for at in range(count)])
    for (topic, _), at_ms in times.items():
        heard[events[topic]] = max(at_ms, heard.get(events[topic], 0))
    return heard
