"""Debezium's envelope by column: what became of a row, and the row. Pure.

The row's columns keep their names: as it is now, or as it was where it is deleted. Beside them stand `change.op` (create, update,
delete, snapshot), `change.at`, `change.table`, `change.database`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import json_values

_OPS = {"c": "create", "u": "update", "d": "delete", "r": "snapshot"}
_UNAVAILABLE = "__debezium_unavailable_value"
"""Stands for a long value that an update left as it was, and that the database's log therefore does not have."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of columns without a zone: the mapping knows whose time it is


class NoChange(StrEnum):
    """What a record is that is no change of a row."""

    MARK = "mark"
    """A heartbeat, the border of a transaction, a message in the log: nothing of a row."""
    SCHEMA = "schema"
    """A table was made, changed or dropped."""


class Type(NamedTuple):
    """What Kafka Connect calls a column's type, as io.debezium.time.MicroTimestamp. `scale`: of a decimal."""

    name: str
    scale: int = 0


Types = Mapping[str, Type]


class RowChange(NamedTuple):
    """A change of a row."""

    values: dict[str, Any]
    op: str
    columns: frozenset[str]
    """Of the table, as far as the event has them."""


def change_of(envelope: Any, types: Types) -> RowChange | NoChange:
    """`types`: of columns that are written as numbers and mean something else.

    Raises RejectedRecordError: it is no change event, a whole table was emptied, a value is not of its type.
    """
    if not isinstance(envelope, dict):
        raise _bad("it is no change event: no JSON object")
    op = envelope.get("op")
    if op is None:
        return _without_op(envelope)
    if op == "m":
        return NoChange.MARK
    if op == "t":
        raise RejectedRecordError(
            Reason.INVALID,
            "a whole table was emptied (truncate): which rows it had is not said; withdraw their cases by hand",
        )
    if not isinstance(op, str) or op not in _OPS:
        raise _bad("it is a change event of an op that is not known here")
    row, former = envelope.get("after"), envelope.get("before")
    if op == "d":
        row, former = former, None
    if not isinstance(row, dict):
        raise _bad(
            "the change event has no row; of a delete, let the database say what it was (PostgreSQL: REPLICA IDENTITY)"
        )
    read = {name: _read(value, name, types, former) for name, value in row.items()}
    return RowChange(json_values(read) | _about(envelope, op), _OPS[op], frozenset(row))


def _without_op(envelope: Mapping[str, Any]) -> NoChange:
    if "ddl" in envelope or "tableChanges" in envelope:
        return NoChange.SCHEMA
    if set(envelope) <= {"ts_ms", "ts_us", "ts_ns"} or {"status", "id"} <= set(envelope):
        return NoChange.MARK
    raise _bad("it is no change event: there is no op. Let Debezium write whole envelopes (no ExtractNewRecordState)")


def _about(envelope: Mapping[str, Any], op: str) -> dict[str, Any]:
    source = envelope.get("source")
    source = source if isinstance(source, dict) else {}
    at = source.get("ts_ms") or envelope.get("ts_ms")
    table = ".".join(str(source[name]) for name in ("schema", "table") if source.get(name))
    return {
        "change.op": _OPS[op],
        "change.at": _instant(at),
        "change.table": table,
        "change.database": source.get("db"),
    }


def _instant(at_ms: Any) -> str | None:
    if at_ms is None:
        return None
    try:
        return (_EPOCH + timedelta(milliseconds=int(at_ms))).replace(tzinfo=UTC).isoformat(timespec="milliseconds")
    except (TypeError, ValueError, OverflowError):
        raise _bad("the change event's time is none") from None


def _read(value: Any, name: str, types: Types, former: Any) -> Any:
    if value == _UNAVAILABLE:
        value = former.get(name) if isinstance(former, dict) else None
    found = types.get(name)
    if value is None or found is None:
        return plain_value(value)
    read = _READERS.get(found.name)
    try:
        return plain_value(value) if read is None else read(value, found.scale)
    except (TypeError, ValueError, OverflowError, binascii.Error):
        raise _bad(f"{name} is not of the type that the change event says it has") from None


def plain_value(value: Any) -> Any:
    """As a mapping reads it: what Avro's own logical types come out as, written out."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {name: plain_value(each) for name, each in value.items()}
    return [plain_value(each) for each in value] if isinstance(value, list) else value


def _days(value: Any, _: int) -> str:
    return (_EPOCH + timedelta(days=int(value))).date().isoformat()


def _since(microseconds: float) -> Callable[[Any, int], str]:
    def read(value: Any, _: int) -> str:
        if isinstance(value, datetime):
            return str(plain_value(value))
        return (_EPOCH + timedelta(microseconds=int(value) * microseconds)).isoformat()

    return read


def _decimal(value: Any, scale: int) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raw = base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(value)
    return f"{Decimal(int.from_bytes(raw, 'big', signed=True)).scaleb(-scale):f}"


_READERS: dict[str, Callable[[Any, int], str]] = {
    "io.debezium.time.Date": _days,
    "io.debezium.time.Timestamp": _since(1000),
    "io.debezium.time.MicroTimestamp": _since(1),
    "io.debezium.time.NanoTimestamp": _since(0.001),
    "org.apache.kafka.connect.data.Date": _days,
    "org.apache.kafka.connect.data.Timestamp": _since(1000),
    "org.apache.kafka.connect.data.Decimal": _decimal,
}


def _bad(reason: str) -> RejectedRecordError:
    return RejectedRecordError(Reason.BAD_ROW, reason)
