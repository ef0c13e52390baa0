"""What comes while the web runs is known as soon as its topics are there, and a folder that is half written changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.policy import load_city
from hub.topics import all_topics
from hub.web.live_city import LiveCity
from tests.integration.small_hub import own_city
from tests.unit.web.front import CITY

_NEW = "  - {id: harbour, name: {en: Harbour, zh: 港务}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return own_city(tmp_path)


def there(*departments: str, sources: tuple[str, ...] = ()) -> list[str]:
    return [topic.name for topic in all_topics(sources, departments)]


def test_a_department_is_taken_up_when_its_topics_are_there(folder: Path) -> None:
    live = LiveCity(load_city(folder), ("hotline",), folder)
    path = folder / "departments.yaml"
    path.write_text(path.read_text("utf-8") + _NEW, "utf-8")
    before = {topic.name for topic in live.topics(there(*CITY.departments))}
    assert "dept.harbour.orders" not in before
    assert "harbour" not in live.city.departments, "the folder may still be written"
    after = {topic.name for topic in live.topics(there(*CITY.departments, "harbour"))}
    assert after - before == {"dept.harbour.orders", "dept.harbour.receipts"}
    assert live.city.departments["harbour"].name.zh == "港务"


def test_a_folder_that_cannot_be_read_changes_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = LiveCity(load_city(folder), (), folder)
    path = folder / "departments.yaml"
    good = path.read_text("utf-8")
    path.write_text(good + "  - {id: harbour", "utf-8")
    for _ in range(3):
        assert "dept.harbour.orders" not in {topic.name for topic in live.topics(there(*CITY.departments, "harbour"))}
    assert live.city.departments.keys() == CITY.departments.keys()
    assert len(caplog.records) == 1, "said once"
    path.write_text(good + _NEW, "utf-8")
    live.topics(there(*CITY.departments, "harbour"))
    assert "harbour" in live.city.departments


def test_topics_of_a_department_that_nobody_has_are_passed_over(folder: Path) -> None:
    live = LiveCity(load_city(folder), (), folder)
    before = live.topics(there(*CITY.departments))
    assert live.topics(there(*CITY.departments, "gone", sources=())) == before


def test_a_source_is_taken_up_with_both_of_its_topics() -> None:
    live = LiveCity(CITY, ("hotline",))
    names = {topic.name for topic in live.topics(["city.rivers.events"])}
    assert "city.rivers.replies" not in names
    names = {topic.name for topic in live.topics(["city.rivers.events", "city.rivers.replies"])}
    assert {"city.rivers.replies", "city.hotline.replies", "city.open311.replies"} <= names


def test_who_may_make_topics_does_not_fill_the_memory() -> None:
    live = LiveCity(CITY)
    flood = [f"city.s{number}.{kind}" for number in range(3000) for kind in ("events", "replies")]
    assert len(live.topics(flood)) < 1_200
