"""`cityhub policy`: what it says of a folder, to people and to machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.policy.policy import policy
from hub.settings import ROOT

DEMO = ROOT / "ops" / "cities" / "demo"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(policy, [str(one) for one in arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "city"))


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_good_folder() -> None:
    code, said = run("check", DEMO)
    assert code == 0
    assert "every row can be reached" in said
    assert json.loads(run("check", DEMO, "--json")[1])["ok"] is True


def test_every_mistake_with_file_and_line(folder: Path) -> None:
    edit(folder, "routes.yaml", "routes:\n", "routes:\n  - {id: all, department: roads}\n")
    code, said = run("check", folder)
    assert code == 1
    assert "routes.yaml:6: row 'petition' is never reached: row 'all' (line 5) above takes all it could match" in said
    found = json.loads(run("check", folder, "--json")[1])
    assert found["ok"] is False
    assert len(found["mistakes"]) == 21


def test_an_example_that_does_not_hold(folder: Path) -> None:
    edit(
        folder,
        "routes.yaml",
        "category: [traffic.parking], area: [LT01, LT02]",
        "category: [traffic.parking], area: [LT03]",
    )
    code, said = run("check", folder)
    assert code == 1
    assert "parking in the harbour is urban management's" in said


def test_what_changes_when_it_follows_another(folder: Path) -> None:
    edit(folder, "routes.yaml", "{id: market, ", "{id: shops, queue: Shops, ")
    code, said = run("check", folder, "--follows", DEMO)
    assert code == 0
    assert "route 派单规则 market: gone" in said
    assert "route 派单规则 shops: new" in said
    assert json.loads(run("check", DEMO, "--follows", DEMO, "--json")[1])["changes"] == []
    edit(folder, "city.yaml", "id: lanting", "id: elsewhere")
    assert run("check", folder, "--follows", DEMO)[0] == 1


def test_the_table_in_order_and_of_one_category() -> None:
    rows = json.loads(run("show", DEMO, "--json")[1])
    assert [row["id"] for row in rows][:3] == ["petition", "gas", "police"]
    code, said = run("show", DEMO, "--category", "路灯不亮")
    assert code == 0
    assert "power_light" in said
    assert "water_supply" not in said


def test_a_source_without_a_connector_is_a_mistake_until_the_city_says_that_it_reports(folder: Path) -> None:
    edit(folder, "routes.yaml", "source: [police]", "source: [polise]")
    code, said = run("check", folder)
    assert code == 1
    assert "routes.yaml:17: there is no source 'polise'; did you mean 'police'?" in said
    edit(folder, "city.yaml", "dispatch_desk:", "sources: [polise]\ndispatch_desk:")
    code, said = run("check", folder)
    assert "there is no source" not in said
    edit(folder, "routes.yaml", "source: [polise]", "source: [open311]")
    assert "there is no source" not in run("check", folder)[1], "what apps report to the hub itself"


def test_a_campaign_that_no_row_times_is_told(folder: Path) -> None:
    row = "{id: summer, department: roads, when: {category: [road.pothole], attribute: {campaign: [夏季整治]}}}"
    edit(folder, "routes.yaml", "routes:\n", f"routes:\n  - {row}\n")
    code, said = run("check", folder)
    assert code == 0, said
    assert "routes.yaml, row 'summer', names the campaign '夏季整治' 专项, but no row of deadlines.yaml" in said
    assert "attribute.campaign=夏季整治" in said, "the way out"
    assert len(json.loads(run("check", folder, "--json")[1])["hints"]) == 1
    clock = (
        "{id: summer, clock: resolve, when: {condition: [attribute.campaign=夏季整治]}, duration: 9, unit: natural_day}"
    )
    edit(folder, "deadlines.yaml", "deadlines:\n", f"deadlines:\n  - {clock}\n")
    assert json.loads(run("check", folder, "--json")[1])["hints"] == []
