"""What tests of lists over HTTP share."""

from __future__ import annotations

import pytest

from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.running import runner as runner_module
from hub.sdk.scaffold.folder import scaffold


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "_MOST_SECONDS", 0.02)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = scaffold("city_by_test", tmp_path_factory.mktemp("connectors"))
    mapping = folder / "mappings" / "demo.yaml"
    text = (
        mapping.read_text("utf-8")
        .replace("format: csv", "format: jsonl")
        .replace("  revision: revision", "  revisions: none")
    )
    mapping.write_text(text.replace("#", "  #"), "utf-8")
    return load_manifest(folder)
