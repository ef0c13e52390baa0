"""`include:` in a policy folder: rows of packs belong to the city, its own take their place, and every mistake names its file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.agents.live_policy import LivePolicy
from hub.cli.policy.policy import policy as policy_command
from hub.core.deadlines.rules import DeadlineRules
from hub.declared.problems import DeclarationError
from hub.policy import City, load_city
from tests.unit.agents.test_own_steps import at
from tests.unit.policy.policy_folder import FILES, write_folder

PACK = {
    "taxonomy.yaml": "categories:\n  - {code: lamp.out, name: {en: Lamp, zh: 路灯}, family: lamp}\n",
    "departments.yaml": "departments:\n  - {id: lamps, name: {en: Lamps, zh: 路灯所}}\n",
    "routes.yaml": "routes:\n  - {id: lamp, when: {family: [lamp]}, department: lamps}\n",
    "steps.yaml": "steps:\n  seen: {name: {en: seen, zh: 看到}}\n",
    "deadlines.yaml": """\
clocks:
  look: {name: {en: look, zh: 查看}, stop: [seen]}
deadlines:
  - {id: lamp.look, clock: look, when: {family: [lamp]}, duration: 2, unit: hour}
  - {id: lamp.resolve, clock: resolve, when: {family: [lamp]}, duration: 6, unit: hour}
