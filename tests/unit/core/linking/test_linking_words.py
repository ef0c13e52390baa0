"""Texts, addresses and facilities as linking compares them, and where reports without a place meet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.linking import BY_TEXT, CaseClues, Clue, ClueReader, Incidents, MeetingKeys
from hub.core.linking.text import bands, bare, fingerprint, similarity, sketch
from hub.core.report import Sighting
from hub.policy import load_city
from hub.policy.models import LinkRule, TextRule
from hub.settings import ROOT

HOUR = 3_600_000
CITY = replace(
    load_city(ROOT / "ops" / "cities" / "demo"),
    linking=(
        LinkRule(id="lift", family=("lift",), radius_m=50, window_hours=48, same=("address", "lift_number")),
        LinkRule(id="rest", radius_m=0, window_hours=2400, text=TextRule(similarity=0.7, min_chars=8)),
    ),
)
CHINESE = "小区东门外的路灯坏了三天，晚上回家的老人看不清台阶，请尽快安排维修。"
NEARLY = "小区东门外的路灯坏了三天了，晚上回家的老人看不清台阶，请尽快安排维修！"
OTHER = "建议在图书馆门口增加公交站点，方便周末带孩子去看书的家庭。"
ENGLISH = "The street lamp at the corner has been out for three nights and it is very dark."

texts = st.text(min_size=1, max_size=200).filter(lambda text: bare(text) != "")


def seen(text: str = "", address: str | None = None, attributes: dict[str, str] | None = None) -> Sighting:
    return Sighting(
        row=0, source="petition", ref="r", revision=1, kind="REPORTED", at_ms=HOUR, category="x", urgency="ROUTINE",
        channel="web", due_ms=None, place_key="~", area=None, lat=None, lon=None, body=b"", text=text, address=address,
        attributes=attributes or {},
    )  # fmt: skip


@given(texts)
def test_a_text_is_like_itself_whatever_its_case_width_blanks_and_stops(text: str) -> None:
    one = sketch(bare(text))
    assert len(one) == 256
    assert similarity(one, sketch(bare(f" {text}。 "))) == 1.0
    assert bare(bare(text)) == bare(text)


@given(texts, texts)
def test_likeness_goes_both_ways_and_the_like_share_a_band(one: str, other: str) -> None:
    first, second = sketch(bare(one)), sketch(bare(other))
    assert similarity(first, second) == similarity(second, first)
    assert 0 <= similarity(first, second) <= 1
    if first == second:
        assert bands(first) == bands(second)


def test_sketches_are_the_same_for_good() -> None:
    """They lie in changelogs: with another release's hashes nothing kept before would be found."""
    assert sketch(bare(ENGLISH))[:8].hex() == "1b557d3a764f5527"
    assert sketch(bare(CHINESE))[:8].hex() == "5921dcb842a79384"


def test_nearly_equal_texts_are_like_each_other_and_others_are_not() -> None:
    assert similarity(sketch(bare(CHINESE)), sketch(bare(NEARLY))) > 0.75
    assert similarity(sketch(bare(CHINESE)), sketch(bare(OTHER))) < 0.2


@pytest.mark.parametrize(("one", "other"), [("12  Main St.", "12 MAIN ST"), ("１２号楼", "12号楼"), ("A, B", "a b")])
def test_an_address_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint("12 Main St") != fingerprint("1 2 Main St")


def test_reports_without_a_place_link_by_their_words_whatever_their_category() -> None:
    reader, index = ClueReader(CITY), Incidents(CITY)
    first = reader.clue(seen(CHINESE), "petition")
    index.add(CaseClues("a", first.family, None, None, first.at_ms, sketch=first.sketch))
    for family in ("petition", None):
        match = index.find(reader.clue(seen(NEARLY), family))
        assert match is not None
        assert (match.case_id, match.by, match.rule) == ("a", BY_TEXT, "rest")
        assert "alike, needed 70%" in " ".join(match.reasons)
    assert index.find(reader.clue(seen(OTHER), "petition")) is None
    assert index.find(reader.clue(seen(CHINESE), "lift")) is None
    index.remove("a")
    assert index.find(reader.clue(seen(NEARLY), "petition")) is None


def test_a_reader_takes_only_what_rows_ask_for() -> None:
    reader = ClueReader(CITY)
    told = seen(CHINESE, "1 Main St", {"lift_number": "A1", "colour": "red"})
    lift = reader.clue(told, "lift")
    assert [name for name, _ in lift.keys] == ["address", "lift_number"]
    assert lift.sketch == b""
    other = reader.clue(told, "road")
    assert other.keys == ()
    assert len(other.sketch) == 256
    assert reader.clue(seen("灯坏了"), "road") == Clue(HOUR, "road")


def test_what_may_be_linked_without_a_place_meets() -> None:
    keys = MeetingKeys(CITY)
    assert keys.used
    assert keys.key("1 Main St", CHINESE, {"lift_number": "A1"}) == keys.key(None, OTHER, {"lift_number": "a1"})
    assert keys.key("1 Main St", CHINESE) == keys.key("1  MAIN ST.", OTHER)
    assert keys.key(None, CHINESE) == keys.key("", f"{CHINESE} ")
    assert len({keys.key(None, CHINESE), keys.key(None, OTHER), keys.key("1 Main St", "")}) == 3
    assert keys.key(None, "灯坏了") is None
    assert keys.key(" ", "") is None


def test_where_no_row_looks_beyond_the_place_nothing_needs_to_meet() -> None:
    keys = MeetingKeys(replace(CITY, linking=(LinkRule(id="near", radius_m=50, window_hours=1),)))
    assert not keys.used
    assert keys.key("1 Main St", CHINESE, {"lift_number": "A1"}) is None
