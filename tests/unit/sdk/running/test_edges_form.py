"""connectors.yaml: what is wrong in it is said with its line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hub.cli.connector.command import connector
from hub.errors import FatalError
from hub.sdk.manifest import find_manifest
from hub.sdk.running.edges import chosen, load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.scaffold.folder import scaffold
from tests.unit.sdk.running.city_of_edges import City


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("edges:\n  a: {connecter: police}\n", "connectors.yaml:2: unknown key 'connecter'"),
        ("edges:\n  A b: {}\n", "is no name"),
        ("edges: {a: {connector: police}}\nedges: {}\n", "stands here a second time"),
    ],
)
def test_a_mistake_in_the_form_is_said_with_its_line(text: str, said: str, city: City) -> None:
    city.write(text)
    with pytest.raises(FatalError, match=said):
        load_edges(city.settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{file: a.csv, fellow: true}", "connectors.yaml:4: edge a: fellow: no such setting; did you mean 'follow'?"),
        ("{}", "give `file`, or `inputs`"),
    ],
)
def test_a_wrong_setting_fails_that_edge_with_its_line(settings: str, said: str, city: City) -> None:
    city.write(f"edges:\n  a:\n    connector: police\n    settings: {settings}\n")
    edge = load_edges(city.settings)["a"]
    intake = edge.intake()
    with pytest.raises(FatalError) as caught:
        edge.source(intake, edge.context(intake, RunnerOptions()))
    assert said in str(caught.value)


def test_settings_that_do_not_go_together_are_told_with_the_place_of_each(city: City) -> None:
    scaffold("works_by_test", city.folder / "mine", "sql")
    city.write(
        "search: [mine]\nedges:\n  works_by_test:\n    settings:\n      url: postgresql://h/d\n      behind_horizon: true\n"
    )
    with pytest.raises(FatalError) as caught:
        load_edges(city.settings)["works_by_test"].require_sound()
    manifest = city.folder / "mine" / "works_by_test" / "manifest.yaml"
    line = next(n for n, text in enumerate(manifest.read_text("utf-8").splitlines(), 1) if "overlap_minutes:" in text)
    assert f"overlap_minutes stands in manifest.yaml:{line}, behind_horizon stands in connectors.yaml:6" in str(
        caught.value
    )
    manifest.write_text(
        manifest.read_text("utf-8")
        .replace("page_rows:", "page_rowz:")
        .replace("overlap_minutes: ", "overlap_minutes: x")
    )
    with pytest.raises(FatalError, match=rf"manifest\.yaml:{line}: edge works_by_test: overlap_minutes: "):
        load_edges(city.settings)["works_by_test"].require_sound()


def test_a_secret_that_is_written_out_is_refused_unseen(city: City) -> None:
    city.own("plain_by_test")
    city.write("search: [mine]\nedges:\n  plain_by_test: {settings: {script: row, password: hunter2hunter2}}\n")
    edge = load_edges(city.settings)["plain_by_test"]
    intake = edge.intake()
    with pytest.raises(FatalError) as caught:
        edge.source(intake, edge.context(intake, RunnerOptions()))
    assert "env:NAME" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_there_is_no_such_edge(city: City) -> None:
    city.write("edges:\n  roads: {connector: police}\n")
    with pytest.raises(FatalError, match="did you mean 'roads'"):
        chosen(load_edges(city.settings), ("raods",))
    assert find_manifest("police").source.kind == "file"


@pytest.mark.parametrize(
    ("script", "code", "said"), [("away row", 0, "1 rows, 1 events"), ("away " * 9, 1, "gives nothing now")]
)
def test_check_waits_where_it_is_asked_to_and_not_for_ever(
    script: str, code: int, said: str, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"busy_{code}_by_test"
    city.own(name)
    monkeypatch.setenv("SECRET_BY_TEST", "hunter2hunter2")
    city.write(
        f"search: [mine]\nedges:\n  {name}: {{settings: {{script: {script}, password: 'env:SECRET_BY_TEST'}}}}\n"
    )
    found = CliRunner().invoke(connector, ["check", name])
    assert (found.exit_code, said in found.output, "asks to wait" in found.output) == (code, True, True), found.output
