"""Every connector found by its manifest keeps the contract. Nothing is listed by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from hub.errors import FatalError
from hub.sdk.manifest import Manifest, Quality, discover, load_manifest
from hub.sdk.running.edges import load_edges
from hub.sdk.scaffold.folder import SCAFFOLD_KINDS, scaffold
from hub.sdk.sinks.served import load_sinks
from hub.settings import Settings
from hub.testing.source_suite import SourceSuite
from hub.testing.tiers import tried

CONNECTORS = discover()


@pytest.fixture(scope="module", params=SCAFFOLD_KINDS)
def scaffolded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return load_manifest(scaffold(f"{request.param}_by_test", tmp_path_factory.mktemp("connectors"), request.param))


class TestConnectors(SourceSuite):
    @pytest.fixture(params=CONNECTORS.values(), ids=CONNECTORS.keys())
    def manifest(self, request: pytest.FixtureRequest) -> Manifest:
        found = request.param
        assert isinstance(found, Manifest)
        return found


class TestScaffold(SourceSuite):
    """What `cityhub connector new` makes passes right away."""

    @pytest.fixture
    def manifest(self, scaffolded: Manifest) -> Manifest:
        return scaffolded


def test_there_are_four() -> None:
    assert {"police", "hotline", "petition", "citymgmt"} <= set(CONNECTORS)


def test_manifests_are_read_before_code() -> None:
    program = (
        "import sys; from hub.sdk.manifest import discover; assert discover();"
        "assert not [name for name in sys.modules if name.startswith('connectors.')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_what_its_readme_says_of_connectors_yaml_is_sound(
    scaffolded: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows it has an edge, and of a sink one too."""
    name = scaffolded.domain
    for what in ("TOKEN", "PASSWORD"):
        monkeypatch.setenv(f"{name.upper()}_{what}", "hidden")
    said = (scaffolded.folder / "README.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "connectors.yaml"
    file.write_text(said, "utf-8")
    monkeypatch.setenv("CITYHUB_CONNECTORS", str(file))
    settings = Settings(connectors=file)
    edges = load_edges(settings) | load_sinks(settings)
    assert set(edges) == ({name, f"{name}_out"} if name.startswith("sink") else {name})
    for edge in edges.values():
        edge.require_sound()


# -- each promise can be broken ------------------------------------------------------------------------------------

BREAKS = {
    "test_folder_and_manifest_are_complete": ("README.md", None),
    "test_every_mapping_has_a_fixture": ("fixtures/demo.csv", None),
    "test_it_imports_only_the_sdk_and_only_its_client_does_io": ("source.py", ("", "import socket\n")),
    "test_every_fixture_row_is_a_valid_event_or_a_named_reject": (
        "mappings/demo.yaml",
        ("source_ref: id", "source_ref: lat"),
    ),
    "test_no_personal_data_is_carried": ("mappings/demo.yaml", ("personal: [caller]", "personal: []")),
}


@pytest.mark.parametrize("promise", BREAKS)
def test_the_suite_notices(promise: str, tmp_path: Path) -> None:
    name = f"broken_{list(BREAKS).index(promise)}"
    folder = scaffold(name, tmp_path / "connectors")
    path, change = BREAKS[promise]
    if change is None:
        (folder / path).unlink()
    else:
        text = (folder / path).read_text("utf-8") if (folder / path).exists() else ""
        assert change[0] in text
        (folder / path).write_text(text.replace(*change), encoding="utf-8")
    if promise == "test_every_fixture_row_is_a_valid_event_or_a_named_reject":
        fixture = folder / "fixtures" / "demo.csv"
        fixture.write_text(fixture.read_text("utf-8").replace("39.9087", ""), encoding="utf-8")
    if promise == "test_no_personal_data_is_carried":
        mapping = folder / "mappings" / "demo.yaml"
        mapping.write_text(mapping.read_text("utf-8").replace("text: text", "text: caller"), encoding="utf-8")
    manifest = load_manifest(folder)
    with pytest.raises((AssertionError, FatalError)):
        getattr(SourceSuite(), promise)(manifest)


@pytest.mark.parametrize("name", CONNECTORS)
def test_each_keeps_the_tier_that_it_declares(name: str) -> None:
    found = tried(CONNECTORS[name])
    order = list(Quality)
    assert found.tier is not None, found.failing
    assert order.index(found.tier) >= order.index(CONNECTORS[name].quality), found.failing
