"""A record is decided where its reference belongs, in whatever partition its sender or an administrator has made it lie."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.model.event import EventKind
from hub.model.ids import case_id
from hub.stream.writing.partitioning import partition_of
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report, resolved
from tests.unit.agents.whole_hub import WholeHub

NUMBERS = 3
statements = st.lists(
    st.tuples(st.sampled_from(["H1", "H2", "H3", "报4"]), st.integers(0, 2), st.integers(0, NUMBERS + 4)), max_size=20
)
"""Reference, revision, and the partition it lies in: the hub has three, the topic eight."""


@given(statements)
def test_repeats_are_recognised_wherever_they_lie(said: list[tuple[str, int, int]]) -> None:
    with WholeHub(CITY, NOON, partitions=NUMBERS) as hub:
        for ref, revision, partition in said:
            hub.report(report(ref, NOON, revision=revision), partition)
        hub.run()
        admitted = Counter(
            (each["event"]["source_ref"], each["event"]["revision"]) for each in hub.records("hub.events")
        )
        assert admitted == Counter({(ref, revision) for ref, revision, _ in said})
        traces = hub.records(topics.REPEATS.name)
        moved = [each for each in traces if each["moved_to"] is not None]
        assert len(traces) - len(moved) == len(said) - len(admitted)
        assert Counter(each["moved_to"] for each in moved) == Counter(
            partition_of(ref, NUMBERS) for ref, _, partition in said if partition != partition_of(ref, NUMBERS)
        )
        for each in moved:
            origin = each["origin"]
            assert (each["first_partition"], each["first_offset"]) == (origin["partition"], origin["offset"])
            assert origin["partition"] != each["moved_to"]
        assert not hub.records(topics.DEAD.name)


@given(st.lists(st.tuples(st.sampled_from(["C-1", "C-2", "C-3"]), st.integers(0, 7)), max_size=12))
def test_updates_too(said: list[tuple[str, int]]) -> None:
    with WholeHub(CITY, NOON, partitions=NUMBERS) as hub:
        for case, partition in said:
            hub.say(resolved(case, NOON), partition)
        hub.run()
        admitted = Counter(each["update"]["update_id"] for each in hub.records(topics.UPDATES.name))
        assert admitted == Counter({f"U-{case}" for case, _ in said})
        moved = [each for each in hub.records(topics.REPEATS.name) if each["moved_to"] is not None]
        assert len(moved) == sum(partition != partition_of(case, NUMBERS) for case, partition in said)
        assert {each["source"] for each in moved} <= {"dept.water_supply"}


def test_a_follow_up_without_a_place_finds_its_report_across_an_added_partition() -> None:
    with WholeHub(CITY, NOON, partitions=NUMBERS) as hub:
        hub.report(report("H1", NOON))
        hub.run()
        gone = report("H1", NOON + MINUTE, revision=1, kind=EventKind.WITHDRAWN, place={})
        hub.report(gone, NUMBERS + 2)
        hub.run()
        assert [each["change"] for each in hub.records(topics.CASES.name)] == ["OPENED", "WITHDRAWN"]
        assert {each["case_id"] for each in hub.records(topics.CASES.name)} == {case_id("hotline", "H1")}


def test_what_cannot_be_moved_is_set_aside_and_its_sender_told() -> None:
    """Key and headers may be larger than any producer takes; where a record lies in its own partition nobody looks at them."""
    large = {"x": "y" * topics.city_events("hotline").max_bytes}
    with WholeHub(CITY, NOON, partitions=NUMBERS) as hub:
        for partition in range(NUMBERS):
            hub.publish(report("H1", NOON), partition=partition, headers=large)
            hub.publish(resolved("C-1", NOON), partition=partition, headers=large)
        hub.run()
        letters = hub.records(topics.DEAD.name)
        assert [each["reason"] for each in letters] == ["too_large"] * 2 * (NUMBERS - 1)
        assert "without large headers" in letters[0]["detail"]
        assert len(hub.records(topics.EVENTS.name)) == len(hub.records(topics.UPDATES.name)) == 1
        receipts = hub.records(topics.dept_receipts("water_supply").name)
        assert Counter(each["outcome"] for each in receipts)["too_large"] == NUMBERS - 1
