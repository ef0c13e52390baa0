"""`python -m loadtests.faults`: make faults while events flow, then prove that nothing was lost or doubled."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub.errors import HubError
from loadtests.faults.brokers.campaign import Campaign
from loadtests.faults.brokers.command import drill
from loadtests.faults.brokers.plan import KINDS as BROKER_KINDS
from loadtests.faults.plan import KINDS, faults
from loadtests.faults.report import write
from loadtests.faults.run import play
from loadtests.faults.timeline import Timeline

_RESULTS = Path(__file__).parents[1] / "results"


@click.command()
@click.option(
    "--brokers",
    type=click.Choice(["1", "3"]),
    default="1",
    show_default=True,
    help="3: a cluster, in short rounds with a proof each; kinds of its own.",
)
@click.option("--faults", "number", type=click.IntRange(0), default=200, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same faults and city.")
@click.option("--kinds", help=f"Only these, with commas between: {', '.join(KINDS)}.")
@click.option("--rate", type=click.FloatRange(1), default=40.0, show_default=True, help="Rows a second, on average.")
@click.option(
    "--per-round", type=click.IntRange(1), default=25, show_default=True, help="Faults of a round, with --brokers 3."
)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Make no more faults after this; then prove.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Work in this folder and leave it.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=_RESULTS, show_default="loadtests/results"
)
@click.option(
    "--json", "as_json", is_flag=True, help="For machines: the outcome as one JSON object on standard output."
)
def main(
    brokers: str, number: int, per_round: int, seed: int, kinds: str | None, rate: float, minutes: float | None,
    keep: Path | None, out: Path, as_json: bool,
) -> None:  # fmt: skip
    """Kill, stop and starve workers, broker, connectors and disks while a simulated city's events flow 故障演练.

    Afterwards proves from the topics that every event is accounted for exactly once, that agents' state agrees with what
    they published, and that no zombie committed. Writes <date>-faults.md and .json; exits with 1 if anything is wrong.
    Ctrl-C ends the faults and goes on to the proof; a second one leaves.

    With --brokers 3 leaders and coordinators die, stall and are cut off, in rounds: each ends with the same proofs, and with
    everything sent once more, of which nothing may be admitted. Writes <date>-brokers.md and .json; goes on where it was
    stopped if it is given the same --keep folder.
    """
    for told in (signal.SIGINT, signal.SIGTERM):  # a shell has those it starts in the background ignore the first
        signal.signal(told, signal.default_int_handler)
    if brokers == "3":
        wanted = tuple(kinds.split(",")) if kinds else tuple(BROKER_KINDS)
        drill(Campaign(number, per_round, seed, rate, wanted), keep, out, as_json=as_json)
    chosen = tuple(kinds.split(",")) if kinds else tuple(KINDS)
    if unknown := set(chosen) - set(KINDS):
        raise click.UsageError(f"no kind of fault is called {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-faults-")))
        folder = folder.resolve()
        timeline = Timeline(folder / "timeline.jsonl")
        bar = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        task = bar.add_task("faults", total=number)

        def on_progress(what: str, made: int) -> None:
            bar.update(task, description=what, completed=made)

        try:
            outcome = play(
                folder, faults(number, seed, chosen), rate=rate, seed=seed, timeline=timeline, minutes=minutes,
                on_progress=on_progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            console.print("Stopped before the proof; everything is shut down.")
            sys.exit(130)
        except HubError as error:
            raise click.ClickException(f"{error}; with --keep DIR logs and timeline are left there") from error
        command = f"python -m loadtests.faults --faults {number} --seed {seed} --rate {rate:g}"
        command += f" --kinds {kinds}" if kinds else ""
        command += f" --minutes {minutes:g}" if minutes else ""
        report = write(out, "faults", command, outcome, timeline)
    if as_json:
        click.echo(json.dumps(outcome.as_dict(), ensure_ascii=False))
    else:
        click.echo(report)
        found = "nothing lost, doubled or left over" if outcome.good else "SOMETHING IS WRONG; see the report"
        click.echo(f"{outcome.made} faults in {outcome.seconds / 60:.0f} minutes: {found}")
    sys.exit(0 if outcome.good else 1)


if __name__ == "__main__":
    main()
