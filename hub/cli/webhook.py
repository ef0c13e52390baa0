"""`cityhub webhook`: a department's orders and receipts to its own address."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from hub.cli.options import with_settings
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import say
from hub.settings import Settings
from hub.signals import ended_by_signals

_HOUR_SECONDS = 3600.0


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
    from hub.sdk.signature import parsed
    from hub.sdk.sinks.webhook.addresses import networks
    from hub.sdk.sinks.webhook.client import Receiver
    from hub.sdk.sinks.webhook.run import WebhookRun
    from hub.stream.codec import Codec
    from hub.stream.registry import make_registry

    if department not in load_city(settings.city).departments:
        raise FatalError(f"there is no department {department!r}; `cityhub dept list` names them")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    with Receiver(url, parsed(secret_file.read_text("utf-8")), networks(listed), ca) as receiver:
        run = WebhookRun(settings, Codec(make_registry(settings)), department, receiver, budget_hours * _HOUR_SECONDS)
        try:
            with ended_by_signals():
                if from_now:
                    run.begin_now()
                run.run()
        finally:
            say(f"{run.counts.delivered} delivered, {run.counts.set_aside} set aside", err=True)
