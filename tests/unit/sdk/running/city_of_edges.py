"""A city's connectors.yaml in a folder, run by threads of the test, and a connector that does what its script says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.connector.command import connector
from hub.sdk.running.edges import chosen, load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.running.side_by_side import EdgesFileWatch, run_edges
from hub.sdk.running.status import Board, Status
from hub.sdk.scaffold.folder import scaffold
from hub.settings import Settings
from hub.testing.source_suite import MemoryPublisher

LIMIT_SECONDS = 120.0
SCRIPTED = '''
from hub.sdk.contract import Batch, Config, Item, Source
from hub.sdk.errors import AuthError, TransientError
from hub.sdk.secrets import Secret

ROW = dict(id="N-1", revision=0, action="new", time="2026/1/6 8:00:00", category="roads.pothole", title="t", text="", caller="Li")
STEPS: list[str] = []


class Scripted(Source):
    """Does what its script says, one word a read, over all runs of the process."""

    class Config(Config):
        script: str
        password: Secret

    def check(self):
        return "scripted"

    def connect(self, position):
        self.at = (position or {"n": 0})["n"]

    def read(self, timeout_seconds):
        words = self.config.script.split()
        if len(STEPS) >= len(words):
            return Batch(last=True)
        STEPS.append(word := words[len(STEPS)])
        if word == "away":
            raise TransientError("the system is away", wait_seconds=0.01)
        if word == "refused":
            raise AuthError("the system does not know this password")
        if word == "defect":
            raise KeyError(self.config.password)
        self.at += 1
        return Batch([Item({**ROW, "id": f"N-{self.at}"}, "scripted", self.at, unit="row")], {"n": self.at})

    def close(self):
        pass


SOURCE = Scripted
'''


class City:
    """A folder with connectors.yaml, and what its edges sent."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "connectors.yaml"
        self.settings = Settings(connectors=self.file, state_dir=folder / "state")
        self.sent: dict[str, MemoryPublisher] = {}
        self.stop = threading.Event()
        for name in ("connectors", "state_dir"):
            monkeypatch.setenv(f"CITYHUB_{name.upper()}", str(getattr(self.settings, name)))

    def write(self, text: str) -> None:
        self.file.write_text(text, "utf-8")

    def run(self, *names: str) -> None:
        edges = chosen(load_edges(self.settings), names)
        watch = EdgesFileWatch(self.file, lambda: load_edges(self.settings))
        options = RunnerOptions(stop=self.stop, checkpoint_rows=2)
        run_edges(edges.values(), self.settings, options, self.publisher, watch)

    def publisher(self, domain: str) -> MemoryPublisher:
        return self.sent.setdefault(domain, MemoryPublisher())

    def status(self, name: str) -> Status:
        return Board.read(name, "", self.settings.state_dir / "edges")

    def command(self, *arguments: str) -> str:
        result = CliRunner().invoke(connector, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def own(self, name: str) -> None:
        """A connector with a protocol of its own, found by the search path."""
        folder = scaffold(name, self.folder / "mine")
        (folder / "source.py").write_text(SCRIPTED, "utf-8")
        manifest = folder / "manifest.yaml"
        manifest.write_text(manifest.read_text("utf-8") + "source: {kind: own}\n", "utf-8")


def until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_SECONDS
    while not what():
        assert time.monotonic() < limit, "it did not happen in two minutes"
        time.sleep(0.02)
