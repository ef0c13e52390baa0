"""The last line that a worker logs says why it ended and what to do: whoever is alarmed reads the end of the log."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import Any, NoReturn

import faust
import pytest

from hub.cli.services import worker
from hub.errors import FatalError


def _ended_by(error: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the worker logs where Faust ends as it does: with an exit code, and the error as its context."""

    def ends(_: Any) -> NoReturn:
        if error is None:
            sys.exit(0)
        try:
            raise error
        except type(error):
            sys.exit(1)

    codes: list[int] = []
    monkeypatch.setattr(faust.Worker, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(faust.Worker, "execute_from_commandline", ends)
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    monkeypatch.setattr(worker, "escape_logs", lambda: None)
    monkeypatch.setattr(worker, "tune_memory", lambda: None)
    with contextlib.ExitStack() as stack:
        for name in ("faust", "mode", "aiokafka"):
            stack.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
        worker.run_app(None, "INFO")
    assert codes == [0 if error is None else 1]
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (
            FatalError("hub.cases is gone; run `cityhub topics --create`"),
            "hub.cases is gone; run `cityhub topics --create`",
        ),
        (
            OSError(28, "No space left on device", "what a sender wrote"),
            "the machine refused it (No space left on device)",
        ),
        (ZeroDivisionError("what a sender wrote"), "(ZeroDivisionError): keep this log and report it"),
    ],
)
def test_the_last_line_says_cause_and_way_out(
    error: Exception, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    last = _ended_by(error, monkeypatch, caplog)[-1]
    assert part in last
    assert "what a sender wrote" not in last


def test_one_that_ends_in_order_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert _ended_by(None, monkeypatch, caplog) == []
