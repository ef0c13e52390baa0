"""`python -m loadtests`: run scenarios and write their reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from confluent_kafka import KafkaException

from hub.errors import HubError
from loadtests import scenario as scenarios
from loadtests.report.machine import machine
from loadtests.report.write import write_report
from loadtests.run import run_scenario

RESULTS = Path(__file__).with_name("results")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="SCENARIO...")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS, show_default="loadtests/results"
)
@click.option("--only", multiple=True, metavar="LABEL", help="Of a comparison, only these entries; may be repeated.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in this folder and leave it: logs, broker, state.",
)
def main(names: tuple[str, ...], out: Path, only: tuple[str, ...], keep: Path | None) -> None:
    """Run SCENARIOs: files of loadtests/scenarios by name, paths, all or all-small. Writes <date>-<name>.md, .json and plots."""
    failed: list[str] = []
    for found in _loaded(names):
        try:
            measured = run_scenario(found, only, keep / found.name if keep else None)
            click.echo(write_report(out, found, machine(), measured, f"python -m loadtests {found.name}"))
        except (HubError, KafkaException) as error:
            failed.append(found.name)
            click.echo(f"loadtests: {found.name}: {error}", err=True)
    if failed:
        click.echo(f"loadtests: failed: {', '.join(failed)}; with --keep DIR the logs are left there", err=True)
        sys.exit(1)


def _loaded(names: tuple[str, ...]) -> list[Any]:
    """All of them before the first runs: a mistake in the last file is better known now than in two hours."""
    try:
        return [scenarios.load(one) for name in names for one in scenarios.expand(name)]
    except HubError as error:
        click.echo(f"loadtests: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
