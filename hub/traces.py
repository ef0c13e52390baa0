"""Traces across Kafka, off by default: a record's header `traceparent` (W3C Trace Context), and spans in a file.

Each line of the file is what OpenTelemetry's file exporter writes (OTLP in JSON), for a collector's `otlpjsonfile` receiver.
Nothing in a span is said by a sender: agent, topic, partition and offset. A file that cannot be written costs spans, and
nothing else.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from hub.settings import Settings

log = logging.getLogger(__name__)
TRACEPARENT = "traceparent"
_FORM = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f][13579bdf]")
"""Sampled contexts of version 00. Who does not sample a record has it followed by nobody."""
_PRODUCER, _CONSUMER = 4, 5
_MOST_TAKEN_OVER = 100
"""Records a second that are published within callers' traces: whoever calls may say of every call that it is sampled."""


class TraceContext(NamedTuple):
    """Which trace, and which span of it: lower-case hexadecimal, as the header has them."""

    trace: str
    span: str

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Of a record that was written within this span."""
        return [(TRACEPARENT, f"00-{self.trace}-{self.span}-01".encode())]

    def within(self) -> TraceContext:
        """The context of a new span of this trace."""
        return TraceContext(self.trace, secrets.token_hex(8))


def context_in(header: bytes) -> TraceContext | None:
    """What a `traceparent` says; None if it is none, or says that the record is not sampled."""
    found = _FORM.fullmatch(header)
    return TraceContext(*(each.decode() for each in found.groups())) if found else None


CALLER: ContextVar[TraceContext | None] = ContextVar("CALLER", default=None)
"""What the call of HTTP brought by which the hub is about to publish, if it brought any."""


def called_within(headers: Iterable[tuple[bytes, bytes]]) -> TraceContext | None:
    """What a call of HTTP says by its headers (names in lower case). One that says it twice says nothing."""
    found = [value for name, value in headers if name == TRACEPARENT.encode()]
    return context_in(found[0]) if len(found) == 1 else None


class TraceSpan(NamedTuple):
    """What one part of the hub did about one record. Times are ns since 1970 UTC."""

    context: TraceContext
    parent: str
    """The span before it; empty for the first of a trace."""
    name: str
    began_ns: int
    facts: Mapping[str, str | int]


class Traces:
    """Where one part of the hub writes its spans. May be called from any thread."""

    def __init__(self, settings: Settings, path: Path, part: str) -> None:
        self._path, self._part = path, part
        self._share = settings.traces_share
        self._lock = threading.Lock()
        self._failed = False
        self._second, self._taken_over = 0, 0
        self._resource = {
            "service.name": f"cityhub.{part}", "service.instance.id": settings.instance,
            "service.namespace": settings.namespace,
        }  # fmt: skip

    @classmethod
    def of(cls, settings: Settings, part: str) -> Traces | None:
        """None where traces are off."""
        return None if settings.traces is None else cls(settings, settings.traces, part)

    def begin(self, topic: str) -> list[tuple[str, bytes]] | None:
        """Headers for a record that is published now: within the trace of the call that brought it, else, if one is to begin with
        it, of that: by chance, as CITYHUB_TRACES_SHARE has it."""
        caller = CALLER.get()
        if caller is not None and self._may_take_over():
            context, parent = caller.within(), caller.span
        elif secrets.SystemRandom().random() < self._share:
            context, parent = TraceContext(secrets.token_hex(16), secrets.token_hex(8)), ""
        else:
            return None
        facts = {"messaging.destination.name": topic}
        self.write([TraceSpan(context, parent, f"publish {topic}", time.time_ns(), facts)], _PRODUCER)
        return context.headers

    def _may_take_over(self) -> bool:
        second = int(time.monotonic())
        with self._lock:
            if second != self._second:
                self._second, self._taken_over = second, 0
            self._taken_over += 1
            return self._taken_over <= _MOST_TAKEN_OVER

    def write(self, spans: Iterable[TraceSpan], kind: int = _CONSUMER) -> None:
        """Append these; they end now."""
        ended = str(time.time_ns())
        told = [
            {
                "traceId": span.context.trace, "spanId": span.context.span, "parentSpanId": span.parent, "name": span.name,
                "kind": kind, "startTimeUnixNano": str(span.began_ns), "endTimeUnixNano": ended,
                "attributes": _attributes(span.facts),
            }
            for span in spans
        ]  # fmt: skip
        scope = [{"scope": {"name": "cityhub"}, "spans": told}]
        line = {"resourceSpans": [{"resource": {"attributes": _attributes(self._resource)}, "scopeSpans": scope}]}
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            if not self._failed:
                log.warning(
                    "spans cannot be written to %s (%s) and are left out until they can", self._path, error.strerror
                )
            self._failed = True
        else:
            self._failed = False


def _attributes(facts: Mapping[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(fact)} if isinstance(fact, int) else {"stringValue": fact}}
        for name, fact in facts.items()
    ]
