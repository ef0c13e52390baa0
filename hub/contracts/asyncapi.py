"""AsyncAPI 3.0 documents, made from topics and schemas: one for the whole hub, and one for each department's client. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from hub import topics
from hub.model.marks import all_marks
from hub.model.personal import Personal
from hub.stream.avro.registry import Schema
from hub.topics import Topic

ASYNCAPI = "3.0.0"
_BINDING = "0.5.0"
_AVRO = "application/vnd.apache.avro;version=1.9.0"
_ANY_ID = "id"
"""Where a document is of all sources or departments, their topics are made for this one, and the id is then a parameter."""
_NUMBERS = ("retention.ms", "max.message.bytes")
_FRAME = (
    "Confluent's framing: 0x00, the schema's id in four bytes (big-endian), then Avro. Read with the writer's schema. "
    "编码为 Confluent 格式：0x00、四字节模式编号、Avro 正文。"
)


class Action(StrEnum):
    """What an application does with a channel, from its own point of view."""

    SEND = "send"
    RECEIVE = "receive"


class Channel(NamedTuple):
    """A topic in a document. `topic` is that of `_ANY_ID` where there is one for each of `parameter`."""

    name: str
    topic: Topic
    summary: str
    actions: Sequence[Action]
    parameter: str | None = None

    @property
    def address(self) -> str:
        """Without the namespace, which is the server's variable."""
        return self.topic.name.replace(f".{_ANY_ID}.", f".{{{self.parameter}}}.") if self.parameter else self.topic.name


class CityTerms(NamedTuple):
    """What a city adds: days by topic or kind of topic, and what of a person a department is not told, by its purpose."""

    retention: Mapping[str, float] = {}
    withheld: frozenset[Personal] = frozenset()


NO_TERMS = CityTerms()


class KafkaServer(NamedTuple):
    """Where the topics are: `registry_url` is None where schemas come from files."""

    bootstrap: str = "127.0.0.1:9092"
    is_guarded: bool = False
    registry_url: str | None = None
    namespace: str = ""


SUMMARIES: Mapping[str, str] = {
    "events": "Statements 来报内容 of a source, as its connector publishes them",
    "replies": "Replies 回复: what a source is told of its reports",
    "orders": "Orders 指令: what a department is asked to do",
    "updates": "Updates 反馈: what a department says of a case",
    "receipts": "Receipts 回执: what became of each update",
    "hub.events": "Statements that count 已采纳来报, with their place key",
    "hub.updates": "Updates that count 已采纳反馈",
    "hub.repeats": "Repeats 重复: what was seen before",
    "hub.cases": "Changes of cases 案件变更",
    "hub.deadlines": "Notices of clocks 时限通知: warned, met, breached",
    "hub.closures": "What ends a case, or moves it 结案与流转",
    "hub.erasures": "Erasures 删除: whose words are no longer to be kept, who asked, when and why",
    "hub.homes": "Homes 归属: where the case of a report is, said again while it is remembered",
    "hub.dead": "Dead letters 死信: what cannot be used, with the reason and the way out",
}
"""By the name of a topic of the hub's own, or the last part of the others' names."""
_BOTH = (Action.SEND, Action.RECEIVE)
_OF_EACH: Mapping[str, tuple[tuple[Callable[[str], Topic], Action], ...]] = {
    "source": ((topics.city_events, Action.RECEIVE), (topics.city_replies, Action.SEND)),
    "department": (
        (topics.dept_orders, Action.SEND), (topics.dept_updates, Action.RECEIVE), (topics.dept_receipts, Action.SEND),
    ),
}  # fmt: skip
"""What the hub does with the topics that there are for each."""
_OTHER = {Action.SEND: Action.RECEIVE, Action.RECEIVE: Action.SEND}


def whole_document(
    title: str,
    schemas: Iterable[Schema],
    server: KafkaServer,
    parameters: Mapping[str, Iterable[str]],
    terms: CityTerms = NO_TERMS,
) -> Any:
    """The hub's own: all its topics with a schema. `schemas`: all versions; `parameters`: the ids of `source` and `department`,
    empty where the document is of any city."""
    channels = [
        Channel(_last(topic_of(_ANY_ID)), topic_of(_ANY_ID), _summary(topic_of(_ANY_ID)), (action,), parameter)
        for parameter, each in _OF_EACH.items()
        for topic_of, action in each
    ]
    own = [topic for topic in topics.HUB_TOPICS if topic.subject is not None]
    between = {topic.name for topic in topics.BETWEEN_AGENTS}
    for topic in own:
        actions = _BOTH if topic.name in between else (Action.SEND,)
        channels.append(Channel(topic.name, topic, _summary(topic), actions))
    return _document(title, channels, schemas, server, parameters, terms)


