"""Every source that a policy names reports here, and so every department that it names beside its routes is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.declared.problems import DeclarationError
from hub.policy import load_city
from hub.policy.source_checks import strangers
from tests.unit.policy.policy_folder import FILES, changed, write_folder

SOURCES = ("hotline", "police")
EXIT = "{id: e, exit: progress, when: {source: [hotlin]}, reply: {en: A, zh: 甲}}"
FALLBACK = "{id: f, when: {source: [hotlin]}, department: desk}"
DIVISIONS = "root: A\nlevels: {county: [1], town: [2]}\n"


def mistakes(folder: Path, sources: tuple[str, ...] | None = SOURCES) -> list[str]:
    try:
        load_city(folder, sources)
    except DeclarationError as error:
        return [f"{problem}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("routes.yaml", "when: {family: [road]}", "when: {family: [road], source: [police, hotlin]}", 3),
        ("routes.yaml", "routes:\n", f"exits: [{EXIT}]\nroutes:\n", 1),
        ("routes.yaml", "    department: desk\n", f"    department: desk\nfallback: [{FALLBACK}]\n", 8),
        ("deadlines.yaml", "when: {family: [road]}", "when: {family: [road], source: [hotlin]}", 4),
        ("deadlines.yaml", "deadlines:\n", "conditions:\n  bad: {source: [hotlin]}\ndeadlines:\n", 2),
        ("examples.yaml", "source: hotline", "source: hotlin", 3),
    ],
)  # fmt: skip
def test_a_source_that_never_reports_is_refused(file: str, old: str, new: str, line: int, tmp_path: Path) -> None:
    write_folder(tmp_path, **changed(file, old, new))
    (found,) = mistakes(tmp_path)
    assert found.startswith(f"{file}:{line}: there is no source 'hotlin'; did you mean 'hotline'?"), found
    assert "`sources` in city.yaml" in found, "the way out, where there is such a system"
    assert mistakes(tmp_path, None) == [], "a worker does not ask: another may have the connector"
    assert mistakes(tmp_path, (*SOURCES, "hotlin")) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("privacy.yaml", "sources: {hotlin: handling}\n"),
        ("privacy.yaml", "retention: {city.hotlin.events: 30}\n"),
        ("divisions.yaml", f"{DIVISIONS}sources: {{hotlin: {{X: A1}}}}\n"),
    ],
)
def test_in_a_file_that_may_be_left_out_too(file: str, text: str, tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / file).write_text(text, encoding="utf-8")
    (found,) = mistakes(tmp_path)
    assert found.startswith(f"{file}:")
    assert "there is no source 'hotlin'; did you mean 'hotline'?" in found


def test_a_city_names_those_without_a_connector(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        city_yaml=FILES["city.yaml"] + "sources: [village_radio]\n",
        **changed("routes.yaml", "when: {family: [road]}", "when: {family: [road], source: [village_radio]}"),
    )
    assert mistakes(tmp_path) == []


def test_one_that_is_like_none_may_report_from_elsewhere(tmp_path: Path) -> None:
    changes = changed(
        "routes.yaml", "when: {family: [road]}", "when: {family: [road], source: [hotline, village_radio]}"
    )
    write_folder(tmp_path, **changes)
    (said,) = strangers(load_city(tmp_path, SOURCES), SOURCES)
    assert said.startswith(
        "routes.yaml, row 'road', asks for the source 'village_radio' 来源, which has no connector here"
    ), said
    write_folder(tmp_path, city_yaml=FILES["city.yaml"] + "sources: [village_radio]\n", **changes)
    assert strangers(load_city(tmp_path, SOURCES), SOURCES) == []


def test_an_example_of_a_pack_shows_its_rows_where_there_is_no_such_system(tmp_path: Path) -> None:
    city, pack = tmp_path / "city", tmp_path / "pack"
    for folder in (city, pack):
        folder.mkdir()
    write_folder(city, city_yaml=FILES["city.yaml"] + "include: [../pack]\n", examples_yaml="examples: []\n")
    shown = FILES["examples.yaml"].replace("source: hotline", "source: hotlin")
    (pack / "examples.yaml").write_text(shown, encoding="utf-8")
    assert mistakes(city) == []
    (city / "examples.yaml").write_text(shown.replace("a hole", "another"), encoding="utf-8")
    assert [found.partition(";")[0] for found in mistakes(city)] == ["examples.yaml:3: there is no source 'hotlin'"]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"city.yaml": FILES["city.yaml"] + "life: {supervisors: [desk, rods]}\n"}, "city.yaml:9"),
        ({"privacy.yaml": "retention:\n  dept.*.orders: 30\n  dept.rods.orders: 30\n"}, "privacy.yaml:3"),
    ],
)
def test_who_supervises_and_whose_topics_are_kept_is_a_department(
    files: dict[str, str], place: str, tmp_path: Path
) -> None:
    write_folder(tmp_path)
    for file, text in files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    assert mistakes(tmp_path, None) == [f"{place}: there is no department 'rods'; did you mean 'roads'?"]
