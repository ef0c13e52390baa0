"""Log lines as JSON, one object a line, for whoever gathers them: with case and event where the hub knows them."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

_FACTS = ("agent", "reason", "event_id")
"""What a call may give as `extra`: names of the hub's own. `event_id` is the place of a record: topic[partition]@offset."""
_CASE_ID = re.compile(r"C-[A-Z2-7]{16}")


class JsonFormatter(logging.Formatter):
    """A line has time (UTC), level, logger and message, the facts that came as `extra`, and of an error its type and where.

    What an error says is left out, as libraries quote what they were given; so is a case id that is none.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname, "logger": record.name, "message": record.getMessage(),
        }  # fmt: skip
        line |= {name: str(getattr(record, name)) for name in _FACTS if hasattr(record, name)}
        case_id = getattr(record, "case_id", None)
        if isinstance(case_id, bytes):
            case_id = case_id.decode("ascii", "replace")
        if isinstance(case_id, str) and _CASE_ID.fullmatch(case_id):
            line["case_id"] = case_id
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def quiet_clients() -> None:
    """Have no HTTP client of this process log the addresses it calls: what somebody is asked for stands in them, and secrets do."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def json_logs(level: int | str) -> None:
    """Have every log line of this process be JSON, on stderr, from this level on. What sets up logs later changes nothing."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def json_log_config(level: str) -> dict[str, Any]:
    """The same for who takes it as a dictionary (logging.config)."""
    return {
        "version": 1, "disable_existing_loggers": False, "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json", "level": level}},
        "root": {"level": level, "handlers": ["json"]},
    }  # fmt: skip