def department_document(
    title: str, department: str, schemas: Iterable[Schema], server: KafkaServer, terms: CityTerms = NO_TERMS
) -> Any:
    """That of a department's client: what it receives and what it may send."""
    channels = [
        Channel(
            _last(topic_of(department)),
            topic_of(department),
            _summary(topic_of(department)),
            (_OTHER[action],),
        )
        for topic_of, action in _OF_EACH["department"]
    ]
    return _document(title, channels, schemas, server, {}, terms)


def _summary(topic: Topic) -> str:
    return SUMMARIES.get(topic.name if topics.is_own(topic.name) else _last(topic), topic.name)


def _kept(channels: Sequence[Channel], terms: CityTerms) -> list[Topic]:
    return topics.kept([channel.topic for channel in channels], terms.retention)


def _withheld(terms: CityTerms) -> str:
    kinds = ", ".join(sorted(terms.withheld))
    return f" Not told, as the purpose does not need it 按用途不提供: {kinds}." if kinds else ""


def _last(topic: Topic) -> str:
    return topic.name.rpartition(".")[2]


def _document(
    title: str,
    channels: Sequence[Channel],
    schemas: Iterable[Schema],
    server: KafkaServer,
    parameters: Mapping[str, Iterable[str]],
    terms: CityTerms,
) -> dict[str, Any]:
    channels = [each._replace(topic=topic) for each, topic in zip(channels, _kept(channels, terms), strict=True)]
    versions: dict[str, list[Schema]] = {}
    for schema in schemas:
        versions.setdefault(schema.subject, []).append(schema)
    used = sorted({channel.topic.subject or "" for channel in channels})
    newest = {subject: max(versions[subject], key=lambda each: each.version) for subject in used}
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": title,
            "version": "1.0.0",
            "description": _FRAME + _withheld(terms),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {"kafka": _server(server)},
        "channels": {channel.name: _channel(channel, server, parameters) for channel in channels},
        "operations": {
            f"{action}.{channel.name}": _operation(channel, action)
            for channel in channels
            for action in channel.actions
        },
        "components": {
            "messages": {
                _record(subject): _message(newest[subject], versions[subject], server, channels) for subject in used
            }
        },
    }


def _server(server: KafkaServer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "host": "{bootstrap}",
        "protocol": "kafka-secure" if server.is_guarded else "kafka",
        "variables": {"bootstrap": {"default": server.bootstrap, "description": "the broker's address 集群地址"}},
    }
    if server.registry_url is not None:
        found["bindings"] = {
            "kafka": {
                "schemaRegistryUrl": server.registry_url, "schemaRegistryVendor": "confluent", "bindingVersion": _BINDING,
            }
        }  # fmt: skip
    return found


def _channel(channel: Channel, server: KafkaServer, parameters: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    record = _record(channel.topic.subject or "")
    found: dict[str, Any] = {
        "address": server.namespace + channel.address,
        "summary": channel.summary,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {record: {"$ref": f"#/components/messages/{record}"}},
        "bindings": {"kafka": _topic(channel.topic)},
    }
    if channel.parameter:
        parameter: dict[str, Any] = {"description": f"the {channel.parameter}'s id 编号"}
        if ids := sorted(parameters.get(channel.parameter, ())):
            parameter["enum"] = ids
        found["parameters"] = {channel.parameter: parameter}
    return found


def _topic(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {name: int(topic.settings[name]) for name in _NUMBERS if name in topic.settings}
    if "cleanup.policy" in topic.settings:
        configuration["cleanup.policy"] = topic.settings["cleanup.policy"].split(",")
    found: dict[str, Any] = {"topicConfiguration": configuration, "bindingVersion": _BINDING}
    return found | ({"partitions": topic.partitions} if topic.partitions else {})


def _operation(channel: Channel, action: Action) -> dict[str, Any]:
    record = _record(channel.topic.subject or "")
    return {
        "action": action.value,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{record}"}],
    }


def _message(
    newest: Schema, versions: Sequence[Schema], server: KafkaServer, channels: Sequence[Channel]
) -> dict[str, Any]:
    key = next(channel.topic.key for channel in channels if channel.topic.subject == newest.subject)
    binding: dict[str, Any] = {"key": {"type": "string", "description": f"{key}, in UTF-8"}, "bindingVersion": _BINDING}
    if server.registry_url is not None:
        binding |= {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": "4"}
    found: dict[str, Any] = {
        "name": newest.subject,
        "title": _record(newest.subject),
        "summary": newest.declared.get("doc", ""),
        "payload": {"schemaFormat": _AVRO, "schema": copy.deepcopy(newest.declared)},
        "bindings": {"kafka": binding},
    }
    marks = {path: mark.value for path, mark in all_marks()[found["title"]].items() if mark is not Personal.NONE}
    if marks:
        found["x-personal"] = marks
    if server.registry_url is None:  # else the ids are the registry's
        found["x-schema-ids"] = {
            f"v{each.version}": each.id for each in sorted(versions, key=lambda each: each.version)
        }
    return found


def _record(subject: str) -> str:
    return subject.rpartition(".")[2]
