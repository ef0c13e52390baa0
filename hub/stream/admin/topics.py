"""Creates the declared topics on the broker and says how what is there differs from what is declared."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from hub.clock import wall_ms
from hub.errors import FatalError, HubError
from hub.settings import Settings
from hub.signing import signature
from hub.stream.admin.topic_settings import find_drifts, put_right, wanted_settings
from hub.stream.kafka.client import client_config, flushed, producer_config, way_out
from hub.stream.pauses.source_log import as_they_stand
from hub.stream.pauses.standings import HUB, Standing
from hub.topics import SOURCES, Topic, is_input

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class TopicState:
    """A declared topic as the broker has it: `partitions` is None if it is missing."""

    topic: Topic
    wanted_partitions: int
    partitions: int | None

    @property
    def good(self) -> bool:
        """True if the topic can serve. Added partitions do no harm, and cannot be taken away again."""
        return self.partitions is not None and self.partitions >= self.wanted_partitions

    @property
    def added(self) -> int:
        """How many partitions the topic has beyond the hub's number."""
        return 0 if self.topic.partitions is not None else max(0, (self.partitions or 0) - self.wanted_partitions)

    @property
    def summary(self) -> str:
        """The topic's state in a few words."""
        if self.partitions is None:
            return "missing"
        if not self.good:
            return f"{self.partitions} of {self.wanted_partitions} partitions"
        return f"ok, {self.added} partitions added" if self.added else "ok"


def inspect_topics(settings: Settings, topics: Iterable[Topic]) -> list[TopicState]:
    """Compare what is declared with the broker. Raises FatalError if no broker answers."""
    try:
        there = AdminClient(client_config(settings, "admin")).list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise FatalError(
            f"no Kafka answers at {settings.bootstrap_servers} ({error.args[0].str()}); "
            "start one with `cityhub broker`, or name yours with --bootstrap-servers"
        ) from error
    states = []
    for topic in topics:
        found = there.get(settings.topic(topic.name))
        wanted = topic.partitions or settings.partitions
        states.append(TopicState(topic, wanted, None if found is None or found.error else len(found.partitions)))
    return states


def made_for(settings: Settings, states: Sequence[TopicState]) -> int | None:
    """The number of partitions for which the hub was made: as hub.sources says it, or as most of its topics have it.
    None if there is no hub yet. Raises FatalError or RetriableError if hub.sources exists and cannot be read."""
    if any(state.topic is SOURCES and state.partitions for state in states):
        said = as_they_stand(settings, "admin").partitions
        if said:
            return said
    counts = Counter(s.partitions for s in states if s.topic.partitions is None and s.partitions is not None)
    return counts.most_common(1)[0][0] if counts else None


def check_number(settings: Settings, states: Sequence[TopicState]) -> None:
    """Raise FatalError if the hub was made for another number of partitions: nothing keyed alike would meet."""
    number = made_for(settings, states)
    if number not in (None, settings.partitions):
        raise FatalError(
            f"CITYHUB_PARTITIONS is {settings.partitions}, and this hub was made with {number}, for life: set it to {number}, or "
            "use another namespace"
        )


def ensure_topics(settings: Settings, topics: Iterable[Topic]) -> list[str]:
    """Create the missing ones and return their names on the broker. Of a whole hub, add partitions where there are too few, and
    put right the settings that are no matter of taste (hub/stream/admin/topic_settings.py).

    Raises FatalError if the hub was made for another number of partitions.
    """
    states = inspect_topics(settings, topics)
    whole = any(state.topic is SOURCES for state in states)
    if whole:
        check_number(settings, states)
    missing = [state for state in states if state.partitions is None]
    few = [state for state in states if whole and state.partitions is not None and not state.good]
    client = AdminClient(client_config(settings, "admin"))
    if missing:
        new = [_new(settings, state) for state in missing]
        _all_done(client.create_topics, new, "created", KafkaError.TOPIC_ALREADY_EXISTS)
    if few:
        more = [NewPartitions(settings.topic(state.topic.name), state.wanted_partitions) for state in few]
        _all_done(client.create_partitions, more, "given partitions", KafkaError.INVALID_PARTITIONS)
    if missing or few:
        _wait_until_visible(settings, [state.topic for state in (states if whole else missing)])
    if whole:
        put_right(settings, find_drifts(settings, [state.topic for state in states]))
        _keep_number(settings)
    return [settings.topic(state.topic.name) for state in missing]


def _new(settings: Settings, state: TopicState) -> NewTopic:
    return NewTopic(
        settings.topic(state.topic.name),
        num_partitions=state.wanted_partitions,
        replication_factor=settings.replication_factor,
        config=wanted_settings(state.topic, settings.replication_factor),
    )


def _all_done(call: Callable[..., dict[str, Any]], wanted: Sequence[Any], what: str, done_already: int) -> None:
    """Wait for all results. A topic that another process created meanwhile is no error."""
    for name, future in call(wanted, operation_timeout=_TIMEOUT_SECONDS, request_timeout=2 * _TIMEOUT_SECONDS).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != done_already:
                raise FatalError(
                    f"topic {name} cannot be {what}: {error.args[0].str()}{way_out(error.args[0])}"
                ) from error


def _keep_number(settings: Settings) -> None:
    """Write into hub.sources for how many partitions the hub was made: by it a setting that was lowered is told from
    topics that were raised."""
    if as_they_stand(settings, "admin").partitions:
        return
    producer = Producer(producer_config(settings, "admin"))
    said = Standing(paused=False, at_ms=wall_ms(), by=settings.instance, partitions=settings.partitions)
    failed: list[KafkaError] = []
    name, value = settings.topic(SOURCES.name), said.encode()
    producer.produce(
        name, value, HUB.encode(), 0, lambda error, _: failed.append(error) if error is not None else None,
        headers=signature(value, settings.control_secret, name, HUB),
    )  # fmt: skip
    if flushed(producer, _TIMEOUT_SECONDS) or failed:
        raise FatalError(f"{name} did not take a record; look at the broker's log")


def _wait_until_visible(settings: Settings, topics: list[Topic]) -> None:
    """Wait until the broker shows the topics. It answers that a topic is created a moment before it can name it."""
    until = time.monotonic() + _TIMEOUT_SECONDS
    while not all(state.good for state in inspect_topics(settings, topics)):
        if time.monotonic() > until:
            raise FatalError(
                f"the topics were created, but {settings.bootstrap_servers} does not show them; look at its log"
            )
        time.sleep(0.1)


def require_topics(settings: Settings, topics: Iterable[Topic]) -> None:
    """Raise FatalError that names what the hub cannot do without, and the way out.

    A source's or department's topic that is missing stops nobody else: it is said, and not read.
    """
    states = inspect_topics(settings, topics)
    check_number(settings, states)
    wrong = [state for state in states if not state.good and not is_input(state.topic.name)]
    if wrong:
        named = ", ".join(f"{settings.topic(state.topic.name)}: {state.summary}" for state in wrong[:5])
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise FatalError(f"topics are missing or too small ({named}{more}); run `cityhub topics --create`")
    _say_drifts(settings, [state.topic for state in states])


def _say_drifts(settings: Settings, topics: Sequence[Topic]) -> None:
    """Log settings that are not as they must be. A worker may not have the right to see settings; then `cityhub
    doctor` is who looks."""
    try:
        drifts = find_drifts(settings, topics)
    except HubError as error:
        log.info("how the topics are set is not looked at: %s", error)
        return
    for drift in drifts:
        log.warning("%s; see `cityhub doctor`", drift)
