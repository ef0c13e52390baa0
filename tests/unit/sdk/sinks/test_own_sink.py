"""A sink of one's own, as `connector new --kind sink` begins it, keeps the contract and is found by connectors.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sinks.served import load_sinks
from hub.settings import Settings
from hub.testing.sink_conformance import SinkBench, SinkConformance

YAML = """
search: [mine]
sinks:
  lines: {kind: own, connector: brigade_by_test, departments: roads, settings: {file: out.jsonl}}
"""


class TestScaffolded(SinkConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SinkBench:
        scaffold("brigade_by_test", tmp_path / "mine", "sink")
        (tmp_path / "connectors.yaml").write_text(YAML, "utf-8")
        monkeypatch.setenv("CITYHUB_CONNECTORS", str(tmp_path / "connectors.yaml"))
        settings, file = Settings.from_env(), tmp_path / "out.jsonl"

        def arrived() -> list[str]:
            return [json.loads(line)["id"] for line in file.read_text("utf-8").splitlines()] if file.exists() else []

        @contextmanager
        def away() -> Iterator[None]:
            file.mkdir()
            yield
            file.rmdir()

        return SinkBench(
            make=lambda: load_sinks(settings)["lines"].sink(settings),
            arrived=arrived,
            away=away,
            cannot={"poison": "a line takes whatever JSON has: no delivery is refused"},
        )
