"""What tests of the source of GeoReport v2 share."""

from __future__ import annotations

import pytest

from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.running import runner as runner_module
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.open311 import source as source_module
from tests.unit.sdk.sources.open311.city import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(runner_module, "_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "_MOST_SECONDS", 0.02)
    monkeypatch.setattr(source_module, "wall_ms", lambda: round(clock.now.timestamp() * 1000))
    return clock


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return load_manifest(scaffold("city_by_test", tmp_path_factory.mktemp("connectors"), "open311"))
