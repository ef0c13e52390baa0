"""What every scenario stands on: a broker of its own, the job's files, and what is said while it runs."""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hub.broker.kafka import EmbeddedKafka
from loadtests.cluster import Cluster
from loadtests.job.city import write_city
from loadtests.job.events import Events, Truth
from loadtests.job.rules import Rules, make_rules
from loadtests.peers.given import Given

BROKER_HEAP_MB = 1024


@dataclass(frozen=True)
class Stage:
    """Lives as long as its block; everything in `folder` goes with it."""

    folder: Path
    kafka: EmbeddedKafka
    cluster: Cluster
    rules: Rules
    job: Path
    progress: Progress

    def given(self, label: str, events: str, settings: dict[str, str | int | float]) -> Given:
        """For one run: its own output topic, group and state."""
        run = f"{label}-{uuid.uuid4().hex[:6]}"
        return Given(
            self.cluster.bootstrap, events, f"orders.{run}", run, self.job, self.folder / run / "state", dict(settings)
        )

    def fill(self, topic: str, seed: int, records: int) -> Truth:
        """A topic with the first `records` of the seed's data."""
        events = Events(self.rules, seed)
        self.cluster.create(topic)
        task = self.progress.add_task(f"filling {topic}", total=records)
        self.cluster.fill(topic, events.blocks(records), lambda count: self.progress.advance(task, count))
        self.progress.remove_task(task)
        return events.truth()

    def say(self, text: str) -> None:
        self.progress.console.print(text, highlight=False)


@contextlib.contextmanager
def stage(seed: int, keep: Path | None = None) -> Iterator[Stage]:
    """Starts the broker; ends it and removes its data at the end, unless they are to be kept. Raises FatalError."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with (
        contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="cityhub-load-") as name,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        job = folder / "job.json"
        rules = make_rules(seed)
        rules.save(job)
        write_city(rules, folder / "city")
        with EmbeddedKafka(folder / "kafka", heap_mb=BROKER_HEAP_MB) as kafka:
            yield Stage(folder, kafka, Cluster(kafka.bootstrap_servers), rules, job, progress)
