"""Fetches the embedded broker's jars, so that no test or demo has to wait for them: `python -m ops.checks.jars`."""

import click
from rich.console import Console

from hub.broker.jars import ensure_jars
from hub.broker.progress import show_progress
from hub.errors import FatalError


@click.command()
def main() -> None:
    """Fetch the jars unless they are in the cache, and say where they are."""
    try:
        with show_progress(Console(stderr=True)) as on_progress:
            click.echo(f"Kafka: {ensure_jars(on_progress=on_progress)}")
    except FatalError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
