"""The one place that decides about logs: which lines a command writes, and how: as text, or as JSON, one object a line, for whoever
gathers them, with case and event where the hub knows them. A command that stays (a service) says so by `log_from`."""

from __future__ import annotations

import json
import logging
import logging.config
import re
import traceback
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hub.bounds import CASE_ID

_FACTS = ("agent", "reason", "event_id")
"""What a call may give as `extra`: names of the hub's own. `event_id` is the place of a record: topic[partition]@offset."""
_SHORT = "WARNING"
_TEXT = {False: "%(levelname)s %(name)s: %(message)s", True: "%(asctime)s %(levelname)s %(name)s: %(message)s"}
"""A line of a command that ends by itself, read as it comes; and of one that stays, read later."""
_OWN = ("hub", "connectors", "cityhub_connectors")
_CHATTY = ("faust", "mode", "httpx2")


class LogFormat(StrEnum):
    """How a line of a log is written."""

    TEXT = "text"
    JSON = "json"


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
        if isinstance(case_id, str) and re.fullmatch(CASE_ID, case_id):
            line["case_id"] = case_id
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


_form: LogFormat | None = None


def set_up_logs(form: LogFormat) -> None:
    """Set up the logs of this process, on stderr: warnings and errors until `log_from` asks for more. Lines are in this form from
    now on, also those of libraries."""
    global _form
    _form = form
    logging.config.dictConfig(log_config(_SHORT, form))


def log_from(level: str) -> None:
    """Have this process, which stays, log what the hub and its connectors say from this level on, with the time on each line.

    Does nothing where nobody called `set_up_logs`: a program that runs a command within itself has logs of its own.
    """
    if _form is not None:
        logging.config.dictConfig(log_config(level, _form, stays=True))


def log_config(level: str, form: LogFormat, *, stays: bool = False) -> dict[str, Any]:
    """All that is decided about logs, for logging.config. `level` is that of the hub's own lines and its connectors'; libraries log
    warnings and errors, and all only where the level is DEBUG. Clients of HTTP never log the addresses that they call: what
    somebody is asked for stands in them, and secrets do."""
    formatter: dict[str, Any] = {"format": _TEXT[stays], "datefmt": "%Y-%m-%dT%H:%M:%S%z"}
    if form is LogFormat.JSON:
        formatter = {"()": JsonFormatter}
    quiet = "ERROR" if level == "ERROR" else _SHORT
    libraries = "DEBUG" if level == "DEBUG" else quiet
    return {
        "version": 1, "disable_existing_loggers": False, "formatters": {"lines": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"level": libraries, "handlers": ["stderr"]},
        "loggers": {name: {"level": level} for name in _OWN} | {name: {"level": quiet} for name in _CHATTY} | {
            "aiokafka": {"level": "CRITICAL"},  # it repeats what the inlets say of a lost broker, 40 times a second
        },
    }  # fmt: skip
