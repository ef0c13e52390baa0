"""The `cityhub` command: names every subcommand and imports it only when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from hub.errors import HubError
from hub.escaping import escape_logs, shown
from hub.logs import LogFormat, set_up_logs
from hub.screen import say, say_lines
from hub.settings import SettingsError, variable

COMMANDS = {
    "demo": ("hub.cli.demo.command:demo", "Start everything on a simulated city and watch it work."),
    "up": ("hub.cli.services.up:up", "Start a hub: topics, worker and, if asked, an embedded broker."),
    "worker": ("hub.cli.services.worker:worker", "Run the agents."),
    "broker": ("hub.broker.command:broker", "Run an embedded Apache Kafka."),
    "topics": ("hub.cli.kafka.topics:topics", "List the hub's topics and create the missing ones."),
    "contract": (
        "hub.cli.kafka.contract:contract",
        "Write the contracts with departments as AsyncAPI documents and pages.",
    ),
    "schema": ("hub.cli.kafka.schema:schema", "Say what a change of a schema would mean, and for whom."),
    "acl": ("hub.cli.kafka.acl:acl", "Print and grant the rights that each part of the hub needs at Kafka."),
    "connector": ("hub.cli.connector.command:connector", "List, check, run and scaffold connectors."),
    "simulate": ("hub.simulator.command:simulate", "Write the files of a simulated city, to try a connector on."),
    "backtest": ("hub.cli.policy.backtest:backtest", "Run history through a policy and judge its decisions."),
    "learn": ("hub.cli.policy.learn:learn", "Draft a policy from history."),
    "scoreboard": ("hub.cli.policy.scoreboard:scoreboard", "Judge drafted policies on real cities."),
    "dept": ("hub.cli.cases.dept:dept", "Watch a department's orders and send updates."),
    "webhook": ("hub.cli.services.webhook:webhook", "Send a department its orders and receipts as signed calls."),
    "web": ("hub.cli.services.web:web", "Serve departments, Open311 apps and those who report by HTTP."),
    "user": ("hub.cli.access.users:user", "Add, list and disable people who log in, and say what they may."),
    "session": ("hub.cli.access.users:session", "List who is logged in, and end sessions."),
    "audit": ("hub.cli.access.audit:audit", "Export and verify the trail of who did what."),
    "backup": ("hub.cli.backup.command:backup", "Write what this machine keeps beside Kafka into one file."),
    "restore": ("hub.cli.backup.command:restore", "Put back what `backup` wrote, once it is proven."),
    "ledger": ("hub.cli.services.ledger:ledger", "Keep the ledger: run, rebuild, status."),
    "cases": ("hub.cli.cases.cases:cases", "List cases: filters, what is overdue first, CSV, XLSX, JSON."),
    "bulletin": (
        "hub.cli.bulletin.command:bulletin",
        "Make the daily bulletin and the figures of a month from the ledger.",
    ),
    "explain": ("hub.cli.cases.explain:explain", "Tell one case's story from the topics."),
    "erase": ("hub.cli.cases.erase:erase", "Erase what a report says, and list what was erased."),
    "reconcile": (
        "hub.cli.checks.reconcile:reconcile",
        "Prove from the topics that every event is accounted for exactly once.",
    ),
    "state": ("hub.cli.kafka.state:state", "Compare the agents' state with what was committed; accept a loss."),
    "rates": ("hub.cli.cases.rates:rates", "Show on-time, response, resolution, satisfaction and return rates."),
    "source": ("hub.cli.kafka.source:source", "List paused sources and let them go on."),
    "dead": ("hub.cli.dead.command:dead", "List, group, mend, send again and close dead letters."),
    "policy": ("hub.cli.policy.policy:policy", "Check a city's rules and show its routing table."),
    "doctor": ("hub.cli.checks.doctor:doctor", "Check Java, ports, broker, topics, schemas and policy."),
}


@contextmanager
def _escaped_refusals() -> Iterator[None]:
    """click writes what it refuses past `hub.screen`: names of files and columns, what a system answered."""
    try:
        yield
    except click.ClickException as error:
        error.message = shown(error.message, keep="\n")
        raise


class LazyGroup(click.Group):
    """A group whose commands are imported when they are named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _escaped_refusals():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _escaped_refusals():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cityhub", prog_name="cityhub")
def cli() -> None:
    """CityHub links a city's departmental systems: events in, cases and SLA breaches out, each exactly once.

    Settings come from options or from CITYHUB_* in the environment (CITYHUB_BOOTSTRAP_SERVERS, CITYHUB_CITY, ...).
    """


def main() -> None:
    """Run the command line; errors meant for people end in one sentence and exit code 1."""
    escape_logs()
    # What else stands there the settings complain of.
    wants_json = os.environ.get(variable("log_format")) == LogFormat.JSON
    set_up_logs(LogFormat.JSON if wants_json else LogFormat.TEXT)
    try:
        cli(standalone_mode=True)
    except SettingsError as error:
        for problem in error.problems:
            say(f"error: {problem}", err=True)
        sys.exit(2)
    except HubError as error:
        say_lines(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        what = error.strerror or type(error).__name__
        say(f"error: the machine refused it: {what}" + (f": {error.filename}" if error.filename else ""), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
