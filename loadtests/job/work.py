"""One event to one order, in plain Python with fastavro: what the Python peers call, and what the tests check the others by.

Reads and writes Confluent's framing: 0x00, four bytes of schema id, Avro. No hub code, so that it runs in any environment.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro

from loadtests.job.rules import CLOCK, Rules

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
HEADER_BYTES = 5


def newest(record: str) -> tuple[int, Path]:
    """Id and file of the newest version of a record: what the hub writes."""
    ids = json.loads((SCHEMAS / "ids.json").read_text("utf-8"))[record]
    version = max(ids, key=int)
    return int(ids[version]), SCHEMAS / record / f"v{version}.avsc"


def schema_of(record: str) -> Any:
    """A parsed schema, its times left as the integers they are."""
    return fastavro.parse_schema(_without_times(json.loads(newest(record)[1].read_text("utf-8"))))


def header_of(record: str) -> bytes:
    """The framing of a record."""
    return b"\x00" + newest(record)[0].to_bytes(4, "big")


class Work:
    """Decodes events, decides, encodes orders."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._event = schema_of("CaseEvent")
        self._order = schema_of("Order")
        self._order_header = header_of("Order")

    def decode(self, value: bytes) -> dict[str, Any]:
        """An event as a dictionary."""
        event = fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), self._event, None)
        assert isinstance(event, dict)
        return event

    @staticmethod
    def identity(event: dict[str, Any]) -> str:
        """What an exact repeat has in common with what it repeats."""
        return f"{event['source']}\x1f{event['source_ref']}\x1f{event['revision']}"

    def order(self, event: dict[str, Any]) -> dict[str, Any]:
        """The order that a first sighting causes. What is not named here has its schema's default."""
        category, area, opened_ms = event["category"], event["place"]["code"], event["reported_at"]
        department, rule = self._rules.route(category, area)
        limit = self._rules.limits[category]
        return {
            "order_id": f"O-{event['source_ref']}",
            "kind": "ASSIGN",
            "case_id": f"C-{event['source_ref']}",
            "department": department,
            "issued_at": opened_ms,  # not the wall's time, so that every contender writes the same bytes
            "area": area,
            "rule": rule,
            "reason": None,
            "deadlines": [{"clock": CLOCK, "policy": limit.policy, "due_at": self._rules.due_ms(category, opened_ms)}],
            "event": event,
        }

    def encode(self, order: dict[str, Any]) -> bytes:
        """An order, framed."""
        out = io.BytesIO()
        out.write(self._order_header)
        fastavro.schemaless_writer(out, self._order, order)
        return out.getvalue()


def _without_times(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_times(value) for key, value in node.items() if key != "logicalType"}
    return [_without_times(item) for item in node] if isinstance(node, list) else node
