"""A tier comes out of a run of the kit: it falls with any rule that it asks for, and with any change of what was tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.connector.command import connector
from hub.sdk.manifest import Quality, load_manifest
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.trials import KitRule, RuleVerdict, Trial, digest_of, last_trial, write
from hub.settings import Settings
from hub.testing import tiers
from hub.testing.conformance import SourceConformance
from hub.testing.source_suite import SourceSuite

ORDER = list(Quality)
GOOD = (RuleVerdict.KEPT, RuleVerdict.INAPPLICABLE)
RULES = st.builds(KitRule, name=st.just("r"), tier=st.sampled_from(Quality), verdict=st.sampled_from(RuleVerdict))


@given(st.lists(RULES, min_size=1))
def test_a_tier_is_kept_with_all_below_it_or_not_at_all(rules: list[KitRule]) -> None:
    tier = Trial(connector="c", at_ms=0, digest="", rules=tuple(rules)).tier
    reached = -1 if tier is None else ORDER.index(tier)
    failing = [ORDER.index(rule.tier) for rule in rules if rule.verdict not in GOOD]
    assert reached == min(failing, default=len(ORDER)) - 1


def test_what_is_scaffolded_with_a_protocol_of_its_own_keeps_every_rule(tmp_path: Path) -> None:
    tested = tiers.tried(load_manifest(scaffold("lines_by_test", tmp_path, "own")))
    assert (tested.tier, tested.failing) == (Quality.GOLD, [])
    assert all(rule.why for rule in tested.rules if rule.verdict is RuleVerdict.INAPPLICABLE)


def test_every_name_that_makes_a_tier_is_a_rule() -> None:
    assert {*tiers.rules_of(SourceSuite), *tiers.rules_of(SourceConformance)} >= tiers._BRONZE | tiers._GOLD


def test_a_connector_is_tried_and_its_tier_falls_when_a_rule_is_broken_or_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scaffold("sirens_by_test", tmp_path / "mine")
    edges = tmp_path / "connectors.yaml"
    edges.write_text("search: [mine]\nedges: {}\n", "utf-8")
    monkeypatch.setenv("CITYHUB_CONNECTORS", str(edges))
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path / "state"))
    settings = Settings.from_env()
    assert _listed()["tested"] is None
    manifest = load_manifest(folder)
    whole = tiers.tried(manifest)
    assert (whole.tier, whole.failing) == (Quality.GOLD, [])
    write(settings, whole)
    assert last_trial(settings, "sirens_by_test") == whole
    assert (_listed()["tested"]["tier"], _listed()["tested"]["current"]) == ("gold", True)

    mapping = folder / "mappings" / "demo.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("personal: [caller]", "personal: []"), "utf-8")
    mapping.write_text(mapping.read_text("utf-8").replace("text: text", "text: caller"), "utf-8")
    assert digest_of(manifest) != whole.digest
    assert (_listed()["tested"]["tier"], _listed()["tested"]["current"]) == (None, False)
    spoilt = tiers.tried(load_manifest(folder))
    assert spoilt.tier is None
    assert "test_no_personal_data_is_carried" in [rule.name for rule in spoilt.failing]


def test_whatever_a_connector_raises_is_a_broken_rule_and_a_fixture_of_another_format_is_named(tmp_path: Path) -> None:
    folder = scaffold("other_by_test", tmp_path / "mine", "http")
    mapping = folder / "mappings" / "demo.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("source_ref: id", "source_ref: number"), "utf-8")
    (folder / "bench.py").write_text("class Odd(Exception): ...\n\ndef bench(folder):\n    raise Odd('odd')\n", "utf-8")
    said = {rule.name: rule.why for rule in tiers.tried(load_manifest(folder)).failing}
    for name in (
        "test_every_fixture_row_is_a_valid_event_or_a_named_reject",
        "test_what_cannot_be_true_is_rejected_by_name",
    ):
        assert said[name] == "demo.jsonl: no row becomes an event; put rows there as the system writes them"
    assert said["test_check_changes_nothing"] == "Odd: odd"


def test_without_a_bench_the_rules_of_sources_are_untried_and_not_kept(tmp_path: Path) -> None:
    manifest = load_manifest(scaffold("api_by_test", tmp_path / "mine", "http"))
    assert tiers.bench_of(manifest) is None
    (manifest.folder / "bench.py").write_text("def bench(folder):\n    raise NotImplementedError\n", "utf-8")
    assert tiers.bench_of(manifest) is not None
    tested = tiers.tried(manifest)
    assert tested.tier is Quality.BRONZE
    assert {rule.verdict for rule in tested.failing} == {RuleVerdict.BROKEN}


def _listed() -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(connector, ["list", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, dict[str, object]] = json.loads(result.output)["sirens_by_test"]
    return found
