"""One sweep over a server on loopback, as a run makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.sources.http.config import HttpConfig
from hub.sdk.sources.http.source import HttpSource
from hub.testing.source_suite import MemoryPublisher
from tests.unit.sdk.sources.http.api import (
    Api,
)

TIMES = [f"2026-01-06T08:{minute:02d}:00+08:00" for minute in range(60)]
PAGINGS: dict[str, dict[str, Any]] = {
    "none": {"paging": {"kind": "none"}},
    "page": {"paging": {"kind": "page"}, "items": "data.requests"},
    "offset": {"paging": {"kind": "offset", "size": 3}, "items": "data.requests"},
    "cursor": {"paging": {"kind": "cursor", "where": "next"}, "items": "data.requests"},
    "link": {"paging": {"kind": "link"}, "items": "data.requests"},
}
SINCE = {"field": "updated", "param": "since", "overlap_minutes": 5}


def source_of(manifest: Manifest, api: Api, **more: Any) -> tuple[HttpSource, MappingSet]:
    made = {"base_url": api.url, "path": "/requests", "once": True, "calls_per_minute": 1e6, "timeout_seconds": 60}
    config = HttpConfig.model_validate(made | PAGINGS[api.paging] | more)
    intake = MappingSet(manifest)
    return HttpSource(config, Context(manifest.domain, intake.outcome, intake.mapping)), intake


def run(
    manifest: Manifest, api: Api, folder: Path, publisher: MemoryPublisher | None = None, **more: Any
) -> MemoryPublisher:
    """One run to the end of a sweep, with its position in `folder`."""
    publisher = publisher or MemoryPublisher()
    source, intake = source_of(manifest, api, **more)
    options = RunnerOptions(checkpoint_rows=1, stop=publisher.stop)
    Run(source, intake, PositionFile(folder / "p.json"), options, publisher, Board("test", "test", None)).run()
    return publisher


def refs(publisher: MemoryPublisher) -> list[str]:
    return [event.source_ref for event in publisher.events]
