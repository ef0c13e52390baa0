"""A document as a page for people, in English and Chinese: plain HTML, no script, nothing from elsewhere, prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from hub.contracts.meanings import RECORD_NAMES, meaning
from hub.contracts.plain import code, in_chinese, plain_page, plain_table, prose
from hub.contracts.words import chinese
from hub.millis import DAY_MS

_TYPES = {
    "null": "null 空",
    "boolean": "boolean 真假",
    "int": "int 整数",
    "long": "long 整数",
    "double": "double 小数",
    "string": "string 文本",
    "bytes": "bytes 字节",
    "timestamp-millis": "timestamp-millis 毫秒时间",
}
_ACTIONS = {"send": "sends 写", "receive": "receives 读"}


def page(document: Mapping[str, Any]) -> str:
    """All that the document says, in its order."""
    info, server = document["info"], document["servers"]["kafka"]
    heads = ("topic 主题", "who 谁", "record 记录", "key 键", "kept 保留", "meaning 含义")
    body = [
        f"<p>{escape(info['description'])}</p><p>Broker 集群: {code(server['variables']['bootstrap']['default'])}, "
        f"{escape(server['protocol'])}. AsyncAPI {escape(document['asyncapi'])}.</p>",
        "<h2>Topics 主题</h2>",
        plain_table(heads, _channels(document)),
        *(_message(name, message) for name, message in document["components"]["messages"].items()),
    ]
    return plain_page(info["title"], "".join(body))


def _channels(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    messages = document["components"]["messages"]
    for name, channel in document["channels"].items():
        actions = [
            _ACTIONS[operation["action"]]
            for operation in document["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{name}"
        ]
        (record,) = channel["messages"]
        yield (
            code(channel["address"]), escape(", ".join(actions)), f"<a href='#{escape(record)}'>{escape(_named(record))}</a>",
            escape(messages[record]["bindings"]["kafka"]["key"]["description"]), escape(_kept(channel)),
            escape(channel["summary"]),
        )  # fmt: skip


def _kept(channel: Mapping[str, Any]) -> str:
    configuration = channel["bindings"]["kafka"]["topicConfiguration"]
    if "retention.ms" in configuration:
        return f"{configuration['retention.ms'] // DAY_MS} days 天"
    is_compacted = "compact" in configuration.get("cleanup.policy", ())
    return "the last of each key 每键最新一条" if is_compacted else "as Kafka has it 按集群设置"


def _named(record: str) -> str:
    return f"{record} {RECORD_NAMES.get(record, '')}".rstrip()


def _message(name: str, message: Mapping[str, Any]) -> str:
    ids = message.get("x-schema-ids", {})
    shown_ids = ", ".join(f"{version} = {number}" for version, number in ids.items())
    numbers = f"<p>Schema ids 模式编号: {escape(shown_ids)}</p>" if ids else ""
    heads = ("field 字段", "name 名称", "type 类型", "default 默认", "personal 个人信息", "meaning 含义")
    fields = plain_table(heads, _fields(message["payload"]["schema"], "", _marks(message)))
    said = f"<p>{escape(message['summary'])} {in_chinese(meaning(name))}</p>"
    return f"<h2 id='{escape(name)}'>{escape(_named(name))}</h2>{said}{numbers}{fields}"


def _marks(message: Mapping[str, Any]) -> dict[str, str]:
    """By the paths that the page has: without signs of lists and maps."""
    return {re.sub(r"[\[\]{}]", "", path): mark for path, mark in message.get("x-personal", {}).items()}


def _fields(record: Mapping[str, Any], within: str, marks: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Every field, and behind it those of the record that it is, or is a list of."""
    for field in record["fields"]:
        place = f"{within}{field['name']}"
        default = escape(json.dumps(field["default"])) if "default" in field else ""
        means = prose(field.get("doc", "")) + in_chinese(meaning(record["name"], field["name"]))
        yield (
            code(place), in_chinese(chinese(field["name"])), escape(_type(field["type"])), default,
            escape(marks.get(place, "")), means,
        )  # fmt: skip
        for inner in _records(field["type"]):
            yield from _fields(inner, f"{place}.", marks)


def _type(declared: Any) -> str:
    if isinstance(declared, list):
        return " or 或 ".join(map(_type, declared))
    if isinstance(declared, str):
        return _TYPES.get(declared, declared)
    kind = declared["type"]
    if kind == "enum":
        return f"one of 其一: {', '.join(declared['symbols'])}"
    if kind == "array":
        return f"list of 列表: {_type(declared['items'])}"
    if kind == "map":
        return f"by name 按名: {_type(declared['values'])}"
    named = str(declared.get("logicalType") or declared.get("name") or kind)
    return _TYPES.get(named, named)


def _records(declared: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(declared, list):
        for branch in declared:
            yield from _records(branch)
    elif isinstance(declared, dict):
        if declared["type"] == "record":
            yield declared
        for part in ("items", "values"):
            yield from _records(declared.get(part))
