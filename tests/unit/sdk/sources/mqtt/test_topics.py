"""Filters with named levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sources.mqtt.topics import topic_filter

LEVELS = st.lists(st.sampled_from(["a", "b", "", "{one}", "+"]), min_size=1, max_size=4).filter(any)
TOPICS = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("text", "wire", "topic", "fields"),
    [
        (
            "city/{district}/alarm/{device}",
            "city/+/alarm/+",
            "city/north/alarm/17",
            {"district": "north", "device": "17"},
        ),
        ("city/{district}/alarm/{device}", "city/+/alarm/+", "city/north/alarm", None),
        ("city/{district}/alarm/{device}", "city/+/alarm/+", "city/north/level/17", None),
        ("city/{district}/#", "city/+/#", "city/north", {"district": "north"}),
        ("city/{district}/#", "city/+/#", "city/north/a/b", {"district": "north"}),
        ("#", "#", "$SYS/broker", None),
        ("+/a", "+/a", "$SYS/a", None),
        ("/{x}", "/+", "/1", {"x": "1"}),
        ("{x}", "+", "", {"x": ""}),
    ],
)
def test_named_levels_are_fields(text: str, wire: str, topic: str, fields: dict[str, str] | None) -> None:
    found = topic_filter(text)
    assert (found.wire, found.fields(topic)) == (wire, fields)


@pytest.mark.parametrize(
    "text", ["", "a/#/b", "a/b+", "a/{B}", "a/{b}c", "{x}/{x}", "$share/hub/a", "a\0b", "x" * 1001]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        topic_filter(text)


@given(LEVELS, LEVELS, st.booleans(), st.booleans(), TOPICS)
def test_two_filters_that_let_a_topic_through_overlap(
    one: list[str], other: list[str], one_all: bool, other_all: bool, topic: str
) -> None:
    parts = [
        topic_filter(
            "/".join([*(each.replace("one", f"n{at}") for at, each in enumerate(levels)), *(["#"] if all_ else [])])
        )
        for levels, all_ in ((one, one_all), (other, other_all))
    ]
    first, second = parts
    assert first.overlaps(second) == second.overlaps(first)
    if first.fields(topic) is not None and second.fields(topic) is not None:
        assert first.overlaps(second)


def test_filters_that_share_no_topic_do_not_overlap() -> None:
    assert not topic_filter("a/{x}").overlaps(topic_filter("b/{x}"))
    assert not topic_filter("a/{x}").overlaps(topic_filter("a/{x}/{y}"))
    assert topic_filter("a/#").overlaps(topic_filter("a"))
