"""How long topics keep their records by the city's rules, and who is told what: checked, brought to the topics, and shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.model.personal import Personal
from hub.policy import City
from hub.policy.models import EVERYTHING
from hub.policy.models.privacy import WITHHOLDABLE
from hub.screen import Screen
from hub.settings import Settings
from hub.topics import DEDUPLICATE_CHANGELOG, all_topics, inputs_in

_NAMES = {
    Personal.REFERENCE: "来源编号",
    Personal.WORDS: "文字",
    Personal.PLACE: "位置",
    Personal.FILES: "附件",
    Personal.ATTRIBUTES: "其他属性",
}


def too_short(city: City, settings: Settings) -> list[str]:
    """What the rules keep for less time than the hub needs it, each with the way out."""
    days = city.privacy.retention.get(DEDUPLICATE_CHANGELOG.name)
    if days is None or days >= settings.dedup_window_days:
        return []
    return [
        f"privacy.yaml: retention.{DEDUPLICATE_CHANGELOG.name}: {days:g} days, but repeats are known for "
        f"{settings.dedup_window_days:g} (CITYHUB_DEDUP_WINDOW_DAYS); keep it at least as long, or lower the setting"
    ]


def require_kept(city: City, settings: Settings) -> None:
    """Raise FatalError if the rules keep something for less time than the hub needs it."""
    if mistakes := too_short(city, settings):
        raise FatalError("; ".join(mistakes))


def apply_retention(city: City, settings: Settings, agents: Collection[str]) -> list[Any]:
    """Have every topic that is there keep its records as the rules say. What the rules do not name stays as it is.

    Returns what was set otherwise before, as `hub.stream.admin.topic_settings.Drift`.

    Raises FatalError, before anything is set, if records would be deleted that an agent has not read, or without the right to
    set it.
    """
    from hub.sdk.manifest import discover
    from hub.stream.admin.topic_settings import find_drifts, put_right
    from hub.stream.kafka.known import sources_there

    ruled = [
        topic for topic in city.kept(all_topics(sources_there(settings, discover()), city.departments)) if topic.ruled
    ]
    drifts = [drift for drift in find_drifts(settings, ruled) if drift.ruled] if ruled else []
    shorter = {
        drift.topic.removeprefix(settings.namespace): int(drift.wanted)
        for drift in drifts
        if drift.setting == "retention.ms" and not 0 <= int(drift.there) <= int(drift.wanted)
    }
    if shorter:
        _require_read(settings, shorter, agents)
    return put_right(settings, drifts)


def _require_read(settings: Settings, shorter: dict[str, int], agents: Collection[str]) -> None:
    from hub.stream.watch.retention import margins
    from hub.topics import agent_topics, source_in

    names = inputs_in(shorter)
    sources = [source for name in names if (source := source_in(name))]
    reads = agent_topics(sources, [name.split(".")[1] for name in names if name.startswith("dept.")])
    for agent in agents:
        wanted = [topic for topic in reads[agent] if topic in shorter]
        for topic, margin in margins(settings, agent, wanted).items() if wanted else ():
            waiting_seconds = margin.retention_seconds - margin.left_seconds
            if waiting_seconds * 1000 >= shorter[topic]:
                raise FatalError(
                    f"{topic} is to keep its records for {shorter[topic] / DAY_MS:g} days, and {agent} has some left to read "
                    f"that are {waiting_seconds * 1000 / DAY_MS:.1f} days old; let it read them first"
                )


def privacy_document(city: City, sources: Sequence[str]) -> dict[str, Any]:
    """Purposes and retention, for machines."""
    return {
        "version": city.version,
        "departments": {
            each.id: {"purpose": each.purpose or EVERYTHING, "told": _told(city.withheld.get(each.id, frozenset()))}
            for each in city.departments.values()
        },
        "sources": {
            source: {"purpose": purpose, "told": _told(city.withheld_from_sources.get(source, frozenset()))}
            for source, purpose in city.privacy.sources.items()
        },
        "retention": [
            {
                "topic": topic.name,
                "days": topic.kept_ms and topic.kept_ms / DAY_MS,
                "compacted": topic.compacted,
                "ruled": bool(topic.ruled),
            }
            for topic in city.kept(all_topics(sources, city.departments))
        ],
    }  # fmt: skip


def _told(withheld: frozenset[Personal]) -> list[str]:
    return [kind.value for kind in Personal if kind in WITHHOLDABLE - withheld]


def show_privacy(city: City, sources: Sequence[str]) -> None:
    """The same for people."""
    from rich.table import Table

    document, console = privacy_document(city, sources), Screen()
    told = Table(
        "receiver 接收方", "purpose 用途", "is told 可见", title=f"{city.version} {city.name.en} {city.name.zh}"
    )
    for receiver, row in (document["departments"] | document["sources"]).items():
        kinds = ", ".join(f"{kind} {_NAMES[Personal(kind)]}" for kind in row["told"])
        told.add_row(receiver, row["purpose"], kinds or "nothing of persons 无")
    console.print(told)
    kept = Table("topic 主题", "kept 保留", "by 依据")
    for row in document["retention"]:
        days = "for good 长期" if row["days"] is None else f"{row['days']:g} days 天"
        said = f"replaced values {days} 被替换的值" if row["compacted"] and row["days"] else days
        kept.add_row(row["topic"], said, "privacy.yaml" if row["ruled"] else "default 默认")
    console.print(kept)
