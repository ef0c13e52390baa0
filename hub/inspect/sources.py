"""What stands in hub.sources, for people: who is paused, how much waits, and the word that lets a source go on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.errors import FatalError
from hub.inspect.reading import Partition, committed_offsets, spans
from hub.settings import Settings
from hub.stream.kafka.extents import topic_ids
from hub.stream.kafka.known import on_broker
from hub.stream.pauses.standings import Standing
from hub.topics import is_own

_READER = "deduplicate"


def topics_there(settings: Settings) -> Mapping[str, int]:
    """The topics that the broker has. A source may be paused whose topic is none of them: it was deleted since, or somebody else
    wrote its name into hub.sources. Raises FatalError or RetriableError without an answer."""
    return on_broker(settings, "by-hand")()


def ends_of(settings: Settings, topic: str) -> dict[int, int]:
    """Where each partition of a topic ends now."""
    return {partition: span.end for (_, partition), span in spans(settings, [topic]).items()}


def waiting(settings: Settings, topic: str) -> dict[Partition, int]:
    """How many records of each partition of a source's topic are not read yet, at most."""
    there = spans(settings, [topic])
    reached = committed_offsets(settings, _READER, there)
    return {place: max(0, span.end - max(reached[place], span.begin)) for place, span in there.items()}


def topic_named(name: str, topics: Collection[str]) -> str:
    """The topic that somebody means by the name of a source or department, or of the topic itself.

    Raises FatalError if there is none, or if a source and a department have that name.
    """
    found = [topic for topic in topics if name == topic or (not is_own(topic) and topic.split(".")[1:2] == [name])]
    if len(found) == 1:
        return found[0]
    if found:
        raise FatalError(f"{name!r} is a source and a department; say which: {' or '.join(found)}")
    raise FatalError(f"no source or department {name!r} is paused; `cityhub source list` shows who is")


def log_of(settings: Settings, topic: str) -> str:
    """The id of a topic, by which one that is made anew is told from it."""
    name = settings.topic(topic)
    return topic_ids(settings, [name])[name]


def let_go_on(through: Mapping[int, int], at_ms: int, by: str, *, log: str, skip: bool = False) -> Standing:
    """The word that lets a source go on. `through`: where its partitions end now; `log`: of the topic with this id; `skip`: what
    lies before is not read."""
    return Standing(paused=False, at_ms=at_ms, by=by, through=dict(through), log=log, skip=skip)
