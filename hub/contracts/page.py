"""A document as a page for people, in English and Chinese: plain HTML, no script, nothing from elsewhere, prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from hub.contracts.words import chinese
from hub.millis import DAY_MS

_STYLE = (
    "body{font:16px/1.5 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;max-width:64rem;margin:2rem auto;"
    "padding:0 1rem;color:#1a1a1a}h2{margin-top:2.5rem}code{background:#f2f2f2;padding:.1em .3em}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;"
    "border-top:1px solid #ddd}"
)
_ACTIONS = {"send": "sends 写", "receive": "receives 读"}


def page(document: Mapping[str, Any]) -> str:
    """All that the document says, in its order."""
    info = document["info"]
    server = document["servers"]["kafka"]
    body = [
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
        f"<p>Broker 集群: <code>{escape(server['variables']['bootstrap']['default'])}</code>, {escape(server['protocol'])}. "
        f"AsyncAPI {escape(document['asyncapi'])}.</p>",
        "<h2>Topics 主题</h2>",
        _table(("topic 主题", "who 谁", "record 记录", "key 键", "kept 保留", "meaning 含义"), _channels(document)),
    ]
    for name, message in document["components"]["messages"].items():
        body.append(_message(name, message))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>"
    )


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
            _code(channel["address"]), escape(", ".join(actions)), f"<a href='#{escape(record)}'>{escape(record)}</a>",
            escape(messages[record]["bindings"]["kafka"]["key"]["description"]), escape(_kept(channel)),
            escape(channel["summary"]),
        )  # fmt: skip


def _kept(channel: Mapping[str, Any]) -> str:
    configuration = channel["bindings"]["kafka"]["topicConfiguration"]
    if "retention.ms" in configuration:
        return f"{configuration['retention.ms'] // DAY_MS} days 天"
    is_compacted = "compact" in configuration.get("cleanup.policy", ())
    return "the last of each key 每键最新一条" if is_compacted else "as Kafka has it 按集群设置"


def _message(name: str, message: Mapping[str, Any]) -> str:
    ids = message.get("x-schema-ids", {})
    shown_ids = ", ".join(f"{version} = {number}" for version, number in ids.items())
    numbers = f"<p>Schema ids 模式编号: {escape(shown_ids)}</p>" if ids else ""
    fields = _table(
        ("field 字段", "中文", "type 类型", "default 默认", "personal 个人信息", "meaning 含义"),
        _fields(message["payload"]["schema"], "", _marks(message)),
    )
    return f"<h2 id='{escape(name)}'>{escape(name)}</h2><p>{escape(message['summary'])}</p>{numbers}{fields}"


def _marks(message: Mapping[str, Any]) -> dict[str, str]:
    """By the paths that the page has: without signs of lists and maps."""
    return {re.sub(r"[\[\]{}]", "", path): mark for path, mark in message.get("x-personal", {}).items()}


def _fields(record: Mapping[str, Any], within: str, marks: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Every field, and behind it those of the record that it is, or is a list of."""
    for field in record["fields"]:
        place = f"{within}{field['name']}"
        default = escape(repr(field["default"])) if "default" in field else ""
        yield (
            _code(place), escape(chinese(field["name"])), escape(_type(field["type"])), default,
            escape(marks.get(place, "")), escape(field.get("doc", "")),
        )  # fmt: skip
        for inner in _records(field["type"]):
            yield from _fields(inner, f"{place}.", marks)


def _type(declared: Any) -> str:
    if isinstance(declared, list):
        return " or 或 ".join(map(_type, declared))
    if isinstance(declared, str):
        return declared
    kind = declared["type"]
    if kind == "enum":
        return f"one of 其一: {', '.join(declared['symbols'])}"
    if kind == "array":
        return f"list of 列表: {_type(declared['items'])}"
    if kind == "map":
        return f"by name 按名: {_type(declared['values'])}"
    return str(declared.get("logicalType") or declared.get("name") or kind)


def _records(declared: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(declared, list):
        for branch in declared:
            yield from _records(branch)
    elif isinstance(declared, dict):
        if declared["type"] == "record":
            yield declared
        for part in ("items", "values"):
            yield from _records(declared.get(part))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{cells}</table>"
