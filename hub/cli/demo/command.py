"""`cityhub demo`: the whole hub on one machine, on a simulated city or on real files, shown live and reconciled at the end."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from hub.cli.demo.run import DemoRun
from hub.errors import HubError
from hub.screen import Screen, say_json
from hub.simulator.rhythm import NOMINAL_RATE


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed plays the same day.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="How long a simulated day takes. [default: 0.85; 24 with --forever]",
)
@click.option("--rate", type=click.IntRange(1), default=NOMINAL_RATE, show_default=True, help="Rows a simulated day.")
@click.option("--forever", is_flag=True, help="Day after day until Ctrl-C, which then ends with the reconciliation.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in this folder.")
@click.option("--json", "machine", is_flag=True, help="The final report as JSON on standard output.")
def demo(seed: int, minutes: float | None, rate: int, forever: bool, keep: Path | None, machine: bool) -> None:
    """Show the hub at work: a simulated city's day in a minute, with everything accounted for at the end.

    演示：一分钟走完一座模拟城市的一天，结束时逐条对账。

    Starts Kafka, the worker, the ledger, the board and the four connectors, all stopped again at the end; the board's address is
    shown. Two read files; where the machine has what
    it takes, the hotline's calls come by MQTT and city management's from a database. One department is called by webhook. With
    CITYHUB_DATA naming a folder of real files, these are replayed instead. Ends with exit code 0 if every record is accounted
    for, 1 if not.
    """
    console = Screen(stderr=machine)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-demo-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with everything shut down
        try:
            report = DemoRun(console, folder, stack, seed, minutes, rate, forever, keep is not None).run()
        except KeyboardInterrupt:
            console.print("Stopped before the end; everything is shut down.")
            sys.exit(130)
        except HubError as error:
            raise click.ClickException(str(error)) from error
    if machine:
        say_json(report.facts)
    if not report.good:
        sys.exit(1)
