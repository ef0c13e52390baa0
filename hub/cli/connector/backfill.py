"""`cityhub connector backfill`: a stretch of an edge's past, read once more beside the live edge."""

from __future__ import annotations

import click

from hub.cli.connector.run import describe_run, stop_on_signals, summary_dict
from hub.cli.connector.times import time_option_ms
from hub.cli.terminal.options import running_here
from hub.escaping import to_json
from hub.logs import log_from
from hub.screen import say
from hub.sdk.running.at_limit import Way
from hub.sdk.running.backfill import TimeStretch, backfill
from hub.sdk.running.edges import chosen, load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.settings import Settings


@click.command("backfill")
@click.argument("name")
@click.option("--from", "since", required=True, help="Reported at or after: 2026-01-01T00:00+08:00")
@click.option("--to", "until", required=True, help="Reported before this.")
@click.option(
    "--clocks-as-reported",
    is_flag=True,
    help="Clocks run from when things were reported, also where they have run out since; without it, from when the hub takes them.",
)
@click.option("--go-on", "go_on", is_flag=True, help="At its limit of rejects: go on behind the rows set aside.")
@click.option("--bootstrap-servers", help="Kafka to use. [env: CITYHUB_BOOTSTRAP_SERVERS]")
@click.option("--namespace", help="Prefix of all topics. [env: CITYHUB_NAMESPACE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def backfill_command(
    name: str,
    since: str,
    until: str,
    clocks_as_reported: bool,
    go_on: bool,
    bootstrap_servers: str | None,
    namespace: str | None,
    as_json: bool,
) -> None:
    """Read what an edge's system said in a stretch of the past, and publish it. NAME is an edge of connectors.yaml.

    The live edge may run meanwhile, and its position stays. What was published before is a repeat for the hub. Stopped by Ctrl-C or
    a failure, the same command goes on where it was.
    """
    settings = running_here(Settings.from_env(bootstrap_servers=bootstrap_servers, namespace=namespace))
    log_from("INFO")
    edge = chosen(load_edges(settings), (name,))[name]
    options = RunnerOptions(show_progress=not as_json, at_limit=Way.GO_ON if go_on else None, stop=stop_on_signals())
    stretch = TimeStretch(time_option_ms(since), time_option_ms(until))
    summary = backfill(edge, stretch, settings, options, clocks_as_reported=clocks_as_reported)
    say(
        to_json(summary_dict(summary) | {"edge": name, "from": since, "to": until})
        if as_json
        else describe_run(summary, ())
    )
