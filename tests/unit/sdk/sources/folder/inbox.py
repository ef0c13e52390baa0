"""A drop folder, and what runs over it published. No tests of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.source import FolderSource
from hub.testing.files import POLICE_COLUMNS, csv_text, police_row
from hub.testing.source_suite import MemoryPublisher
from tests.unit.sdk.sources.folder.reading import run


class Inbox:
    """A drop folder (or a pattern over it) and what was published of it, over several runs."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.state = folder / "inbox", folder / "state"
        self.folder.mkdir()
        where = {} if "glob" in settings else {"folder": self.folder}
        self.config = FolderConfig.model_validate({"complete": {"kind": "renamed"}, "follow": False} | where | settings)
        self.publisher = MemoryPublisher()

    def drop(self, name: str, *numbers: int) -> Path:
        path = self.folder / name
        path.write_text(csv_text(POLICE_COLUMNS, [police_row(number) for number in numbers]), encoding="utf-8")
        return path

    def run(self, publisher: MemoryPublisher | None = None, **how: Any) -> list[tuple[str, int]]:
        """What this run published, in its order."""
        publisher = publisher or MemoryPublisher()
        try:
            run(FolderSource, self.config, self.state, publisher, **how)
        finally:
            self.publisher = publisher
        return [(event.source_ref, event.revision) for event in publisher.events]

    def source(self) -> FolderSource:
        intake = MappingSet(find_manifest("police"))
        return FolderSource(self.config, Context("police", intake.outcome, intake.mapping))

    def names(self, under: str = "") -> list[str]:
        """Of the files there, without the digests."""
        there = (self.folder / under).iterdir()
        return sorted(".".join(p for p in each.name.split(".") if len(p) != 16) for each in there if each.is_file())


def said(*numbers: int) -> list[tuple[str, int]]:
    return [(f"JJ{number % 10:04d}", number // 10) for number in numbers]
