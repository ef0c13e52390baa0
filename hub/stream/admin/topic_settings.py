"""How the settings of the hub's topics on the broker differ from what they must be, and putting them right."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    TopicMetadata,
)

from hub.settings import Settings
from hub.stream.kafka.client import client_config, kafka_errors
from hub.topics import Topic

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 30.0
_MIN_INSYNC = "min.insync.replicas"
_COMPACTION = "max.compaction.lag.ms"
_PUT_RIGHT = (_MIN_INSYNC, "cleanup.policy", "message.timestamp.type", _COMPACTION)
"""Settings that `cityhub topics --create` sets by itself. How long and how large a topic may be is set only where the
city's rules say it; elsewhere a value below the declared one is only reported."""
_AT_LEAST = (_MIN_INSYNC, "retention.ms", "max.message.bytes")
_FOR_EVER = -1
_UNBOUNDED = 1 << 62


@dataclass(frozen=True)
class Drift:
    """One setting that is not as it must be."""

    topic: str
    """The topic's name on the broker."""
    setting: str
    there: str
    wanted: str
    ruled: bool = False
    """True if the city's rules say this value: then neither a lower nor a higher one will do."""

    @property
    def put_right(self) -> bool:
        """True if `cityhub topics --create` sets this by itself."""
        return self.ruled or self.setting in _PUT_RIGHT

    def __str__(self) -> str:
        least = "at least " if self.setting in _AT_LEAST and not self.ruled else ""
        most = "at most " if self.setting == _COMPACTION and not self.ruled else ""
        return f"{self.topic} has {self.setting} {self.there}, not {least or most}{self.wanted}"


def min_insync(replicas: int) -> int:
    """How many replicas must have a record before it counts as written: all but one, and at least one."""
    return max(1, replicas - 1)


def wanted_settings(topic: Topic, replicas: int) -> dict[str, str]:
    """The settings with which a topic of so many replicas is made."""
    return topic.settings | {_MIN_INSYNC: str(min_insync(replicas))}


def drifts_of(
    name: str, wanted: Mapping[str, str], there: Mapping[str, str], ruled: Collection[str] = ()
) -> list[Drift]:
    """Settings of one topic that are not as they must be. `ruled` names those that the city's rules say. Pure."""
    return [
        Drift(name, setting, there[setting], value, setting in ruled)
        for setting, value in wanted.items()
        if setting in there and not _serves(setting, there[setting], value, setting in ruled)
    ]


def _serves(setting: str, there: str, wanted: str, ruled: bool) -> bool:
    if setting == _COMPACTION and not ruled:
        return int(there) <= int(wanted)
    if setting not in _AT_LEAST or ruled:
        return there == wanted
    return int(there) == _FOR_EVER or int(there) >= int(wanted)


def find_drifts(settings: Settings, topics: Iterable[Topic]) -> list[Drift]:
    """Settings that are not as they must be, of those of the topics that exist. Raises RetriableError without a
    broker, FatalError without the right to see settings."""
    client = AdminClient(client_config(settings, "admin"))
    with kafka_errors("asking for the topics"):
        there = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    found = {settings.topic(topic.name): topic for topic in topics}
    configs = _configs(client, [name for name in found if name in there])
    return [
        drift
        for name, config in configs.items()
        for drift in drifts_of(name, wanted_settings(found[name], replicas_of(there[name])), config, found[name].ruled)
    ]


def put_right(settings: Settings, drifts: Collection[Drift]) -> list[Drift]:
    """Set what may be set without asking, and log it. Returns the drifts that were set. Raises as `find_drifts`."""
    chosen = [drift for drift in drifts if drift.put_right]
    resources: dict[str, ConfigResource] = {}
    for drift in chosen:
        resource = resources.setdefault(drift.topic, ConfigResource(ConfigResource.Type.TOPIC, drift.topic))
        entry = ConfigEntry(drift.setting, drift.wanted, incremental_operation=AlterConfigOpType.SET)
        resource.add_incremental_config(entry)
    if resources:
        client = AdminClient(client_config(settings, "admin"))
        with kafka_errors("setting what topics must have"):
            for answer in client.incremental_alter_configs(
                list(resources.values()), request_timeout=_TIMEOUT_SECONDS
            ).values():
                answer.result()
    for drift in chosen:
        log.warning("%s: set", drift)
    return chosen


def retentions(settings: Settings, topics: Collection[str]) -> dict[str, int]:
    """The retention in ms of each topic that exists and does not keep all its records, by its name on the broker. It is 0 where
    somebody has set a topic to be compacted: another record of its key may take a record's place at any time."""
    client = AdminClient(client_config(settings, "admin"))
    found = {name: _kept_ms(config) for name, config in _configs(client, topics).items()}
    return {name: kept_ms for name, kept_ms in found.items() if kept_ms >= 0}


def deleting(settings: Settings, topics: Collection[str]) -> dict[str, int]:
    """The retention in ms of those of these topics that delete records by age, compacted or not, by their names on the broker."""
    configs = _configs(AdminClient(client_config(settings, "admin")), topics)
    found = {
        name: int(config["retention.ms"]) for name, config in configs.items() if "delete" in config["cleanup.policy"]
    }
    return {name: kept_ms for name, kept_ms in found.items() if kept_ms >= 0}


def _kept_ms(config: Mapping[str, str]) -> int:
    return 0 if "compact" in config["cleanup.policy"] else int(config["retention.ms"])


def longest_kept_ms(settings: Settings, topics: Iterable[str]) -> dict[str, int | None]:
    """By topic, without the namespace, of those that are there: how long after it was written a record can lie in a log; None: for
    good. Of a compacted topic a record that another has replaced.

    XXX: a segment goes as a whole, so a record stays as long as the newest beside it, which may come a segment's span later.
    """
    client = AdminClient(client_config(settings, "admin"))
    with kafka_errors("asking for the topics"):
        there = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    names = {settings.topic(topic): topic for topic in topics}
    found: dict[str, int | None] = {}
    for name, config in _configs(client, [name for name in names if name in there]).items():
        kept_ms = int(config["retention.ms" if "delete" in config["cleanup.policy"] else _COMPACTION])
        bounded = 0 <= kept_ms < _UNBOUNDED
        found[names[name]] = kept_ms + int(config["segment.ms"]) if bounded else None
    return found


def replicas_of(topic: TopicMetadata) -> int:
    return min((len(each.replicas) for each in topic.partitions.values()), default=1)


def _configs(client: AdminClient, names: Collection[str]) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    if not asked:
        return {}
    with kafka_errors("asking for the topics' settings"):
        answers = client.describe_configs(asked, request_timeout=_TIMEOUT_SECONDS)
        return {
            resource.name: {name: entry.value for name, entry in answer.result().items()}
            for resource, answer in answers.items()
        }
