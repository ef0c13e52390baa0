"""Which schemas of somebody else's registry may be read by at all: none by which a few bytes are endless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fastavro

from hub.errors import Reason, RejectedRecordError

_PRIMITIVE_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
NamedFields = dict[str, int | None]
"""The least bytes of each named type; None while its own fields are looked at."""


class _UnreadableError(Exception):
    """Why a schema cannot be read by, in the hub's own words."""


def check_foreign(declared: Mapping[str, Any]) -> None:
    """Refuse a schema that is none, that contains itself (a record of it may be nested without end), or that has arrays of items
    without bytes (of which a record may say there are billions).

    Raises RejectedRecordError(wrong_schema).
    """
    try:
        fastavro.parse_schema(dict(declared))
        _least_bytes(declared, str(declared.get("namespace", "")), {})
    except _UnreadableError as error:
        raise RejectedRecordError(Reason.WRONG_SCHEMA, f"the sender's schema cannot be read by: {error}") from None
    except (fastavro.schema.SchemaParseException, ValueError, LookupError, TypeError, AttributeError) as error:
        # their own text quotes what stands in the schema, and this one is logged
        said = (
            f"the sender's schema is none that can be read by ({type(error).__name__}); look at it with a tool for Avro"
        )
        raise RejectedRecordError(Reason.WRONG_SCHEMA, said) from None
    except RecursionError:
        raise RejectedRecordError(Reason.WRONG_SCHEMA, "the sender's schema is nested too deeply") from None


def _least_bytes(node: Any, namespace: str, named: NamedFields) -> int:
    if isinstance(node, list):
        return 1 + min((_least_bytes(branch, namespace, named) for branch in node), default=0)
    if isinstance(node, str):
        return _PRIMITIVE_BYTES[node] if node in _PRIMITIVE_BYTES else _known(node, namespace, named)
    kind = node["type"]
    if kind in ("array", "map"):
        least = _least_bytes(node["items" if kind == "array" else "values"], namespace, named)
        if kind == "array" and not least:
            raise _UnreadableError("an array's items take no bytes")
        return 1
    if kind in ("record", "error", "enum", "fixed"):
        return _least_of_named(node, namespace, named)
    return _least_bytes(kind, namespace, named)


def _least_of_named(node: Mapping[str, Any], namespace: str, named: NamedFields) -> int:
    name = _full(node["name"], node.get("namespace", namespace))
    named[name] = None
    if node["type"] == "enum":
        least = 1
    elif node["type"] == "fixed":
        least = int(node["size"])
    else:
        inner = name.rpartition(".")[0]
        least = sum(_least_bytes(field["type"], inner, named) for field in node["fields"])
    named[name] = least
    return least


def _known(name: str, namespace: str, named: NamedFields) -> int:
    least = named[_full(name, namespace)]
    if least is None:
        raise _UnreadableError("a record contains itself")
    return least


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
