"""What is believed of hub.sources: the last word on each topic, and nothing that the hub has not written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.pauses.standings import Standing, Standings

words = st.text(st.characters(exclude_categories=("C",)), max_size=40)
standing = st.builds(
    Standing,
    paused=st.booleans(),
    at_ms=st.integers(0, 1 << 50),
    by=words,
    why=words,
    through=st.dictionaries(st.integers(0, 99), st.integers(0, 1 << 50), max_size=4),
    skip=st.booleans(),
)
log = st.lists(st.tuples(st.sampled_from(["city.a.events", "dept.b.updates"]), st.none() | standing), max_size=12)


@given(log)
def test_the_last_word_on_each_topic_counts(said: list[tuple[str, Standing | None]]) -> None:
    found, wanted = Standings(), dict[str, Standing | None]()
    for topic, each in said:
        changed = found.take(topic.encode(), None if each is None else each.encode())
        assert changed == (wanted.get(topic) != each)
        wanted[topic] = each
    for topic, each in wanted.items():
        assert found.get(topic) == each
    assert found.paused == {topic: each for topic, each in wanted.items() if each is not None and each.paused}
    assert found.let_go_on == {topic: each for topic, each in wanted.items() if each is not None and not each.paused}


@given(log, st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_rubbish_is_stepped_over(said: list[tuple[str, Standing | None]], key: bytes, value: bytes | None) -> None:
    with_rubbish, without = Standings(), Standings()
    for topic, each in said:
        for standings in (with_rubbish, without):
            standings.take(topic.encode(), None if each is None else each.encode())
    with_rubbish.take(key, value)
    assert (with_rubbish.paused, with_rubbish.let_go_on) == (without.paused, without.let_go_on)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"{}", b"[]", b"null", b'{"paused": true}', b'{"paused": "yes", "at_ms": 1, "by": "w"}',
        b'{"paused": true, "at_ms": -1, "by": "w"}', b'{"paused": true, "at_ms": 1, "by": "' + b"w" * 501 + b'"}',
        b'{"paused": true, "at_ms": 1, "by": "w", "why": "\\u001b[2J"}', b'{"paused": true, "at_ms": 1, "by": "a\\nb"}',
        b'{"paused": false, "at_ms": 1, "by": "w", "through": {"0": -5}}',
        b'{"paused": false, "at_ms": 1, "by": "w", "through": {"zero": 5}}', b"\xff\xfe", b"[" * 5000,
        b'{"paused": true, "at_ms": 1, "by": "w", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_the_hubs_says_nothing(value: bytes) -> None:
    found = Standings()
    assert not found.take(b"city.a.events", value)
    assert (found.paused, found.unreadable) == ({}, 1)


@pytest.mark.parametrize(
    ("log", "other", "counts"), [("a", "a", True), ("a", "b", False), ("", "b", True), ("a", "", True)]
)
def test_offsets_are_of_the_topic_that_had_them(log: str, other: str, counts: bool) -> None:
    """As far as both ids are known: an older version wrote none."""
    said = Standing(paused=False, at_ms=1, by="w", through={0: 5}, log=log)
    assert said.through_in(other) == ({0: 5} if counts else {})


@pytest.mark.parametrize("key", [None, b"", b"city.a.events\n", b"\x1b[2J", b"\xff", "市.a".encode(), b"a" * 250])
def test_a_key_is_the_name_of_a_topic(key: bytes | None) -> None:
    found = Standings()
    assert not found.take(key, Standing(paused=True, at_ms=1, by="w").encode())
    assert found.unreadable == 1
