"""`python -m loadtests`: run scenarios and write their reports."""

from __future__ import annotations

import sys
from pathlib import Path

import click

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
    try:
        for found in [scenarios.load(one) for name in names for one in scenarios.expand(name)]:
            measured = run_scenario(found, only, keep)
            report = write_report(out, found, machine(), measured, f"python -m loadtests {found.name}")
            click.echo(report)
    except HubError as error:
        click.echo(f"loadtests: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
