"""The checks of `cityhub doctor`: each looks at one thing and says ok, warn or fail, with the way out."""

from __future__ import annotations

import socket
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker.jars import jars_dir
from hub.broker.java import find_java, find_maven, java_version
from hub.clock import iso, wall_ms
from hub.core.rules.examples import check_examples
from hub.errors import FatalError, HubError
from hub.escaping import without_login
from hub.policy import City, load_city
from hub.scrape import fetch
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.admin.topic_settings import find_drifts
from hub.stream.admin.topics import check_number, inspect_topics
from hub.stream.avro.registry import FileRegistry, make_registry
from hub.stream.kafka.client import client_config, flushed
from hub.stream.kafka.known import on_broker
from hub.stream.pauses.source_log import as_they_stand
from hub.stream.reading.reads import InputReads
from hub.stream.watch.unread import unread
from hub.topics import Topic, all_topics, inputs_in

OK, WARN, FAIL = "ok", "warn", "fail"
_BROKER_SECONDS = 5.0
_SKEW_SECONDS = 2.0
_LEDGER_SECONDS = 60.0
_PAGE_SECONDS = 15.0
"""A worker on a busy machine is not to be taken for a stranger on its port."""


@dataclass(frozen=True)
class Check:
    """One finding. `way_out` is empty when there is nothing to do."""

    name: str
    state: str
    finding: str
    way_out: str = ""


def check_all(settings: Settings) -> Iterator[Check]:
    """Every check, in order, one at a time. What cannot be looked at because something before it failed is a warning."""
    yield _java()
    yield _jars()
    yield _port(settings)
    yield _state_dir(settings)
    yield _schemas()
    yield _guarded("ledger 台账", lambda: _ledger(settings))
    city = yield from _policy(settings)
    broker = _broker(settings)
    yield broker
    if settings.registry_url:
        yield _registry(settings)
    for name, look in (
        ("topics 主题", lambda: _topics(settings, city)),
        ("sources 来源", lambda: _sources(settings, city)),
        ("clock 时钟", lambda: _clock(settings)),
    ):
        yield (
            _guarded(name, look)
            if broker.state == OK
            else Check(name, WARN, "not looked at: there is no broker to ask")
        )


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except HubError as error:
        return Check(name, FAIL, str(error))
    except KafkaException as error:
        return Check(name, FAIL, error.args[0].str(), "see the broker's log")


def _java() -> Check:
    name = "java"
    try:
        java = find_java()
    except FatalError as error:
        return Check(name, WARN, str(error), "needed only by the embedded Kafka; or use a Kafka of your own")
    return Check(name, OK, f"Java {java_version(java)} at {java}")


def _jars() -> Check:
    name = "kafka jars"
    if jars_dir().is_dir():
        return Check(name, OK, f"fetched, in {jars_dir()}")
    try:
        find_maven()
    except FatalError as error:
        return Check(name, WARN, str(error), "needed only by the embedded Kafka")
    return Check(name, OK, "not fetched yet; Maven does that at the first start of the embedded Kafka")


def _port(settings: Settings) -> Check:
    name, place = "web port 端口", f"{settings.web_host}:{settings.web_port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, settings.web_port))
        except OSError as error:
            reason = error.strerror
        else:
            return Check(name, OK, f"{place} is free for a worker")
    if "hub_ready" in (fetch(f"http://{place}/metrics", _PAGE_SECONDS) or ""):
        return Check(name, OK, f"a worker serves {place}")
    return Check(name, FAIL, f"{place} cannot be used: {reason}", "choose another with CITYHUB_WEB_PORT")


def _state_dir(settings: Settings) -> Check:
    name, folder = "state directory 状态目录", settings.state_dir.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        said = f"{there} cannot be written to: {error.strerror}"
        return Check(name, FAIL, said, "give the right to, or set CITYHUB_STATE_DIR to another folder")
    return Check(name, OK, f"{folder}{'' if there == folder else ' can be made'}")


def _schemas() -> Check:
    try:
        schemas = FileRegistry().all()
        for schema in schemas:
            _ = schema.parsed, schema.arrow
    except (HubError, OSError, ValueError) as error:
        return Check("schemas 模式", FAIL, str(error), "restore schemas/ from the release")
    return Check("schemas 模式", OK, f"{len(schemas)} versions of {len({each.subject for each in schemas})} subjects")


def _policy(settings: Settings) -> Generator[Check, None, City | None]:
    """Returns the city, or None if it cannot be loaded."""
    name = "policy 规则"
    try:
        city = load_city(settings.city)
    except HubError as error:
        yield Check(name, FAIL, str(error), f"mend the files of {settings.city}")
        return None
    yield Check(name, OK, f"{city.name.en} {city.name.zh}, {len(city.routes)} routes, {len(city.deadlines)} deadlines")
    wrong = check_examples(city)
    if wrong:
        said = f"{len(wrong)} do not hold: {'; '.join(wrong[:3])}"
        yield Check("policy examples 示例", FAIL, said, "mend the rule that was changed last, or the example")
    else:
        yield Check("policy examples 示例", OK, f"all {len(city.examples)} hold")
    return city


def _broker(settings: Settings) -> Check:
    name = "broker"
    try:
        config = client_config(settings, "doctor")
    except FatalError as error:
        return Check(name, FAIL, str(error))
    client = AdminClient(config | {"error_cb": lambda _: None, "log_level": 0})
    try:
        there = client.list_topics(timeout=_BROKER_SECONDS)
    except KafkaException as error:
        return Check(
            name, FAIL, f"no Kafka answers at {settings.bootstrap_servers} ({error.args[0].str()})",
            "start one with `cityhub up` or `cityhub broker`, or name yours with CITYHUB_BOOTSTRAP_SERVERS",
        )  # fmt: skip
    return Check(name, OK, f"{len(there.brokers)} at {settings.bootstrap_servers}, {len(there.topics)} topics")


