"""What is read follows what the broker has and what the rules say; a topic is one of the hub's as soon as it is there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka.known import KnownTopics, names_in
from hub.stream.reading.reads import InputReads, Reads
from hub.stream.watch.unread import UnreadWatch, records_behind
from hub.topics import HOMES, city_events, dept_updates, inputs_in, is_input, of_department, of_source, source_in

IDS = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
FOREIGN = (
    "hub.events",
    "city.A.events",
    "city..events",
    "city.a.b.events",
    "x.city.a.events",
    "city.a.events.old",
    f"city.{'a' * 41}.events",
)


@given(st.sets(IDS), st.sets(IDS), st.sets(IDS), st.sets(st.sampled_from(FOREIGN)))
def test_all_declared_and_all_whole_sources_are_read_and_nothing_else(
    declared: set[str], whole: set[str], departments: set[str], foreign: set[str]
) -> None:
    reads = InputReads(sorted(declared), lambda: sorted(departments))
    reads.look({topic.name for source in whole for topic in of_source(source)} | foreign)
    wanted = {city_events(each).name for each in declared | whole} | {dept_updates(each).name for each in departments}
    wanted.add(HOMES.name)
    assert set(reads.topics) == wanted
    assert len(reads.topics) == len(wanted)


def test_what_comes_is_told_once_and_not_what_was_there_at_the_start() -> None:
    told: list[Sequence[str]] = []
    departments = ["roads"]
    reads = InputReads(["police"], lambda: departments)
    reads.listeners.append(told.append)
    there = {topic.name for topic in of_source("early")}
    reads.look(there)
    assert (told, "city.early.events" in reads.topics) == ([], True)
    there |= {"city.late.events"}
    reads.look(there)
    assert not told, "it has no topic for replies"
    there |= {"city.late.replies"}
    reads.look(there)
    reads.look(there)
    departments.append("wardens")
    reads.look(there)
    assert told == [["city.late.events"], ["dept.wardens.updates"]]


def test_sources_that_nobody_declared_are_bounded() -> None:
    reads = InputReads(["zoo"], tuple)
    reads.look({topic.name for number in range(1100) for topic in of_source(f"s{number}")})
    assert len(reads.topics) == 1002
    assert "city.zoo.events" in reads.topics


def test_topics_of_other_agents_stay_the_same() -> None:
    reads = Reads(["hub.cases"])
    reads.look({topic.name for topic in of_source("late")})
    assert list(reads.topics) == ["hub.cases"]


@given(
    st.sampled_from(FOREIGN)
    | IDS.map(lambda each: city_events(each).name)
    | IDS.map(lambda each: dept_updates(each).name)
)
def test_a_name_is_an_inputs_only_as_the_hub_makes_it(name: str) -> None:
    assert bool(inputs_in([name])) == (name not in FOREIGN)
    assert source_in(name) == (name.split(".")[1] if name.startswith("city.") and name not in FOREIGN else None)
    assert name in FOREIGN or is_input(name)


def test_a_topic_that_is_not_known_is_looked_for_once_a_second_at_most() -> None:
    now, asked, there = [0.0], [0], {"dept.a.orders"}

    def ask() -> set[str]:
        asked[0] += 1
        return set(there)

    known = KnownTopics(["hub.events"], ask, lambda: now[0])
    assert "hub.events" in known
    assert asked == [0]
    assert "dept.a.orders" in known
    assert "dept.b.orders" not in known
    there.add("dept.b.orders")
    assert ("dept.b.orders" in known, asked) == (False, [1])
    now[0] = 1.0
    assert ("dept.b.orders" in known, asked) == (True, [2])
    assert known.missing(topic.name for topic in of_department("b")) == ["dept.b.updates", "dept.b.receipts"]


def test_without_an_answer_it_is_not_said_that_there_is_none() -> None:
    def away() -> set[str]:
        raise RetriableError("away")

    with pytest.raises(RetriableError):
        assert "city.a.replies" in KnownTopics([], away)


def test_names_of_another_namespace_are_none_of_this_hubs() -> None:
    assert names_in("a.", ["a.hub.events", "b.hub.events", "hub.events"]) == {"hub.events"}


def test_what_nobody_reads_is_counted_from_what_was_committed() -> None:
    places = {("n.city.a.events", 0): 10, ("n.city.a.events", 1): 4, ("n.dept.b.updates", 0): 7}
    lows = {**dict.fromkeys(places, 0), ("n.city.a.events", 1): 3}
    assert records_behind("n.", lows, places, {("n.dept.b.updates", 0): 7}) == {"city.a.events": 11}


def test_a_topic_that_nobody_reads_is_shown_and_said_once_until_it_is_read(caplog: pytest.LogCaptureFixture) -> None:
    def shown(topic: str) -> float | None:
        return REGISTRY.get_sample_value("hub_unread_topic_records", {"topic": topic})

    watch = UnreadWatch(Settings(), Reads(()), dict)
    for records in (7, 9):
        watch.show(3, {"city.late.events": records})
        assert shown("city.late.events") == records
    assert caplog.text.count("nobody reads it") == 1
    assert REGISTRY.get_sample_value("hub_input_topics", {"state": "read"}) == 2
    watch.show(3, {})
    assert shown("city.late.events") is None
    assert REGISTRY.get_sample_value("hub_input_topics", {"state": "unread"}) == 0
