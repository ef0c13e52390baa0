"""privacy.yaml: who is told what, and how long each topic keeps its records."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli.policy.keeping import too_short
from hub.declared.problems import DeclarationError
from hub.millis import DAY_MS
from hub.model.personal import Personal
from hub.policy import City, load_city
from hub.settings import Settings
from hub.topics import CASES, RETAINED, ROUTE_CHANGELOG, SOURCES, WORKERS, all_topics, dept_orders
from tests.unit.policy.policy_folder import write_folder

HELPING = "purposes:\n  helping: {name: {en: Goes there, zh: 到场}, needs: [place]}\n"


def city(folder: Path, privacy: str | None, purpose: str = "helping") -> City:
    folder.mkdir(exist_ok=True)
    write_folder(folder)
    departments = folder / "departments.yaml"
    named = f"{{id: roads, purpose: {purpose}," if purpose else "{id: roads,"
    departments.write_text(departments.read_text("utf-8").replace("{id: roads,", named), "utf-8")
    if privacy is not None:
        (folder / "privacy.yaml").write_text(privacy, "utf-8")
    return load_city(folder)


def test_a_folder_without_it_is_what_it_was(tmp_path: Path) -> None:
    plain = city(tmp_path / "a", None, "")
    assert (plain.withheld, plain.withheld_from_sources, plain.privacy.retention) == ({}, {}, {})
    declared = all_topics(["hotline"], plain.departments)
    assert plain.kept(declared) == declared
    empty = city(tmp_path / "b", "", "")
    assert plain.fingerprint != empty.fingerprint, "hubs are compared by it"


def test_what_a_purpose_does_not_need_is_withheld(tmp_path: Path) -> None:
    found = city(tmp_path, HELPING + "sources: {police: helping, hotline: handling}\n")
    kinds = frozenset({Personal.REFERENCE, Personal.WORDS, Personal.FILES, Personal.ATTRIBUTES})
    assert found.withheld == {"roads": kinds}
    assert found.withheld_from_sources == {"police": kinds}


@pytest.mark.parametrize(
    ("privacy", "purpose", "said"),
    [
        (HELPING, "counting", "departments.yaml:3: there is no purpose 'counting'"),
        (HELPING + "sources: {police: counting}\n", "helping", "privacy.yaml:3: there is no purpose 'counting'"),
        ("purposes: {handling: {name: {en: A, zh: 甲}, needs: []}}\n", "", "the purpose 'handling' needs everything"),
        ("purposes:\n  a: {name: {en: A, zh: 甲}, needs: [words, money]}\n", "a", "privacy.yaml:2: purposes.a.needs.1"),
        ("retention: {hub.case: 400}\n", "", "retention.hub.case: no topic whose age a city sets"),
        ("retention: {hub.workers: 4}\n", "", "retention.hub.workers: no topic whose age a city sets"),
        ("retention: {dept.*.wishes: 4}\n", "", "retention.dept.*.wishes: no topic"),
        ("retention:\n  hub.cases: 0.5\n", "", "privacy.yaml:2: retention.hub.cases"),
        ("retention:\n  hub.cases: 40000\n", "", "privacy.yaml:2: retention.hub.cases"),
        ("kept: {hub.cases: 4}\n", "", "privacy.yaml:1: unknown key 'kept'"),
    ],
)  # fmt: skip
def test_each_mistake_is_said_with_its_line(tmp_path: Path, privacy: str, purpose: str, said: str) -> None:
    with pytest.raises(DeclarationError) as error:
        city(tmp_path, privacy, purpose)
    assert said in str(error.value)


def test_a_topics_own_name_comes_before_its_kind(tmp_path: Path) -> None:
    found = city(
        tmp_path,
        HELPING + "retention: {hub.cases: 500, dept.*.orders: 10, dept.roads.orders: 20.5, hub.route.changelog: 3}\n",
    )
    cases, roads, desk, route = found.kept([CASES, dept_orders("roads"), dept_orders("desk"), ROUTE_CHANGELOG])
    assert [topic.kept_ms for topic in (cases, roads, desk, route)] == [
        500 * DAY_MS, round(20.5 * DAY_MS), 10 * DAY_MS, 3 * DAY_MS,
    ]  # fmt: skip
    assert [topic.ruled for topic in (cases, route)] == [("retention.ms",), ("max.compaction.lag.ms",)]
    assert cases.settings["cleanup.policy"] == "delete"


def test_every_topic_but_two_can_be_named() -> None:
    for topic in all_topics(["hotline"], ["roads"]):
        named = any(pattern.fullmatch(topic.name) for pattern in RETAINED.values())
        assert named == (topic not in (WORKERS, SOURCES)), topic.name
        assert topic.kept_ms is not None or topic is SOURCES


def test_repeats_are_known_for_as_long_as_the_memory_of_them_is_kept(tmp_path: Path) -> None:
    found = city(tmp_path, HELPING + "retention: {hub.deduplicate.changelog: 5}\n")
    assert "known for 7 " in too_short(found, Settings())[0]
    assert too_short(found, Settings(dedup_window_days=5)) == []
