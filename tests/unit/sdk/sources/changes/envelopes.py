"""Envelopes as Debezium 3 writes them of PostgreSQL, with invented rows: by its documentation, shortened where nothing is read."""

from __future__ import annotations

import copy
import io
import json
import struct
from typing import Any

import fastavro

TABLE = {"schema": "public", "table": "requests", "db": "works", "connector": "postgresql", "version": "3.6.0.Final"}
ROW = {"id": 17, "category": "roads.pothole", "updated_at": 1_767_686_400_123_456, "cost": "MDk=", "note": "Deep, 深"}


def envelope(
    op: str, before: dict[str, Any] | None, after: dict[str, Any] | None, at_ms: int = 1_767_686_400_500
) -> dict[str, Any]:
    source = TABLE | {"ts_ms": at_ms, "lsn": 24_023_128, "txId": 555, "snapshot": "true" if op == "r" else "false"}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": at_ms + 20, "transaction": None}


CREATE = envelope("c", None, ROW)
UPDATE = envelope("u", None, ROW | {"category": "roads.collapse"})
DELETE = envelope("d", {"id": 17, "category": None, "updated_at": None, "cost": None, "note": None}, None)
SNAPSHOT = envelope("r", None, ROW)
TRUNCATE = envelope("t", None, None)
MESSAGE = {"op": "m", "ts_ms": 1, "source": TABLE, "message": {"prefix": "x", "content": "eA=="}}
HEARTBEAT = {"ts_ms": 1_767_686_400_500}
BORDER = {"status": "BEGIN", "id": "571:53195829", "event_count": None, "data_collections": None, "ts_ms": 1}
DDL = {
    "source": TABLE,
    "ts_ms": 1,
    "databaseName": "works",
    "schemaName": "public",
    "ddl": "alter table",
    "tableChanges": [],
}

_COLUMNS = [
    {"type": "int32", "optional": False, "field": "id"},
    {"type": "string", "optional": True, "field": "category"},
    {"type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp", "version": 1, "field": "updated_at"},
    {
        "type": "bytes", "optional": True, "name": "org.apache.kafka.connect.data.Decimal", "version": 1,
        "parameters": {"scale": "2", "connect.decimal.precision": "8"}, "field": "cost",
    },
    {"type": "string", "optional": True, "field": "note"},
]  # fmt: skip


def with_schema(content: dict[str, Any] | None) -> bytes:
    """As the JsonConverter writes it with `schemas.enable`."""
    value = {"type": "struct", "fields": _COLUMNS, "optional": True, "name": "works.public.requests.Value"}
    fields = [
        value | {"field": "before"},
        value | {"field": "after"},
        {"type": "string", "optional": False, "field": "op"},
    ]
    schema = {
        "type": "struct",
        "fields": fields,
        "optional": False,
        "name": "works.public.requests.Envelope",
        "version": 2,
    }
    return plain({"schema": schema, "payload": content})


def plain(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


_VALUE = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "category", "type": ["null", "string"], "default": None},
        {
            "name": "updated_at",
            "type": ["null", {"type": "long", "connect.version": 1, "connect.name": "io.debezium.time.MicroTimestamp"}],
            "default": None,
        },
        {
            "name": "cost",
            "type": [
                "null",
                {
                    "type": "bytes", "scale": 2, "precision": 8, "connect.version": 1, "logicalType": "decimal",
                    "connect.name": "org.apache.kafka.connect.data.Decimal",
                },
            ],
            "default": None,
        },
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
    "connect.name": "works.public.requests.Value",
}  # fmt: skip
AVRO: dict[str, Any] = {
    "type": "record",
    "name": "Envelope",
    "namespace": "works.public.requests",
    "fields": [
        {"name": "before", "type": ["null", _VALUE], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {
            "name": "source",
            "type": {
                "type": "record", "name": "Source", "namespace": "io.debezium.connector.postgresql",
                "fields": [
                    *({"name": name, "type": "string"} for name in ("schema", "table", "db", "connector", "version")),
                    {"name": "ts_ms", "type": "long"},
                ],
            },
        },
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"], "default": None},
    ],
    "connect.name": "works.public.requests.Envelope",
}  # fmt: skip


def avro(content: dict[str, Any], schema_id: int, declared: dict[str, Any] = AVRO) -> bytes:
    """Behind Confluent's frame."""
    content = copy.deepcopy(content)
    for row in (content["before"], content["after"]):
        if row and row.get("cost"):
            row["cost"] = b"09"
    out = io.BytesIO(struct.pack(">bI", 0, schema_id))
    out.seek(5)
    undecimal = json.loads(json.dumps(declared).replace('"logicalType": "decimal", ', ""))
    fastavro.schemaless_writer(out, fastavro.parse_schema(undecimal), content)
    return out.getvalue()
