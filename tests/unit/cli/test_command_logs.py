"""Which lines of its log whoever runs a command sees, and how: through `main`, with what the command is about replaced by one that
speaks on all levels."""

from __future__ import annotations

import json
import logging
import logging.config
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import faust
import pytest

import hub.logs
from hub.cli.main import main
from hub.cli.services import worker
from hub.errors import FatalError
from hub.logs import LogFormat

SPEAKERS = (
    "hub.web.live_city",
    "connectors.police.source",
    "cityhub_connectors.own.source",
    "alembic.runtime",
    "httpx2",
    "mode",
)
TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ")


def speak(*_: Any, **__: Any) -> NoReturn:
    for name in SPEAKERS:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "%s of %s", logging.getLevelName(level), name)
    raise FatalError("spoken")


@pytest.fixture(autouse=True)
def own_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The logs, signals and settings of this process are as before, whatever a command does to them."""
    root = logging.getLogger()
    loggers = [
        root,
        *map(logging.getLogger, ("hub", "connectors", "cityhub_connectors", "faust", "mode", "httpx2", "aiokafka")),
    ]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr("hub.cli.main.escape_logs", lambda: None)
    monkeypatch.setattr(hub.logs, "_form", None)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("CITYHUB_LOG_FORMAT", raising=False)
    (tmp_path / "secret").write_text("whsec_" + "A" * 44)
    (tmp_path / "rows.csv").write_text("")
    (tmp_path / "connectors.yaml").write_text("{}")
    monkeypatch.setenv("CITYHUB_CONNECTORS", str(tmp_path / "connectors.yaml"))
    monkeypatch.chdir(tmp_path)
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    for number, handler in signals.items():
        signal.signal(number, handler)


SERVICES = {
    "worker": "hub.app.make_hub",
    "web --port 0": "hub.stream.kafka.known.sources_there",
    "ledger run": "hub.ledger.keeping.Keeper",
    "ledger rebuild": "hub.ledger.keeping.Keeper",
    "webhook water_supply --to https://example.org/in --secret-file secret": "hub.sdk.sinks.served.run_sink",
    "bulletin --at 07:30": "hub.cli.bulletin.command._stay",
    "connector run": "hub.cli.connector.run._run",
    "connector run police --file rows.csv --follow": "hub.cli.connector.run._run",
    "connector backfill calls --from 2026-01-01T00:00+08:00 --to 2026-01-02T00:00+08:00": "hub.cli.connector.backfill.load_edges",
}
"""Each command that stays, or works for long, and what stands in the middle of it."""
SHORT = {
    "ledger status": "hub.ledger.database.opened_ledger",
    "bulletin --day 2026-01-01": "hub.cli.bulletin.command.make",
    "connector run police --file rows.csv": "hub.cli.connector.run._run",
    "cases": "hub.ledger.database.opened_ledger",
}


def heard(command: str, heart: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of its log, without the error with which `main` ends."""
    monkeypatch.setattr(heart, speak)
    monkeypatch.setattr(sys, "argv", ["cityhub", *command.split()])
    with suppress(SystemExit):
        main()
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].lower() == "error: spoken"
    return [line for line in lines if " of " in line]


def said(line: str) -> tuple[str, str]:
    level, _, name = line.rsplit(": ", 1)[-1].partition(" of ")
    return level, name


WARNINGS = [("WARNING", name) for name in SPEAKERS]
ALL = [
    (level, name) for name in SPEAKERS for level in ("INFO", "WARNING") if level == "WARNING" or name in SPEAKERS[:3]
]


@pytest.mark.parametrize("command", SERVICES)
def test_who_runs_a_service_sees_what_the_hub_and_its_connectors_inform_of(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = heard(command, SERVICES[command], monkeypatch, capfd)
    assert [said(line) for line in lines] == ALL
    assert all(TIMED.match(line) for line in lines)


@pytest.mark.parametrize("command", SERVICES)
def test_and_as_json_too(command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CITYHUB_LOG_FORMAT", "json")
    lines = [json.loads(line) for line in heard(command, SERVICES[command], monkeypatch, capfd)]
    assert [(line["level"], line["logger"]) for line in lines] == ALL


@pytest.mark.parametrize("command", SHORT)
@pytest.mark.parametrize("form", list(LogFormat))
def test_who_types_a_short_command_sees_warnings_alone(
    command: str, form: LogFormat, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITYHUB_LOG_FORMAT", form)
    lines = heard(command, SHORT[command], monkeypatch, capfd)
    if form is LogFormat.JSON:
        assert [(line["level"], line["logger"]) for line in map(json.loads, lines)] == WARNINGS
    else:
        assert [said(line) for line in lines] == WARNINGS
        assert not any(TIMED.match(line) for line in lines)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("form", list(LogFormat))
def test_a_running_worker_logs_by_its_own_level(
    form: LogFormat, level: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Faust sets up logs anew when it starts: with what it is handed."""

    def starts(_: Any, *__: Any, logging_config: dict[str, Any], **___: Any) -> NoReturn:
        logging.config.dictConfig(logging_config)
        speak()

    monkeypatch.setattr(faust.Worker, "__init__", starts)
    monkeypatch.setattr(worker, "escape_logs", lambda: None)
    monkeypatch.setattr(worker, "tune_memory", lambda: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    with pytest.raises(FatalError, match="spoken"):
        worker.run_app(None, level, form)
    lines = [line for line in capfd.readouterr().err.splitlines() if " of " in line]
    if form is LogFormat.JSON:
        lines = [json.loads(line)["message"] for line in lines]
    debug = [(each, name) for name in SPEAKERS for each in ("DEBUG", "INFO", "WARNING")]
    quiet = [(each, name) for each, name in debug if each == "WARNING" or name not in ("httpx2", "mode")]
    assert [said(line) for line in lines] == {"DEBUG": quiet, "INFO": ALL, "WARNING": WARNINGS, "ERROR": []}[level]


def test_a_program_that_runs_a_command_within_itself_keeps_its_logs() -> None:
    before = logging.getLogger().handlers[:]
    hub.logs.log_from("DEBUG")
    assert logging.getLogger().handlers == before


SAID = "13800000000\x1b]0;owned\x07\nerror: forged"


@pytest.mark.parametrize("form", list(LogFormat))
@pytest.mark.parametrize("within", ["command", "thread"])
def test_what_nobody_caught_quotes_nothing(
    within: str, form: LogFormat, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise KeyError(SAID)

    def command(*_: Any, **__: Any) -> None:
        if within == "command":
            fail()
        thread = threading.Thread(target=fail, name="pages")
        thread.start()
        thread.join()

    monkeypatch.setenv("CITYHUB_LOG_FORMAT", form)
    monkeypatch.setattr("hub.cli.main.cli", command)
    try:
        main()
    except KeyError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    said = capfd.readouterr().err
    assert "mistake in the hub (KeyError)" in said
    assert "test_command_logs.py" in said
    assert "13800000000" not in said
    assert "\x1b" not in said
    if form is LogFormat.JSON:
        assert [json.loads(line)["level"] for line in said.splitlines()] == ["CRITICAL"]


def test_what_the_machine_refuses_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied", "/srv/\x1b[2Jhub")

    monkeypatch.setattr("hub.cli.main.cli", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capfd.readouterr().err == "error: the machine refused it: Permission denied: /srv/\\x1b[2Jhub\n"
