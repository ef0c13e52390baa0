"""A city that speaks GeoReport v2, and one run over it. No tests of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hub.model.event import CaseEvent
from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.testing.open311_server import (
    Open311City,
    Quirk,
)
from hub.testing.source_suite import MemoryPublisher

NOW = datetime(2026, 1, 30, 12, tzinfo=UTC)
PERSON = "Li Lei 13800000000"


class Clock:
    """The hub's and the city's."""

    def __init__(self) -> None:
        self.now = NOW

    def pass_by(self, minutes: float = 1) -> None:
        self.now += timedelta(minutes=minutes)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def city_of(quirks: set[Quirk] | None = None, **more: Any) -> Open311City:
    """Seven requests of two months, of which two are closed and one is under way."""
    city = Open311City(quirks or set(), now=lambda: datetime.now(UTC), **more)
    for number in range(7):
        where: dict[str, Any] = {"lat": None, "long": None} if number == 3 else {}
        city.report(f"Deep & wide {number}", days_ago(61 - 10 * number), **where)
    city.say("1001", "closed", "Filled", days_ago(30))
    city.say("1004", "in_progress", "Crew is on its way", days_ago(5))
    city.say("1005", "closed", "Not found", days_ago(1))
    return city


def source_of(manifest: Manifest, url: str, **more: Any) -> tuple[Open311Source, MappingSet]:
    made = {"base_url": url, "once": True, "calls_per_minute": 1e6, "timeout_seconds": 60}
    intake = MappingSet(manifest)
    context = Context(manifest.domain, intake.outcome, intake.mapping)
    return Open311Source(Open311Config.model_validate(made | more), context), intake


def run(
    manifest: Manifest, url: str, folder: Path, publisher: MemoryPublisher | None = None, **more: Any
) -> MemoryPublisher:
    """One run to the end of a round, with its position in `folder`."""
    publisher = publisher or MemoryPublisher()
    source, intake = source_of(manifest, url, **more)
    options = RunnerOptions(checkpoint_rows=1, stop=publisher.stop)
    Run(source, intake, PositionFile(folder / "p.json"), options, publisher, Board("test", "test", None)).run()
    return publisher


def told(events: list[CaseEvent]) -> list[tuple[str, str, int]]:
    """Reference, kind and day of each."""
    return [(each.source_ref, each.kind.value, each.reported_at // 86_400_000) for each in events]


def expected() -> list[tuple[str, str, int]]:
    def day(days: float) -> int:
        return int(days_ago(days).timestamp()) // 86_400

    later = {1: ("CLOSED", 30), 4: ("OPENED", 5), 5: ("CLOSED", 1)}
    found = []
    for number in range(7):
        found.append((f"100{number}", "OPENED", day(61 - 10 * number)))
        if number in later:
            kind, days = later[number]
            found.append((f"100{number}", kind, day(days)))
    return found
