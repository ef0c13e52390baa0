"""`cityhub webhook`: a department's orders and receipts to its own address."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from hub.cli.terminal.options import with_settings
from hub.errors import FatalError
from hub.logs import log_from
from hub.policy import load_city
from hub.screen import say
from hub.sdk.sink_contract import SinkContext
from hub.settings import Settings


@click.command()
@click.argument("department")
@click.option("--to", "url", required=True, metavar="URL", help="Its address: https://HOST/PATH.")
@click.option(
    "--secret-file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds `whsec_…`, what calls are signed with; two, by a space, while one takes the place of the other.",
)  # fmt: skip
@click.option(
    "--allow", "listed", multiple=True, metavar="NETWORK",
    help="Let calls go to these addresses though they are not public, also by http: 10.1.0.0/16. May be repeated.",
)  # fmt: skip
@click.option(
    "--ca", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificates (PEM) that vouch for the receiver, instead of public authorities.",
)  # fmt: skip
@click.option("--budget-hours", type=click.FloatRange(min=0.01), default=72.0, show_default=True,
              help="How long one delivery is tried before it is set aside in hub.dead.")  # fmt: skip
@click.option("--from-now", is_flag=True, help="The first time, leave out what was written before.")
@with_settings
def webhook(
    settings: Settings, department: str, url: str, secret_file: Path, listed: tuple[str, ...], ca: Path | None,
    budget_hours: float, from_now: bool,
) -> None:  # fmt: skip
    """Send a department its orders 指令 and receipts 回执 as signed calls 推送, until Ctrl-C.

    Each is a CloudEvent (JSON), signed as Standard Webhooks has it, in order for each case. What is not answered with 2xx comes
    again with the same id, for days; after a crash too, so the receiver leaves out what it has by `webhook-id`. 429 and 503 with
    Retry-After are obeyed, 410 ends the command.
    """
    from hub.cli.connector.run import stop_on_signals
    from hub.sdk.running.status import Board
    from hub.sdk.sinks.served import run_sink
    from hub.sdk.sinks.webhook.sink import WebhookSettings, WebhookSink
    from hub.sdk.streams import SinkSpec

    if department not in load_city(settings.city).departments:
        raise FatalError(f"there is no department {department!r}; `cityhub dept list` names them")
    log_from("INFO")
    try:
        config = WebhookSettings.model_validate(
            {"url": url, "secret": f"file:{secret_file.absolute()}", "allow": listed, "ca": ca}
        )
    except ValidationError as error:
        raise FatalError("; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())) from None
    name = f"{department}-webhook"
    spec = SinkSpec(
        kind="webhook", departments=(department,), budget_hours=budget_hours, begin="now" if from_now else "start"
    )
    stop = stop_on_signals()
    sink = WebhookSink(config, SinkContext(name, settings.namespace, streams=spec.streams, stop=stop))
    tally = run_sink(sink, name, spec, settings, Board(name, "webhook", None), stop, group=name)
    say(f"{tally.delivered} delivered, {tally.set_aside} set aside", err=True)
