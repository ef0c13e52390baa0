"""The catalogue is whole in both languages, and the pages ask for nothing that it has not."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from hub.core.tracking.lifecycle import EVENT_RULES, STATE_NAMES
from hub.sdk.running.status import EdgeState
from hub.web.board.names import LANGUAGES, STATIC, catalogue, city_document, in_both
from hub.web.board.shell import BoardPage
from tests.unit.web.front import CITY

_PLACES = re.compile(r"\{(\w+)\}")
_ASKED = re.compile(r"""\bt\(\s*['"]([a-z0-9_.]+)['"]""")


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        places = [sorted(_PLACES.findall(texts[language])) for language in LANGUAGES]
        assert all(one == other for one, other in pairwise(places)), key


def test_the_chinese_is_chinese() -> None:
    only_signs = {"language.other", "dep.of", "receipt"}
    assert {key for key, texts in catalogue().items() if not re.search("[一-鿿]", texts["zh"])} == only_signs


def test_pages_ask_only_for_texts_that_there_are() -> None:
    asked = {key for path in STATIC.glob("*.mjs") for key in _ASKED.findall(path.read_text("utf-8"))}
    assert len(asked) > 80
    assert asked - catalogue().keys() == set()


def test_what_is_asked_for_by_a_code_is_there() -> None:
    texts = catalogue()
    wanted = [f"page.{page}" for page in BoardPage] + [f"edge.{state}" for state in EdgeState]
    wanted += [f"clock.{state}" for state in ("running", "warned", "breached", "met", "ended_late", "cancelled")]
    wanted += [f"n.{name}" for name in ("overdue", "soon", "unowned", "open")]
    assert [key for key in wanted if key not in texts] == []


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("accepted 受理", "受理", "accepted"),
        ("Old Town 老城区", "老城区", "Old Town"),
        ("老城区", "老城区", "老城区"),
        ("A1", "A1", "A1"),
    ],
)
def test_names_in_both_languages_come_apart(text: str, zh: str, en: str) -> None:
    assert in_both(text) == {"zh": zh, "en": en}


def test_who_answers_for_a_source_stands_in_both_languages() -> None:
    owners = city_document(CITY)["owners"]
    assert owners["police"] == {"zh": "市数据局警情组", "en": "city data office, police desk"}
    assert [
        who for who, name in owners.items() if not re.search("[一-鿿]", name["zh"]) or name["zh"] == name["en"]
    ] == []


def test_the_citys_names_are_there_in_both() -> None:
    document = city_document(CITY)
    assert document["departments"]["roads"] == {"zh": "市政道路", "en": "Roads"}
    assert document["outcomes"]["solved"] == {"zh": "已解决", "en": "solved"}
    assert document["events"].keys() >= set(map(str, EVENT_RULES))
    assert document["states"].keys() == set(map(str, STATE_NAMES))
    for kind in ("departments", "categories", "sources", "owners", "clocks", "events", "outcomes", "states"):
        assert all(set(name) == set(LANGUAGES) for name in document[kind].values()), kind
    assert all(len(ring) > 3 for area in document["areas"].values() for ring in area["rings"])
