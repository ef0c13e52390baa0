"""What `python -m loadtests.faults --brokers 3` does."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hub.errors import HubError
from loadtests.faults.brokers.campaign import Campaign, Done, run, summary
from loadtests.faults.brokers.plan import KINDS
from loadtests.faults.brokers.report import write


def drill(campaign: Campaign, keep: Path | None, out: Path, *, as_json: bool) -> None:
    """Rounds with a progress bar and a line each, then the report. Exits with 1 if anything is wrong. Ctrl-C ends it in order,
    with a report of the rounds that are over; with the same --keep folder it goes on later."""
    if unknown := set(campaign.kinds) - set(KINDS):
        raise click.UsageError(f"no kind of fault is called {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    rounds: list[Done] = []
    interrupted = False
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-brokers-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bar = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        task = bar.add_task("faults", total=campaign.faults)
        try:
            for done in run(campaign, folder, lambda what, made: bar.update(task, description=what, completed=made)):
                rounds.append(done)
                console.print(line_of(done), highlight=False)
        except KeyboardInterrupt:
            interrupted = True
            console.print("Stopped; everything is shut down. The round under way is not counted.")
        except HubError as error:
            raise click.ClickException(f"{error}; with --keep DIR logs and timelines are left there") from error
    report = write(out, command_of(campaign), rounds) if rounds else None
    found = summary(rounds)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo(f"{report or 'no round was finished'}")
        said = "nothing lost or doubled" if found["good"] else "SOMETHING IS WRONG; see the report"
        click.echo(f"{found['faults']} faults in {found['rounds']} rounds: {said}")
    sys.exit(130 if interrupted else 0 if found["good"] else 1)


def line_of(done: Done) -> str:
    if "error" in done:
        return f"round {done['round']}: {done['faults']} faults, NOT AT REST: {done['error']}"
    proof = done["proof"]
    said = "good" if done["good"] else "WRONG"
    return (
        f"round {done['round']}: {done['faults']} faults in {done['seconds']:.0f} s, {done['records_in']:,} records in, "
        f"{proof['admitted_again']} admitted again, {proof['first']['state']['disagreements']} disagreements of state: {said}"
    )


def command_of(campaign: Campaign) -> str:
    said = f"python -m loadtests.faults --brokers 3 --faults {campaign.faults} --seed {campaign.seed}"
    said += f" --per-round {campaign.size} --rate {campaign.rate:g}"
    return said if campaign.kinds == tuple(KINDS) else f"{said} --kinds {','.join(campaign.kinds)}"
