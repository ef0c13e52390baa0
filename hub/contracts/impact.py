"""What a schema that is to be changes of the one that is, field by field, and whether each reads what the other wrote. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hub.contracts.compatibility import incompatibilities


class Changed(NamedTuple):
    """A field by its path (`event.place.lat`), and what becomes of it."""

    path: str
    what: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


class Broken(NamedTuple):
    """Which versions of the subject cannot be read by the one that is to be, and which cannot read it."""

    cannot_read: dict[int, list[str]]
    cannot_be_read_by: dict[int, list[str]]

    def __bool__(self) -> bool:
        return bool(self.cannot_read or self.cannot_be_read_by)


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Changed]:
    """In the order of the newer schema, and then what is gone."""
    old, new = dict(_fields(before, "")), dict(_fields(after, ""))
    found = [Changed(path, _becomes(old.get(path), field)) for path, field in new.items() if old.get(path) != field]
    return found + [Changed(path, "is gone 移除") for path in old if path not in new]


def broken(declared: Any, versions: Mapping[int, Any]) -> Broken:
    """Of the subject's versions, by number, those that do not go together with a schema that is to be."""
    reads = {number: incompatibilities(other, declared) for number, other in versions.items()}
    is_read = {number: incompatibilities(declared, other) for number, other in versions.items()}
    return Broken(*({number: why for number, why in each.items() if why} for each in (reads, is_read)))


def holders(record: str, schemas: Mapping[str, Any]) -> list[str]:
    """The subjects whose schemas hold a record of this name, their own included."""
    return sorted(subject for subject, declared in schemas.items() if record in set(_names(declared)))


def paths(declared: Mapping[str, Any]) -> list[str]:
    """All fields of a schema, at any depth."""
    return [path for path, _ in _fields(declared, "")]


def _fields(record: Mapping[str, Any], within: str) -> Iterator[tuple[str, str]]:
    """Each path with what is said of it there, without words and without what has a path of its own."""
    for field in record["fields"]:
        path = f"{within}{field['name']}"
        own = {name: value for name, value in field.items() if name not in ("doc", "name")}
        yield path, json.dumps(_flat(own), sort_keys=True, ensure_ascii=False)
        for inner in _records(field["type"]):
            yield from _fields(inner, f"{path}.")


def _becomes(before: str | None, after: str) -> str:
    if before is None:
        return "is new 新增" if '"default"' in after else "is new, without a default 新增，无默认值"
    return f"was {_type(before)}, is {_type(after)} 变更"


def _type(text: str) -> str:
    found = json.loads(text)
    default = f" = {json.dumps(found['default'], ensure_ascii=False)}" if "default" in found else ""
    return json.dumps(found["type"], ensure_ascii=False) + default


def _flat(node: Any) -> Any:
    """A record within by its name alone."""
    if isinstance(node, list):
        return [_flat(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "record":
        return node["name"]
    return {name: _flat(each) for name, each in node.items() if name != "doc"}


def _records(node: Any) -> Iterator[Mapping[str, Any]]:
    branches: Iterable[Any] = node if isinstance(node, list) else [node]
    for branch in branches:
        if isinstance(branch, dict):
            if branch.get("type") == "record":
                yield branch
            else:
                for part in ("type", "items", "values"):
                    yield from _records(branch.get(part))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _names(each)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            yield node["name"]
        for value in node.values():
            yield from _names(value)
