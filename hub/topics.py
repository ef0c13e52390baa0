"""Every topic the hub reads or writes, declared once: name, key, value schema, settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from hub.bounds import SYSTEM_ID
from hub.millis import DAY_MS

MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_DEAD_LETTER_BYTES = 12 * 1024 * 1024
_BROKER_MAX_BYTES = 1_048_588
"""Kafka's own max.message.bytes."""
_FRAMING_BYTES = 16 * 1024
"""For what Kafka puts around a record, and an envelope of the hub's around what came in."""
MAX_CONTROL_BYTES = 128 * 1024
_NAMES = 1024
"""Sources or departments whose topics are made once: agents ask for them with every chunk."""
_AGE, _LAG = "retention.ms", "max.compaction.lag.ms"
_ID = re.compile(SYSTEM_ID)
_INPUT = re.compile(rf"city\.(?:{SYSTEM_ID})\.events|dept\.(?:{SYSTEM_ID})\.updates")


@dataclass(frozen=True)
class Topic:
    """One topic. `name` is without the namespace; `key` says in words what the record key is; `subject` names its schema."""

    name: str
    key: str
    subject: str | None
    settings: dict[str, str] = field(default_factory=dict)
    partitions: int | None = None
    """At least so many. None: as many as the hub has everywhere, so that what is keyed alike meets in one agent."""
    ruled: tuple[str, ...] = ()
    """Settings that the city's rules give: neither less nor more will do."""

    @cached_property
    def max_bytes(self) -> int:
        """What key and value of a record may take together, before compression: so much fits however badly it compresses.

        XXX: a topic's max.message.bytes is of what is left after compression, a producer's of what was there before.
        """
        return int(self.settings.get("max.message.bytes", _BROKER_MAX_BYTES)) - _FRAMING_BYTES

    @property
    def kept_ms(self) -> int | None:
        """For how long it keeps a record, or of a compacted topic what another has replaced; None: for good."""
        kept = self.settings.get(_LAG if self.compacted else _AGE)
        return None if kept is None else int(kept)

    def keeping(self, days: float) -> Topic:
        """The same, as the city's rules have it kept."""
        setting = _LAG if self.compacted else _AGE
        return replace(self, settings=self.settings | {setting: str(round(days * DAY_MS))}, ruled=(setting,))

    @property
    def compacted(self) -> bool:
        """Only the last record of each key is kept, and that for good."""
        return self.settings.get("cleanup.policy") == "compact"


BACKFILL = "cityhub-backfill"
"""Header of what a back-fill publishes to `city.<source>.events`: the stretch of the past that it reads."""
CLOCKS_AS_REPORTED = " clocks=reported"
"""Behind the stretch: clocks run from when things were reported, as of live statements."""


