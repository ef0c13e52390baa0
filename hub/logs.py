"""The one place that decides about logs: which lines a command writes, and how: as text, or as JSON, one object a line, for whoever
gathers them, with case and event where the hub knows them. A command that stays (a service) says so by `log_from`."""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any

from hub.bounds import CASE_ID
from hub.errors import HubError
from hub.escaping import shown

log = logging.getLogger(__name__)
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


def _named(error: BaseException) -> str:
    """An error by its type. What it says is kept if it is the hub's own, or the machine's: libraries quote what they were given."""
    kind = type(error).__name__
    if isinstance(error, HubError):
        return f"{kind}: {shown(error)}"
    return f"{kind}: {error.strerror}" if isinstance(error, OSError) and error.strerror else kind


class _Named:
    """Stands for an error in the message of a library, which would show all of it."""

    def __init__(self, error: BaseException) -> None:
        self._named = _named(error)

    def __repr__(self) -> str:
        return self._named


class LibraryFilter(logging.Filter):
    """What libraries log of errors, without what the errors quote. They are not asked to, so it is done to their records."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in _OWN:
            return True
        if isinstance(record.args, tuple):
            record.args = tuple(_Named(each) if isinstance(each, BaseException) else each for each in record.args)
        if record.name == "asyncio":  # its further lines show a task or a future with all that it came to
            record.msg = str(record.msg).partition("\n")[0]
        return True


class TextFormatter(logging.Formatter):
    """A line as people read it; of an error its type and where, as `JsonFormatter` has it, on lines that are indented."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return "\n".join(_traced(ei[1])) if ei[1] is not None else ""


def _traced(error: BaseException) -> Iterator[str]:
    """What came first stands first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _traced(before)
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {shown(frame.filename)}:{frame.lineno} {frame.name}"
    yield f"  {_named(error)}"


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
    now on, also those of libraries, and what nobody caught."""
    global _form
    _form = form
    logging.config.dictConfig(log_config(_SHORT, form))
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python itself would write all that the error quotes, line ends and terminals' escapes included."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical(
            "ends by a mistake in the hub (%s): keep this log and report it; where it was stands below",
            kind.__name__, exc_info=(kind, error, trace),
        )  # fmt: skip


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    name = "a thread" if args.thread is None else args.thread.name
    log.critical("%s ends by a mistake in the hub (%s)", name, args.exc_type.__name__, exc_info=error)


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
    formatter: dict[str, Any] = {"()": TextFormatter, "fmt": _TEXT[stays], "datefmt": "%Y-%m-%dT%H:%M:%S%z"}
    if form is LogFormat.JSON:
        formatter = {"()": JsonFormatter}
    quiet = "ERROR" if level == "ERROR" else _SHORT
    libraries = "DEBUG" if level == "DEBUG" else quiet
    return {
        "version": 1, "disable_existing_loggers": False, "formatters": {"lines": formatter},
        "filters": {"libraries": {"()": LibraryFilter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler", "formatter": "lines", "filters": ["libraries"], "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": libraries, "handlers": ["stderr"]},
        "loggers": {name: {"level": level} for name in _OWN} | {name: {"level": quiet} for name in _CHATTY} | {
            "aiokafka": {"level": "CRITICAL"},  # it repeats what the inlets say of a lost broker, 40 times a second
        },
    }  # fmt: skip
