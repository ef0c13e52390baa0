"""A process that reads a folder or a file until it is killed: what it publishes stands in a log, as Kafka would have it. No tests.

python -m tests.unit.sdk.sources.folder.reading FOLDER STATE LOG
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hub.model.admitted import DeadLetter
from hub.model.event import CaseEvent
from hub.sdk.contract import Source
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions, Summary, context_of
from hub.sdk.running.status import Board
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.source import FolderSource


class LogPublisher:
    """Each statement a line, written when it is sent."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab", buffering=0)

    def send(self, event: CaseEvent) -> None:
        self._log.write(f"{event.source_ref} {event.revision}\n".encode())

    def set_aside(self, letter: DeadLetter) -> None:
        self._log.write(f"dead {letter.file}\n".encode())

    def poll(self) -> None: ...

    def flush(self) -> None:
        os.fsync(self._log.fileno())


def run(
    kind: type[Source], config: Any, state: Path, publisher: Any, mapping: str | None = None, **how: Any
) -> Summary:
    """One run to its end. `mapping`: of the police connector."""
    intake = MappingSet(find_manifest("police"), mapping)
    options = RunnerOptions(checkpoint_rows=how.pop("checkpoint_rows", 2), **how)
    source = kind(config, context_of("police", intake, options))
    return Run(source, intake, PositionFile(state / "p.json"), options, publisher, Board("p", "police", None)).run()


if __name__ == "__main__":
    where, state, log = map(Path, sys.argv[1:])
    if where.is_dir():
        settings = {"folder": where, "names": ["*.csv"], "complete": {"kind": "renamed"}}
        run(FolderSource, FolderConfig.model_validate(settings), state, LogPublisher(log), checkpoint_rows=40)
    else:
        followed = FileConfig(file=where, follow=True, settle_seconds=0.2)
        run(FileSource, followed, state, LogPublisher(log), checkpoint_rows=40)
