"""What is left to read, and that it is never said to be nothing while that is not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hub.stream.numbers import PartitionPlace
from hub.stream.reading.lag import lag_records, left_records

A0, A1, B1 = ("a", 0), ("a", 1), ("b", 1)
UNKNOWN = -1001


def lag(
    held: Collection[int],
    ends: Mapping[PartitionPlace, int],
    highs: Mapping[PartitionPlace, int],
    eofs: Mapping[PartitionPlace, int],
    numbers: int,
) -> dict[int, int]:
    return lag_records(held, left_records(ends, highs, eofs), numbers)


def test_topics_add_up_by_partition() -> None:
    assert lag([0, 1], {A0: 3, A1: 5, B1: 0}, {A0: 10, A1: 5, B1: 2}, {}, 2) == {0: 7, 1: 2}


def test_a_partition_whose_end_is_not_known_is_not_read_to_its_end() -> None:
    assert lag([0], {A0: 0}, {A0: UNKNOWN}, {}, 2) == {0: 1}
    assert lag([0], {A0: 0}, {}, {}, 2) == {0: 1}, "a source that was paused a moment ago is not asked about yet"
    assert lag([0], {A0: 0}, {A0: UNKNOWN}, {A0: 0}, 2) == {0: 0}


def test_markers_at_the_end_are_not_waited_for() -> None:
    assert lag([0], {A0: 99}, {A0: 100}, {A0: 100}, 2) == {0: 0}


def test_who_holds_nothing_of_a_topic_is_not_behind() -> None:
    assert lag([4], {}, {}, {}, 6) == {4: 0}


def test_an_added_partition_counts_to_its_number() -> None:
    assert lag([0, 1], {A0: 0, A1: 0, ("a", 2): 0}, {A0: 1, A1: 2, ("a", 2): 4}, {}, 2) == {0: 5, 1: 2}