""",
}

DEADLINES = FILES["deadlines.yaml"].replace("clock: resolve\n", "clock: resolve\n    when: {family: [road, water]}\n")


def folder_of(tmp_path: Path, packs: dict[str, dict[str, str]], **files: str | None) -> Path:
    """The small city with these packs beside it, all of which it includes."""
    city, named = tmp_path / "city", []
    city.mkdir()
    for name, pack in packs.items():
        (tmp_path / name).mkdir()
        named.append(f"../{name}")
        for file, text in pack.items():
            (tmp_path / name / file).write_text(text, encoding="utf-8")
    include = {"city_yaml": FILES["city.yaml"] + f"include: [{', '.join(named)}]\n"}
    write_folder(city, **include | {"deadlines_yaml": DEADLINES} | files)
    return city


def mistakes(folder: Path) -> str:
    with pytest.raises(DeclarationError) as caught:
        load_city(folder)
    return str(caught.value)


def hours(city: City, category: str, clock: str) -> list[tuple[str, int]]:
    opened = at("2026-03-02T09:00")
    found = DeadlineRules(city).due_one(category, "hotline", "ROUTINE", None, opened)
    return [(due.policy, (due.due_ms - opened) // 3_600_000) for due in found if due.clock == clock]


OWN = DEADLINES + "  - {id: lamp.resolve, clock: resolve, when: {family: [lamp]}, duration: 9, unit: hour}\n"


def test_rows_of_a_pack_are_the_citys(tmp_path: Path) -> None:
    city = load_city(folder_of(tmp_path, {"lamps": PACK}))
    assert city.included == ("lamps",)
    assert [row.id for row in city.routes] == ["road", "rest", "lamp"]
    assert {"lamps", "roads", "desk"} == set(city.departments)
    assert hours(city, "lamp.out", "look") == [("lamp.look", 2)]
    assert city.replaced == ()


def test_the_citys_own_rows_come_first_and_take_the_place_of_a_packs(tmp_path: Path) -> None:
    city = load_city(folder_of(tmp_path, {"lamps": PACK}, deadlines_yaml=OWN))
    assert [rule.id for rule in city.deadlines] == ["accept.road", "resolve.all", "lamp.look", "lamp.resolve"]
    assert hours(city, "lamp.out", "resolve") == [("lamp.resolve", 9)]
    (said,) = city.replaced
    assert said == "deadlines.yaml:13: 'lamp.resolve' takes the place of that in lamps/deadlines.yaml:5"


def test_a_key_of_the_citys_own_takes_the_place_of_a_packs(tmp_path: Path) -> None:
    own = {"deadlines_yaml": "clocks:\n  look: {name: {en: look, zh: 查看}, stop: [resolved]}\n" + DEADLINES}
    city = load_city(folder_of(tmp_path, {"lamps": PACK}, **own))
    assert city.clocks["look"].stop == ("resolved",)
    assert city.replaced == ("deadlines.yaml:2: 'look' takes the place of that in lamps/deadlines.yaml:2",)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("routes.yaml", "department: lamps", "department: lamp", "lamps/routes.yaml:2: there is no department 'lamp'"),
        ("deadlines.yaml", "stop: [seen]", "stop: [sen]", "lamps/deadlines.yaml:2: nobody can say 'sen'"),
        ("deadlines.yaml", "duration: 2,", "duration: 2, durtion: 3,", "lamps/deadlines.yaml:4: unknown key 'durtion'"),
        ("steps.yaml", "steps:", "step:", "lamps/steps.yaml:1: unknown key 'step'"),
        ("taxonomy.yaml", "family: lamp}", "family: lamp, aliases: [Hole in road]}", "lamps/taxonomy.yaml:2: the alias"),
        ("deadlines.yaml", "deadlines:\n", "deadlines: {}\nx:\n", "lamps/deadlines.yaml:3: 'deadlines' is of another kind"),
        ("routes.yaml", "{family: [lamp]}", "{family: [road]}",
         "lamps/routes.yaml:2: row 'lamp' is never reached: row 'road' (routes.yaml:2) above takes all"),
        ("steps.yaml", "steps:", "- steps:", "lamps/steps.yaml:1: must have keys at its top"),
        ("departments.yaml", "departments:", "departments: [", "lamps/departments.yaml:2: not YAML"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_the_file_it_is_in(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    assert said in mistakes(folder_of(tmp_path, {"lamps": PACK | {file: PACK[file].replace(old, new)}}))


def test_two_packs_do_not_replace_each_other(tmp_path: Path) -> None:
    other = {"steps.yaml": PACK["steps.yaml"], "deadlines.yaml": PACK["deadlines.yaml"].replace("look", "see")}
    said = mistakes(folder_of(tmp_path, {"lamps": PACK, "other": other}))
    assert "other/steps.yaml:2: 'seen' stands in lamps/steps.yaml:2 too" in said
    assert "other/deadlines.yaml:5: 'lamp.resolve' stands in lamps/deadlines.yaml:5 too" in said
    assert "'lamp.see'" not in said


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ("[../lamp]", "city.yaml:9: there is no folder"),
        ('["../lam\\0ps"]', "city.yaml:9: there is no folder"),
        ("[../loop]", "city.yaml:9: there is no folder"),
        (f"[{'x' * 300}]", "city.yaml:9: there is no folder"),
        ('["x\\n  city.yaml:1: forged\\e[2J"]', "x\\n  city.yaml:1: forged\\x1b[2J; name a pack's folder"),
        ("[../lamps, ../lamps]", "city.yaml:9: 'lamps' is included already"),
        ("[.]", "city.yaml:9: 'city' is included already"),
        ("../lamps", "city.yaml:9: include: Input should be a valid tuple"),
        ("[3]", "city.yaml:9: include.0: Input should be a valid string"),
    ],
)
def test_what_is_included_is_named_right(tmp_path: Path, include: str, said: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    files = {"city_yaml": FILES["city.yaml"] + f"include: {include}\n"}
    assert said in mistakes(folder_of(tmp_path, {"lamps": PACK}, **files))


@pytest.mark.parametrize(("name", "known"), [("step.yaml", False), ("city.yaml", False), ("mapping.yaml", True)])
def test_a_file_that_is_none_of_a_packs_is_a_mistake(tmp_path: Path, name: str, known: bool) -> None:
    folder = folder_of(tmp_path, {"lamps": PACK | {name: "x: 1\n"}})
    if known:
        assert load_city(folder).included == ("lamps",)
    else:
        assert f"lamps/{name}: not a file of a flow pack" in mistakes(folder)


def test_a_city_may_leave_to_its_packs_what_it_has_no_rows_of_its_own_of(tmp_path: Path) -> None:
    pack = {name: FILES[name] for name in FILES if name not in ("city.yaml", "areas.geojson")}
    left = {name.replace(".", "_"): None for name in pack}
    city = load_city(folder_of(tmp_path, {"all": pack}, **left))
    assert [row.id for row in city.routes] == ["road", "rest"]


def test_the_fingerprint_covers_what_is_included_and_not_where_it_lies(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"lamps": PACK})
    first = load_city(folder).fingerprint
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-copy")
    assert load_city(tmp_path.parent / f"{tmp_path.name}-copy" / "city").fingerprint == first
    (tmp_path / "lamps" / "steps.yaml").write_text(PACK["steps.yaml"] + "# told\n", encoding="utf-8")
    assert load_city(folder).fingerprint != first


def test_a_worker_takes_the_folder_with_its_packs_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"lamps": PACK})
    announced = load_city(folder).fingerprint
    steps = tmp_path / "lamps" / "steps.yaml"
    steps.write_text(PACK["steps.yaml"] + "# of another day\n", encoding="utf-8")
    policy = LivePolicy(load_city(folder))
    outcome, (why,) = policy.reload(folder, announced)
    assert (outcome, "and the packs that it includes: lamps" in why) == ("refused", True)
    steps.write_text(PACK["steps.yaml"], encoding="utf-8")
    assert policy.reload(folder, announced)[0] == "applied"
    assert policy.latest.fingerprint == announced


def test_policy_check_says_what_is_included_and_whose_row_counts(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"lamps": PACK}, deadlines_yaml=OWN)
    said = CliRunner().invoke(policy_command, ["check", str(folder)])
    assert said.exit_code == 0
    assert "packs included 引入流程包: lamps" in said.output
    assert "'lamp.resolve' takes the place of that in lamps/deadlines.yaml:5 以本市为准" in said.output
    document = json.loads(CliRunner().invoke(policy_command, ["check", str(folder), "--json"]).output)
    assert document["included"] == ["lamps"]


LABELS = "aliases:\n  hotline:\n    road.hole: [道路/路面/坑洼, 市政/道路*]\n"


def test_a_pack_brings_the_labels_of_a_taxonomy_for_the_citys_categories(tmp_path: Path) -> None:
    city = load_city(folder_of(tmp_path, {"labels": {"taxonomy.yaml": LABELS}}))
    found = {label: city.category_of(label) for label in ("道路/路面/坑洼", "市政/道路/裂缝", "路坑", "交通/市政/道路")}
    assert [each.code if each else None for each in found.values()] == ["road.hole", "road.hole", "road.hole", None]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "road.hole",
            "road.holes",
            "labels/taxonomy.yaml:3: there is no category 'road.holes'; did you mean 'road.hole'?",
        ),
        ("坑洼", "坑洼, water.leak", "labels/taxonomy.yaml:3: the alias 'water.leak' already means 'water.leak'"),
    ],
)
def test_a_label_means_one_category_that_is_there(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in mistakes(folder_of(tmp_path, {"labels": {"taxonomy.yaml": LABELS.replace(old, new)}}))