def _registry(settings: Settings) -> Check:
    name = "registry"
    try:
        schema = make_registry(settings).latest("cityhub.CaseEvent")
    except HubError as error:
        return Check(name, FAIL, str(error), "check CITYHUB_REGISTRY_URL, or unset it to use the files in schemas/")
    return Check(name, OK, f"{without_login(settings.registry_url or '')} has {schema.subject} as {schema.id}")


def _topics(settings: Settings, city: City | None) -> Check:
    name = "topics 主题"
    if city is None:
        return Check(name, WARN, "not looked at: without a policy the departments are not known")
    states = inspect_topics(settings, city.kept(all_topics(discover(), city.departments)))
    check_number(settings, states)
    wrong = [state for state in states if not state.good]
    added = [state for state in states if state.added]
    if wrong:
        first = f"{settings.topic(wrong[0].topic.name)}: {wrong[0].summary}"
        said = f"{len(wrong)} of {len(states)} are missing or too small ({first}, ...)"
        return Check(name, FAIL, said, "run `cityhub topics --create`")
    if added:
        said = f"{len(added)} have more partitions than the hub ({settings.topic(added[0].topic.name)}: {added[0].summary})"
        return Check(name, WARN, said, "they are read, and nothing is lost: ops/runbooks/topic-partitions.md")
    return _topic_settings(name, settings, [state.topic for state in states])


def _topic_settings(name: str, settings: Settings, topics: list[Topic]) -> Check:
    drifts = find_drifts(settings, topics)
    wrong = [drift for drift in drifts if drift.put_right]
    if wrong:
        return Check(name, FAIL, f"{len(wrong)} settings are wrong ({wrong[0]})", "run `cityhub topics --create`")
    if drifts:
        said = f"{len(drifts)} settings are less than the hub's ({drifts[0]})"
        return Check(name, WARN, said, "raise them, unless whoever lowered them knows that records are lost sooner")
    return Check(name, OK, f"all {len(topics)} are there, and set as they must be")


def _ledger(settings: Settings) -> Check:
    """How new it is, where one is kept."""
    from hub.ledger import queries
    from hub.ledger.database import has_ledger, opened_ledger

    name = "ledger 台账"
    if not has_ledger(settings):
        return Check(name, OK, "none is kept here; `cityhub ledger run` keeps one")
    with opened_ledger(settings) as database, database.transaction() as connection:
        level_ms, behind = queries.last_standing(connection)
    age_seconds = (wall_ms() - level_ms) / 1000
    if age_seconds > _LEDGER_SECONDS:
        finding = (
            f"it was level with the topics last at {iso(level_ms)}"
            if level_ms
            else "it never was level with the topics"
        )
        return Check(name, WARN, f"{finding}, and lacked {behind or 0:,} records", "ops/runbooks/ledger-behind.md")
    return Check(name, OK, f"level with the topics {age_seconds:.0f} s ago")


def _sources(settings: Settings, city: City | None) -> Check:
    name = "sources 来源"
    paused = as_they_stand(settings, "doctor").paused
    if paused:
        said = f"{len(paused)} paused 暂停: {', '.join(sorted(paused)[:3])}"
        return Check(name, WARN, said, "`cityhub source list` says why; all others go on")
    if city is None:
        return Check(name, OK, "none is paused; whether each is read is not looked at without a policy")
    there = on_broker(settings, "doctor")()
    reads = InputReads(discover(), lambda: city.departments)
    reads.look(there)
    left = unread(settings, inputs_in(there), reads.topics)
    if left:
        said = f"{len(left)} topics have records and nobody reads them 无人读取: {', '.join(sorted(left)[:3])}"
        return Check(name, FAIL, said, "ops/runbooks/topic-unread.md")
    return Check(name, OK, "none is paused, and each that has said something is read")


def _clock(settings: Settings) -> Check:
    """The broker says its time only when it stamps a record, so a topic is made for one, and deleted again."""
    name = "clock 时钟"
    topic = f"{settings.namespace}doctor-{uuid.uuid4().hex[:12]}"
    client = AdminClient(client_config(settings, "doctor"))
    made = NewTopic(topic, 1, 1, config={"message.timestamp.type": "LogAppendTime"})
    try:
        client.create_topics([made], operation_timeout=_BROKER_SECONDS)[topic].result()
    except KafkaException as error:
        return Check(name, WARN, f"the broker's clock cannot be asked: {error.args[0].str()}", "allow making topics")
    stamps: list[int] = []
    try:
        producer = Producer(client_config(settings, "doctor"))
        before = wall_ms()
        producer.produce(topic, b"?", on_delivery=lambda _, message: stamps.append(message.timestamp()[1]))
        flushed(producer, 2 * _BROKER_SECONDS)
        after = wall_ms()
    finally:
        client.delete_topics([topic], operation_timeout=_BROKER_SECONDS)[topic].result()
    if not stamps:
        return Check(name, WARN, "the broker took no record to stamp", "see the broker's log")
    skew = (stamps[0] - max(before, min(stamps[0], after))) / 1000
    if abs(skew) > _SKEW_SECONDS:
        return Check(name, FAIL, f"the broker's differs by {skew:+.1f} s", "let NTP keep both machines' time")
    return Check(name, OK, "the broker's agrees with this machine's")
