"""Shows at a terminal what the broker is doing before it serves."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.broker.jars import FetchProgress, OnFetch, jars_dir


@contextmanager
def show_progress(console: Console) -> Iterator[OnFetch]:
    """Around `EmbeddedKafka.start`; what it yields is its `on_progress`. Leaves nothing on the screen."""
    fetching = not jars_dir().is_dir()
    if fetching and not console.is_terminal:
        console.print("Fetching Apache Kafka (about 45 MB, the first time only)")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[done]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Starting Kafka", total=None, done="")
        if fetching:
            progress.update(task, description="Fetching Kafka, the first time only")

        def on_progress(now: FetchProgress) -> None:
            progress.update(task, done=f"{now.jars} jars, {now.bytes / 1e6:.1f} MB")

        yield on_progress