def _keep(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", _AGE: str(days * DAY_MS)}


_OUTWARD = 1
"""Partitions of what leaves the hub: no agent reads it, and every partition that a transaction writes to costs the broker a
request and a marker (ops/adr/0018)."""
_COMPACT = {"cleanup.policy": "compact", _LAG: str(7 * DAY_MS), "max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}

EVENTS = Topic(
    "hub.events", "place", "cityhub.AdmittedEvent", {**_keep(30), "max.message.bytes": str(2 * MAX_EVENT_BYTES)}
)
UPDATES = Topic("hub.updates", "case_id", "cityhub.AdmittedUpdate", {**_keep(30), "max.message.bytes": "2097152"})
REPEATS = Topic("hub.repeats", "source_ref", "cityhub.Repeat", _keep(30))
CASES = Topic("hub.cases", "case_id", "cityhub.CaseChange", _keep(400))
DEADLINES = Topic("hub.deadlines", "case_id", "cityhub.DeadlineEvent", _keep(400))
CLOSURES = Topic("hub.closures", "place", "cityhub.Closure", _keep(30))
DEAD = Topic(
    "hub.dead",
    "the rejected record's key",
    "cityhub.DeadLetter",
    {**_keep(90), "max.message.bytes": str(MAX_DEAD_LETTER_BYTES)},
)
CONTROL = Topic("hub.control", "none", None, {**_keep(30), "max.message.bytes": str(MAX_CONTROL_BYTES)}, partitions=1)
WORKERS = Topic(
    "hub.workers",
    "the worker's name",
    None,
    {
        "cleanup.policy": "delete",
        "retention.ms": str(DAY_MS // 24),
        "segment.ms": str(DAY_MS // 24),
        "max.message.bytes": str(MAX_CONTROL_BYTES),
        "message.timestamp.type": "LogAppendTime",  # how the hub learns what time it is at the broker
    },
    partitions=3,  # led by several brokers, where there are some, so that their clocks are compared too
)

SOURCES = Topic("hub.sources", "topic of a source", None, {"cleanup.policy": "compact"}, partitions=1)

ERASURES = Topic(
    "hub.erasures",
    "source:ref; the same record is in every partition, as any may keep what is erased",
    "cityhub.Erasure",
    {**_keep(400), "message.timestamp.type": "LogAppendTime"},
)

HOMES = Topic("hub.homes", "source_ref", "cityhub.Home", _keep(30))

DEDUPLICATE_CHANGELOG = Topic(
    "hub.deduplicate.changelog", "none", None, {**_keep(30), "max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
)
ROUTE_CHANGELOG = Topic("hub.route.changelog", "record of state", None, _COMPACT)
TRACK_CHANGELOG = Topic("hub.track.changelog", "record of state", None, _COMPACT)

HUB_TOPICS = (
    EVENTS, UPDATES, REPEATS, CASES, DEADLINES, CLOSURES, DEAD, CONTROL, WORKERS, SOURCES, ERASURES, HOMES,
    DEDUPLICATE_CHANGELOG, ROUTE_CHANGELOG, TRACK_CHANGELOG,
)  # fmt: skip


_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
"""What others write is dated by the broker: no client's clock decides when it arrived, or how long it is kept."""


BETWEEN_AGENTS = (EVENTS, UPDATES, CASES, CLOSURES, HOMES)
"""What agents write for each other: placed by key and by the hub's number of partitions, whatever the topic has."""


RETAINED = {
    **{
        topic.name: re.compile(re.escape(topic.name))
        for topic in HUB_TOPICS
        if topic not in (WORKERS, SOURCES)  # these are kept as the hub needs them
    },
    **{
        f"{begin}.*.{end}": re.compile(rf"{begin}\.(?:\*|{SYSTEM_ID})\.{end}")
        for begin, end in (
            ("city", "events"),
            ("city", "replies"),
            ("dept", "orders"),
            ("dept", "updates"),
            ("dept", "receipts"),
        )
    },
}
"""Topics and kinds of topics of which a city's rules may say how long they are kept, with what names one."""


def kept(declared: Iterable[Topic], days: Mapping[str, float]) -> list[Topic]:
    """The topics as rules have them kept: `days` by a topic's own name or, failing that, by its kind."""
    return [topic if (found := _days_of(topic.name, days)) is None else topic.keeping(found) for topic in declared]


def _days_of(name: str, days: Mapping[str, float]) -> float | None:
    if name in days or is_own(name):
        return days.get(name)
    begin, _, rest = name.partition(".")
    return days.get(f"{begin}.*.{rest.rpartition('.')[2]}")


def is_own(name: str) -> bool:
    """True for a topic that nobody but the hub writes to. The others are those of sources and departments."""
    return name.startswith("hub.")


def is_outward(name: str) -> bool:
    """True for a topic by which records leave the hub: a source's replies, a department's orders."""
    return name.endswith((".replies", ".orders")) and not is_own(name)


def is_input(name: str) -> bool:
    """True for a topic by which records come in: a source's events, a department's updates."""
    return name.endswith((".events", ".updates")) and not is_own(name)


def inputs_in(names: Iterable[str]) -> list[str]:
    """Of these names, those by which a hub's sources and departments speak, in order; others are somebody else's topics."""
    return sorted(name for name in names if _INPUT.fullmatch(name))


def source_in(name: str) -> str | None:
    """The source by whose topic of events this is the name; None if it is no such name."""
    kind, _, rest = name.partition(".")
    source, _, last = rest.partition(".")
    return source if (kind, last) == ("city", "events") and _ID.fullmatch(source) else None


def department_in(name: str) -> str | None:
    """The department by whose topic of orders this is the name; None if it is no such name."""
    kind, _, rest = name.partition(".")
    department, _, last = rest.partition(".")
    return department if (kind, last) == ("dept", "orders") and _ID.fullmatch(department) else None


def _checked(kind: str, name: str) -> str:
    if not _ID.fullmatch(name):
        raise ValueError(
            f"{kind} {name!r} is not usable in a topic name: lower-case letters, digits and _ only, at most 40"
        )
    return name


OWN_SOURCE = "open311"
"""The source in whose name the hub's own web reports what apps post to it."""
_WEB_DAYS = 90
"""So long its requests are listed: the span that GeoReport v2 asks for."""


@lru_cache(_NAMES)
def city_events(source: str) -> Topic:
    """What a source's connector publishes."""
    name = f"city.{_checked('source', source)}.events"
    days = _WEB_DAYS if source == OWN_SOURCE else 30
    return Topic(
        name, "source_ref", "cityhub.CaseEvent", {**_keep(days), **_ARRIVAL, "max.message.bytes": str(MAX_EVENT_BYTES)}
    )


@lru_cache(_NAMES)
def city_replies(source: str) -> Topic:
    """Answers on their way back to a source."""
    name = f"city.{_checked('source', source)}.replies"
    return Topic(name, "source_ref", "cityhub.Reply", _keep(90), partitions=_OUTWARD)


@lru_cache(_NAMES)
def dept_orders(department: str) -> Topic:
    """What a department is asked to do."""
    name = f"dept.{_checked('department', department)}.orders"
    settings = {**_keep(90), "max.message.bytes": str(2 * MAX_EVENT_BYTES)}
    return Topic(name, "case_id", "cityhub.Order", settings, partitions=_OUTWARD)


@lru_cache(_NAMES)
def dept_updates(department: str) -> Topic:
    """What a department reports back."""
    name = f"dept.{_checked('department', department)}.updates"
    return Topic(name, "case_id", "cityhub.Update", {**_keep(90), **_ARRIVAL})


AGENT_CHANGELOGS = {"deduplicate": DEDUPLICATE_CHANGELOG, "route": ROUTE_CHANGELOG, "track": TRACK_CHANGELOG}
"""The changelog of each agent."""


def agent_topics(sources: Iterable[str], departments: Iterable[str]) -> dict[str, list[str]]:
    """What each agent reads, without the namespace."""
    inputs = [city_events(source).name for source in sources] + [dept_updates(each).name for each in departments]
    return {
        "deduplicate": [*inputs, HOMES.name],
        "route": [EVENTS.name, CLOSURES.name, ERASURES.name],
        "track": [CASES.name, UPDATES.name],
    }


def subject_of(topic: str) -> str | None:
    """Which schema's records a topic carries, by its name without the namespace. None: not Avro, or no topic of the hub's."""
    kind, _, name = topic.partition(".")
    subject = _SUBJECTS.get((kind, name.rpartition(".")[2]))
    return subject or next((each.subject for each in HUB_TOPICS if each.name == topic), None)


_SUBJECTS = {
    ("city", "events"): "cityhub.CaseEvent",
    ("city", "replies"): "cityhub.Reply",
    ("dept", "orders"): "cityhub.Order",
    ("dept", "updates"): "cityhub.Update",
    ("dept", "receipts"): "cityhub.Receipt",
}


@lru_cache(_NAMES)
def dept_receipts(department: str) -> Topic:
    """What became of each of a department's updates."""
    name = f"dept.{_checked('department', department)}.receipts"
    return Topic(name, "case_id", "cityhub.Receipt", _keep(90), partitions=_OUTWARD)


def all_topics(sources: Iterable[str], departments: Iterable[str]) -> list[Topic]:
    """Every topic of a hub with these sources and departments."""
    found = list(HUB_TOPICS)
    for source in sources:
        found += of_source(source)
    for department in departments:
        found += of_department(department)
    return found


def of_source(source: str) -> list[Topic]:
    """Its own topics, both ways."""
    return [city_events(source), city_replies(source)]


def of_department(department: str) -> list[Topic]:
    """Its own topics, both ways."""
    return [dept_orders(department), dept_updates(department), dept_receipts(department)]


def source_of(topic: str) -> str:
    """The label of a topic: the source of `city.<source>.events`, the department of `dept.<id>.updates`, else its own name."""
    parts = topic.split(".")
    return parts[1] if parts[0] in ("city", "dept") and len(parts) == 3 else topic
