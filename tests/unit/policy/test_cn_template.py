"""The template for a city of China: what binds nationally is in force, every local limit loads when it is chosen, none before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from hub.core.deadlines.rules import DeadlineRules
from hub.core.rules.examples import check_examples
from hub.declared.document import read_yaml
from hub.declared.problems import DeclarationError
from hub.policy import load_city
from hub.policy.models import DeadlinesFile
from hub.settings import ROOT

FOLDER = ROOT / "ops" / "cities" / "cn-template"
FLOWS = ROOT / "ops" / "flows"
FILES = {path.parent.name: read_yaml(path) for path in sorted(FLOWS.glob("*/deadlines.yaml"))}
WRITTEN = [row for file in FILES.values() for row in file.get("deadlines", ())]
CHOSEN = {name for file in FILES.values() for name in file.get("templates", ())}
"""What including its pack puts in force."""
TEMPLATES = sorted({row["template"] for row in WRITTEN if "template" in row} - CHOSEN)
PACK_OF = {
    row["template"]: pack for pack, file in FILES.items() for row in file.get("deadlines", ()) if "template" in row
}
PACKS = sorted(path.name for path in FLOWS.iterdir() if path.is_dir() and path.name != "base")
AREAS = """{"type": "FeatureCollection", "features": [%s]}"""
SQUARE = (
    '{"type": "Feature", "properties": {"code": "%s", "name": "%s"}, "geometry": {"type": "Polygon", "coordinates": '
    "[[[%d, 30], [%d, 30], [%d, 31], [%d, 31], [%d, 30]]]}}"
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def chosen(folder: Path, templates: str, packs: Sequence[str] = PACKS) -> Path:
    """The template with these packs and some of its templates in force, and an area of each class."""
    folder.mkdir(exist_ok=True)
    city = (FOLDER / "city.yaml").read_text(encoding="utf-8")
    head, _, tail = city.partition("include:\n")
    included = "".join(f"  - {FLOWS / pack}\n" for pack in (*packs, "base"))
    (folder / "city.yaml").write_text(
        f"{head}include:\n{included}{tail[tail.index('life:') :]}areas: {{file: a.geojson, code: code, name: name}}\n",
        "utf-8",
    )
    (folder / "deadlines.yaml").write_text(
        f"area_classes: {{A: [a], B: [b], C: [c]}}\ntemplates: {templates}\n", "utf-8"
    )
    squares = [SQUARE % (code, code, x, x + 1, x + 1, x, x) for code, x in (("a", 100), ("b", 101), ("c", 102))]
    (folder / "a.geojson").write_text(AREAS % ",".join(squares), encoding="utf-8")
    return folder


def test_only_what_binds_nationally_is_in_force_and_says_by_which_law() -> None:
    city = load_city(FOLDER)
    assert city.deadlines
    assert all(rule.template is None and rule.legal_basis for rule in city.deadlines)
    assert len(TEMPLATES) > 30


def test_no_row_leaves_its_unit_to_be_guessed() -> None:
    assert all("unit" in row for row in WRITTEN if row.get("runs", True))


def test_all_packs_stand_together() -> None:
    """Every row can be reached, every clock can start and stop, every example holds."""
    city = load_city(FOLDER.parent / "cn-full")
    assert set(city.included) == {*PACKS, "base"}
    assert check_examples(city) == []
    assert all(rule.legal_basis for rule in city.deadlines)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_loads_when_it_is_chosen(tmp_path: Path, template: str) -> None:
    packs = {"petition-law", "hotline-12345", PACK_OF[template]} - {"base"}
    city = load_city(chosen(tmp_path, f"[{template}]", sorted(packs)))
    mine = [rule for rule in city.deadlines if rule.template not in (None, *CHOSEN)]
    assert mine
    assert {rule.template for rule in mine} == {template}
    assert all(rule.legal_basis for rule in mine)


def test_two_templates_for_one_matter_are_refused_as_one_would_never_hold(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="never reached"):
        load_city(chosen(tmp_path, "[green_jinan, green_qingdao]"))


def test_a_template_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="did you mean 'hotline_beijing'"):
        load_city(chosen(tmp_path, "[hotline_bejing]"))


def test_conditions_and_classes_of_area_choose_among_a_templates_rows(tmp_path: Path) -> None:
    rules = DeadlineRules(load_city(chosen(tmp_path, "[cover_yuncheng, lift_zhejiang_shandong]")))
    opened = at("2026-03-06T16:30:00+08:00")

    def repair(*condition: str) -> list[tuple[str, int]]:
        dues = rules.due_one("road.cover", "citymgmt", "ROUTINE", None, opened, condition)
        return [(due.policy, due.due_ms) for due in dues]

    assert repair("Missing  缺失") == [("cm.cover.yuncheng.missing", at("2026-03-06T18:30:00+08:00"))]
    assert repair("broken 破损") == [("cm.cover.yuncheng.broken", at("2026-03-09T11:30:00+08:00"))]
    assert repair() == []
    arrive = {area: rules.due_one("lift.trapped", "police", "URGENT", area, opened)[0] for area in ("a", "b", None)}
    assert [(due.due_ms - opened) // 60_000 for due in arrive.values()] == [30, 60, 60]


def test_a_clock_starts_on_its_own_event(tmp_path: Path) -> None:
    """The 60 days of a petition run from its acceptance, and only for matters under art. 31 (6)."""
    rules = DeadlineRules(load_city(FOLDER))
    at_opening = rules.due_one("petition.claim", "petition", "ROUTINE", None, at("2026-03-02T10:00:00+08:00"))
    assert {due.clock for due in at_opening} == {"register", "notify"}
    accepted = at("2026-03-10T10:00:00+08:00")
    (resolve,) = rules.due_one("petition.claim", "petition", "ROUTINE", None, accepted, event="accepted")
    assert (resolve.clock, resolve.due_ms) == ("resolve", at("2026-05-10T00:00:00+08:00"))
    assert rules.due_one("petition.other", "petition", "ROUTINE", None, accepted, event="accepted") == ()
    assert rules.starts("pet.resolve") == {"accepted"}
    assert "resolved" in rules.stops("pet.resolve")
    rule = rules.rule("pet.resolve")
    assert rule is not None
    assert rule.extension is not None
    assert (rule.extension.duration, rule.extension.times, rule.extension.notify_reporter) == (30, 1, True)


def test_what_the_library_does_not_know_yet_is_provisional() -> None:
    """The notice for a year comes in the autumn before: what is due beyond the last one may still move."""
    rules = DeadlineRules(load_city(FOLDER))
    soon, late = (
        rules.due_one("gas.service", "hotline", "ROUTINE", None, at(text))[0]
        for text in ("2025-03-02T10:00:00+08:00", "2049-12-20T10:00:00+08:00")
    )
    assert (soon.provisional, late.provisional) == (False, True)


def test_the_file_is_strict_about_templates() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        DeadlinesFile.model_validate({"template": ["x"]})
