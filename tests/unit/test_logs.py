"""Log lines as JSON: whole, one a record, with case and event, and without what anybody wrote."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.escaping import OneLineRecord
from hub.logs import JsonFormatter, LogFormat, log_config
from hub.testing.memory import MemoryHub
from tests.unit.agents.small_world import CITY, NOON
from tests.unit.agents.test_times import resolved

CASE = "C-2URCNELQMHXMKTIH"


def line(message: str = "m", *args: object, exc_info: Any = None, **facts: object) -> dict[str, Any]:
    record = OneLineRecord("hub.stream", logging.WARNING, __file__, 1, message, args, exc_info)
    record.__dict__.update(facts)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    said: dict[str, Any] = json.loads(text)
    return said


@given(st.text(), st.text())
def test_whatever_is_said_is_one_object_a_line(message: str, fact: str) -> None:
    said = line("%s", message, reason=fact, reporter=fact)
    assert said["reason"] == fact
    assert set(said) == {"time", "level", "logger", "message", "reason"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [(CASE, True), (CASE.encode(), True), (b"\xff", False), ("Ms Example", False), (None, False), (CASE + "1", False)],
)
def test_a_case_id_is_one_or_is_left_out(given: object, kept: bool) -> None:
    assert line(case_id=given).get("case_id") == (CASE if kept else None)


def test_an_error_says_its_type_and_place_and_not_what_it_quotes() -> None:
    try:
        int("Ms Example, 13800000000")
    except ValueError:
        said = line("failed", exc_info=sys.exc_info())
    assert said["error"] == "ValueError"
    assert any("test_logs.py" in place for place in said["at"])
    assert "Example" not in json.dumps(said)


def test_what_an_agent_sets_aside_names_its_case_and_place(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), MemoryHub(CITY, NOON, sources=["hotline"]) as hub:
        hub.publish(resolved(CASE, NOON))
        hub.settle()
    (record,) = [each for each in caplog.records if "rejected" in each.getMessage()]
    said = json.loads(JsonFormatter().format(record))
    assert (said["agent"], said["reason"], said["case_id"]) == ("track", "unknown_case", CASE)
    assert said["event_id"].startswith("dept.water_supply.updates[")


SAID = "13800000000 Ms Example\x1b]0;owned\x07\r\nERROR hub.forged: all is well\u202e"


def logged(form: LogFormat, name: str, message: str, *args: object, exc_info: Any = None) -> str:
    """What stands on the log for one record, with handlers, filters and formatters as a command that stays has them."""
    config = log_config("INFO", form, stays=True)
    handler = logging.StreamHandler(stream := io.StringIO())
    lines, declared = dict(config["formatters"]["lines"]), config["handlers"]["stderr"]
    handler.setFormatter(lines.pop("()", logging.Formatter)(**lines))
    for each in declared.get("filters", ()):
        handler.addFilter(config["filters"][each]["()"]())
    handler.handle(OneLineRecord(name, logging.ERROR, __file__, 1, message, args, exc_info))
    return stream.getvalue()


def raised(error: BaseException) -> Any:
    try:
        try:
            int(SAID)
        except ValueError as before:
            raise error from before
    except (LookupError, RuntimeError, OSError, FatalError):
        return sys.exc_info()


def quotes_nothing(text: str) -> bool:
    acting = {char for char in text if unicodedata.category(char) in {"Cc", "Cf"}} - {"\n"}
    return not acting and "13800000000" not in text and "Ms Example" not in text


@pytest.mark.parametrize("form", list(LogFormat))
@pytest.mark.parametrize("error", [KeyError(SAID), RuntimeError(SAID), OSError(2, "No such file", SAID)])
def test_a_traceback_quotes_nothing_in_either_form(form: LogFormat, error: BaseException) -> None:
    text = logged(form, "hub.sdk.running.supervisor", "%s ends by a defect", "roads", exc_info=raised(error))
    assert quotes_nothing(text)
    assert "roads ends by a defect" in text
    assert type(error).__name__ in text
    assert "test_logs.py" in text
    assert not any(line.startswith("ERROR") for line in text.splitlines())


def test_what_the_hub_itself_says_of_an_error_stands_below_its_place() -> None:
    text = logged(LogFormat.TEXT, "hub.app", "ended", exc_info=raised(FatalError("mend the file\x1b[2J")))
    assert text.splitlines()[-1] == "  FatalError: mend the file\\x1b[2J"
    assert "  ValueError\n" in text  # what came first


@pytest.mark.parametrize("form", list(LogFormat))
@pytest.mark.parametrize("name", ["mode", "faust.agents", "aiokafka.client"])
def test_an_error_within_a_librarys_message_quotes_nothing(form: LogFormat, name: str) -> None:
    text = logged(form, name, "Crashed reason=%r or %s", KeyError(SAID), ValueError(SAID))
    assert quotes_nothing(text)
    assert "Crashed reason=KeyError or ValueError" in text


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_task_that_nobody_asked_quotes_nothing(form: LogFormat) -> None:
    async def left() -> str:
        async def fails() -> None:
            raise KeyError(SAID)

        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        (error,) = [task.exception()]
        return logged(
            form, "asyncio", f"Task exception was never retrieved\nfuture: {task!r}", exc_info=(KeyError, error, None)
        )

    text = asyncio.run(left())
    assert quotes_nothing(text)
    assert "never retrieved" in text
